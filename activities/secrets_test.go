package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/activities/secret"
)

const canary = "s3cr3t-c4n4ry-value"

type tokenInput struct {
	Lamp  string     `json:"lamp"`
	Token secret.Ref `json:"token"`
	How   string     `json:"how,omitempty"`
}

type echoOutput struct {
	Echo  string `json:"echo"`
	Shown any    `json:"shown,omitempty"`
}

// careless says in its errors and answers what it should not.
func careless(ctx context.Context, in tokenInput) (echoOutput, error) {
	token, err := in.Token.Resolve(ctx)
	if err != nil {
		return echoOutput{}, fmt.Errorf("light %s: %w", in.Lamp, err)
	}
	inner := &url.Error{Op: "Get", URL: "https://example.com/?token=" + token.Reveal(), Err: errors.New("no such host")}
	switch in.How {
	case "plain":
		return echoOutput{}, inner
	case "permanent":
		return echoOutput{}, Permanent("Denied", fmt.Errorf("light it: %w", inner))
	case "passing":
		return echoOutput{}, Passing("Slow", time.Minute, inner)
	case "hidden": // it does not say so itself, and what it wraps does
		return echoOutput{}, hiding{inner}
	case "joined":
		return echoOutput{}, hiding{errors.Join(errors.New("one"), inner)}
	case "application":
		return echoOutput{}, temporal.NewNonRetryableApplicationError("said "+token.Reveal(), "Odd", inner, token.Reveal())
	case "panic":
		panic("with " + token.Reveal())
	case "late":
		return echoOutput{}, fmt.Errorf("asked with %s: %w", token.Reveal(), context.DeadlineExceeded)
	}
	return echoOutput{Echo: "Bearer " + token.Reveal(), Shown: token}, nil
}

type hiding struct{ error }

func (hiding) Error() string   { return "it failed" }
func (h hiding) Unwrap() error { return h.error }

func carelessRegistry(t *testing.T) *Registry {
	t.Helper()
	r := NewRegistry()
	Register(r, lampSpec("lamp.act", Change), careless)
	Register(r, lampSpec("lamp.light", Change), careless)
	Register(r, lampSpec("lamp.look", Read), careless)
	Previews(r, "lamp.act", func(ctx context.Context, in tokenInput) (preview.Preview, error) {
		out, err := careless(ctx, in)
		return preview.Preview{Changes: []preview.Change{{Target: out.Echo}}}, err
	})
	from, err := secret.Parse([]byte("secrets: {lamp: {env: LAMP, for: [lamp.act, lamp.look]}}"), secret.Sources{Env: func(string) (string, bool) { return canary, true }})
	require.NoError(t, err)
	r.Secrets(from)
	return r
}

// What an activity resolved leaves it in no error and no answer, neither to the engine nor to the record.
func TestSecretsStayInside(t *testing.T) {
	for _, how := range []string{"", "plain", "permanent", "passing", "hidden", "joined", "application", "late", "panic"} {
		for _, name := range []string{"lamp.act", "lamp.look"} {
			t.Run(how+" "+name, func(t *testing.T) {
				r := carelessRegistry(t)
				record := &keeping{}
				env := temporalEnv(r)
				r.Guard(record)
				input := `{"lamp":"desk","token":"secret://lamp"}`
				if how != "" {
					input = fmt.Sprintf(`{"lamp":"desk","token":"secret://lamp","how":%q}`, how)
				}
				args := []any{json.RawMessage(input)}
				if name == "lamp.act" {
					args = append(args, covering(t, name, input, Permit{}))
				}
				value, err := env.ExecuteActivity(name, args...)
				if how == "" {
					require.NoError(t, err)
					var out json.RawMessage
					require.NoError(t, value.Get(&out))
					require.JSONEq(t, `{"echo":"Bearer <secret>","shown":"<secret>"}`, string(out))
				} else {
					require.Error(t, err)
					require.NotContains(t, err.Error(), canary)
					failure, err := protojson.Marshal(temporal.GetDefaultFailureConverter().ErrorToFailure(err))
					require.NoError(t, err)
					require.NotContains(t, string(failure), canary)
				}
				require.NotContains(t, record.said, canary)
				require.Equal(t, name == "lamp.act" && how != "panic", record.said != "")
			})
		}
	}
}

// keeping is an authority that keeps what it was told of outcomes.
type keeping struct {
	allow

	said string
}

func (k *keeping) Begin(context.Context, Attempt) (Turn, error) { return k, nil }

func (k *keeping) End(_ context.Context, o Outcome) error {
	k.said = fmt.Sprintf("%s %+v", o.Output, o.Err)
	for err := o.Err; err != nil; err = errors.Unwrap(err) {
		k.said += err.Error()
	}
	return nil
}

func TestErrorsKeepTheirKind(t *testing.T) {
	r := carelessRegistry(t)
	fail := func(how string) *temporal.ApplicationError {
		_, err := temporalEnv(r).ExecuteActivity("lamp.look", json.RawMessage(fmt.Sprintf(`{"lamp":"desk","token":"secret://lamp","how":%q}`, how)))
		var e *temporal.ApplicationError
		require.ErrorAs(t, err, &e)
		return e
	}
	e := fail("permanent")
	require.Equal(t, `light it: Get "https://example.com/?token=<secret>": no such host`, e.Message())
	require.Equal(t, "Denied", e.Type())
	require.True(t, e.NonRetryable())
	e = fail("passing")
	require.Equal(t, time.Minute, e.NextRetryDelay())
	require.False(t, e.NonRetryable())
	e = fail("application")
	require.Equal(t, "Odd", e.Type())
	require.True(t, e.NonRetryable())
}

func TestSecretsThatCannotBeHad(t *testing.T) {
	for name, tc := range map[string]struct{ activity, token, says string }{
		"not named":            {"lamp.look", "secret://lamb", "light desk: resolve secret://lamb: there is no such secret"},
		"not for the activity": {"lamp.light", "secret://lamp", "lamp.light may not use it"},
		"no reference":         {"lamp.look", "hunter2-hunter2", "the input does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			r := carelessRegistry(t)
			r.Guard(allow{})
			input := fmt.Sprintf(`{"lamp":"desk","token":%q}`, tc.token)
			args := []any{json.RawMessage(input)}
			if tc.activity == "lamp.light" {
				args = append(args, covering(t, tc.activity, input, Permit{}))
			}
			_, err := temporalEnv(r).ExecuteActivity(tc.activity, args...)
			require.ErrorContains(t, err, tc.says)
			var e *temporal.ApplicationError
			require.ErrorAs(t, err, &e)
			require.True(t, e.NonRetryable())
		})
	}
}

func TestPreviewsAreQuiet(t *testing.T) {
	r := carelessRegistry(t)
	value, err := temporalEnv(r).ExecuteActivity(PreviewName("lamp.act"), json.RawMessage(`{"lamp":"desk","token":"secret://lamp"}`))
	require.NoError(t, err)
	var seen preview.Preview
	require.NoError(t, value.Get(&seen))
	require.Equal(t, "Bearer <secret>", seen.Changes[0].Target)
	_, err = temporalEnv(r).ExecuteActivity(PreviewName("lamp.act"), json.RawMessage(`{"lamp":"desk","token":"secret://lamp","how":"hidden"}`))
	require.Error(t, err)
	require.NotContains(t, err.Error(), canary)
}

// What an attempt leaves for the next the engine keeps and shows.
func TestMemoryIsQuiet(t *testing.T) {
	t.Parallel()
	r, err := secret.Parse([]byte("secrets: {token: {env: TOKEN, for: [lamp.light]}}"), secret.Sources{Env: func(string) (string, bool) { return canary, true }})
	require.NoError(t, err)
	m := &Memory{}
	ctx := WithMemory(secret.With(t.Context(), r, "lamp.light"), m)
	_, err = secret.Ref("secret://token").Resolve(ctx)
	require.NoError(t, err)

	Heartbeat(ctx, "sending "+canary)
	require.Equal(t, "sending "+secret.Shown, m.at.Progress)

	_, err = Remember(ctx, map[string]string{"was": canary})
	require.ErrorContains(t, err, "there is a secret in it")
	require.NotContains(t, err.Error(), canary)
	require.Nil(t, m.at.Found)

	found, err := Remember(ctx, map[string]string{"was": "off"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"was": "off"}, found)
}
