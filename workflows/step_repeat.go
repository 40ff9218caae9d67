package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// repeat runs rounds over the values of the run: what one sets the next sees. What its steps gave
// does not outlive the round, or a step that is not reached in the next would seem to have run.
func (r *run) repeat(ctx workflow.Context, s *playbook.Step, v *playbook.Repeat) (map[string]any, error) {
	result := map[string]any{"times": int64(0), "held": false}
	for n := 1; n <= v.Times; n++ {
		if n > 1 {
			if err := workflow.Sleep(ctx, v.Every); err != nil {
				return result, err
			}
		}
		round, err := r.round(ctx, s, n)
		if err != nil {
			return result, err
		}
		r.forget(v.Steps)
		result["times"] = int64(n)
		err = round.steps(ctx, v.Steps)
		if r.stop == nil {
			r.stop = round.stop
		}
		if err != nil {
			return result, err
		}
		held, err := record(ctx, v.Until.Stable(), func() (bool, error) { return v.Until.Holds(round.values) })
		if err != nil {
			return result, fmt.Errorf("until: %w", err)
		}
		if result["held"] = held; held {
			break
		}
	}
	return result, nil
}

// forget takes back what steps have published.
func (r *run) forget(steps []*playbook.Step) {
	published := r.values["steps"].(map[string]any)
	playbook.Walk(steps, func(s *playbook.Step) { delete(published, s.ID) })
}
