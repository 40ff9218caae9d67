// Package authoritytest has what stands for a worker's authority in tests of something else.
package authoritytest

import (
	"context"
	"testing"

	"go.temporal.io/sdk/activity"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/activitytest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/policy"
)

// Allow admits every effect, judges every call automatic and believes every signature. What runs tell goes nowhere.
type Allow struct{ *activitytest.Allow }

// NewAllow returns one for a test.
func NewAllow(t testing.TB) Allow { return Allow{activitytest.NewAllow(t)} }

// Bind registers what a run may ask.
func (Allow) Bind(w activities.Registrar) {
	w.RegisterActivityWithOptions(func(_ context.Context, in workflows.JudgeInput) (workflows.Judged, error) {
		judged := workflows.Judged{Verdicts: make([]policy.Verdict, len(in.Calls))}
		for i := range judged.Verdicts {
			judged.Verdicts[i] = policy.Verdict{Mode: policy.Automatic, Rule: "test"}
		}
		return judged, nil
	}, activity.RegisterOptions{Name: workflows.JudgeActivity})
	w.RegisterActivityWithOptions(func(_ context.Context, signed grant.Signed) (workflows.Checked, error) {
		return workflows.Checked{Kind: signed.Kind, Body: signed.Body}, nil
	}, activity.RegisterOptions{Name: workflows.CheckActivity})
	w.RegisterActivityWithOptions(func(context.Context, workflows.Told) error { return nil }, activity.RegisterOptions{Name: workflows.TellActivity})
}
