package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
)

// Call is one activity call with nothing left to resolve: exactly what will be sent.
type Call struct {
	Activity string          `json:"activity"`
	Version  int             `json:"version"`
	Input    json.RawMessage `json:"input"`
}

// Digest names the call. Account, region and targets are fields of the input, so it covers them.
func (c Call) Digest() (digest.Digest, error) {
	return digest.Of(c)
}

// Permit is what a run says of a change or destroy that it asks for: the calls that are covered, by
// their digests, and who approved them. It is a first check, for our own mistakes: a run is workflow
// state, which others may have written. What the [Authority] believes is signed.
type Permit struct {
	// Approval is the id of the approval behind it; empty when the step runs by itself.
	Approval string `json:"approval,omitempty"`
	// By are the people who approved. An approval without people permits nothing.
	By []string `json:"by,omitempty"`
	// Covers are the digests of every call the permit is for.
	Covers []digest.Digest `json:"covers"`
	// Grant is the signed grant of the approval; nil when the step runs by itself.
	Grant *grant.Signed `json:"grant,omitempty"`
	// Proof shows that the call is one of those of a grant that does not list them.
	Proof *grant.Proof `json:"proof,omitempty"`
}

// ErrNotPermitted is why the guard refused an effect; nothing was called.
var ErrNotPermitted = errors.New("not permitted")

// admit is what can be seen of a call and its permit alone; the [Authority] decides the rest.
func admit(spec Spec, call Call, permit *Permit) error {
	if err := call.RefuseEmpty(spec.Targets); err != nil {
		return err
	}
	if spec.Effect == Read {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s (%s): %w: %s", spec.Name, spec.Effect, ErrNotPermitted, fmt.Sprintf(format, args...))
	}
	if permit == nil {
		return refuse("no permit; only a step of a run may call it")
	}
	name, err := call.Digest()
	if err != nil {
		return err
	}
	if !slices.Contains(permit.Covers, name) {
		return refuse("the permit does not cover the call %s; what was approved is not what would run", name.Short())
	}
	if permit.Approval == "" {
		if spec.Effect == Destroy {
			return refuse("it cannot be undone, so people must approve it")
		}
		return nil
	}
	if len(permit.By) == 0 {
		return refuse("approval %q names nobody", permit.Approval)
	}
	return nil
}

// RefuseEmpty refuses a call of which a target is empty. The guard asks it of every call, the
// workflow of those that go to a worker which is not ours.
func (c Call) RefuseEmpty(targets []string) error {
	var input map[string]any
	if err := json.Unmarshal(c.Input, &input); err != nil {
		return fmt.Errorf("%s: read the input: %w", c.Activity, err)
	}
	for _, field := range targets {
		empty := false
		switch v := input[field].(type) {
		case nil:
			empty = true
		case string:
			empty = v == ""
		case []any:
			empty = len(v) == 0 || slices.Contains(v, any(""))
		case map[string]any:
			empty = len(v) == 0
		}
		if empty {
			return fmt.Errorf("%s: the target %q is empty: %w", c.Activity, field, ErrNotPermitted)
		}
	}
	return nil
}

// run is what Temporal calls.
func (a *Activity) run(ctx context.Context, input json.RawMessage, permit *Permit) (json.RawMessage, error) {
	// Of a key that is there twice readers make different things. From here on there is one text: what
	// is named by the digest is, byte for byte, what is read.
	input, err := digest.Canonical(input)
	if err == nil {
		err = a.Input.Validate(input)
	}
	if err != nil {
		return nil, toTemporal(Permanent("BadInput", fmt.Errorf("%s: the input does not fit: %w", a.Name, err)))
	}
	if err := admit(a.Spec, Call{Activity: a.Name, Version: a.Version, Input: input}, permit); err != nil {
		return nil, toTemporal(Permanent(NotPermitted, err))
	}
	ctx = withTemporalMemory(withTemporalInfo(ctx))
	stop := beat(ctx, a.silence(ctx)/beats)
	defer stop()
	var output json.RawMessage
	if a.Effect == Read {
		output, err = a.call(ctx, input)
	} else {
		output, err = a.effect(ctx, input, permit)
	}
	if err != nil {
		return nil, toTemporal(a.interrupted(ctx, err))
	}
	return output, nil
}

// recordTime bounds the writing of an outcome, also of a call that was cut off, and lookTime that
// part of it in which the world is looked at: a provider that does not answer must not cost the record.
const (
	recordTime = 20 * time.Second
	lookTime   = 10 * time.Second
)

// effect makes one attempt at a change or destroy: no effect without an intent on record, and no
// answer without an outcome.
func (a *Activity) effect(ctx context.Context, input json.RawMessage, permit *Permit) (json.RawMessage, error) {
	attempt, err := a.attempt(ctx, input, permit)
	if err != nil {
		return nil, err
	}
	turn, err := a.authority().Begin(ctx, attempt)
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %w", a.Name, a.Effect, err)
	}
	if output, ok := turn.Earlier(); ok {
		return output, nil
	}
	ctx, requests := withRequests(withPermit(ctx, permit))
	approval, by := turn.Behind()
	output, err := a.call(WithActing(ctx, Acting{
		Spec: a.Spec, Input: input, Run: attempt.Workflow, Step: attempt.Step, Approval: approval, By: by,
	}), input)
	outcome := Outcome{Output: output, Err: err, Requests: requests()}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err == nil {
		looked, over := context.WithTimeout(bounded, lookTime)
		outcome.Undo, outcome.LeftAs = a.left(looked, input, output)
		over()
	}
	if recorded := turn.End(bounded, outcome); recorded != nil && err == nil {
		// The next attempt finds the effect made, and writes what this one could not.
		return nil, fmt.Errorf("%s was made, and its outcome could not be recorded: %w", a.Name, recorded)
	}
	return output, err
}

func (a *Activity) attempt(ctx context.Context, input json.RawMessage, permit *Permit) (Attempt, error) {
	call := Call{Activity: a.Name, Version: a.Version, Input: input}
	name, err := call.Digest()
	if err != nil {
		return Attempt{}, err
	}
	info := activity.GetInfo(ctx)
	attempt := Attempt{
		Spec: a.Spec, Call: call, Digest: name,
		Workflow: info.WorkflowExecution.ID, Execution: info.WorkflowExecution.RunID, Step: info.ActivityID,
		Ticket: TicketFrom(ctx), Grant: permit.Grant, Proof: permit.Proof,
	}
	if a.preview != nil {
		attempt.Preview = func(ctx context.Context) (preview.Preview, error) { return a.preview(ctx, input) }
	}
	return attempt, nil
}

// left is the call that takes an effect back, and what the world looks like to it now. Where that
// cannot be told nothing is: whoever takes it back then decides without.
func (a *Activity) left(ctx context.Context, input, output json.RawMessage) (*Call, digest.Digest) {
	undo, ok := a.registry.Lookup(a.Undo)
	if !ok {
		return nil, ""
	}
	raw, err := UndoInput(undo, input, output)
	if err != nil {
		return nil, ""
	}
	call := &Call{Activity: undo.Name, Version: undo.Version, Input: raw}
	if undo.preview == nil {
		return call, ""
	}
	seen, err := undo.preview(ctx, raw)
	if err != nil {
		return call, ""
	}
	name, err := seen.Digest()
	if err != nil {
		return call, ""
	}
	return call, name
}

// silence is after what time without a heartbeat this call counts as lost. A run that was started
// with another version of the activity carries the Heartbeat of that one.
func (a *Activity) silence(ctx context.Context) time.Duration {
	asked := activity.GetInfo(ctx).HeartbeatTimeout
	if asked == 0 || a.Heartbeat > 0 && a.Heartbeat < asked {
		return a.Heartbeat
	}
	return asked
}

// Interrupted is the kind of an error after which nobody knows how much of an effect was done.
const Interrupted = "Interrupted"

// interrupted says of an effect that was cancelled under way that it may be done. The engine takes
// an error that is a cancellation for "cancelled" and drops its words.
func (a *Activity) interrupted(ctx context.Context, err error) error {
	if a.Effect == Read || !errors.Is(err, context.Canceled) || !Cancelled(ctx) || !begun(ctx) {
		return err
	}
	return Permanent(Interrupted, fmt.Errorf("%s was cancelled after it had begun, and may be done in part or in whole: %w", a.Name, err))
}
