package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// maxResults bounds what all items of a loop give together, as JSON, in bytes: it stays in memory
// for as long as the run lives.
const maxResults = 1 << 20

// batch is what a loop, or a part of one, has come to.
type batch struct {
	Begun  int `json:"begun,omitempty"`
	Done   int `json:"done,omitempty"`
	Failed int `json:"failed,omitempty"`
	// Error is the first failure.
	Error string `json:"error,omitempty"`
	// Failures are the first hundred, by index.
	Failures []Failure `json:"failures,omitempty"`
	// Waves is how many were begun, and Stopped that more items failed than may: of a whole loop.
	Waves   int  `json:"-"`
	Stopped bool `json:"-"`
	// Results are what was collected of the items that succeeded, in their order, and Size is how
	// many bytes they have together.
	Results []json.RawMessage `json:"results,omitempty"`
	Size    int               `json:"size,omitempty"`
}

// add takes in what the next part of the loop has come to.
func (b *batch) add(next batch) {
	b.Begun += next.Begun
	b.Done += next.Done
	b.Failed += next.Failed
	b.Failures = append(b.Failures, next.Failures[:min(len(next.Failures), maxFailures-len(b.Failures))]...)
	if b.Error == "" {
		b.Error = next.Error
	}
	b.Results = append(b.Results, next.Results...)
	b.Size += next.Size
}

// forEach runs a block once per item, each over its own view of the values.
func (r *run) forEach(ctx workflow.Context, s *playbook.Step, v *playbook.ForEach) (map[string]any, error) {
	items, err := r.items(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("for_each: %w", err)
	}
	if len(items) == 0 {
		r.skipAll(v.Steps)
	}
	var all batch
	err = r.inWaves(ctx, s, v, items, &all)
	result := all.offers(v, len(items))
	if v.Collect == nil {
		return result, err
	}
	results := make([]any, len(all.Results))
	for i, raw := range all.Results {
		var unread error
		if results[i], unread = v.Collect.Type().Decode(raw); unread != nil && err == nil {
			err = fmt.Errorf("collect: %w", unread)
		}
	}
	result["results"] = results
	return result, err
}

// each works on items, of which the first has the number first, and writes down in b what they come
// to. b begins with what items before them came to; may is how many more may fail, nil
// is any number. l is told as it goes.
func (r *run) each(ctx workflow.Context, s *playbook.Step, v *playbook.ForEach, items []json.RawMessage, first int, may *int, l *LoopStatus, b *batch) error {
	collected := make([]json.RawMessage, len(items))
	one := func(ctx workflow.Context, i int) error {
		number := first + i
		item, err := r.round(ctx, s, number)
		if err != nil {
			return err
		}
		item = item.fork()
		item.values["index"] = int64(number)
		if item.values["item"], err = v.Item.Decode(items[i]); err != nil {
			return fmt.Errorf("item %d: %w", number, err)
		}
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
			return fmt.Errorf("collect, item %d: %w", number, err)
		}
		if b.Size += len(raw); b.Size > maxResults {
			return fmt.Errorf("collect, item %d: the results are more than %d bytes together", number, maxResults)
		}
		collected[i] = raw
		return nil
	}
	var next batch
	all := pieces{n: len(items), most: v.MaxParallel, goOn: v.GoesOn()}
	if may != nil {
		all.enough = func(failed int) bool { return failed > *may }
	}
	err := all.run(ctx, func(ctx workflow.Context, i int) error {
		l.Left--
		err := one(ctx, i)
		switch {
		case err == nil:
			l.Done++
		case isFailure(err):
			l.Failed++
			f := failureOf(first+i, items[i], err)
			next.Failures = append(next.Failures, f)
			r.tellFailure(l, f)
		}
		return err
	})
	if !errors.Is(err, errStopped) {
		r.stop = nil // something else came first
	}
	next.Begun, next.Done, next.Failed = all.begun, all.done, all.failed
	if all.firstFailure != nil {
		next.Error = all.firstFailure.Error()
	}
	slices.SortFunc(next.Failures, func(a, b Failure) int { return a.Index - b.Index })
	b.add(next)
	for _, raw := range collected {
		if raw != nil {
			b.Results = append(b.Results, raw)
		}
	}
	return err
}

// items evaluates what the loop goes through; a map gives its entries, by key.
func (r *run) items(ctx workflow.Context, v *playbook.ForEach) ([]json.RawMessage, error) {
	raw, err := record(ctx, v.Items.Stable(), func() (json.RawMessage, error) {
		return v.Items.EvalWithin(r.values, playbook.MaxItemBytes)
	})
	if err != nil {
		return nil, err
	}
	var items []json.RawMessage
	var entries map[string]json.RawMessage
	switch {
	case string(raw) == "null":
		return nil, errors.New("want a list or a map, got null")
	case json.Unmarshal(raw, &items) == nil:
	case json.Unmarshal(raw, &entries) == nil:
		for _, key := range expr.Keys(entries) {
			entry, err := json.Marshal(map[string]any{"key": key, "value": entries[key]})
			if err != nil {
				return nil, err
			}
			items = append(items, entry)
		}
	default:
		return nil, fmt.Errorf("want a list or a map, got %.80s", raw)
	}
	if len(items) > playbook.MaxItems {
		return nil, fmt.Errorf("there are %d items; at most %d fit into one loop", len(items), playbook.MaxItems)
	}
	return items, nil
}
