package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
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
	ev, err := p.manual(time.Now(), root.run, reason)
	if err != nil {
		return workflows.Started{}, err
	}
	input, err := workflows.NewInput(pb, ev, nil)
	if err != nil {
		return workflows.Started{}, err
	}
	id := workflows.RunID(pb.Name, ev.ID)
	if err := d.underWay(ctx, root.run, id); err != nil {
		return workflows.Started{}, d.turn(ctx, p, run, "", err)
	}
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Undo, Run: root.run, Key: ledger.UndoKey(id), Body: ledger.UndoBody{Run: root.run, By: p.Person, Reason: reason, Undoing: id, Via: p.Via}})
		if errors.Is(err, ledger.ErrTaken) {
			return nil
		}
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

// underWay refuses to take back what another run than id is taking back: people would be asked twice.
// Who wanted the second one says yes to the first. A run that cannot be asked keeps nobody from it, as no
// effect is taken back twice.
func (d *Desk) underWay(ctx context.Context, run, id string) error {
	var asked []ledger.UndoBody
	if err := d.Ledger.View(ctx, func(tx ledger.Tx) error {
		records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Undo}, Run: run})
		for _, rec := range records {
			var b ledger.UndoBody
			if err := read(rec, &b); err != nil {
				return err
			}
			asked = append(asked, b)
		}
		return err
	}); err != nil {
		return err
	}
	for _, b := range slices.Backward(asked) {
		if b.Undoing == "" || b.Undoing == id {
			continue
		}
		if st, err := d.Runs.Status(ctx, b.Undoing); err == nil && !st.State.Over() {
			return refuse("%s wants it taken back already (%s): say yes to that, see starter show %s", b.By, clip(b.Reason, 200), b.Undoing)
		}
		return nil // the newest says how it is
	}
	return nil
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
	stand, err := stands(tx, run)
	var done []takeback.Done
	for _, e := range stand {
		one := takeback.Done{Step: strings.TrimPrefix(strings.TrimPrefix(e.intent.Workflow, run), "/"), Activity: e.intent.Activity, Version: e.intent.Version}
		if one.Step != "" {
			one.Step += "/"
		}
		one.Step += e.intent.Step
		if undo := e.outcome.Undo; undo != nil {
			one.Undo = &takeback.Call{Activity: undo.Activity, Version: undo.Version, Input: undo.Input}
		}
		done = append(done, one)
	}
	return done, err
}

// effect is one that ended well.
type effect struct {
	record  ledger.Record // of the outcome
	intent  ledger.IntentBody
	outcome ledger.OutcomeBody
}

// stands are the effects of a run, and of what it called, that nothing has taken back: neither the
// run itself nor those that people have started for that.
func stands(tx ledger.Tx, run string) ([]effect, error) {
	own, err := effects(tx, run)
	if err != nil {
		return nil, err
	}
	taken := map[digest.Digest]int{} // calls that took something back
	for _, e := range own {
		if e.intent.Undo != "" {
			taken[e.intent.Digest]++
		}
	}
	asked, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Undo}, Run: run})
	if err != nil {
		return nil, err
	}
	for _, rec := range asked {
		var b ledger.UndoBody
		if err := read(rec, &b); err != nil {
			return nil, err
		}
		others, err := effects(tx, b.Undoing)
		if err != nil {
			return nil, err
		}
		for _, e := range others {
			taken[e.intent.Digest]++
		}
	}
	return slices.DeleteFunc(own, func(e effect) bool {
		name := digest.Digest(e.record.Topic)
		if e.intent.Undo != "" || taken[name] == 0 {
			return e.intent.Undo != ""
		}
		taken[name]--
		return true
	}), nil
}

// effects are all that ended well of a run, and of what it called, in their order.
func effects(tx ledger.Tx, run string) ([]effect, error) {
	records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Intent, ledger.Retry, ledger.Outcome}, Run: run, Tree: true})
	if err != nil {
		return nil, err
	}
	var list []effect
	intents := map[int64]ledger.IntentBody{}
	for _, rec := range records {
		if rec.Kind != ledger.Outcome {
			var b ledger.IntentBody
			if err := read(rec, &b); err != nil {
				return nil, err
			}
			intents[rec.Seq] = b
			continue
		}
		var b ledger.OutcomeBody
		if err := read(rec, &b); err != nil {
			return nil, err
		}
		list = append(list, effect{rec, intents[b.Intent], b})
	}
	return list, nil
}
