package playbook

import "github.com/countersign/countersign/workflows/expr"

// checker walks a parsed playbook once, in the order in which it would run, and fills in what
// running needs: signatures and compiled expressions.
type checker struct {
	*source

	catalog Catalog
	used    map[string]Signature
	events  map[string]*expr.Type // of the catalog, the types of events that are named
	ids     map[string]*Step
	vars    map[string]varType
	spent   int // bytes of expressions and templates compiled so far
	// reads are the names that expressions read, as expr.Program.Reads has them, since the
	// innermost loop began.
	reads map[string]bool
	// starts are the triggers of the playbook: they say what event a run of it may have.
	starts  []*Trigger
	called  map[string]Plan
	carried int // bytes of the plans in called
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
		c.expr(in.From, in.Type, sc)
		if in.Default != nil {
			c.constant(in, sc)
		}
	}
	sc = pb.start()
	c.block(pb.Steps, sc)
	c.width(pb.Steps)
	c.expr(pb.Outcome, expr.String, sc)
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
	if _, call := s.Verb.(*Activity); !call && s.Retry.Times > 1 {
		leave := sc.enter(s) // the names of what is inside tell the attempt
		defer leave()
	}
	if s.If == nil && !s.Continue {
		fields := s.Verb.check(c, s, sc)
		c.undo(s, fields, sc)
		return fields
	}
	inner := sc.fork()
	fields := s.Verb.check(c, s, inner)
	c.undo(s, fields, inner)
	sc.join([]*scope{inner})
	return skippable(fields)
}

// skippable marks what a step that was skipped, or failed, does not have. What an approval tells
// stays: without a decision it was not given.
func skippable(fields []expr.Field) []expr.Field {
	out := make([]expr.Field, len(fields))
	for i, f := range fields {
		f.Optional = f.Optional || f.Name == "output" || f.Name == "outcome"
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

func (c *checker) title(s *Step, sc *scope) { c.text(s.Title, "the title", sc) }

// expr compiles a bare expression; nil is none.
func (c *checker) expr(e *Expr, want *expr.Type, sc *scope) {
	if e == nil {
		return
	}
	if !c.afford(e.node) {
		return
	}
	program, problems := sc.env().Compile(e.node.Value, want)
	c.reportInside(ruleExpression, e.node, problems)
	if program != nil {
		c.read(program.Reads())
	}
	e.Program = program
}

// read notes what an expression reads.
func (c *checker) read(names []string) {
	for _, name := range names {
		c.reads[name] = true
	}
}
