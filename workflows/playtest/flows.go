package playtest

import (
	"encoding/json"
	"errors"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// workflows are the names of all workflows that are run.
func (f *family) workflows() []string {
	var names []string
	f.each("", func(_ string, pb *playbook.Playbook) { names = append(names, expr.Keys(pb.Plan.Workflows)...) })
	slices.Sort(names)
	return slices.Compact(names)
}

// callable are the activities that a test may name: those of the playbook and of all it calls, and
// every one where a workflow runs, as only its code knows what it calls.
func (p *parser) callable() []string {
	if len(p.family.workflows()) == 0 {
		return p.family.activities()
	}
	var names []string
	for _, a := range p.registry.All() {
		names = append(names, a.Name)
	}
	return names
}

// flowReplies reads what stands in for workflows.
func (p *parser) flowReplies(n *yaml.Node) map[string]*reply {
	out := map[string]*reply{}
	names := p.family.workflows()
	p.entries(n, "workflows", func(key, value *yaml.Node) {
		if !slices.Contains(names, key.Value) || p.flows == nil {
			p.report(key, "the playbook %s does not run %q%s", p.pb.Name, key.Value, expr.DidYouMean(key.Value, names))
			return
		}
		f, _ := p.flows.Lookup(key.Value)
		if r := p.reply(key.Value, value, f.Output); r != nil {
			out[key.Value] = r
		}
	})
	return out
}

// flows lets the workflows of a test run, or answer what the test says.
func (r *rehearsal) flows(calls *activities.Registry) {
	if r.opts.Workflows != nil {
		r.opts.Workflows.Bind(answering{r.env, r.test.flows}, calls)
	}
}

// answering is an environment in which some workflows only answer.
type answering struct {
	worker.WorkflowRegistry

	replies map[string]*reply
}

func (a answering) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	if listed, ok := a.replies[options.Name]; ok {
		w = func(workflow.Context, json.RawMessage) (workflows.FlowReport, error) {
			if listed.err == nil {
				return workflows.FlowReport{Output: listed.output}, nil
			}
			kind := ""
			var e *activities.Error
			if errors.As(listed.err, &e) {
				kind = e.Kind
			}
			return workflows.FlowReport{}, temporal.NewNonRetryableApplicationError(listed.err.Error(), kind, nil)
		}
	}
	a.WorkflowRegistry.RegisterWorkflowWithOptions(w, options)
}
