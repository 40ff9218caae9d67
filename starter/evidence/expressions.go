package evidence

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// Expression is an expression of the plan that decided something, and the value that it had.
type Expression struct {
	// Where names it: "if of contain", "case 2 of kind", "outcome".
	Where  string          `json:"where"`
	Source string          `json:"source"`
	Value  json.RawMessage `json:"value,omitempty"`
	// Error is why it has no value: the run did not come to it, or its story lacks what it reads.
	Error string `json:"error,omitempty"`
	// Proven says that it reads only what is on record: the event and the inputs. The others read what
	// the run says that its steps gave.
	Proven bool `json:"proven"`
}

// Expressions evaluates again what decided in a run: whether it answers the event, which steps it
// took, and its outcome. Those inside loops have as many values as rounds, and are left out. status is
// what the run says of itself, as JSON; nil: only what is on record is read.
func Expressions(records []ledger.Record, run string, status json.RawMessage) ([]Expression, error) {
	var st account
	if status != nil {
		if err := json.Unmarshal(status, &st); err != nil {
			return nil, fmt.Errorf("read what the run says of itself: %w", err)
		}
	}
	body, err := started(records, run)
	if err != nil {
		return nil, err
	}
	var plan playbook.Plan
	if err := json.Unmarshal(body.Plan, &plan); err != nil {
		return nil, fmt.Errorf("read the plan of the run %s: %w", run, err)
	}
	pb, err := plan.Load()
	if err != nil {
		return nil, fmt.Errorf("read the plan of the run %s: %w", run, err)
	}
	var ev event.Event
	if err := json.Unmarshal(body.Event, &ev); err != nil {
		return nil, fmt.Errorf("read the event of the run %s: %w", run, err)
	}
	inputs := map[string]json.RawMessage{}
	if err := json.Unmarshal(body.Inputs, &inputs); err != nil {
		return nil, fmt.Errorf("read the inputs of the run %s: %w", run, err)
	}
	w := &walk{}
	if w.values, err = pb.Values(ev, inputs); err != nil {
		return nil, fmt.Errorf("the run %s: %w", run, err)
	}
	w.values["vars"], w.values["steps"] = map[string]any{}, st.steps(pb)
	w.values["run"] = map[string]any{"id": run, "playbook": pb.Name}
	for _, t := range pb.Triggers {
		if t.Event == ev.Type {
			w.add("if of the trigger", t.If)
			w.add("dedupe of the trigger", t.Dedupe)
		}
	}
	w.steps(pb.Steps)
	w.add("outcome", pb.Outcome)
	return w.found, nil
}

// Evaluate adds the expressions of the bundle's run, with the values that they had.
func (b *Bundle) Evaluate() error {
	var err error
	b.Expressions, err = Expressions(b.Records, b.Run, b.Status)
	return err
}

// started is the newest record of how a run was started.
func started(records []ledger.Record, run string) (body ledger.RunBody, err error) {
	for _, r := range records {
		if r.Kind == ledger.Run && r.Run == run {
			body = ledger.RunBody{}
			if err := json.Unmarshal(r.Body, &body); err != nil {
				return body, fmt.Errorf("read record %d: %w", r.Seq, err)
			}
		}
	}
	if body.Plan == nil {
		return body, fmt.Errorf("the run %s: %w", run, ErrNoRun)
	}
	if body.Event == nil || body.Inputs == nil {
		return body, errors.New("its event or its inputs were too long for the record")
	}
	return body, nil
}

// walk evaluates the expressions of steps, in their order.
type walk struct {
	values map[string]any
	found  []Expression
}

func (w *walk) steps(steps []*playbook.Step) {
	for _, s := range steps {
		w.add("if of "+s.ID, s.If)
		switch v := s.Verb.(type) {
		case *playbook.Switch:
			for i, c := range v.Cases {
				w.add(fmt.Sprintf("case %d of %s", i+1, s.ID), c.If)
			}
		case *playbook.ForEach, *playbook.Repeat:
			continue
		}
		for _, block := range playbook.Inner(s) {
			w.steps(block)
		}
	}
}

func (w *walk) add(where string, e *playbook.Expr) {
	if e == nil {
		return
	}
	one := Expression{Where: where, Source: e.Text(), Proven: true}
	for _, path := range e.Paths() {
		one.Proven = one.Proven && len(path) > 0 && (path[0] == "event" || path[0] == "inputs")
	}
	value, err := e.Eval(w.values)
	if one.Value = value; err != nil {
		one.Value, one.Error = nil, err.Error()
	}
	w.found = append(w.found, one)
}

// account is what a run says of itself, as far as expressions read it.
type account struct {
	Steps []struct {
		ID     string          `json:"id"`
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Case   *int            `json:"case"`
		Output json.RawMessage `json:"output"`
	} `json:"steps"`
	Approvals []struct {
		ID       string             `json:"id"`
		Decision *approval.Decision `json:"decision"`
	} `json:"approvals"`
}

// steps is what the run's steps offer to expressions.
func (st account) steps(pb *playbook.Playbook) map[string]any {
	verbs := map[string]playbook.Verb{}
	playbook.Walk(pb.Steps, func(s *playbook.Step) { verbs[s.ID] = s.Verb })
	steps := map[string]any{}
	for _, row := range st.Steps {
		offers := map[string]any{"status": row.Status}
		if row.Error != "" {
			offers["error"] = row.Error
		}
		if row.Case != nil {
			offers["case"] = int64(*row.Case)
		}
		switch v := verbs[row.ID].(type) {
		case *playbook.Activity:
			if output, err := v.Signature.Output.Decode(row.Output); err == nil {
				offers["output"] = output
			}
		case *playbook.Approve:
			st.decided(row.ID, offers)
		}
		steps[row.ID] = offers
	}
	return steps
}

// decided adds what an approval offers: the last of its requests counts.
func (st account) decided(id string, offers map[string]any) {
	offers["decision"], offers["approved"], offers["reason"], offers["by"] = string(playbook.StatusSkipped), false, string(playbook.StatusSkipped), []any{}
	for _, a := range st.Approvals {
		if a.ID != id || a.Decision == nil {
			continue
		}
		by := make([]any, len(a.Decision.By))
		for i, person := range a.Decision.By {
			by[i] = person
		}
		offers["decision"], offers["approved"] = string(a.Decision.Outcome), a.Decision.Outcome == approval.Approved
		offers["reason"], offers["by"] = a.Decision.Reason, by
	}
}
