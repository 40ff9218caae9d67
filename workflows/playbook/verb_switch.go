package playbook

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Switch runs the steps of the first case whose if holds, else those of default, else none.
//
//	switch:
//	  - if: inputs.user_type == "IAMUser"
//	    steps: [...]
//	default: [...]
//
// It offers case: the number of the case that was taken, from 1; 0 for default or none.
type Switch struct {
	Cases   []*Case
	Default []*Step
}

// Case is one way of a switch.
type Case struct {
	If    *Expr
	Steps []*Step
}

func switchVerb() verb {
	return verb{
		keyword: "switch",
		keys:    []string{"default"},
		parse: func(p *parser, o object) Verb {
			s := &Switch{}
			for _, n := range o.list("switch") {
				if one := p.switchCase(n); one != nil {
					s.Cases = append(s.Cases, one)
				}
			}
			s.Default = p.block(o, "default")
			return s
		},
	}
}

func (p *parser) switchCase(n *yaml.Node) *Case {
	o, ok := p.object(n, "a case", caseKeys)
	if !ok {
		return nil
	}
	o.require("if", "steps")
	return &Case{If: o.expression("if"), Steps: p.block(o, "steps")}
}

// Keyword implements Verb.
func (*Switch) Keyword() string { return "switch" }

func (s *Switch) inner() [][]*Step {
	blocks := make([][]*Step, 0, len(s.Cases)+1)
	for _, one := range s.Cases {
		blocks = append(blocks, one.Steps)
	}
	return append(blocks, s.Default)
}

func (s *Switch) check(c *checker, step *Step, sc *scope) []expr.Field {
	var branches []*scope
	rest := sc.facts // what is known where no case held so far
	var taken []expr.Facts
	for i, one := range s.Cases {
		at := sc.fork()
		at.facts = rest
		c.expr(one.If, expr.Bool, at)
		branch := sc.fork()
		branch.facts = c.when(one.If, true, rest, sc)
		c.taken(one, sc, rest, branch.facts)
		exactly := c.exactly(one.If, taken, sc)
		c.inside(branch, exactly)
		c.block(one.Steps, branch)
		c.laws.Add(added(sc, branch), sc.unless(step, claim(step, "case", i+1, false))...)
		if len(exactly) > 0 {
			c.laws.Add(added(sc, branch), branch.under...)
		}
		taken = append(taken, c.when(one.If, true, expr.Facts{}, sc))
		branches, rest = append(branches, branch), c.when(one.If, false, rest, sc)
	}
	why := fmt.Sprintf("not every case of the switch at line %d has it", step.node.Line)
	if len(s.Default) == 0 {
		sc.join(branches, &rest, why)
		return []expr.Field{{Name: "case", Type: expr.Int}}
	}
	branch := sc.fork()
	branch.facts = rest
	c.otherwise(s, sc, rest)
	c.inside(branch, nil)
	c.block(s.Default, branch)
	sc.join(append(branches, branch), nil, why)
	return []expr.Field{{Name: "case", Type: expr.Int}}
}
