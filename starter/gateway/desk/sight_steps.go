package desk

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/playbook"
)

// steps are what became of the calls of a request, by the record of the effects that its grant let
// happen: none is from before the decision. Of a read there is no record: that is the run's word.
func (l *looking) steps(tx ledger.Tx, said said) error {
	dec := said.decision
	s := &l.sight
	s.Steps = make([]StepSight, len(s.Request.Calls))
	for i, c := range s.Request.Calls {
		s.Steps[i] = StepSight{Step: c.Step, State: StepPending}
	}
	if dec == nil || dec.Grant == nil {
		return nil
	}
	var g grant.Grant
	if err := json.Unmarshal(dec.Grant.Body, &g); err != nil {
		return err
	}
	records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Intent, ledger.Retry, ledger.Outcome, ledger.Failure, ledger.Refusal}, Run: l.run, After: said.decided})
	if err != nil {
		return err
	}
	places := make(map[string]int, len(s.Request.Calls))
	for i, c := range s.Request.Calls {
		places[c.Step] = i
	}
	find := func(step string, name digest.Digest) *StepSight {
		i, ok := places[step]
		if !ok || s.Request.Calls[i].Digest != name {
			return nil
		}
		return &s.Steps[i]
	}
	begun := map[int64]begun{} // by intent
	l.made = map[int64]*StepSight{}
	for _, rec := range records {
		if err := l.step(rec, g.ID, find, begun); err != nil {
			return err
		}
	}
	l.reads()
	return nil
}

// begun is a call whose intent is on record. One that takes something back is not itself taken back.
type begun struct {
	row    *StepSight
	undoes bool
}

// step takes one record.
func (l *looking) step(rec ledger.Record, permission string, find func(string, digest.Digest) *StepSight, intents map[int64]begun) error {
	var row *StepSight
	now := StepSight{At: rec.At}
	switch rec.Kind {
	case ledger.Intent, ledger.Retry:
		var b ledger.IntentBody
		if err := read(rec, &b); err != nil {
			return err
		}
		if b.Permission != permission {
			return nil
		}
		row, now.State = find(b.Step, b.Digest), StepRunning
		intents[rec.Seq] = begun{row, b.Undo != ""}
	case ledger.Outcome:
		var b ledger.OutcomeBody
		if err := read(rec, &b); err != nil {
			return err
		}
		row, now.State = intents[b.Intent].row, StepDone
		if row != nil && !intents[b.Intent].undoes {
			l.made[rec.Seq] = row
		}
	case ledger.Failure:
		var b ledger.FailureBody
		if err := read(rec, &b); err != nil {
			return err
		}
		row, now.State, now.Error = intents[b.Intent].row, StepFailed, b.Error
	case ledger.Refusal:
		var b ledger.RefusalBody
		if err := read(rec, &b); err != nil {
			return err
		}
		if d := l.sight.Decision; d == nil || rec.At.Before(d.At) {
			return nil
		}
		row, now.State, now.Error = find(b.Step, b.Digest), StepRefused, b.Why
	}
	if row != nil && row.State != StepDone {
		now.Step = row.Step
		*row = now
	}
	return nil
}

// reads takes the run's word for the calls that change nothing.
func (l *looking) reads() {
	if l.status == nil {
		return
	}
	for i, c := range l.sight.Request.Calls {
		row := l.status.Step(c.Step)
		if c.Effect != activityRead || row == nil {
			continue
		}
		s := &l.sight.Steps[i]
		switch row.Status {
		case playbook.StatusRunning:
			s.State = StepRunning
		case playbook.StatusDone:
			s.State = StepDone
		case playbook.StatusFailed:
			s.State, s.Error = StepFailed, row.Error
		}
		if row.Started != nil {
			s.At = *row.Started
		}
		if row.Ended != nil {
			s.At = *row.Ended
		}
	}
}

// effects are those that stand of the run, and when those of this request are put back by themselves.
func (l *looking) effects(tx ledger.Tx) error {
	stand, err := stands(tx, l.root.run)
	if err != nil {
		return err
	}
	s := &l.sight
	left := map[int64]bool{}
	for _, e := range stand {
		left[e.record.Seq] = true
		s.Undoable = s.Undoable || e.outcome.Undo != nil && l.desk.Catalog != nil
	}
	for seq, row := range l.made {
		if !left[seq] {
			row.State = StepUndone
		}
	}
	if s.Request == nil {
		return nil
	}
	var kept map[string]string
	for i, c := range s.Request.Calls {
		row := s.Steps[i]
		if c.PutBackAfter <= 0 || row.State != StepDone {
			continue
		}
		if kept == nil {
			if kept, err = keptOf(tx, l.run); err != nil {
				return err
			}
		}
		s.Expiring = append(s.Expiring, ExpirySight{Step: c.Step, At: row.At.Add(c.PutBackAfter).Truncate(time.Second), KeptBy: kept[c.Step]})
	}
	return nil
}

// keptOf are the steps of a workflow that somebody keeps, and who.
func keptOf(tx ledger.Tx, workflow string) (map[string]string, error) {
	for partOf.MatchString(workflow) { // of a part it is on record under the run that people know
		workflow = workflow[:strings.LastIndex(workflow, "/")]
	}
	records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Keep}, Run: workflow})
	if err != nil {
		return nil, err
	}
	kept := map[string]string{}
	for _, rec := range records {
		var b ledger.KeepBody
		if err := read(rec, &b); err != nil {
			return nil, err
		}
		kept[b.Step] = b.By
	}
	return kept, nil
}

// partOf are the ids of parts of loops.
var partOf = regexp.MustCompile(`/[^/]*\[\d+-\d+\]$`)
