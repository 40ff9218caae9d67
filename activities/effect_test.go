package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
)

const deskLamp = `{"lamp":"desk"}`

// house is a lamp with the effect that douses it and the one that lights it again, and an authority
// that writes down what it is asked, in one list with what is done.
type house struct {
	state string
	did   []string

	refuse  error           // by Begin
	earlier json.RawMessage // an output on record
	lost    error           // by End
	fail    error           // by the call
	slow    bool            // the preview of the undo never ends

	acting   Acting // of the last call
	attempts []Attempt
	outcomes []Outcome
	ended    []error // the state of the context at each End
}

func (h *house) Begin(ctx context.Context, a Attempt) (Turn, error) {
	h.attempts = append(h.attempts, a)
	if h.refuse != nil {
		h.did = append(h.did, "refuse")
		return nil, h.refuse
	}
	seen, err := a.Preview(ctx)
	if err != nil {
		return nil, err
	}
	h.did = append(h.did, fmt.Sprintf("intend %s, which shows %d", a.Call.Activity, len(seen.Changes)))
	return h, nil
}

func (h *house) Earlier() (json.RawMessage, bool) { return h.earlier, h.earlier != nil }

func (h *house) Behind() (string, []string) { return "ask", []string{"grace"} }

func (h *house) End(ctx context.Context, o Outcome) error {
	h.ended = append(h.ended, ctx.Err())
	if h.lost != nil {
		h.did = append(h.did, "lose")
		return h.lost
	}
	h.did = append(h.did, "record")
	h.outcomes = append(h.outcomes, o)
	return nil
}

func (h *house) turn(to string) func(context.Context, lampInput) (lampOutput, error) {
	return func(ctx context.Context, _ lampInput) (lampOutput, error) {
		h.acting, _ = ActingFrom(ctx)
		was, err := Remember(ctx, h.state)
		if err != nil {
			return lampOutput{}, err
		}
		Requested(ctx, "req-"+to)
		h.did = append(h.did, "call "+to)
		h.state = to
		return lampOutput{Previous: was, Changed: was != to}, h.fail
	}
}

func (h *house) shows(to string) func(context.Context, lampInput) (preview.Preview, error) {
	return func(ctx context.Context, in lampInput) (preview.Preview, error) {
		if h.slow && to == "lit" {
			<-ctx.Done()
			return preview.Preview{}, ctx.Err()
		}
		if h.state == to || in.Previous != "" && in.Previous != to {
			return preview.Preview{}, nil
		}
		return preview.Preview{Changes: []preview.Change{{Target: in.Lamp, What: "state", Before: h.state, After: to}}}, nil
	}
}

func (h *house) registry() *Registry {
	r := NewRegistry()
	Register(r, lampSpec("lamp.douse", Change), h.turn("dark"))
	light := lampSpec("lamp.light", Change)
	light.Undo = "lamp.douse"
	Register(r, light, h.turn("lit"))
	Previews(r, "lamp.douse", h.shows("dark"))
	Previews(r, "lamp.light", h.shows("lit"))
	return r
}

// douse makes one attempt, with what an earlier one left; nil is the first.
func (h *house) douse(t *testing.T, left any) (json.RawMessage, error) {
	t.Helper()
	e := &engine{}
	defer func(real func(context.Context, client.RecordActivityHeartbeatOptions) error) { record = real }(record)
	record = e.push
	r := h.registry()
	env := e.env(r)
	r.Guard(h)
	if left != nil {
		env.SetHeartbeatDetails(left)
	}
	got, err := env.ExecuteActivity("lamp.douse", json.RawMessage(deskLamp), covering(t, "lamp.douse", deskLamp, Permit{
		Approval: "contain", By: []string{"ada"}, Grant: &grant.Signed{Kind: grant.KindGrant, Key: "k"},
	}))
	if err != nil {
		return nil, err
	}
	var out json.RawMessage
	require.NoError(t, got.Get(&out))
	return out, nil
}

// First the intent, then the call, then the outcome, with what takes it back and how the world was left.
func TestEffectIsOnRecord(t *testing.T) {
	h := &house{state: "lit"}
	out, err := h.douse(t, nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"previous":"lit","changed":true}`, string(out))
	require.Equal(t, []string{"intend lamp.douse, which shows 1", "call dark", "record"}, h.did)

	a := h.attempts[0]
	name, err := a.Call.Digest()
	require.NoError(t, err)
	require.Equal(t, name, a.Digest)
	require.Equal(t, Call{Activity: "lamp.douse", Version: 1, Input: json.RawMessage(deskLamp)}, a.Call)
	require.Equal(t, []string{"lamp.douse", "lamp"}, []string{a.Spec.Name, a.Spec.Targets[0]})
	require.NotEmpty(t, a.Workflow)
	require.NotEmpty(t, a.Execution)
	require.NotEmpty(t, a.Step)
	require.Equal(t, "k", a.Grant.Key)
	require.Nil(t, a.Ticket, "nobody gave it one")

	o := h.outcomes[0]
	require.Equal(t, json.RawMessage(out), o.Output)
	require.NoError(t, o.Err)
	require.Equal(t, []string{"req-dark"}, o.Requests)
	require.Equal(t, "lamp.light", o.Undo.Activity)
	require.JSONEq(t, `{"lamp":"desk","previous":"lit"}`, string(o.Undo.Input))
	left, err := h.shows("lit")(t.Context(), lampInput{Lamp: "desk", Previous: "lit"})
	require.NoError(t, err)
	want, err := left.Digest()
	require.NoError(t, err)
	require.Equal(t, want, o.LeftAs)
}

// Who approved an effect is what the authority believes, and not what the run says: the run may be a
// lie, and the provider's own log names them.
func TestWhoIsBehindAnEffect(t *testing.T) {
	h := &house{state: "lit"}
	_, err := h.douse(t, nil) // its permit says that ada approved it
	require.NoError(t, err)
	require.Equal(t, "ask", h.acting.Approval)
	require.Equal(t, []string{"grace"}, h.acting.By)
}

func TestRefusalMakesNoCall(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse error
		kind   string
		final  bool
	}{
		"not permitted": {Permanent(NotPermitted, ErrNotPermitted), NotPermitted, true},
		"ask again":     {Permanent(AskAgain, ErrNotPermitted), AskAgain, true},
		"no ledger":     {errors.New("the ledger does not answer"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := &house{state: "lit", refuse: tc.refuse}
			_, err := h.douse(t, nil)
			require.ErrorContains(t, err, "lamp.douse (change): "+tc.refuse.Error())
			require.Equal(t, []string{"refuse"}, h.did)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, tc.final, app.NonRetryable())
			if tc.kind != "" {
				require.Equal(t, tc.kind, app.Type())
			}
		})
	}
}

func TestNoAuthorityNoEffect(t *testing.T) {
	h := &house{state: "lit"}
	r := h.registry()
	env := temporalEnv(r)
	r.Guard(nil)
	_, err := env.ExecuteActivity("lamp.douse", json.RawMessage(deskLamp), covering(t, "lamp.douse", deskLamp, Permit{}))
	require.ErrorContains(t, err, "no authority to make effects")
	require.Empty(t, h.did)
}

// What an earlier attempt is on record for is answered, not made again.
func TestEarlierOutputIsTheAnswer(t *testing.T) {
	h := &house{state: "dark", earlier: json.RawMessage(`{"previous":"lit","changed":true}`)}
	out, err := h.douse(t, nil)
	require.NoError(t, err)
	require.JSONEq(t, string(h.earlier), string(out))
	require.Equal(t, []string{"intend lamp.douse, which shows 0"}, h.did)
}

// An effect whose outcome is not on record is not answered for; the next attempt, which finds it
// made, records what the first had found.
func TestOutcomeThatIsLost(t *testing.T) {
	h := &house{state: "lit", lost: errors.New("the ledger does not answer")}
	_, err := h.douse(t, nil)
	require.ErrorContains(t, err, "lamp.douse was made, and its outcome could not be recorded: the ledger does not answer")
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable())

	h.lost = nil
	out, err := h.douse(t, found(`"lit"`))
	require.NoError(t, err)
	require.JSONEq(t, `{"previous":"lit","changed":true}`, string(out))
	require.Equal(t, json.RawMessage(out), h.outcomes[0].Output)
}

// A call that failed is recorded as that, with the requests that were made; what became of the
// record changes nothing about the error.
func TestFailureIsOnRecord(t *testing.T) {
	h := &house{state: "lit", fail: Permanent("Broken", errors.New("the bulb is broken"))}
	_, err := h.douse(t, nil)
	require.ErrorContains(t, err, "the bulb is broken")
	require.Equal(t, []string{"intend lamp.douse, which shows 1", "call dark", "record"}, h.did)
	require.ErrorIs(t, h.outcomes[0].Err, h.fail)
	require.Equal(t, []string{"req-dark"}, h.outcomes[0].Requests)
	require.Nil(t, h.outcomes[0].Undo)

	h.lost = errors.New("the ledger does not answer")
	_, err = h.douse(t, nil)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, "Broken", app.Type())
}

// An attempt that was cancelled on the way is recorded too: the record does not end with the run.
func TestCancelledAttemptIsOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{state: "lit"}
		r := NewRegistry()
		Register(r, lampSpec("lamp.douse", Change), func(ctx context.Context, _ lampInput) (lampOutput, error) {
			if _, err := Remember(ctx, h.state); err != nil {
				return lampOutput{}, err
			}
			<-ctx.Done()
			return lampOutput{}, ctx.Err()
		})
		Previews(r, "lamp.douse", h.shows("dark"))
		env := (&engine{cancelAt: 2, reason: temporal.NewCanceledError()}).env(r)
		r.Guard(h)
		_, err := env.ExecuteActivity("lamp.douse", json.RawMessage(deskLamp), covering(t, "lamp.douse", deskLamp, Permit{}))
		require.ErrorContains(t, err, "may be done in part or in whole")
		require.Equal(t, []string{"intend lamp.douse, which shows 1", "record"}, h.did)
		require.ErrorIs(t, h.outcomes[0].Err, context.Canceled)
		require.Equal(t, []error{nil}, h.ended, "there is time to write it")
	})
}

// A provider that does not tell how the world was left costs that, and not the record.
func TestOutcomeWithoutALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{state: "lit", slow: true}
		began := time.Now()
		_, err := h.douse(t, nil)
		require.NoError(t, err)
		require.Equal(t, lookTime, time.Since(began))
		require.Equal(t, []error{nil}, h.ended)
		require.Equal(t, "lamp.light", h.outcomes[0].Undo.Activity)
		require.Empty(t, h.outcomes[0].LeftAs)
	})
}
