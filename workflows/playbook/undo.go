package playbook

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Undo says how to put back what a step did, if the run fails or is cancelled after the step was
// done. Without it what was done stays done, and the run says so.
//
//	undo: automatic                    # of a call: by the undo of its activity; of a workflow: each of its changes
//	undo: {after: 4h}                  # the same, and also when the run ends well, unless somebody keeps it
//	undo:                              # of any step: by these calls
//	  - activity: aws.iam.enable_access_key
//	    with: {account: "${inputs.account}", user: "${steps.disable.output.user}", access_key_id: "${inputs.key_id}"}
//
// The calls are resolved the moment the step is done, and see what it offers. What is put back is
// put back newest first.
type Undo struct {
	// Automatic is the signature of the activity's undo; nil: there are calls. Of a workflow written in
	// Go it is empty, as what puts back its changes comes with them.
	Automatic *Signature
	Calls     []*Activity
	// After is how long what a call did holds, however the run ends, unless a person keeps it; 0: for
	// good, once the run has ended well.
	After time.Duration

	node *yaml.Node
}

// Holds is how long what a step did holds, see After.
func (u *Undo) Holds() time.Duration {
	if u == nil {
		return 0
	}
	return u.After
}

// automatically is the word for the undo of the activity itself.
const automatically = "automatic"

// Bounds of how long what a step did may hold that is put back by itself.
const (
	minAfter = time.Minute
	maxAfter = MaxWait
)

func (p *parser) undo(o object) *Undo {
	n := o.values["undo"]
	if n == nil {
		return nil
	}
	u := &Undo{node: n}
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == automatically:
		u.Automatic = &Signature{}
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str":
		p.reportAt(ruleBadValue, n, "\"undo\" of %s is %q; want %s, {after: 4h}, or a list of calls", o.what, n.Value, automatically)
	case n.Kind == yaml.MappingNode && valueOf(n, "activity") == nil: // else a list was meant
		u.Automatic = &Signature{}
		if uo, ok := p.object(n, "undo", undoKeys); ok && uo.require("after") {
			u.After = uo.duration("after", minAfter, maxAfter, minAfter)
		}
	case n.Kind != yaml.SequenceNode:
		p.reportAt(ruleWrongType, n, "\"undo\" of %s is %s, {after: 4h}, or a list of calls; got %s", o.what, automatically, form(n))
	}
	if n.Kind != yaml.SequenceNode {
		return u
	}
	for _, n := range o.list("undo") {
		call, ok := p.object(n, "a call of undo", callKeys)
		if !ok || !call.require("activity") {
			continue
		}
		if a, ok := activityVerb().parse(p, call).(*Activity); ok {
			u.Calls = append(u.Calls, a)
		}
	}
	return u
}

// undo checks how a step is put back. fields are what the step offers when it was done.
func (c *checker) undo(s *Step, fields []expr.Field, sc *scope) {
	switch {
	case s.Undo == nil:
	case s.Undo.Automatic != nil:
		c.automatic(s)
		if s.Undo.After > 0 {
			c.spoken(s, sc, "step that is put back by itself")
		}
	default:
		done := sc.fork()
		done.add(s, fields)
		done.covered = true // why no destroy may stand here is told below
		for _, a := range s.Undo.Calls {
			a.check(c, &Step{}, done)
			switch a.Signature.Effect {
			case EffectRead:
				c.reportAt(ruleUndo, a.node, "%s only reads, so it puts nothing back", a.Name)
			case EffectDestroy:
				c.reportAt(ruleUndo, a.node, "%s cannot be undone, so nobody may do it unasked: what puts back is a change", a.Name)
			}
		}
	}
}

// automatic checks that the activity of a step can be taken back by its undo, and keeps what running
// that needs.
func (c *checker) automatic(s *Step) {
	if v, ok := s.Verb.(*Workflow); ok && s.Undo.After == 0 {
		c.automaticFlow(s, v)
		return
	}
	a, ok := s.Verb.(*Activity)
	if !ok {
		word := automatically
		if s.Undo.node.Kind == yaml.MappingNode {
			word = "after"
		}
		if keyword := s.Verb.Keyword(); keyword != "" {
			c.reportAt(ruleUndo, s.Undo.node, "%s is for a call, whose activity has an undo; for a step with %q, list the calls that put it back", word, keyword)
		}
		return
	}
	back, known := c.catalog.Activities.Lookup(a.Signature.Undo)
	switch {
	case a.Signature.Effect == EffectRead:
		c.reportAt(ruleUndo, s.Undo.node, "%s only reads: there is nothing to put back", a.Name)
	case a.Signature.Effect == EffectDestroy:
		c.reportAt(ruleUndo, s.Undo.node, "%s cannot be undone", a.Name)
	case !known || back.Effect == EffectRead: // which is reported as a change without undo, or the activity is not known
		if c.catalog.partial {
			c.reportAt(ruleUndo, s.Undo.node, "the plan does not have %s, which puts back what %s does", a.Signature.Undo, a.Name)
		}
	case back.Effect == EffectDestroy:
		c.reportAt(ruleUndo, s.Undo.node, "%s is taken back by %s, which cannot be undone, so nobody may do it unasked", a.Name, a.Signature.Undo)
	case back.Input.Kind() != expr.KindObject:
		c.reportAt(ruleUndo, s.Undo.node, "%s, which takes %s back, does not say which fields it takes: list the call, with them", a.Signature.Undo, a.Name)
	default:
		for _, f := range missing(back, a.Signature) {
			c.reportAt(ruleUndo, s.Undo.node, "%s takes %q (%s), which neither the output nor the input of %s always has", a.Signature.Undo, f.Name, f.Type, a.Name)
		}
		s.Undo.Automatic = &back
		c.used[a.Signature.Undo] = back
	}
}

// automaticFlow checks that what a workflow written in Go may change can be taken back, each by the undo
// of its activity. Which that was at its time the workflow tells itself.
func (c *checker) automaticFlow(s *Step, v *Workflow) {
	_, known := c.catalog.Workflows.Lookup(v.Name)
	if known && len(v.Signature.Effects) == 0 {
		c.reportAt(ruleUndo, s.Undo.node, "%s changes nothing: there is nothing to put back", v.Name)
	}
	for _, name := range v.Signature.Effects {
		a, known := c.catalog.Activities.Lookup(name)
		if back, ok := c.catalog.Activities.Lookup(a.Undo); known && ok && back.Effect == EffectDestroy {
			c.reportAt(ruleUndo, s.Undo.node, "%s, which %s may call, is taken back by %s, which cannot be undone, so nobody may do it unasked", name, v.Name, a.Undo)
		}
	}
}

// missing are the fields that an undo needs and that a call which it takes back need not have.
func missing(back, of Signature) []expr.Field {
	return slices.DeleteFunc(slices.Clone(back.Input.Fields()), func(f expr.Field) bool {
		for _, t := range []*expr.Type{of.Output, of.Input} {
			if have, ok := t.Field(f.Name); t.Kind() == expr.KindAny || t.Kind() == expr.KindMap || ok && !have.Optional && f.Type.Accepts(have.Type) {
				return true
			}
		}
		return f.Optional
	})
}
