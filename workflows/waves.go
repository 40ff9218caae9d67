package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// LoopStatus is how far a for_each has come, while it runs and when it has ended.
type LoopStatus struct {
	Items  int `json:"items"`
	Done   int `json:"done"`
	Failed int `json:"failed"`
	Left   int `json:"left"` // not begun
	// Wave is the one that runs, or ran last, of Waves.
	Wave  int `json:"wave"`
	Waves int `json:"waves"`
	// Stopped is set when more items failed than may.
	Stopped bool `json:"stopped,omitempty"`
	// Failures are the first hundred items that failed.
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one item of a loop that failed.
type Failure struct {
	Index int             `json:"index"`
	Item  json.RawMessage `json:"item,omitempty"` // none: it is large
	Error string          `json:"error"`
}

// Bounds on what is told of the items that failed: one loop tells of a hundred, each as far as it
// helps to find it.
const (
	maxFailures    = 100
	maxFailureItem = 1 << 10 // bytes
)

func failureOf(index int, item json.RawMessage, err error) Failure {
	f := Failure{Index: index, Error: clip(reason(err))}
	if len(item) <= maxFailureItem {
		f.Item = item
	}
	return f
}

// tellFailure adds an item that failed to what the status tells of a loop, where there is room.
func (r *run) tellFailure(l *LoopStatus, f Failure) {
	size := len(f.Item) + len(f.Error)
	if len(l.Failures) < maxFailures && r.status.shown+size <= maxShown {
		l.Failures = append(l.Failures, f)
		r.status.shown += size
	}
}

// tellPart adds what a part came to.
func (r *run) tellPart(l *LoopStatus, b batch) {
	l.Done, l.Failed, l.Left = l.Done+b.Done, l.Failed+b.Failed, l.Left-b.Begun
	for _, f := range b.Failures {
		r.tellFailure(l, f)
	}
}

// inWaves gives the items of a loop out, wave by wave. Each has ended before the next begins, and the
// budget is looked at in between, as it is inside.
func (r *run) inWaves(ctx workflow.Context, s *playbook.Step, v *playbook.ForEach, items []json.RawMessage, all *batch) error {
	cuts := v.Cuts(len(items))
	l := &LoopStatus{Items: len(items), Left: len(items), Waves: len(cuts)}
	r.row(s).Loop = l
	give := func(first, cut int) error {
		return r.each(ctx, s, v, items[first:cut], first, r.allowed(v, len(items), all), l, all)
	}
	if len(items) > partItems {
		in, size, err := r.tell(s, v, len(items))
		if err != nil {
			return fmt.Errorf("for_each: %w", err)
		}
		give = func(first, cut int) error { return r.inParts(ctx, s, v, in, size, items[:cut], first, len(items), all) }
	}
	first := 0
	for i, cut := range cuts {
		if i > 0 && v.Pause > 0 {
			if err := workflow.Sleep(ctx, v.Pause); err != nil {
				return err
			}
		}
		all.Waves, l.Wave = i+1, i+1
		if err := give(first, cut); err != nil {
			return err
		}
		if err := all.spent(v, len(items), cut, len(cuts) > 1); err != nil {
			l.Stopped = true
			return err
		}
		first = cut
	}
	return ctx.Err()
}

// allowed is how many more items may fail before no further one is begun; nil: any number.
func (r *run) allowed(v *playbook.ForEach, items int, all *batch) *int {
	if v.MaxFailures == nil {
		return nil
	}
	left := v.Budget(items) - all.Failed
	return &left
}

// spent reports that more items failed than may: of all, or at the end of a wave, up to which so many
// are done.
func (b *batch) spent(v *playbook.ForEach, items, end int, inWaves bool) error {
	if v.MaxFailures == nil {
		return nil
	}
	budget, when := v.Budget(items), ""
	if b.Failed <= budget && inWaves && b.Begun == end {
		budget, when = v.BudgetAfter(end, items), fmt.Sprintf(" at the end of wave %d", b.Waves)
	}
	if b.Failed <= budget {
		return nil
	}
	b.Stopped = true
	return fmt.Errorf("stopped after %d of %d: %d failed, more than the budget of %d%s; the first: %s", b.Begun, items, b.Failed, budget, when, b.Error)
}

// offers is what a loop of so many items offers to later steps, but for what it collected.
func (b *batch) offers(v *playbook.ForEach, items int) map[string]any {
	failures := make([]any, 0, len(b.Failures))
	for _, f := range b.Failures {
		one := map[string]any{"index": int64(f.Index), "error": f.Error}
		if f.Item != nil {
			if item, err := v.Item.Decode(f.Item); err == nil { // it was read before
				one["item"] = item
			}
		}
		failures = append(failures, one)
	}
	result := map[string]any{
		"failed": int64(b.Failed), "done": int64(b.Done), "left": int64(items - b.Begun), "waves": int64(b.Waves),
		"stopped": b.Stopped, "failures": failures,
	}
	if b.Error != "" {
		result["error"] = b.Error
	}
	return result
}
