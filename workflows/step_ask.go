package workflows

import (
	"encoding/json"
	"fmt"

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
	people, err := r.people(ctx, v.Who, 1)
	if err != nil {
		return nil, err
	}
	now := workflow.Now(ctx)
	question := approval.Question{
		ID: r.name(s), Run: r.status.Run, Execution: r.status.Execution, Playbook: r.pb.Name, Plan: r.pb.Digest(),
		Question: text, Form: v.Form, Groups: v.Who, People: people, Asked: now, Expires: now.Add(v.Expires),
	}
	if err := question.Seal(); err != nil {
		return nil, err
	}
	ending, err := r.pose(ctx, row, question)
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
