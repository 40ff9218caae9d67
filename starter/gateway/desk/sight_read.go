package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
)

// sightTime bounds the question to a run: what the record has is shown without an answer too.
const sightTime = 2 * time.Second

// Sight looks at what a run asks, or asked, by the digest of the request or the question. Where the
// record has the whole story the run is not asked; of a question it has the answer alone, so that
// without a worker there is no sight of one. What the run has not asked, or this gateway would not
// have it ask, is an approval.ErrRefused.
func (d *Desk) Sight(ctx context.Context, run string, name digest.Digest) (Sight, error) {
	l := &looking{desk: d, run: run, name: name, sight: Sight{Run: run}}
	if err := d.Ledger.View(ctx, l.asked); err != nil {
		return Sight{}, fmt.Errorf("look at what %s asks: %w", clip(run, 300), err)
	}
	if l.wants() {
		bounded, cancel := context.WithTimeout(ctx, sightTime)
		st, err := d.Runs.Status(bounded, run)
		cancel()
		if err == nil {
			err = l.told(ctx, st)
		}
		if err != nil && l.sight.Request == nil && l.sight.Question == nil {
			return Sight{}, fmt.Errorf("look at what %s asks: %w", clip(run, 300), err)
		}
	}
	if err := l.record(ctx); err != nil {
		return Sight{}, fmt.Errorf("look at what %s asks: %w", clip(run, 300), err)
	}
	return l.sight, nil
}

// looking is a sight while it is put together.
type looking struct {
	desk  *Desk
	run   string
	name  digest.Digest
	sight Sight

	root   origin
	status *workflows.Status // nil: the run did not tell
	ended  *ledger.EndedBody
	at     time.Time            // of ended
	made   map[int64]*StepSight // by outcome
}

// asked reads what was asked as it is on record, and whether the run has ended.
func (l *looking) asked(tx ledger.Tx) error {
	var err error
	if l.root, err = l.desk.originIn(tx, l.run); err != nil {
		return err
	}
	rec, found, err := tx.Find(ledger.RequestKey(l.name))
	if err != nil || !found {
		return err
	}
	r, err := requestIn(rec)
	if err != nil {
		return err
	}
	if r.Run != l.run {
		return refuse("the run %s has not asked %s", clip(l.run, 300), l.name.Short())
	}
	l.sight.Request = &r
	return l.over(tx, r.Execution)
}

// requestIn reads a request that is on record.
func requestIn(rec ledger.Record) (approval.Request, error) {
	var body ledger.RequestBody
	var r approval.Request
	if err := read(rec, &body); err != nil {
		return r, err
	}
	return r, read(ledger.Record{Seq: rec.Seq, Body: body.Request}, &r)
}

func (l *looking) over(tx ledger.Tx, execution string) error {
	rec, found, err := tx.Find(ledger.EndedKey(l.run, execution))
	if err != nil || !found {
		return err
	}
	l.ended, l.at = &ledger.EndedBody{}, rec.At
	return read(rec, l.ended)
}

// wants reports whether the record leaves something for the run to tell: of a read it has nothing.
func (l *looking) wants() bool {
	r := l.sight.Request
	return l.ended == nil || r == nil || slices.ContainsFunc(r.Calls, func(c approval.Call) bool { return c.Effect == activityRead })
}

// told takes what the run says of itself.
func (l *looking) told(ctx context.Context, st *workflows.Status) error {
	l.status, l.sight.Known = st, true
	l.sight.State, l.sight.Outcome, l.sight.Error = st.State, st.Outcome, st.Error
	if l.sight.Request != nil {
		return nil
	}
	for _, a := range st.Approvals {
		if a.Digest != l.name {
			continue
		}
		m := &matter{st, a, l.root}
		if err := m.check(l.run); err != nil {
			return refuse("the request is not as this gateway would have it: %v", err)
		}
		l.sight.Request = &a.Request
		return nil
	}
	for _, q := range st.Questions {
		if q.Digest != l.name {
			continue
		}
		if err := checkQuestion(q, st, l.root); err != nil {
			return err
		}
		l.sight.Question = &q.Question
		return nil
	}
	return refuse("the run %s has not asked %s", clip(l.run, 300), l.name.Short())
}

// record completes a sight by what is on record.
func (l *looking) record(ctx context.Context) error {
	s := &l.sight
	plan := digest.Digest("")
	if s.Question != nil {
		plan = s.Question.Plan
	} else {
		plan = s.Request.Plan
	}
	l.about(plan)
	panel := approval.Panel{}
	if s.Request != nil {
		if people, err := l.desk.Directory(); err == nil {
			// Who may decide is asked anew for each vote. What cannot be told now is not shown.
			panel, _, _ = l.desk.panel(ctx, &matter{asking: &workflows.ApprovalStatus{Request: *s.Request}, root: l.root}, people, "", time.Now())
		}
	}
	return l.desk.Ledger.View(ctx, func(tx ledger.Tx) error {
		var err error
		if s.Question != nil {
			err = l.question(tx)
		} else {
			err = l.request(tx, panel)
		}
		if err == nil && !s.Open() { // the run may have thousands
			err = l.effects(tx)
		}
		if err == nil && l.ended != nil {
			s.Known, s.State, s.Outcome, s.Error = true, workflows.State(l.ended.State), l.ended.Outcome, l.ended.Error
		}
		return err
	})
}

// about takes what is on record of the run's beginning.
func (l *looking) about(plan digest.Digest) {
	s := &l.sight
	var doc struct {
		Playbook string            `json:"playbook"`
		Title    string            `json:"title"`
		Stage    string            `json:"stage"`
		Labels   map[string]string `json:"labels"`
	}
	_ = json.Unmarshal(l.root.plans[plan].Document, &doc) // it was read when the run was started
	s.Playbook, s.Title, s.Stage, s.Labels = doc.Playbook, doc.Title, doc.Stage, doc.Labels
	var ev event.Event
	if json.Unmarshal(l.root.answers, &ev) == nil {
		s.Event = workflows.EventRef{ID: ev.ID, Source: ev.Source, Type: ev.Type, Subject: ev.Subject, Time: ev.Time}
		s.Severity, s.Account = Said(ev.Data)
	} else if l.status != nil {
		s.Event = l.status.Event
	}
	if s.Request != nil {
		for _, c := range s.Request.Calls {
			if of := account(c.Input); of != "" {
				s.Account = of
				break
			}
		}
	}
	for _, who := range l.root.starters {
		if who != "" && !slices.Contains(s.StartedBy, who) {
			s.StartedBy = append(s.StartedBy, who)
		}
	}
}

// request reads how a request stands.
func (l *looking) request(tx ledger.Tx, panel approval.Panel) error {
	s, r := &l.sight, *l.sight.Request
	said, err := heard(tx, r, &panel)
	if err != nil {
		return err
	}
	s.Votes, s.Decision, s.Delegations = said.votes, decided(said.decision), panel.Delegations
	at := tx.Now()
	if s.Decision != nil {
		at = s.Decision.At
	}
	if panel.Members != nil {
		s.Tally = panel.Tally(r, s.Votes, at)
	}
	if s.Edited, err = l.edited(tx, said.edits); err != nil {
		return err
	}
	if l.ended == nil {
		if err := l.over(tx, r.Execution); err != nil {
			return err
		}
	}
	if s.Decision == nil {
		s.Decision = l.undecided(r)
	}
	return l.steps(tx, said)
}

// undecided is how a request ended that nobody decided, by the word of its run: it permits nothing.
func (l *looking) undecided(r approval.Request) *approval.Decision {
	if l.status != nil {
		for _, a := range l.status.Approvals {
			if a.Digest == r.Digest && a.Decision != nil && a.Decision.Outcome != approval.Approved && a.Decision.Outcome != approval.Rejected {
				return a.Decision
			}
		}
	}
	if l.ended != nil {
		return &approval.Decision{Outcome: approval.Withdrawn, By: []string{}, Reason: "the run ended first", At: l.at}
	}
	return nil
}

// edited finds the request that an edit put in the place of this one.
func (l *looking) edited(tx ledger.Tx, edits []time.Time) (digest.Digest, error) {
	if len(edits) == 0 {
		return "", nil
	}
	follows := func(r approval.Request) bool {
		return r.ID == l.sight.Request.ID && len(r.Edits) == len(l.sight.Request.Edits)+1 &&
			slices.ContainsFunc(edits, r.Edits[len(r.Edits)-1].At.Equal)
	}
	if l.status != nil {
		for _, a := range l.status.Approvals {
			if follows(a.Request) {
				return a.Digest, nil
			}
		}
	}
	records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Request}, Run: l.run})
	if err != nil {
		return "", err
	}
	for _, rec := range records {
		if r, err := requestIn(rec); err != nil || follows(r) {
			return r.Digest, err
		}
	}
	return "", nil
}

// question reads how a question stands.
func (l *looking) question(tx ledger.Tx) error {
	s, q := &l.sight, l.sight.Question
	for _, told := range l.status.Questions {
		if told.Digest == q.Digest && told.Ending != nil && told.Ending.Answer == nil {
			s.Ending = told.Ending
		}
	}
	if err := l.over(tx, q.Execution); err != nil {
		return err
	}
	a, err := answerIn(tx, q.Digest)
	switch {
	case err != nil:
		return err
	case a != nil:
		s.Ending = &approval.Ending{Outcome: approval.Answered, Answer: a, At: a.At}
	case s.Ending == nil && l.ended != nil:
		s.Ending = &approval.Ending{Outcome: approval.Withdrawn, Reason: "the run ended first", At: l.at}
	}
	return nil
}
