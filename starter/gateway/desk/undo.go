package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
	"github.com/countersign/countersign/workflows/takeback"
)

// Undo starts a run that takes back what a run did, by the calls that the record has. It is a run
// like any other: policy says who must approve it, and whoever asks for it has no vote.
func (d *Desk) Undo(ctx context.Context, p Principal, run, reason string) (workflows.Started, error) {
	if _, err := d.human(p); err != nil {
		return workflows.Started{}, d.refused(ctx, p, run, "", err)
	}
	if strings.TrimSpace(reason) == "" || len(reason) > approval.MaxReason {
		return workflows.Started{}, refuse("to take it back takes a reason, of %d bytes at most", approval.MaxReason)
	}
	root, err := d.origin(ctx, run)
	if err != nil {
		return workflows.Started{}, d.turn(ctx, p, run, "", err)
	}
	pb, err := d.undoing(ctx, p, root.run)
	if err != nil {
		return workflows.Started{}, d.turn(ctx, p, run, "", err)
	}
	ev := gateway.Manual(time.Now())
	input, err := workflows.NewInput(pb, ev, nil)
	if err != nil {
		return workflows.Started{}, err
	}
	id := workflows.RunID(pb.Name, ev.ID)
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Undo, Run: root.run, Body: ledger.UndoBody{Run: root.run, By: p.Person, Reason: reason, Undoing: id}})
		return err
	}); err != nil {
		return workflows.Started{}, err
	}
	return d.start(ctx, p.Person, pb, ev.ID, input, func(t *grant.Ticket) {
		t.Undoes = root.run
		t.Subjects = append(t.Subjects, root.subjects...)
		slices.Sort(t.Subjects)
		t.Subjects = slices.Compact(t.Subjects)
	})
}

// undoing makes the playbook that takes back what a run did.
func (d *Desk) undoing(ctx context.Context, p Principal, run string) (*playbook.Playbook, error) {
	if d.Catalog == nil {
		return nil, refuse("this gateway knows no activities by which to take something back")
	}
	catalog := d.Catalog()
	rules, err := d.Policy()
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	var done []takeback.Done
	if err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		done, err = standing(tx, run)
		return err
	}); err != nil {
		return nil, err
	}
	verdicts := make([]policy.Verdict, len(done))
	for i := range done {
		undo := done[i].Undo
		if undo == nil {
			continue
		}
		s, ok := catalog.Activities.Lookup(undo.Activity)
		if !ok {
			continue
		}
		done[i].Signature = s
		if of, ok := catalog.Activities.Lookup(done[i].Activity); ok {
			done[i].Title = of.Title
		}
		facts, err := policy.FactsOf(undo.Activity, string(s.Effect), s.Targets, undo.Input)
		if err != nil {
			return nil, err
		}
		facts.Undo, facts.StartedBy, facts.Now = policy.UndoByPerson, p.Person, time.Now()
		facts.Playbook, _, _ = strings.Cut(run, "/")
		verdicts[i] = rules.Judge(facts)
	}
	text, err := takeback.Document(run, done, verdicts)
	if err != nil {
		return nil, refuse("%v", err)
	}
	pb, problems := playbook.Compile("undo", text, catalog)
	if len(problems) > 0 {
		return nil, fmt.Errorf("make the playbook that takes back %s: %w", run, problems)
	}
	return pb, nil
}

// standing is what a run did, with what it called, and nothing has taken back, the oldest first.
func standing(tx ledger.Tx, run string) ([]takeback.Done, error) {
	taken, err := takenBack(tx, run)
	if err != nil {
		return nil, err
	}
	var done []takeback.Done
	err = effects(tx, run, func(rec ledger.Record, of ledger.IntentBody, b ledger.OutcomeBody) {
		if of.Undo != "" { // it took something back itself
			return
		}
		if name := digest.Digest(rec.Topic); taken[name] > 0 {
			taken[name]--
			return
		}
		one := takeback.Done{Step: strings.TrimPrefix(strings.TrimPrefix(of.Workflow, run), "/"), Activity: of.Activity, Version: of.Version}
		if one.Step != "" {
			one.Step += "/"
		}
		one.Step += of.Step
		if b.Undo != nil {
			one.Undo = &takeback.Call{Activity: b.Undo.Activity, Version: b.Undo.Version, Input: b.Undo.Input}
		}
		done = append(done, one)
	})
	return done, err
}

// effects tells of every effect of a run that ended well, and of what it called, in their order.
func effects(tx ledger.Tx, run string, tell func(ledger.Record, ledger.IntentBody, ledger.OutcomeBody)) error {
	records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Intent, ledger.Retry, ledger.Outcome}, Run: run, Tree: true})
	if err != nil {
		return err
	}
	intents := map[int64]ledger.IntentBody{}
	for _, rec := range records {
		if rec.Kind != ledger.Outcome {
			var b ledger.IntentBody
			if err := read(rec, &b); err != nil {
				return err
			}
			intents[rec.Seq] = b
			continue
		}
		var b ledger.OutcomeBody
		if err := read(rec, &b); err != nil {
			return err
		}
		tell(rec, intents[b.Intent], b)
	}
	return nil
}

// takenBack counts the calls that took something of a run back, by their digests: those of the run
// itself, and those of the runs that people have started for that.
func takenBack(tx ledger.Tx, run string) (map[digest.Digest]int, error) {
	asked, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Undo}, Run: run})
	if err != nil {
		return nil, err
	}
	runs := []string{run}
	for _, rec := range asked {
		var b ledger.UndoBody
		if err := read(rec, &b); err != nil {
			return nil, err
		}
		runs = append(runs, b.Undoing)
	}
	taken := map[digest.Digest]int{}
	for _, one := range runs {
		err := effects(tx, one, func(_ ledger.Record, of ledger.IntentBody, _ ledger.OutcomeBody) {
			if of.Undo != "" || one != run {
				taken[of.Digest]++
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return taken, nil
}
