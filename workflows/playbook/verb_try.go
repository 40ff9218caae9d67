package playbook

import (
	"fmt"

	"github.com/countersign/countersign/workflows/expr"
)

// Try runs steps and says what happens when one of them fails.
//
//	try: [...]
//	catch: [...]     # runs when a step of try failed; sees error.step and error.reason
//	finally: [...]   # always runs: also after a stop, and when the run is cancelled
//
// After catch the run goes on. Without catch the failure goes up once finally has run; a failure
// inside finally is reported beside it. A stop and a cancellation are no failures: catch does not
// see them.
//
// It offers caught: whether catch ran.
type Try struct {
	Steps   []*Step
	Catch   []*Step
	Finally []*Step
}

// errorType is the name error inside catch: the step that failed, and why, for people to read.
var errorType = expr.Object(
	expr.Field{Name: "step", Type: expr.String},
	expr.Field{Name: "reason", Type: expr.String},
)

func tryVerb() verb {
	return verb{
		keyword: "try",
		keys:    []string{"catch", "finally"},
		parse: func(p *parser, o object) Verb {
			if !o.has("catch") && !o.has("finally") && !o.meant["catch"] && !o.meant["finally"] {
				p.reportAt(ruleMissingKey, o.node, "%s needs the key \"catch\" or the key \"finally\"", o.what)
			}
			return &Try{Steps: p.block(o, "try"), Catch: p.block(o, "catch"), Finally: p.block(o, "finally")}
		},
	}
}

// Keyword implements Verb.
func (*Try) Keyword() string { return "try" }

func (t *Try) inner() [][]*Step { return [][]*Step{t.Steps, t.Catch, t.Finally} }

func (t *Try) check(c *checker, step *Step, sc *scope) []expr.Field {
	Walk(t.Finally, func(s *Step) {
		if _, ok := s.Verb.(*Stop); ok {
			c.reportAt(ruleFinally, s.node, "a stop cannot stand in finally, where it would hide how the steps before it ended")
		}
	})
	why := fmt.Sprintf("the try at line %d may fail before it", step.node.Line)
	before := sc.fork()
	tried := sc.fork()
	tried.caught = true
	c.inside(tried, nil)
	c.block(t.Steps, tried)
	c.laws.Add(added(before, tried), append(whole(step), claim(step, "caught", false, false))...)
	ended := []*scope{tried}
	if len(t.Catch) > 0 {
		caught := sc.fork()
		caught.join(ended, &before.facts, why) // how far the steps came is not known
		caught.name("error", errorType)
		caught.caught = sc.caught || len(t.Finally) > 0
		c.inside(caught, nil)
		c.block(t.Catch, caught)
		c.laws.Add(added(before, caught), sc.unless(step, claim(step, "caught", true, false))...)
		ended = append(ended, caught)
	}
	last := sc.fork()
	last.join(ended, &before.facts, why)
	if len(t.Catch) == 0 {
		sc.take(before, tried) // whoever comes after it knows that they ran
		sc.facts, sc.over = tried.facts, tried.over
	} else {
		sc.join(ended, nil, why)
	}
	before = last.fork()
	c.block(t.Finally, last)
	sc.take(before, last)
	sc.changes(t.Finally)
	sc.facts = sc.facts.And(last.facts)
	return []expr.Field{{Name: "caught", Type: expr.Bool}}
}
