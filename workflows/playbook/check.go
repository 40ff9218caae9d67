package playbook

import (
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// checker walks a parsed playbook once, in the order in which it would run, and fills in what
// running needs: signatures and compiled expressions.
type checker struct {
	*source

	catalog Catalog
	used    map[string]Signature
	ids     map[string]*Step
	vars    map[string]varType
	spent   int // bytes of expressions and templates compiled so far
}

// maxExpressions bounds all expressions of a playbook together, in bytes. A worker compiles a plan
// inside the run, where a second is all it may take; this much takes a good part of half of it.
const maxExpressions = 32 << 10

// afford reports whether one more expression may be compiled.
func (c *checker) afford(n *yaml.Node) bool {
	before := c.spent
	c.spent += len(n.Value)
	if c.spent > maxExpressions && before <= maxExpressions {
		c.reportAt(ruleLimits, n, "the expressions of the playbook are more than %d bytes together; move some into an activity or another playbook", maxExpressions)
	}
	return c.spent <= maxExpressions
}

// varType is the type a variable has in the whole playbook, and where it was first set.
type varType struct {
	*expr.Type

	line int
}

func (c *checker) playbook(pb *Playbook) {
	for _, t := range pb.Triggers {
		c.expr(t.If, expr.Bool, eventOnly())
		c.expr(t.Dedupe, expr.String, eventOnly())
	}
	for _, in := range pb.Inputs {
		c.expr(in.From, in.Type, eventOnly())
		if in.Default != nil {
			c.constant(in)
		}
	}
	sc := pb.start()
	c.block(pb.Steps, sc)
	c.width(pb.Steps)
	c.expr(pb.Outcome, expr.String, sc)
}

// constant checks a default, which stands for itself: there is nothing to read.
func (c *checker) constant(in *Input) {
	if expr.IsTemplate(in.Default.node.Value) {
		c.reportAt(ruleBadValue, in.Default.node, "the default of the input %q is a plain value; an expression goes into from, without ${...}", in.Name)
		return
	}
	c.value(in.Default, in.Type, in.Name+" takes", eventOnly())
}

// block checks steps that run one after the other.
func (c *checker) block(steps []*Step, sc *scope) {
	for _, s := range steps {
		again := c.identify(s)
		c.expr(s.If, expr.Bool, sc)
		c.title(s, sc)
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
	if s.If == nil && !s.Continue {
		return s.Verb.check(c, s, sc)
	}
	inner := sc.fork()
	fields := skippable(s.Verb.check(c, s, inner))
	sc.join([]*scope{inner})
	return fields
}

// skippable marks what a step that was skipped, or failed, does not have. What an approval tells
// stays: without a decision it was not given.
func skippable(fields []expr.Field) []expr.Field {
	out := make([]expr.Field, len(fields))
	for i, f := range fields {
		f.Optional = f.Name == "output"
		out[i] = f
	}
	return out
}

// branches checks blocks of which at most one runs: none of them can read what another did.
func (c *checker) branches(blocks [][]*Step, sc *scope) {
	forks := make([]*scope, len(blocks))
	for i, steps := range blocks {
		forks[i] = sc.fork()
		c.block(steps, forks[i])
	}
	sc.join(forks)
}

// maxWidth bounds what a run does at the same moment. Temporal takes 2,000 pending calls of a run;
// one that begins more at once would not get on again.
const maxWidth = 500

// width returns how many calls the steps may have under way at the same moment.
func (c *checker) width(steps []*Step) int {
	widest := 0
	for _, s := range steps {
		inside, sum := 1, 0
		for _, block := range Inner(s) {
			w := c.width(block)
			inside, sum = max(inside, w), sum+w
		}
		switch v := s.Verb.(type) {
		case *Parallel:
			inside = max(inside, sum)
		case *ForEach:
			inside *= v.MaxParallel
		}
		if inside > maxWidth {
			c.reportAt(ruleBound, s.node, "the step may do %d things at once; at most %d: lower max_parallel", inside, maxWidth)
			inside = maxWidth
		}
		widest = max(widest, inside)
	}
	return widest
}

// identify reports an id that another step has.
func (c *checker) identify(s *Step) (taken bool) {
	if !s.named || s.ID == "" {
		return false
	}
	if first, taken := c.ids[s.ID]; taken {
		c.reportAt(ruleDuplicateID, s.node, "the id %q is already that of the step at line %d", s.ID, first.node.Line)
		return true
	}
	c.ids[s.ID] = s
	return false
}

func (c *checker) title(s *Step, sc *scope) { c.text(s.Title, "the title", sc) }

// expr compiles a bare expression; nil is none.
func (c *checker) expr(e *Expr, want *expr.Type, sc *scope) {
	if e == nil {
		return
	}
	if !c.afford(e.node) {
		return
	}
	program, problems := sc.env(c).Compile(e.node.Value, want)
	c.reportInside(ruleExpression, e.node, problems)
	e.Program = program
}
