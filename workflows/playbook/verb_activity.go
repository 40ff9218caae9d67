package playbook

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Activity runs a registered activity:
//
//	activity: aws.iam.disable_access_key
//	with: {account: "${inputs.account}", user: deployer, access_key_id: "${inputs.key_id}"}
//
// It offers output, typed by the activity.
type Activity struct {
	Name string
	With *Value
	// Signature is what the activity was when the playbook was compiled.
	Signature Signature

	node *yaml.Node
}

func activityVerb() verb {
	return verb{
		keyword: "activity",
		keys:    []string{"with"},
		parse: func(_ *parser, o object) Verb {
			n, with := o.call("activity")
			if n == nil {
				return nil
			}
			return &Activity{Name: n.Value, With: with, node: n}
		},
	}
}

// call reads the name of what a step calls, and what it gives it: nothing, if there is no with. The
// name is nil if that cannot be told.
func (o object) call(keyword string) (name *yaml.Node, with *Value) {
	name, with = o.scalar(keyword), o.value("with")
	switch {
	case name == nil || with != nil:
	case o.meant["with"]:
		return nil, nil
	default:
		with = &Value{node: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: name.Line, Column: name.Column}}
	}
	return name, with
}

// Keyword implements Verb.
func (*Activity) Keyword() string { return "activity" }

func (a *Activity) check(c *checker, step *Step, sc *scope) []expr.Field {
	signature, ok := c.catalog.Activities.Lookup(a.Name)
	if !ok {
		c.reportAt(ruleActivity, a.node, "there is no activity %q%s", a.Name, expr.DidYouMean(a.Name, c.catalog.Activities.Names()))
		return []expr.Field{{Name: "output", Type: expr.Any}}
	}
	a.Signature = signature
	if step.Timeout == 0 {
		step.Timeout = max(DefaultTimeout, signature.Timeout)
	}
	c.used[a.Name] = signature
	if signature.Effect == EffectDestroy && !sc.covered {
		c.reportAt(ruleNeedsApproval, a.node, "%s cannot be undone: put it under the steps of an approve", a.Name)
	}
	c.takenBack(a)
	c.value(a.With, signature.Input, fmt.Sprintf("%s takes", a.Name), sc)
	c.sinks(a, sc)
	return a.offers()
}

func (a *Activity) offers() []expr.Field {
	return []expr.Field{{Name: "output", Type: a.Signature.Output}}
}
