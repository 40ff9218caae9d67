package desk

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// NoticeKind says what a notice is about.
type NoticeKind string

// The notices.
const (
	Asked       NoticeKind = "asked"        // people are asked
	HalfTime    NoticeKind = "half_time"    // half of the time is over
	LastCall    NoticeKind = "last_call"    // nine tenths are
	Escalated   NoticeKind = "escalated"    // further groups may answer
	BrokenGlass NoticeKind = "broken_glass" // one person decided alone; a review is open
	RunFailed   NoticeKind = "run_failed"   // a run ended badly; Text is why, by its own word
	// ScheduleMissed: a schedule was due, and its playbook, which is Run, was not started; Text says when and why.
	ScheduleMissed NoticeKind = "schedule_missed"
)

// Notice is what people are told of a request, or of a run.
type Notice struct {
	Kind     NoticeKind
	Run      string
	Approval string
	Digest   digest.Digest
	Question bool     // it is about a question: Approval is its id
	Groups   []string // to whom
	Person   string
	Text     string // for people; it may quote the event
	Review   string // of a broken glass
	Expires  time.Time
}

// Notifiers give a notice to each of them.
type Notifiers []Notifier

// Notify implements Notifier.
func (all Notifiers) Notify(ctx context.Context, n Notice) {
	for _, one := range all {
		one.Notify(ctx, n)
	}
}

// logged tells the log alone.
type logged struct{ log *slog.Logger }

func (l logged) Notify(ctx context.Context, n Notice) {
	level := slog.LevelInfo
	switch n.Kind {
	case BrokenGlass:
		level = slog.LevelError
	case RunFailed, ScheduleMissed:
		level = slog.LevelWarn
	}
	l.log.Log(ctx, level, "notice", "kind", n.Kind, "run", n.Run, "approval", n.Approval, "digest", n.Digest.Short(), "groups", n.Groups, "person", n.Person, "text", n.Text, "expires", n.Expires)
}

// attend looks at something that is due: it gives the latest notice, or puts on record how it ended.
func (d *Desk) attend(ctx context.Context, w *waiting) {
	now := time.Now()
	d.mu.Lock()
	ended := w.over
	d.mu.Unlock()
	over := !ended.IsZero() || now.After(w.expires.Add(approval.Grace))
	var err error
	if over {
		err = d.end(ctx, w, ended)
	} else {
		err = d.notice(ctx, w, now)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil && over:
		d.waits.remove(w.digest)
	case err == nil:
		w.tries = 0
		d.waits.put(w, w.again())
	case errors.Is(err, approval.ErrRefused) || errors.Is(err, workflows.ErrNoRun): // nobody is told of what is not ours, or is over
		w.quiet = true
		d.waits.put(w, w.again())
		d.Log.WarnContext(ctx, "no notice is given", "run", w.run, "id", w.id, "digest", w.digest.Short(), "error", err)
	default:
		if w.tries == 0 {
			d.Log.WarnContext(ctx, "give notice of what waits; it is tried again", "run", w.run, "id", w.id, "digest", w.digest.Short(), "error", err)
		}
		d.waits.put(w, now.Add(min(maxPause, firstPause<<min(w.tries, 10))))
		w.tries++
	}
}

// notice gives the latest notice that is due, of what is still asked and is as this gateway would
// have it. Of those that came due while the desk was away only the latest is given.
func (d *Desk) notice(ctx context.Context, w *waiting, now time.Time) error {
	n, kind := w.due(now)
	if n <= w.given || w.quiet {
		return nil
	}
	if w.recalled && kind == Asked && !w.question {
		given, err := d.onRecord(ctx, w.digest)
		if err != nil {
			return err
		}
		if given {
			w.given = n
			return nil
		}
	}
	st, err := d.Runs.Status(ctx, w.run)
	if err != nil {
		return err
	}
	out := Notice{Kind: kind, Run: w.run, Approval: w.id, Digest: w.digest, Question: w.question, Expires: w.expires}
	if w.question {
		q, err := d.questionOf(ctx, st, w.run, w.id, w.digest)
		if err != nil {
			return err
		}
		if q.Ending != nil {
			w.quiet = true
			return nil
		}
		out.Groups, out.Text, out.Expires = q.Groups, q.Question.Question, q.Expires
	} else {
		m, err := d.matterOf(ctx, st, w.run, w.id, w.digest)
		if err != nil {
			return err
		}
		if m.asking.Decision != nil {
			w.quiet = true
			return nil
		}
		text, err := shown(m)
		if err != nil {
			return err
		}
		r := m.request()
		if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error { return recordRequest(tx, r, text) }); err != nil {
			return err
		}
		out.Groups, out.Text, out.Expires = r.Groups, r.Question, r.Expires
		if kind == Escalated && r.Escalate != nil {
			out.Groups = r.Escalate.Groups
		}
	}
	w.given = n
	d.Notifier.Notify(ctx, out)
	return nil
}

// onRecord reports whether a request was shown before.
func (d *Desk) onRecord(ctx context.Context, request digest.Digest) (found bool, err error) {
	err = d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		_, found, err = tx.Find(ledger.RequestKey(request))
		return err
	})
	return found, err
}
