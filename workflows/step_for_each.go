package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// maxResults bounds what all items of a loop give together, as JSON, in bytes: it stays in memory
// for as long as the run lives.
const maxResults = 1 << 20

// forEach runs a block once per item, each over its own view of the values.
func (r *run) forEach(ctx workflow.Context, s *playbook.Step, v *playbook.ForEach) (map[string]any, error) {
	items, err := r.items(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("for_each: %w", err)
	}
	if len(items) == 0 {
		r.skipAll(v.Steps)
	}
	collected := make([]any, len(items))
	given := make([]bool, len(items))
	size := 0
	result, err := r.sideBySide(ctx, len(items), v.MaxParallel, v.ContinueOnError, func(ctx workflow.Context, i int) error {
		item, err := r.round(ctx, s, i)
		if err != nil {
			return err
		}
		item = item.fork()
		item.values["item"], item.values["index"] = items[i], int64(i)
		if err := item.steps(ctx, v.Steps); err != nil {
			if errors.Is(err, errStopped) && r.stop == nil { // the first to stop decides
				r.stop = item.stop
			}
			return err
		}
		if v.Collect == nil {
			return nil
		}
		raw, err := record(ctx, v.Collect.Stable(), func() (json.RawMessage, error) { return v.Collect.Eval(item.values) })
		if err != nil {
			return fmt.Errorf("collect, item %d: %w", i, err)
		}
		if size += len(raw); size > maxResults {
			return fmt.Errorf("collect, item %d: the results are more than %d bytes together", i, maxResults)
		}
		collected[i], err = v.Collect.Type().Decode(raw)
		given[i] = err == nil
		return err
	})
	if result == nil {
		result = map[string]any{}
	}
	if !errors.Is(err, errStopped) {
		r.stop = nil // something else came first
	}
	if v.Collect != nil {
		results := []any{}
		for i, value := range collected {
			if given[i] {
				results = append(results, value)
			}
		}
		result["results"] = results
	}
	return result, err
}

// items evaluates what the loop goes through; a map gives its entries, by key.
func (r *run) items(ctx workflow.Context, v *playbook.ForEach) ([]any, error) {
	raw, err := record(ctx, v.Items.Stable(), func() (json.RawMessage, error) { return v.Items.Eval(r.values) })
	if err != nil {
		return nil, err
	}
	value, err := v.Items.Type().Decode(raw)
	if err != nil {
		return nil, err
	}
	var items []any
	switch value := value.(type) {
	case []any:
		items = value
	case map[string]any:
		for _, key := range expr.Keys(value) {
			items = append(items, map[string]any{"key": key, "value": value[key]})
		}
	default:
		return nil, fmt.Errorf("want a list or a map, got %.80s", raw)
	}
	if len(items) > playbook.MaxRounds {
		return nil, fmt.Errorf("there are %d items; at most %d fit into one run", len(items), playbook.MaxRounds)
	}
	return items, nil
}
