package forecast

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// walker goes through steps as a run does. A block that may run works on a copy, see fork.
type walker struct {
	ctx     context.Context //nolint:containedctx // it lives as long as one call of Of
	reader  Reader          // nil: none
	reads   *int            // how many calls are left
	shown   *int            // how many steps there are so far
	plan    playbook.Plan   // with the playbooks that it calls
	values  map[string]any
	unknown []string // paths into values
	worst   map[string]*Effect
	outer   Chance // of the run to come here
	many    bool   // inside a loop of unknown length
	asked   bool   // under an approval
}

// fork sees the same values, and keeps what it learns to itself.
func (w *walker) fork() *walker {
	c := *w
	c.values = maps.Clone(w.values)
	for _, name := range []string{"steps", "vars"} {
		c.values[name] = maps.Clone(w.values[name].(map[string]any))
	}
	c.unknown = slices.Clone(w.unknown)
	return &c
}

// less is the smaller of two chances.
func less(a, b Chance) Chance {
	if a == Not || b == Not {
		return Not
	}
	if a == May || b == May {
		return May
	}
	return Will
}

// steps forecasts a block that runs, and returns the chance that the run goes on behind it. Behind a
// step that may end the run all is as before, if it comes to that.
func (w *walker) steps(steps []*playbook.Step) ([]*Step, Chance) {
	out, goesOn := make([]*Step, 0, len(steps)), Will
	for _, s := range steps {
		one, next := w.step(s, goesOn != Not)
		if next == May {
			w.outer = May
		}
		out, goesOn = append(out, one), less(goesOn, next)
	}
	return out, goesOn
}

// step forecasts one step. The chance that it returns is that of the run to go on behind it.
func (w *walker) step(s *playbook.Step, reached bool) (*Step, Chance) {
	*w.shown++
	out := &Step{ID: s.ID, Verb: s.Verb.Keyword(), Chance: w.outer}
	chance := Will
	if !reached {
		chance = Not
	} else if s.If != nil {
		var err error
		if out.If, err = w.condition(s.If); err != nil {
			return w.fails(s, out, Will, err)
		}
		chance = out.If.chance()
	}
	if out.Chance = less(w.outer, chance); chance == Not {
		w.skip(s)
		return out, Will
	}
	inner := w
	if chance == May {
		inner = w.fork()
		inner.outer = May
	}
	next := Will
	var err error
	if s.Title != nil {
		out.Title, err = inner.text(s.Title)
	}
	if err == nil {
		next, err = inner.verb(s, out)
	}
	if err != nil {
		return w.fails(s, out, chance, err)
	}
	if chance == May || s.Continue {
		w.forget([]*playbook.Step{s})
		if next == Not { // the run may pass by
			next = May
		}
	}
	return out, next
}

// fails is a step that is known to fail. The run ends with it, unless it is told to go on.
func (w *walker) fails(s *playbook.Step, out *Step, chance Chance, err error) (*Step, Chance) {
	out.Error = err.Error()
	w.forget([]*playbook.Step{s})
	switch {
	case s.Continue:
		return out, Will
	case chance == May:
		return out, May
	default:
		return out, Not
	}
}

func (w *walker) condition(e *playbook.Expr) (*Condition, error) {
	p, err := e.Partial(w.values, w.unknown)
	if err != nil {
		return nil, fmt.Errorf("if: %w", err)
	}
	c := &Condition{Text: e.Text(), Waits: p.Waits}
	if p.Known() {
		holds := string(p.Value) == "true"
		c.Holds = &holds
	}
	return c, nil
}

func (c *Condition) chance() Chance {
	switch {
	case c.Holds == nil:
		return May
	case *c.Holds:
		return Will
	default:
		return Not
	}
}

func (w *walker) text(v *playbook.Value) (*Text, error) {
	p, err := v.Partial(w.values, w.unknown)
	if err != nil {
		return nil, err
	}
	return text(p), nil
}

// offer makes a step that ran readable: the fields in known, and the others as unknown.
func (w *walker) offer(s *playbook.Step, known map[string]any, unknown ...string) {
	fields := map[string]any{"status": string(playbook.StatusDone)}
	maps.Copy(fields, known)
	w.remember("steps", s.ID, fields)
	for _, field := range unknown {
		w.unknown = append(w.unknown, "steps."+s.ID+"."+field)
	}
}

// remember sets steps.<name> or vars.<name>, of which nothing is unknown then.
func (w *walker) remember(kind, name string, value any) {
	path := kind + "." + name
	w.unknown = slices.DeleteFunc(w.unknown, func(u string) bool { return u == path || strings.HasPrefix(u, path+".") })
	w.values[kind].(map[string]any)[name] = value
}

// skip makes readable that a step, and what is in it, did not run.
func (w *walker) skip(s *playbook.Step) {
	playbook.Walk([]*playbook.Step{s}, func(s *playbook.Step) {
		fields := map[string]any{"status": string(playbook.StatusSkipped)}
		switch s.Verb.(type) {
		case *playbook.Activity:
		case *playbook.Wait:
			fields["arrived"] = false
		case *playbook.Approve:
			fields["approved"], fields["decision"], fields["reason"], fields["by"] = false, "skipped", "skipped", []any{}
		case *playbook.Ask:
			fields["answered"], fields["by"], fields["reason"] = false, "", "skipped"
		default:
			w.forget([]*playbook.Step{s}) // what a run says of it then is not worth knowing
			return
		}
		w.remember("steps", s.ID, fields)
	})
}

// forget makes unknown whatever steps tell and set.
func (w *walker) forget(steps []*playbook.Step) {
	playbook.Walk(steps, func(s *playbook.Step) {
		w.remember("steps", s.ID, map[string]any{})
		w.unknown = append(w.unknown, "steps."+s.ID)
		if set, ok := s.Verb.(*playbook.Set); ok {
			for _, name := range set.Names() {
				w.remember("vars", name, nil)
				w.unknown = append(w.unknown, "vars."+name)
			}
		}
	})
}

// count adds a call to the worst that can come.
func (w *walker) count(name string, one Effect) {
	e := w.worst[name]
	if e == nil {
		one.Activity, one.Asked = name, true
		e = &one
		w.worst[name] = e
	}
	e.Steps++
	e.Many = e.Many || w.many
	e.Asked = e.Asked && w.asked
}

// block forecasts steps inside a step. What may run tells nothing to those that follow.
func (w *walker) block(name string, c *Condition, steps []*playbook.Step, chance Chance) (Block, Chance) {
	b := Block{Name: name, Chance: less(w.outer, chance), If: c}
	next := Will
	switch chance {
	case Will:
		b.Steps, next = w.steps(steps)
	case May:
		inner := w.fork()
		inner.outer = May
		b.Steps, next = inner.steps(steps)
		w.forget(steps)
		if next == Not {
			next = May
		}
	default:
		for _, s := range steps {
			w.skip(s)
		}
	}
	return b, next
}

// decoded is a known value as expressions see it.
func decoded(p *Text) (any, error) { return expr.Any.Decode(p.Value) }
