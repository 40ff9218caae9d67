package playbook

import (
	"fmt"
	"strings"

	"github.com/countersign/countersign/workflows/expr"
)

// checker walks a parsed playbook once, in the order in which it would run, and fills in what
// running needs: signatures and compiled expressions.
type checker struct {
	*source

	catalog Catalog
	used    map[string]Signature
	events  map[string]*expr.Type // of the catalog, as the plan carries them
	ids     map[string]*Step
	vars    map[string]varType
	spent   int // bytes of expressions and templates compiled so far
	// reads are the names that expressions read, "steps.find" where one asks a name for a field, since the
	// innermost loop began.
	reads map[string]bool
	// starts are the triggers of the playbook: they say what event a run of it may have.
	starts  []*Trigger
	called  map[string]Plan
	carried int // bytes of the plans in called
	flows   map[string]WorkflowSignature
	// laws say what is there when, for all of the playbook.
	laws *expr.Laws
	// hostile are the paths beside the event where text of it may stand.
	hostile map[string]bool
	blocks  int // that have claims of their own
	// unread is true where the parser has found mistakes: what it could not read is not there to be
	// reasoned about.
	unread bool
}

// varType is the type a variable has in the whole playbook, and where it was first set.
type varType struct {
	*expr.Type

	line int
}

func (c *checker) playbook(pb *Playbook) {
	pb.data = c.triggers(pb)
	sc := eventOnly(pb.data)
	for _, in := range pb.Inputs {
		c.compile(in.From, in.Type, sc)
		if c.tainted(in.From, sc) {
			c.taint(expr.Path("inputs", in.Name))
		}
		if in.Default != nil {
			c.constant(in, sc)
		}
	}
	c.schedule(pb)
	sc = pb.start(sc)
	c.block(pb.Steps, sc)
	c.width(pb.Steps)
	c.expr(pb.Outcome, expr.String, sc)
	c.carry(pb, *sc.eventReads)
}

// constant checks a default, which stands for itself: there is nothing to read.
func (c *checker) constant(in *Input, sc *scope) {
	if expr.IsTemplate(in.Default.node.Value) {
		c.reportAt(ruleBadValue, in.Default.node, "the default of the input %q is a plain value; an expression goes into from, without ${...}", in.Name)
		return
	}
	c.value(in.Default, in.Type, in.Name+" takes", sc)
}

// block checks steps that run one after the other.
func (c *checker) block(steps []*Step, sc *scope) {
	for _, s := range steps {
		again := c.identify(s)
		c.reached(s, sc)
		c.expr(s.If, expr.Bool, sc)
		fields := c.verb(s, sc)
		sc.add(s, fields)
		if again {
			sc.forget(s.ID)
		}
	}
}

// verb checks what a step does. Where it may not run, or not to its end, the same holds for what
// stands inside it.
func (c *checker) verb(s *Step, sc *scope) []expr.Field {
	if _, call := s.Verb.(*Activity); !call && s.Retry.Times > 1 {
		leave := sc.enter(s) // the names of what is inside tell the attempt
		defer leave()
	}
	for _, block := range Inner(s) { // which may run a second time
		sc.changes(block)
	}
	if s.If == nil && !s.Continue {
		before := sc
		if len(Inner(s)) > 0 {
			before = sc.fork()
		}
		c.title(s, sc)
		fields := s.Verb.check(c, s, sc)
		c.undo(s, fields, sc)
		c.learn(s, fields, before, sc)
		sc.facts = sc.facts.Claims(whole(s)...)
		return fields
	}
	inner, rest := sc.fork(), sc.facts
	if s.If != nil {
		inner.facts = c.when(s.If, true, sc.facts, sc)
		c.possible(s, sc, inner)
	}
	if s.Continue {
		c.inside(inner, nil)
		inner.caught = true
	} else {
		c.inside(inner, c.exactly(s.If, nil, sc))
	}
	c.title(s, inner)
	fields := s.Verb.check(c, s, inner)
	c.undo(s, fields, inner)
	c.learn(s, fields, sc, inner)
	why := fmt.Sprintf("the step %q may have failed", s.ID)
	if s.If != nil {
		why = fmt.Sprintf("it is there only where the condition at line %d holds", s.If.node.Line)
	}
	if s.Continue {
		inner.over = false // what it ends with may fail too
	} else {
		rest = c.when(s.If, false, sc.facts, sc)
	}
	sc.join([]*scope{inner}, &rest, why)
	if s.named && s.If == nil {
		sc.facts = sc.facts.Claims(claim(s, "status", StatusSkipped, true))
	} else if s.named && !s.Continue {
		sc.facts = sc.facts.Claims(claim(s, "status", StatusFailed, true))
	}
	return skippable(fields, why)
}

// skippable marks what a step that was skipped, or failed, does not have. What an approval tells
// stays: without a decision it was not given.
func skippable(fields []expr.Field, why string) []expr.Field {
	out := make([]expr.Field, len(fields))
	for i, f := range fields {
		if (f.Name == "output" || f.Name == "outcome") && !f.Optional {
			f.Optional, f.Why = true, why
		}
		out[i] = f
	}
	return out
}

func (c *checker) title(s *Step, sc *scope) { c.text(s.Title, "the title", sc) }

// expr compiles a bare expression; nil is none. What it reads must be there.
func (c *checker) expr(e *Expr, want *expr.Type, sc *scope) {
	if c.compile(e, want, sc); e != nil && e.Program != nil {
		c.missing(e.node, e.Program, sc)
	}
}

func (c *checker) compile(e *Expr, want *expr.Type, sc *scope) {
	if e == nil || !c.afford(e.node) {
		return
	}
	program, problems := sc.env().Compile(e.node.Value, want)
	c.reportInside(ruleExpression, e.node, problems)
	if program != nil {
		c.read(program.Paths(), sc)
	}
	e.Program = program
}

// read notes what an expression reads: the beginnings of the paths, and of the event all of them.
func (c *checker) read(paths [][]string, sc *scope) {
	for _, path := range paths {
		c.reads[strings.Join(path[:min(2, len(path))], ".")] = true
		if path[0] == "event" {
			*sc.eventReads = append(*sc.eventReads, path[1:])
		}
	}
}
