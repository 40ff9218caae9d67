package playbook

import (
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

func (s *Switch) check(c *checker, _ *Step, sc *scope) []expr.Field {
	for _, one := range s.Cases {
		c.expr(one.If, expr.Bool, sc)
	}
	c.branches(s.inner(), sc)
	return []expr.Field{{Name: "case", Type: expr.Int}}
}
