package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// choose runs the first case that holds. All conditions are one recorded decision: its number.
func (r *run) choose(ctx workflow.Context, v *playbook.Switch, row *StepStatus) (map[string]any, error) {
	stable := true
	for _, one := range v.Cases {
		stable = stable && one.If.Stable()
	}
	taken, err := record(ctx, stable, func() (int, error) {
		for i, one := range v.Cases {
			holds, err := one.If.Holds(r.values)
			if err != nil {
				return 0, fmt.Errorf("case %d: %w", i+1, err)
			}
			if holds {
				return i + 1, nil
			}
		}
		return 0, nil
	})
	if err != nil {
		return nil, err
	}
	row.Case = &taken
	chosen := v.Default
	for i, one := range v.Cases {
		if i+1 == taken {
			chosen = one.Steps
			continue
		}
		r.skipAll(one.Steps)
	}
	if taken > 0 {
		r.skipAll(v.Default)
	}
	return map[string]any{"case": int64(taken)}, r.steps(ctx, chosen)
}
