package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/playbook"
)

// fan is a loop under an approval: its items are resolved before anyone is asked, and their calls are
// part of one request. On a yes they are made as the loop says: in waves, side by side, within its
// budget of failures.
type fan struct {
	step   *playbook.Step
	verb   *playbook.ForEach
	cuts   []int
	items  []*fanItem
	status *LoopStatus
	all    batch
	over   bool
}

// fanItem is one item, and the round in which its calls stand.
type fanItem struct {
	of        *fan
	index     int
	raw       json.RawMessage
	r         *run
	begun     bool
	started   bool // one of its calls was made
	collected json.RawMessage
}

// maxAside is how many items of a loop are set aside, to be asked about again, before no further one is
// begun: then it is not they that have changed.
const maxAside = 10

// fan resolves a loop that an approval covers.
func (r *run) fan(ctx workflow.Context, s *playbook.Step, v *playbook.ForEach, before int) (*fan, []*covered, error) {
	items, err := r.items(ctx, v)
	if err != nil {
		return nil, nil, fmt.Errorf("for_each: %w", err)
	}
	if calls := before + len(items)*len(v.Steps); calls > playbook.MaxCovered {
		return nil, nil, fmt.Errorf("the approval would cover %d calls or more (%d items of %d each here), and people are asked about at most %d at once: ask in several approvals", calls, len(items), len(v.Steps), playbook.MaxCovered)
	}
	f := &fan{step: s, verb: v, cuts: v.Cuts(len(items)), status: &LoopStatus{Items: len(items), Left: len(items)}}
	f.status.Waves = len(f.cuts)
	calls := make([][]*covered, len(items))
	f.items = make([]*fanItem, len(items))
	// One after the other, each in its own coroutine: the engine bounds how long one may compute.
	each := pieces{n: len(items), most: 1}
	err = each.run(ctx, func(ctx workflow.Context, i int) error {
		round, err := r.round(ctx, s, i)
		if err != nil {
			return err
		}
		it := &fanItem{of: f, index: i, raw: items[i], r: round.fork()}
		it.r.values["index"] = int64(i)
		if it.r.values["item"], err = v.Item.Decode(items[i]); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
		f.items[i] = it
		for _, step := range v.Steps {
			c, err := it.r.resolves(ctx, step)
			if err != nil {
				return fmt.Errorf("item %d: %w", i, err)
			}
			c.item = it
			calls[i] = append(calls[i], c)
		}
		return nil
	})
	var all []*covered
	for _, one := range calls {
		all = append(all, one...)
	}
	return f, all, err
}

// spread makes the approved calls of a loop that are left. again is why people must be asked anew, about
// those that it returns.
func (r *run) spread(ctx workflow.Context, f *fan, calls []*covered, permit func(int) *activities.Permit) (left []*covered, again string, err error) {
	row := r.row(f.step)
	if row.Loop = f.status; row.Started == nil {
		r.begin(ctx, row)
	}
	p := &pass{fan: f, calls: calls, permit: permit, of: map[*fanItem][]int{}, made: make([]bool, len(calls))}
	for i, c := range calls {
		p.of[c.item] = append(p.of[c.item], i)
	}
	again, err = p.waves(ctx)
	if again == "" {
		f.over = true
		err = r.spreadOut(ctx, f, row, err)
	}
	for i, c := range calls {
		switch {
		case p.made[i]:
		case again != "" && p.of[c.item] != nil:
			left = append(left, c)
		case c.r.row(c.step).Status == playbook.StatusPending:
			c.r.skipped(c.step)
		}
	}
	return left, again, err
}

// spreadOut publishes what a loop has come to. A failure goes no further where the loop says so.
func (r *run) spreadOut(ctx workflow.Context, f *fan, row *StepStatus, err error) error {
	result := f.all.offers(f.verb, len(f.items))
	if f.verb.Collect != nil {
		results := []any{}
		for _, it := range f.items {
			if it.collected == nil {
				continue
			}
			value, unread := f.verb.Collect.Type().Decode(it.collected)
			if unread != nil && err == nil {
				err = fmt.Errorf("collect: %w", unread)
			}
			results = append(results, value)
		}
		result["results"] = results
	}
	if err == nil {
		r.done(ctx, f.step, row, result)
		return nil
	}
	if err = r.failed(ctx, f.step, row, result, err); f.step.Continue && isFailure(err) {
		return nil
	}
	return err
}

// pass is one walk through the calls of a loop that are left.
type pass struct {
	*fan

	calls  []*covered
	permit func(int) *activities.Permit
	of     map[*fanItem][]int // by item: which of the calls
	made   []bool
	aside  int
	why    string // of what was set aside first
	halted bool
}

// waves goes through the waves, from the first that has something left. One in which an item was set
// aside is not over: the next begins when people have decided about it.
func (p *pass) waves(ctx workflow.Context) (again string, err error) {
	first := 0
	for w, cut := range p.cuts {
		var todo []*fanItem
		for _, it := range p.items[first:cut] {
			if p.of[it] != nil {
				todo = append(todo, it)
			}
		}
		first = cut
		if len(todo) == 0 {
			continue
		}
		if w > 0 && w+1 > p.all.Waves && p.verb.Pause > 0 {
			if err := workflow.Sleep(ctx, p.verb.Pause); err != nil {
				return "", err
			}
		}
		p.all.Waves = max(p.all.Waves, w+1)
		p.status.Wave = p.all.Waves
		err := p.wave(ctx, todo)
		if err == nil {
			err = p.all.spent(p.verb, len(p.items), cut, len(p.cuts) > 1)
		}
		if err != nil {
			p.status.Stopped = p.all.Stopped
			return "", err
		}
		if p.why != "" {
			return p.why, nil
		}
	}
	return "", ctx.Err()
}

func (p *pass) wave(ctx workflow.Context, items []*fanItem) error {
	each := pieces{n: len(items), most: p.verb.MaxParallel, goOn: p.verb.GoesOn()}
	each.enough = func(int) bool {
		return p.halted || p.aside >= maxAside || p.verb.MaxFailures != nil && p.all.Failed > p.verb.Budget(len(p.items))
	}
	return each.run(ctx, func(ctx workflow.Context, i int) error { return p.item(ctx, items[i]) })
}

// item makes the calls of one item that are left.
func (p *pass) item(ctx workflow.Context, it *fanItem) error {
	if !it.begun {
		it.begun = true
		p.all.Begun++
		p.status.Left--
	}
	err := p.callsOf(ctx, it)
	switch {
	case err == nil && p.of[it] != nil: // set aside
		if !it.started {
			it.begun = false
			p.all.Begun--
			p.status.Left++
		}
	case err == nil:
		p.all.Done++
		p.status.Done++
	case isFailure(err):
		f := failureOf(it.index, it.raw, err)
		p.all.add(batch{Failed: 1, Error: err.Error(), Failures: []Failure{f}})
		p.status.Failed++
		it.r.tellFailure(p.status, f)
		delete(p.of, it)
	}
	return err
}

func (p *pass) callsOf(ctx workflow.Context, it *fanItem) error {
	for _, i := range p.of[it] {
		again, err := it.r.covered(ctx, p.calls[i], p.permit(i))
		if again.why != "" {
			if p.aside++; p.why == "" {
				p.why = again.why
			}
			p.halted = p.halted || again.halted
			return nil
		}
		p.made[i], it.started = true, true
		if err != nil {
			return err
		}
	}
	delete(p.of, it)
	v := p.verb
	if v.Collect == nil {
		return nil
	}
	raw, err := record(ctx, v.Collect.Stable(), func() (json.RawMessage, error) { return v.Collect.Eval(it.r.values) })
	if err != nil {
		return fmt.Errorf("collect, item %d: %w", it.index, err)
	}
	if p.all.Size += len(raw); p.all.Size > maxResults {
		return fmt.Errorf("collect, item %d: the results are more than %d bytes together", it.index, maxResults)
	}
	it.collected = raw
	return nil
}
