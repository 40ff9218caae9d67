package desk

import (
	"context"
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
)

// Notice is what people are told of a request.
type Notice struct {
	Kind     NoticeKind
	Run      string
	Approval string
	Digest   digest.Digest
	Groups   []string // to whom
	Person   string
	Text     string // for people; it may quote the event
	Review   string // of a broken glass
	Expires  time.Time
}

// logged tells the log alone.
type logged struct{ log *slog.Logger }

func (l logged) Notify(ctx context.Context, n Notice) {
	level := slog.LevelInfo
	if n.Kind == BrokenGlass {
		level = slog.LevelError
	}
	l.log.Log(ctx, level, "notice", "kind", n.Kind, "run", n.Run, "approval", n.Approval, "digest", n.Digest.Short(), "groups", n.Groups, "person", n.Person, "text", n.Text, "expires", n.Expires)
}

// steps are the notices of a request by time, in their order.
func steps(r approval.Request) []Notice {
	whole := r.Expires.Sub(r.Asked)
	notice := func(kind NoticeKind, at time.Time, groups []string) Notice {
		return Notice{Kind: kind, Run: r.Run, Approval: r.ID, Digest: r.Digest, Groups: groups, Text: r.Question, Expires: at}
	}
	list := []Notice{
		notice(Asked, r.Asked, r.Groups), notice(HalfTime, r.Asked.Add(whole/2), r.Groups), notice(LastCall, r.Asked.Add(whole/10*9), r.Groups),
	}
	if e := r.Escalate; e != nil {
		at := len(list)
		for i := range list {
			if list[i].Expires.After(e.At) {
				at = i
				break
			}
		}
		list = append(list[:at:at], append([]Notice{notice(Escalated, e.At, e.Groups)}, list[at:]...)...)
	}
	return list
}

// look sees what runs ask, puts it on record as shown, and gives the notices that are due. A desk
// that was away gives only the latest.
func (d *Desk) look(ctx context.Context, now time.Time) {
	d.lapse(ctx, now)
	open, err := d.Runs.Runs(ctx, true, 1000)
	if err != nil {
		d.Log.WarnContext(ctx, "look for requests that wait", "error", err)
		return
	}
	waiting := map[digest.Digest]bool{}
	for _, run := range open {
		st, err := d.Runs.Status(ctx, run.Run)
		if err != nil {
			continue // no worker, or it has ended meanwhile
		}
		for _, a := range st.Asking() {
			waiting[a.Digest] = true
			if err := d.notice(ctx, st, a, now); err != nil {
				d.Log.WarnContext(ctx, "give notice of a request", "run", run.Run, "approval", a.ID, "error", err)
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for known := range d.noticed {
		if !waiting[known] {
			delete(d.noticed, known)
		}
	}
}

func (d *Desk) notice(ctx context.Context, st *workflows.Status, a *workflows.ApprovalStatus, now time.Time) error {
	list := steps(a.Request)
	due := 0
	for due < len(list) && !list[due].Expires.After(now) {
		due++
	}
	d.mu.Lock()
	given, known := d.noticed[a.Digest]
	d.mu.Unlock()
	if due <= given {
		return nil
	}
	if !known {
		m, err := d.matter(ctx, st.Run, a.ID, a.Digest)
		if err != nil {
			return err // what is not ours nobody is told of
		}
		text, err := shown(m)
		if err != nil {
			return err
		}
		if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error { return recordRequest(tx, a.Request, text) }); err != nil {
			return err
		}
	}
	d.remember(a.Request)
	d.mu.Lock()
	d.noticed[a.Digest] = due
	d.mu.Unlock()
	n := list[due-1]
	n.Expires = a.Expires
	d.Notifier.Notify(ctx, n)
	return nil
}
