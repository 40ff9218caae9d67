package forecast

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// verb forecasts what a step does, into out. It returns the chance that the run goes on behind it. A
// verb that it does not know is shown with its blocks, which may run, and tells nothing.
func (w *walker) verb(s *playbook.Step, out *Step) (Chance, error) {
	var err error
	switch v := s.Verb.(type) {
	case *playbook.Activity:
		return Will, w.activity(s, v, out)
	case *playbook.Approve:
		return Will, w.approve(s, v, out)
	case *playbook.Ask:
		out.Approval = &Approval{Groups: v.Who, Quorum: 1, Expires: v.Expires.String()}
		out.Says, err = w.text(v.Message)
		w.offer(s, nil, "answered", "answer", "by", "reason")
	case *playbook.Switch:
		return w.choose(s, v, out)
	case *playbook.Set:
		return Will, w.set(s, v, out)
	case *playbook.Stop:
		out.Says, err = w.text(v.Outcome)
		return Not, err
	case *playbook.Try:
		return w.try(s, v, out), nil
	case *playbook.Parallel:
		return w.parallel(s, v, out), nil
	case *playbook.Repeat:
		return w.repeat(s, v, out), nil
	case *playbook.ForEach:
		return w.forEach(s, v, out)
	case *playbook.Wait:
		err = w.wait(s, v, out)
	case *playbook.Child:
		return Will, w.child(s, v, out)
	case *playbook.Workflow:
		if out.Says, err = w.text(v.With); err != nil {
			return Will, fmt.Errorf("with: %w", err)
		}
		w.count(v.Name, Effect{Effect: Code, Effects: v.Signature.Effects})
		w.offer(s, nil, "output")
	default:
		return w.other(s, out), nil
	}
	return Will, err
}

func (w *walker) activity(s *playbook.Step, v *playbook.Activity, out *Step) error {
	input, err := w.text(v.With)
	if err != nil {
		return fmt.Errorf("with: %w", err)
	}
	w.count(v.Name, Effect{Effect: string(v.Signature.Effect), Undo: v.Signature.Undo})
	out.Call = &Call{Activity: v.Name, Effect: string(v.Signature.Effect), Undo: v.Signature.Undo, Targets: v.Signature.Targets, Input: *input}
	if holds := s.Undo.Holds(); holds > 0 {
		out.Call.Holds = holds.String()
	}
	if len(input.Waits) == 0 {
		if _, err := v.Signature.Input.Decode(input.Value); err != nil {
			return fmt.Errorf("with: %w", err)
		}
		if w.reader != nil && out.Chance == Will && v.Signature.Effect == playbook.EffectRead {
			return w.read(s, v, out)
		}
	}
	w.offer(s, nil, "output")
	return nil
}

// read looks. If it fails the forecast goes on without: it may well succeed when the run makes it.
func (w *walker) read(s *playbook.Step, v *playbook.Activity, out *Step) error {
	w.offer(s, nil, "output")
	if *w.reads == 0 {
		out.Error = fmt.Sprintf("not read: a forecast makes at most %d reads", MaxReads)
		return nil
	}
	*w.reads--
	raw, err := w.reader.Call(w.ctx, v.Name, out.Call.Input.Value)
	if err != nil {
		out.Error = "not read: " + err.Error()
		return nil //nolint:nilerr // it is told, and does not end the forecast
	}
	output, err := v.Signature.Output.Decode(raw)
	if err != nil {
		out.Error = "not read: it answered what it should not: " + err.Error()
		return nil //nolint:nilerr // as above
	}
	out.Call.Output = raw
	w.offer(s, map[string]any{"output": output})
	return nil
}

func (w *walker) approve(s *playbook.Step, v *playbook.Approve, out *Step) (err error) {
	out.Approval = &Approval{Groups: v.Approvers, Quorum: v.Quorum, Expires: v.Expires.String()}
	if e := v.Escalate; e != nil {
		out.Approval.Escalate = &Escalation{Groups: e.Groups, After: e.After.String()}
	}
	if out.Says, err = w.text(v.Message); err != nil {
		return err
	}
	covered := w.fork()
	covered.asked = true
	var b Block
	b, _ = covered.block("if approved", nil, v.Steps, May)
	for _, one := range b.Steps {
		if one.Error != "" { // nobody is asked about what cannot be resolved
			err = fmt.Errorf("step %q: %s", one.ID, one.Error)
		}
	}
	if len(v.Steps) > 0 {
		out.Blocks = []Block{b}
	}
	w.forget(v.Steps)
	w.offer(s, nil, "approved", "decision", "reason", "by")
	return err
}

func (w *walker) choose(s *playbook.Step, v *playbook.Switch, out *Step) (Chance, error) {
	left, next, taken := Will, Will, int64(0)
	for i, one := range v.Cases {
		chance := Not
		var c *Condition
		if left != Not {
			var err error
			if c, err = w.condition(one.If); err != nil {
				return Will, err
			}
			chance = less(left, c.chance())
		}
		switch {
		case chance == Will:
			taken, left = int64(i+1), Not
		case c != nil && c.chance() == Will:
			left = Not
		case chance == May:
			left = May
		}
		if c == nil {
			c = &Condition{Text: one.If.Text()}
		}
		b, after := w.block(fmt.Sprintf("case %d", i+1), c, one.Steps, chance)
		out.Blocks, next = append(out.Blocks, b), less(next, after)
	}
	if len(v.Default) > 0 {
		b, after := w.block("default", nil, v.Default, left)
		out.Blocks, next = append(out.Blocks, b), less(next, after)
	}
	for _, b := range out.Blocks {
		if b.Chance == May {
			w.offer(s, nil, "case")
			return next, nil
		}
	}
	w.offer(s, map[string]any{"case": taken})
	return next, nil
}

func (w *walker) set(s *playbook.Step, v *playbook.Set, out *Step) error {
	fields := map[string]json.RawMessage{}
	values := map[string]*Text{}
	out.Says = &Text{}
	for _, name := range v.Names() {
		one, err := w.text(v.Values[name])
		if err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
		values[name], fields[name] = one, one.Value
		out.Says.Waits = append(out.Says.Waits, one.Waits...)
	}
	for _, name := range v.Names() {
		one := values[name]
		known, err := v.Types[name].Decode(one.Value)
		if len(one.Waits) > 0 || err != nil {
			w.remember("vars", name, nil)
			w.unknown = append(w.unknown, "vars."+name)
			continue
		}
		w.remember("vars", name, known)
	}
	w.offer(s, nil)
	var err error
	out.Says.Value, err = json.Marshal(fields)
	return err
}

func (w *walker) wait(s *playbook.Step, v *playbook.Wait, out *Step) (err error) {
	switch {
	case v.Event != "":
		says := fmt.Sprintf("an event %s, for at most %s", v.Event, v.Expires)
		if v.If != nil {
			says += ", if " + v.If.Text()
		}
		raw, err := json.Marshal(says)
		out.Says = &Text{Value: raw}
		w.offer(s, nil, "arrived", "event")
		return err
	case v.For != nil:
		out.Says, err = w.text(v.For)
	default:
		var p expr.Partial
		p, err = v.Until.Partial(w.values, w.unknown)
		out.Says = text(p)
	}
	w.offer(s, nil)
	return err
}

func (w *walker) try(s *playbook.Step, v *playbook.Try, out *Step) Chance {
	before := w.outer
	b, next := w.block("try", nil, v.Steps, Will)
	out.Blocks = append(out.Blocks, b)
	if len(v.Catch) > 0 {
		caught := w.fork()
		caught.values["error"] = map[string]any{}
		caught.unknown = append(caught.unknown, "error")
		caught.forget(v.Steps)
		b, after := caught.block("catch, if one of them fails", nil, v.Catch, May)
		out.Blocks = append(out.Blocks, b)
		w.forget(v.Steps) // one may have failed, and the run goes on
		w.forget(v.Catch)
		if next == Not || after != Will {
			next = May
		}
	}
	if len(v.Finally) > 0 {
		w.outer = before // whatever happened
		b, after := w.block("finally", nil, v.Finally, Will)
		out.Blocks, next = append(out.Blocks, b), less(next, after)
	}
	if len(v.Catch) > 0 {
		w.offer(s, nil, "caught")
	} else {
		w.offer(s, map[string]any{"caught": false})
	}
	return next
}

func (w *walker) parallel(s *playbook.Step, v *playbook.Parallel, out *Step) Chance {
	next := Will
	for i, steps := range v.Branches {
		b, after := w.block(fmt.Sprintf("branch %d", i+1), nil, steps, Will)
		out.Blocks, next = append(out.Blocks, b), less(next, after)
	}
	w.offer(s, nil, "failed", "error")
	if v.ContinueOnError {
		for _, steps := range v.Branches {
			w.forget(steps)
		}
		if next == Not {
			next = May
		}
	}
	return next
}

// repeat shows the rounds as one, without what only the first could know.
func (w *walker) repeat(s *playbook.Step, v *playbook.Repeat, out *Step) Chance {
	round := w.fork()
	round.reader, round.many = nil, true
	round.forget(v.Steps)
	name := fmt.Sprintf("at most %d rounds, %s apart, until %s", v.Times, v.Every, v.Until.Text())
	b, next := round.block(name, nil, v.Steps, Will)
	out.Blocks = append(out.Blocks, b)
	w.forget(v.Steps)
	w.offer(s, nil, "times", "held")
	return next
}

// Bounds on what is shown of loops: beyond them the items that are left stand as one.
const (
	maxItems = 10   // of one loop
	maxShown = 1000 // steps of all
)

func (w *walker) forEach(s *playbook.Step, v *playbook.ForEach, out *Step) (Chance, error) {
	items, err := v.Items.Partial(w.values, w.unknown)
	if err != nil {
		return Will, fmt.Errorf("for_each: %w", err)
	}
	out.Says = text(items)
	next := Will
	if items.Known() {
		next, err = w.items(v, out)
	} else {
		each := w.fork()
		each.many, each.reader = true, nil
		each.unknown = append(each.unknown, "item", "index")
		each.values["item"], each.values["index"] = nil, nil
		var b Block
		name := "for each item"
		if pace := v.Pace(); pace != "" {
			name += ", " + pace
		}
		b, next = each.block(name, nil, v.Steps, May)
		out.Blocks = []Block{b}
	}
	if v.GoesOn() && next == Not {
		next = May
	}
	w.offer(s, nil, "failed", "done", "left", "waves", "stopped", "failures", "error", "results")
	return next, err
}

// items shows the items of a loop that are known.
func (w *walker) items(v *playbook.ForEach, out *Step) (Chance, error) {
	all, err := decoded(out.Says)
	if err != nil {
		return Will, err
	}
	var items []any
	switch all := all.(type) {
	case []any:
		items = all
	case map[string]any:
		for _, key := range expr.Keys(all) {
			items = append(items, map[string]any{"key": key, "value": all[key]})
		}
	default:
		return Will, fmt.Errorf("for_each: want a list or a map, got %s", out.Says.Value)
	}
	next, cuts, wave := Will, v.Cuts(len(items)), 0
	for i, item := range items {
		if i == cuts[wave] {
			wave++
		}
		each := w.fork()
		each.values["item"], each.values["index"] = item, int64(i)
		name := fmt.Sprintf("item %d of %d", i+1, len(items))
		if len(cuts) > 1 {
			name += fmt.Sprintf(", wave %d of %d", wave+1, len(cuts))
		}
		rest := i == maxItems || *w.shown > maxShown
		if rest {
			name = fmt.Sprintf("and %d more", len(items)-i)
			each.many, each.reader = true, nil
			each.unknown = append(each.unknown, "item", "index")
		}
		b, after := each.block(name, nil, v.Steps, Will)
		out.Blocks, next = append(out.Blocks, b), less(next, after)
		if rest {
			break
		}
	}
	return next, nil
}

// child shows what the run of another playbook would do. It fails or ends for itself.
func (w *walker) child(s *playbook.Step, v *playbook.Child, out *Step) error {
	var err error
	if out.Says, err = w.text(v.With); err != nil {
		return fmt.Errorf("with: %w", err)
	}
	pb, err := w.plan.Playbooks[v.Name].Load()
	if err != nil {
		return err
	}
	called := w.fork()
	called.plan = pb.Plan
	called.values = map[string]any{"event": w.values["event"], "run": w.values["run"], "steps": map[string]any{}, "vars": map[string]any{}}
	called.unknown = slices.DeleteFunc(called.unknown, func(path string) bool { return path != "event" && path != "run" })
	inputs := map[string]any{}
	for _, in := range pb.Inputs {
		known, err := w.input(in, v.With.Entry(in.Name))
		if err != nil {
			return fmt.Errorf("input %q: %w", in.Name, err)
		}
		if known == nil {
			called.unknown = append(called.unknown, "inputs."+in.Name)
			continue
		}
		if inputs[in.Name], err = in.Type.Decode(known); err != nil {
			return fmt.Errorf("input %q: %w", in.Name, err)
		}
	}
	called.values["inputs"] = inputs
	b, _ := called.block("playbook "+v.Name, nil, pb.Steps, Will)
	out.Blocks = []Block{b}
	w.offer(s, nil, "outcome")
	return nil
}

// input is an input of a called playbook: as it is given, else from the event, else its default. It
// is nil where it is not known.
func (w *walker) input(in *playbook.Input, given *playbook.Value) (json.RawMessage, error) {
	var p expr.Partial
	var err error
	switch {
	case given != nil:
		p, err = given.Partial(w.values, w.unknown)
	case in.From != nil:
		if p, err = in.From.Partial(w.values, w.unknown); err != nil && in.Default != nil {
			p, err = in.Default.Partial(w.values, w.unknown)
		}
	case in.Default != nil:
		p, err = in.Default.Partial(w.values, w.unknown)
	default:
		err = errors.New("it is not given")
	}
	if err != nil || !p.Known() {
		return nil, err
	}
	return p.Value, nil
}

// other shows a verb that has no forecast of its own.
func (w *walker) other(s *playbook.Step, out *Step) Chance {
	next := Will
	for _, steps := range playbook.Inner(s) {
		b, after := w.block("inside", nil, steps, May)
		out.Blocks, next = append(out.Blocks, b), less(next, after)
	}
	w.forget([]*playbook.Step{s})
	return next
}

// Span writes how long an approval waits as authors do.
func (a *Approval) Span() string { return span(a.Expires) }

// Span writes how long it takes as authors do.
func (e *Escalation) Span() string { return span(e.After) }

// Span writes how long what it does holds as authors do.
func (c *Call) Span() string { return span(c.Holds) }

func span(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return text
	}
	return playbook.Span(d)
}
