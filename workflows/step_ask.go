package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// ask puts a question with a form to people. That nobody answers is no failure.
func (r *run) ask(ctx workflow.Context, s *playbook.Step, v *playbook.Ask, row *StepStatus) (map[string]any, error) {
	text, err := r.text(ctx, v.Message)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	ending, err := r.put(ctx, row, approval.Question{ID: r.name(s), Question: text, Form: v.Form, Groups: v.Who}, v.Expires)
	if err != nil {
		return nil, err
	}
	result := nothing(s, ending.Reason)
	if ending.Answer == nil {
		return result, nil
	}
	raw, err := json.Marshal(ending.Answer.Values)
	if err != nil {
		return nil, fmt.Errorf("keep the answer: %w", err)
	}
	result["answered"], result["by"] = true, ending.Answer.Person
	result["answer"], err = v.Form.Type().Decode(raw)
	return result, err
}

// put puts a question to the people of its groups and waits for the end of it.
func (r *run) put(ctx workflow.Context, row *StepStatus, q approval.Question, expires time.Duration) (approval.Ending, error) {
	var err error
	if q.People, err = r.people(ctx, q.Groups, 1); err != nil {
		return approval.Ending{}, err
	}
	q.Run, q.Execution, q.Playbook, q.Plan = r.status.Run, r.status.Execution, r.pb.Name, r.pb.Digest()
	q.Asked = workflow.Now(ctx)
	q.Expires = q.Asked.Add(expires)
	if err := q.Seal(); err != nil {
		return approval.Ending{}, err
	}
	return r.pose(ctx, row, q)
}
