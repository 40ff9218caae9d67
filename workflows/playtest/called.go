package playtest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/practice"
)

// family is a playbook with those that it calls, by the ids of its steps.
type family struct {
	*playbook.Playbook

	called map[string]*family
}

// familyOf loads what a playbook calls out of its plan, as its runs do.
func familyOf(pb *playbook.Playbook) (*family, error) {
	f := &family{pb, map[string]*family{}}
	var err error
	playbook.Walk(pb.Steps, func(s *playbook.Step) {
		v, ok := s.Verb.(*playbook.Child)
		if !ok || err != nil {
			return
		}
		var called *playbook.Playbook
		if called, err = pb.Plan.Playbooks[v.Name].Load(); err == nil {
			f.called[s.ID], err = familyOf(called)
		}
	})
	return f, err
}

// each visits a playbook and all that it calls. path names the step behind each, contain/revoke/.
func (f *family) each(path string, visit func(path string, pb *playbook.Playbook)) {
	visit(path, f.Playbook)
	for _, id := range expr.Keys(f.called) {
		f.called[id].each(path+id+"/", visit)
	}
}

// asks are all steps that ask people, by their names: those of called playbooks after the step that
// calls.
func (f *family) asks() map[string]playbook.Verb {
	found := map[string]playbook.Verb{}
	f.each("", func(path string, pb *playbook.Playbook) {
		playbook.Walk(pb.Steps, func(s *playbook.Step) {
			switch s.Verb.(type) {
			case *playbook.Approve, *playbook.Ask:
				found[path+s.ID] = s.Verb
			}
		})
	})
	return found
}

// activities are the names of all activities that are called.
func (f *family) activities() []string {
	var names []string
	f.each("", func(_ string, pb *playbook.Playbook) { names = append(names, expr.Keys(pb.Plan.Activities)...) })
	slices.Sort(names)
	return slices.Compact(names)
}

// ending is how a called playbook ends in a test that does not run it.
type ending struct {
	outcome string
	failed  string // why; "": it is done
}

// endings reads what stands in for called playbooks.
func (p *parser) endings(n *yaml.Node) map[string]ending {
	var names []string
	p.family.each("", func(path string, pb *playbook.Playbook) {
		if path != "" {
			names = append(names, pb.Name)
		}
	})
	out := map[string]ending{}
	p.entries(n, "playbooks", func(key, value *yaml.Node) {
		if !slices.Contains(names, key.Value) {
			p.report(key, "the playbook %s does not call %q%s", p.pb.Name, key.Value, expr.DidYouMean(key.Value, names))
		}
		f := p.fields(value, "the end of "+key.Value, "outcome", "failed")
		if (f["outcome"] == nil) == (f["failed"] == nil) && value.Kind == yaml.MappingNode {
			p.report(value, "the end of %s is an outcome, or failed and why", key.Value)
		}
		out[key.Value] = ending{p.text(f["outcome"], "outcome"), p.text(f["failed"], "failed")}
	})
	return out
}

// replacing is an environment whose runs are those of a test.
type replacing struct {
	worker.WorkflowRegistry

	run func(workflow.Context, workflows.Input) (workflows.Report, error)
}

func (r replacing) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	if options.Name == workflows.RunType {
		w = r.run
	}
	r.WorkflowRegistry.RegisterWorkflowWithOptions(w, options)
}

// runOf is the workflow of a run in a test: the real one, unless the test says how it ends.
func (r *rehearsal) runOf(ctx workflow.Context, in workflows.Input) (workflows.Report, error) {
	var document struct {
		Playbook string `json:"playbook"`
	}
	if in.Parent != "" && json.Unmarshal(in.Plan.Document, &document) == nil {
		if end, ok := r.test.endings[document.Playbook]; ok && end.failed != "" {
			return workflows.Report{}, temporal.NewNonRetryableApplicationError(end.failed, "RunFailed", nil)
		} else if ok {
			return workflows.Report{Outcome: end.outcome}, nil
		}
	}
	return workflows.Run(ctx, in)
}

// began notes a run that was called, and a part of one.
func (r *rehearsal) began(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
	asks := info.WorkflowType.Name == workflows.RunType || info.WorkflowType.Name == workflows.PartType
	if id := info.WorkflowExecution.ID; asks && !slices.Contains(r.children, id) {
		r.children = append(r.children, id)
	}
}

// story is what one run tells of itself.
type story struct {
	*workflows.Status

	path string // contain/ of a run that was called by the step contain, and of its parts
}

// stories asks the run of the test, those that were called and parts, in the order in which they began.
func (r *rehearsal) stories() []story {
	root := r.ask()
	if root == nil {
		return nil
	}
	all := []story{{root, ""}}
	for _, id := range r.children {
		var s *workflows.Status
		value, err := r.env.QueryWorkflowByID(id, workflows.StatusQuery)
		if err != nil || value.Get(&s) != nil {
			continue
		}
		if s.Part != nil {
			id = s.Part.Run
		}
		path := ""
		if id != root.Run {
			path = strings.TrimPrefix(id, root.Run+"/") + "/"
		}
		all = append(all, story{s, path})
	}
	return all
}

// asked is what a run asked people, with its name in the test: contain/ask.
type asked struct {
	name, run, text string
	at              time.Time
	open            bool
	approval        *workflows.ApprovalStatus // nil: a question
	question        *workflows.QuestionStatus
}

// asked is all that was asked in all runs, by when it was.
func (r *rehearsal) asked() []asked {
	var all []asked
	for _, s := range r.stories() {
		for _, a := range s.Approvals {
			all = append(all, asked{s.path + a.ID, a.Run, a.Question, a.Asked, a.Open(), a, nil})
		}
		for _, q := range s.Questions {
			all = append(all, asked{s.path + q.ID, q.Run, q.Question.Question, q.Asked, q.Open(), nil, q})
		}
	}
	slices.SortStableFunc(all, func(a, b asked) int { return a.at.Compare(b.at) })
	return all
}

// say is one person's answer, and the update that takes it to the run.
func (one asked) say(desk *practice.Desk, a *answer, who string) (update string, said grant.Signed, err error) {
	if one.approval != nil {
		said, err = desk.Vote(one.approval.Request, approval.Vote{
			Approval: one.approval.ID, Digest: one.approval.Digest, Person: who, Verdict: approval.Verdict(a.verdict), Reason: a.reason,
		})
		return workflows.DecideUpdate, said, err
	}
	said, err = desk.Answer(one.question.Question, approval.Answer{Question: one.question.ID, Digest: one.question.Digest, Person: who, Values: a.values})
	return workflows.AnswerUpdate, said, err
}

// stepOf takes the rounds off the name of what is asked: each[2].contain/ask is contain/ask.
func stepOf(name string) string {
	steps := strings.Split(name, "/")
	for i, step := range steps {
		steps[i] = step[strings.LastIndexByte(step, '.')+1:]
	}
	return strings.Join(steps, "/")
}

// event is that of the test. A playbook that nothing triggers may do without one.
func (r *rehearsal) event() (event.Event, error) {
	if r.scheduled() {
		return merged(playbook.ScheduledEvent(r.pb.Name, time.Now()), r.test.data)
	}
	if r.test.event == "" {
		return merged(event.Event{
			ID: "test", Source: "countersign/manual", Type: "countersign.manual",
			Time: time.Now().UTC(), Data: json.RawMessage("{}"),
		}, r.test.data)
	}
	return r.read(r.test.event, r.test.data)
}

// scheduled reports whether the test is of a run that the schedule starts.
func (r *rehearsal) scheduled() bool { return r.test.event == "" && r.pb.Schedule != nil }

// given are the inputs that the run does not find by itself.
func (r *rehearsal) given() (map[string]json.RawMessage, error) {
	if !r.scheduled() {
		return r.test.inputs, nil
	}
	all, err := r.pb.Schedule.Given()
	if err != nil {
		return nil, err
	}
	maps.Copy(all, r.test.inputs)
	return all, nil
}
