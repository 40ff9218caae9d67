package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"
)

// record evaluates expressions. What the checker proved to be stable is evaluated again at every
// replay; the result of anything else, be it a value or an error, is written into the history once.
func record[T any](ctx workflow.Context, stable bool, evaluate func() (T, error)) (T, error) {
	if stable {
		return evaluate()
	}
	type result struct {
		Value T      `json:"value"`
		Error string `json:"error,omitempty"`
	}
	var recorded result
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		value, err := evaluate()
		if err != nil {
			return result{Error: err.Error()}
		}
		return result{Value: value}
	}).Get(&recorded)
	if err == nil && recorded.Error != "" {
		err = errors.New(recorded.Error)
	}
	return recorded.Value, err
}
