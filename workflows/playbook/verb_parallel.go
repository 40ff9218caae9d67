package playbook

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Parallel runs branches side by side and waits for all of them.
//
//	parallel:
//	  - steps: [...]
//	  - steps: [...]
//	continue_on_error: false
//
// The first branch that fails cancels the others, and the step fails with it; with
// continue_on_error all go on to their ends, and failures are only counted. A branch cannot read
// what another does; afterwards all of it can be read.
//
// It offers failed: how many branches failed. error is then the first failure.
type Parallel struct {
	Branches        [][]*Step
	ContinueOnError bool
}

func parallelVerb() verb {
	return verb{
		keyword: "parallel",
		keys:    []string{"continue_on_error"},
		parse: func(p *parser, o object) Verb {
			v := &Parallel{ContinueOnError: o.boolean("continue_on_error")}
			for _, n := range o.list("parallel") {
				if branch, ok := p.object(n, "a branch", branchKeys); ok {
					branch.require("steps")
					v.Branches = append(v.Branches, p.block(branch, "steps"))
				}
			}
			return v
		},
	}
}

// Keyword implements Verb.
func (*Parallel) Keyword() string { return "parallel" }

func (v *Parallel) inner() [][]*Step { return v.Branches }

func (v *Parallel) check(c *checker, step *Step, sc *scope) []expr.Field {
	before := sc.fork()
	ended := make([]*scope, len(v.Branches))
	first := map[string]*yaml.Node{}
	for i, steps := range v.Branches {
		own := map[string]*yaml.Node{}
		for _, a := range assigned(steps) {
			if other, taken := first[a.name]; taken {
				c.reportAt(ruleSharedVar, a.node, "vars.%s is set in another branch too (line %d); of branches side by side, only one can set it", a.name, other.Line)
			} else if own[a.name] == nil {
				own[a.name] = a.node
			}
		}
		for _, name := range expr.Keys(own) {
			first[name] = own[name]
		}
		ended[i] = sc.fork()
		if v.ContinueOnError {
			ended[i].caught = true
			c.inside(ended[i], nil)
		}
		c.block(steps, ended[i])
	}
	if v.ContinueOnError {
		sc.join(ended, &before.facts, fmt.Sprintf("a branch of the parallel at line %d may fail before it", step.node.Line))
	} else {
		for _, branch := range ended {
			sc.take(before, branch)
			sc.facts, sc.over = sc.facts.And(branch.facts), sc.over || branch.over
		}
	}
	return []expr.Field{{Name: "failed", Type: expr.Int}}
}
