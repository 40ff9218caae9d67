package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

type callerKey struct{}

// Call calls a registered activity from a workflow that was registered with [Register], as a step
// with activity: does: it is tried 5 times, a short read runs as a local activity, and a change that
// policy lets run by itself gets the permit for exactly this call. It must be one of the Effects of
// the workflow's [Spec]. What policy asks people about, and what cannot be undone, is refused: it
// needs an approval, which a playbook asks for.
//
// What a call changed the workflow hands to the run whose step it is, however it ends. That run lists
// it, and puts it back when it ends badly where the step says undo: automatic. So wait for what you
// call: of a call that is under way when the workflow returns nobody knows whether it was made.
func Call[In, Out any](ctx workflow.Context, name string, in In) (Out, error) {
	var out Out
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return out, errors.New("call " + name + ": only a workflow that was registered with workflows.Register can")
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("call %s: %w", name, err)
	}
	v, err := c.lookup(ctx, name)
	if err != nil {
		return out, err
	}
	output, err := c.do(ctx, v, activities.Call{Activity: name, Version: v.Signature.Version, Input: raw})
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(output, &out); err != nil {
		return out, fmt.Errorf("call %s: read its output: %w", name, err)
	}
	return out, nil
}

// called is an activity as a workflow calls it.
type called struct {
	playbook.Activity

	// Back is the activity that takes it back by itself; nil: none does.
	Back *playbook.Signature
}

// found is what a worker knows of an activity.
type found struct {
	Signature playbook.Signature  `json:"signature"`
	Back      *playbook.Signature `json:"back,omitempty"`
	// Unnamed marks a change that the workflow does not say it calls.
	Unnamed bool `json:"unnamed,omitempty"`
}

// lookup finds an activity that the workflow may call. What it finds is recorded, as it decides how
// the call is made: a worker with another version of the activity, or of the workflow, goes on as it
// began.
func (c *caller) lookup(ctx workflow.Context, name string) (*called, error) {
	one, err := record(ctx, false, func() (found, error) { return c.find(name) })
	switch {
	case err != nil:
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), "UnknownActivity", nil)
	case one.Signature.Effect == playbook.EffectDestroy:
		return nil, notPermitted("%s cannot be undone, so people must approve it: call it under an approve of a playbook", name)
	case one.Unnamed:
		return nil, notPermitted("%s changes something, and %s does not say that it calls it: add %q to the Effects of its workflows.Spec", name, c.flow.Name, name)
	}
	return &called{playbook.Activity{Name: name, Signature: one.Signature}, one.Back}, nil
}

func (c *caller) find(name string) (found, error) {
	s, ok := c.activities.Lookup(name)
	if !ok {
		return found{}, fmt.Errorf("there is no activity %q%s", name, expr.DidYouMean(name, c.activities.Names()))
	}
	s.Input, s.Output = nil, nil // its own, in Go, are known
	one := found{Signature: s, Unnamed: s.Effect == playbook.EffectChange && !slices.Contains(c.flow.Effects, name)}
	if back, ok := c.activities.Lookup(s.Undo); ok && back.Effect == playbook.EffectChange {
		back.Output = nil
		one.Back = &back
	}
	return one, nil
}

// byItself names a call that policy lets run by itself, for its permit.
func byItself(ctx workflow.Context, v *playbook.Activity, call activities.Call) (digest.Digest, error) {
	name, err := call.Digest()
	if err != nil {
		return "", fmt.Errorf("call %s: %w", v.Name, err)
	}
	// Of which playbook the workflow is a step only the ticket knows.
	j, err := judge(ctx, "", []*covered{{verb: v, call: call, name: name}})
	if err != nil {
		return "", fmt.Errorf("call %s: %w", v.Name, err)
	}
	verdict := j.verdicts[0]
	if err := forbids(verdict, v.Name); err != nil {
		return "", err
	}
	if verdict.Mode != policy.Automatic {
		return "", notPermitted("%s wants people for %s, and a workflow written in Go asks nobody: call it under an approve of a playbook", ruled(verdict), v.Name)
	}
	return name, nil
}
