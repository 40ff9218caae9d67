package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
)

// How a surface knew somebody is on record with every word of that person, and with every no.
func TestVia(t *testing.T) {
	const via = "T01/U01 by directory, message C01/17.5"
	from := func(person string) desk.Principal {
		return desk.Principal{Person: person, Surface: "slack", Via: via}
	}
	for name, tc := range map[string]struct {
		kind ledger.Kind
		say  func(ctx context.Context, o *office) error
	}{
		"vote": {ledger.Vote, func(ctx context.Context, o *office) error {
			_, err := o.Vote(ctx, from("alice"), run, yes(o.asks()))
			return err
		}},
		"answer": {ledger.Answer, func(ctx context.Context, o *office) error {
			_, err := o.Answer(ctx, from("alice"), run, says(o.poses(), "expected"))
			return err
		}},
		"delegation": {ledger.Delegation, func(ctx context.Context, o *office) error {
			r := o.asks()
			_, err := o.Delegate(ctx, from("alice"), run, desk.Delegate{Approval: r.ID, Digest: r.Digest, To: "dora"})
			return err
		}},
		"edit": {ledger.Edit, func(ctx context.Context, o *office) error {
			r := o.asks()
			_, err := o.Edit(ctx, from("alice"), run, desk.Edit{Approval: r.ID, Digest: r.Digest, Step: "disable", Input: json.RawMessage(`{"user":"x"}`)})
			return err
		}},
		"undo": {ledger.Undo, func(ctx context.Context, o *office) error {
			o.did(run, "disable", "aws.iam.disable_access_key", "aws.iam.enable_access_key", `{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`, "")
			_, err := o.Undo(ctx, from("alice"), run, "a mistake")
			return err
		}},
		"cancel": {ledger.Cancel, func(ctx context.Context, o *office) error { return o.Cancel(ctx, from("dora"), run) }},
		"switch": {ledger.Switch, func(ctx context.Context, o *office) error {
			_, err := o.Halt(ctx, from("dora"), "wait")
			return err
		}},
		"refusal": {ledger.Refusal, func(ctx context.Context, o *office) error {
			_, err := o.Vote(ctx, from("mallory"), run, yes(o.asks()))
			require.ErrorContains(t, err, "not in the directory")
			return nil
		}},
		"surface": {ledger.Refusal, func(ctx context.Context, o *office) error {
			why := errors.New("guests do not answer")
			require.ErrorIs(t, o.Refused(ctx, from(""), run, "sha256:00", why), why)
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithTimeout(t.Context(), 20*time.Second)
			defer end()
			o := received(t)
			require.NoError(t, tc.say(ctx, o))
			bodies := records[struct{ Via string }](o, tc.kind)
			require.Len(t, bodies, 1)
			require.Equal(t, via, bodies[0].Via)
		})
	}
}
