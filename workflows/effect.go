package workflows

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// effect makes a change that stands under no approval of the playbook's as policy has it: by itself,
// when people say yes to exactly this call, or not at all, when people are asked to do it by hand.
func (r *run) effect(ctx workflow.Context, s *playbook.Step, v *playbook.Activity, row *StepStatus, call activities.Call, name digest.Digest) (map[string]any, error) {
	a := &asking{id: r.name(s), calls: []*covered{{r: r, step: s, verb: v, call: call, name: name}}}
	for {
		var err error
		if a.judged, err = judge(ctx, r.pb.Name, a.calls); err != nil {
			return nil, err
		}
		verdict := a.judged.verdicts[0]
		if err := forbids(verdict, v.Name); err != nil {
			return nil, err
		}
		c := a.calls[0]
		permit := &activities.Permit{Covers: []digest.Digest{c.name}}
		switch verdict.Mode {
		case policy.Manual:
			return nil, r.byHand(ctx, c, row, verdict)
		case policy.Approval:
			if permit, a, err = r.asksAlone(ctx, a, row, verdict); err != nil {
				return nil, err
			}
			c = a.calls[0]
		}
		result, err := r.call(ctx, s, v, row, c.call, permit)
		why := outdated(err)
		if why == "" {
			return result, err
		}
		if err := a.askAgain(why, a.calls); err != nil {
			return nil, err
		}
		r.unshow(row)
		// The engine takes the same call in another task only, and policy may want nobody by now.
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// asksAlone asks people about one call, as policy wants it. A no is a failure: the playbook has not
// been told that anybody would be asked.
func (r *run) asksAlone(ctx workflow.Context, a *asking, row *StepStatus, v policy.Verdict) (*activities.Permit, *asking, error) {
	a.groups, a.quorum, a.expires = v.Need.Groups, v.Need.Quorum, v.Expires
	if a.expires == 0 {
		a.expires = playbook.DefaultExpiry
	}
	a.question = strings.TrimRight(row.Title, ".?! ") + "?"
	if err := r.frame(ctx, a); err != nil {
		return nil, nil, err
	}
	asked, final, err := r.decide(ctx, row, a)
	if err != nil {
		return nil, nil, err
	}
	switch d := asked.Decision; d.Outcome {
	case approval.Approved:
		return asked.permit(), final, nil
	case approval.Rejected:
		return nil, nil, notPermitted("%s asks people, and they said no: %s", ruled(v), d.Reason)
	default:
		return nil, nil, notPermitted("%s asks people: %s: %s", ruled(v), d.Outcome, d.Reason)
	}
}

// maxByHand bounds the input of a call that people are told to do by hand, in bytes; a longer one
// they find at the step.
const maxByHand = 4 << 10

// byHandForm is what people say who were asked to do something by hand.
var byHandForm = approval.Form{
	{Name: "done", Title: "Is it done?", Type: expr.String, OneOf: []json.RawMessage{json.RawMessage(`"yes"`), json.RawMessage(`"no"`)}},
	{Name: "note", Title: "What was done, or why not", Type: expr.String, Optional: true},
}

// byHand asks people to do what policy leaves to them. The step has no output then: a later one that
// reads it fails. The run does not put back what it has not done.
func (r *run) byHand(ctx workflow.Context, c *covered, row *StepStatus, v policy.Verdict) error {
	if len(v.Need.Groups) == 0 {
		return notPermitted("%s leaves %s to people, who do it by hand, and names none to ask", ruled(v), c.call.Activity)
	}
	row.Input = r.show(c.call.Input)
	input := string(c.call.Input)
	if len(input) > maxByHand {
		input = fmt.Sprintf("an input of %d bytes, see the step", len(input))
	}
	expires := v.Expires
	if expires == 0 {
		expires = playbook.DefaultAskExpiry
	}
	ending, err := r.put(ctx, row, approval.Question{
		ID:       r.name(c.step),
		Question: fmt.Sprintf("By hand: %s\n%s leaves this to people: %s with %s", row.Title, ruled(v), c.call.Activity, input),
		Form:     byHandForm, Groups: v.Need.Groups,
	}, expires)
	if err != nil {
		return err
	}
	if ending.Answer == nil {
		return notPermitted("%s leaves %s to people: %s", ruled(v), c.call.Activity, ending.Reason)
	}
	var done, note string
	_ = json.Unmarshal(ending.Answer.Values["done"], &done) // the form has held both
	_ = json.Unmarshal(ending.Answer.Values["note"], &note)
	if done != "yes" {
		return notPermitted("%s leaves %s to people, and %s did not do it: %s", ruled(v), c.call.Activity, ending.Answer.Person, note)
	}
	row.ByHand = ending.Answer.Person
	return nil
}
