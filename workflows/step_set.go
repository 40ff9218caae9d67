package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// set evaluates every value before it sets any, so that no value sees another of the same step.
func (r *run) set(ctx workflow.Context, v *playbook.Set) error {
	stable := true
	for _, name := range v.Names() {
		stable = stable && v.Values[name].Stable()
	}
	results, err := record(ctx, stable, func() ([]json.RawMessage, error) {
		results := make([]json.RawMessage, len(v.Names()))
		for i, name := range v.Names() {
			var err error
			if results[i], err = v.Values[name].Eval(r.values); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return results, nil
	})
	if err != nil {
		return err
	}
	for i, name := range v.Names() {
		value, err := v.Types[name].Decode(results[i])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.values["vars"].(map[string]any)[name] = value
	}
	return nil
}
