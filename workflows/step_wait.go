package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// wait sets one timer. How long is settled when the step begins.
func (r *run) wait(ctx workflow.Context, v *playbook.Wait) error {
	d, err := r.span(ctx, v)
	if err != nil {
		return err
	}
	if d > playbook.MaxWait {
		return fmt.Errorf("wait: it would take %s; at most %s are waited for", d, playbook.MaxWait)
	}
	return workflow.Sleep(ctx, d)
}

func (r *run) span(ctx workflow.Context, v *playbook.Wait) (time.Duration, error) {
	stable, evaluate, want := false, (func(map[string]any) (json.RawMessage, error))(nil), expr.Duration
	if v.Until != nil {
		stable, evaluate, want = v.Until.Stable(), v.Until.Eval, expr.Timestamp
	} else {
		stable, evaluate = v.For.Stable(), v.For.Eval
	}
	raw, err := record(ctx, stable, func() (json.RawMessage, error) { return evaluate(r.values) })
	if err != nil {
		return 0, fmt.Errorf("wait: %w", err)
	}
	value, err := want.Decode(raw)
	if err != nil {
		return 0, fmt.Errorf("wait: %w", err)
	}
	if until, ok := value.(time.Time); ok {
		return until.Sub(workflow.Now(ctx)), nil
	}
	return value.(time.Duration), nil
}
