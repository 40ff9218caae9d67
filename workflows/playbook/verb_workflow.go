package playbook

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Workflow runs a registered workflow that is written in Go, and waits for its end:
//
//	workflow: acme.posture_report
//	with: {account: "${inputs.account}"}
//
// What it calls meets the same guard, and what cannot be undone it cannot call. With undo: automatic
// each of its changes is put back by the undo of its activity, also where the workflow failed half way.
// It offers output, typed by the workflow.
type Workflow struct {
	Name string
	With *Value
	// Signature is what the workflow was when the playbook was compiled.
	Signature WorkflowSignature

	node *yaml.Node
}

// WorkflowSignature is what a playbook must know of a workflow.
type WorkflowSignature struct {
	Title   string        `json:"title"`
	Timeout time.Duration `json:"timeout"`
	// Effects are the changes that it may call, by the names of their activities, sorted. No other is
	// made by it.
	Effects []string   `json:"effects,omitempty"`
	Input   *expr.Type `json:"input"`
	Output  *expr.Type `json:"output"`
}

// validate holds a signature that came with a plan to what a registered workflow always has.
func (s WorkflowSignature) validate() error {
	switch {
	case s.Input == nil || s.Output == nil:
		return errors.New("it has no types")
	case slices.Contains(s.Effects, ""):
		return errors.New("an effect has no name")
	case s.Input.Kind() != expr.KindObject && s.Input.Kind() != expr.KindMap:
		return fmt.Errorf("its input is %s; want an object", s.Input)
	case s.Timeout <= 0 || s.Timeout > MaxWait:
		return fmt.Errorf("its timeout is %s; want at most %s", s.Timeout, Span(MaxWait))
	default:
		return nil
	}
}

func workflowVerb() verb {
	return verb{
		keyword: "workflow",
		keys:    []string{"with"},
		parse: func(_ *parser, o object) Verb {
			n, with := o.call("workflow")
			if n == nil {
				return nil
			}
			return &Workflow{Name: n.Value, With: with, node: n}
		},
	}
}

// Keyword implements Verb.
func (*Workflow) Keyword() string { return "workflow" }

func (v *Workflow) check(c *checker, step *Step, sc *scope) []expr.Field {
	c.childName(step, sc)
	signature, ok := c.catalog.Workflows.Lookup(v.Name)
	if !ok {
		c.reportAt(ruleWorkflow, v.node, "there is no workflow %q%s", v.Name, expr.DidYouMean(v.Name, c.catalog.Workflows.Names()))
		return []expr.Field{{Name: "output", Type: expr.Any}}
	}
	v.Signature = signature
	c.flows[v.Name] = signature
	c.value(v.With, signature.Input, fmt.Sprintf("%s takes", v.Name), sc)
	return []expr.Field{{Name: "output", Type: signature.Output}}
}
