package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// answer is the run by which a playbook answers an event.
type answer struct {
	playbook *playbook.Playbook
	key      string
	input    workflows.Input
	err      error // why it cannot start
}

func (a answer) run() string { return workflows.RunID(a.playbook.Name, a.key) }

// answerTo prepares a run.
func answerTo(pb *playbook.Playbook, key string, ev event.Event, given map[string]string) answer {
	out := answer{playbook: pb, key: key}
	inputs, err := inputsFor(pb, given)
	if err == nil {
		out.input, err = workflows.NewInput(pb, ev, inputs)
	}
	out.err = err
	return out
}

// answers prepares the runs of all playbooks whose trigger matches, and returns the others with
// their reasons.
func answers(l *library.Library, ev event.Event, given map[string]string) (matching []answer, others []library.Matched) {
	for _, m := range l.Match(ev) {
		if m.Matches {
			matching = append(matching, answerTo(m.Playbook, m.Key, ev, given))
		} else {
			others = append(others, m)
		}
	}
	return matching, others
}

// refusal is everything that forbids to start: all of it at once, before anything runs.
func refusal(matching []answer, others []library.Matched) error {
	var errs []error
	for _, one := range matching {
		errs = append(errs, one.err)
	}
	for _, m := range others {
		errs = append(errs, m.Err)
	}
	return errors.Join(errs...)
}

// answerJSON is an answer as JSON shows it, in match and in run --dry-run.
type answerJSON struct {
	Playbook string                     `json:"playbook"`
	Title    string                     `json:"title"`
	Key      string                     `json:"key"`
	Run      string                     `json:"run"`
	Inputs   map[string]json.RawMessage `json:"inputs,omitempty"`
	Error    string                     `json:"error,omitempty"`
}

func (a answer) json() answerJSON {
	out := answerJSON{Playbook: a.playbook.Name, Title: a.playbook.Title, Key: a.key, Run: a.run(), Inputs: a.input.Inputs}
	if a.err != nil {
		out.Error = a.err.Error()
	}
	return out
}

// printAnswer shows which run an event gets, and with what.
func (a *app) printAnswer(one answer) error {
	err := a.print("%s  %s\n  key     %s\n  run     %s", one.playbook.Name, card.Clean(one.playbook.Title, 300), card.Exact(one.key), one.run())
	switch {
	case err != nil:
		return err
	case one.err != nil:
		return a.print("  error   %s", card.Clean(one.err.Error(), 2000))
	case len(one.input.Inputs) == 0:
		return a.print("  inputs  none")
	}
	raw, err := json.Marshal(one.input.Inputs)
	if err != nil {
		return fmt.Errorf("write the inputs: %w", err)
	}
	name := "inputs"
	for _, line := range card.Parameters(raw) {
		if err := a.print("  %-6s  %s", name, line); err != nil {
			return err
		}
		name = ""
	}
	return nil
}
