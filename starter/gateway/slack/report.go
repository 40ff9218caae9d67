package slack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

const (
	// reportSurface is what the record calls the messages of reports. They are no cards: nothing is
	// pressed on them, and they never change.
	reportSurface = "slack-report"
	// reportLife is how old a report may be that is still told: who was away for longer reads it
	// elsewhere.
	reportLife = 7 * 24 * time.Hour
	reportPage = 100
)

// reports is how far a term has read the reports on record.
type reports struct {
	mu  sync.Mutex
	seq int64
}

// reported lets the reports be told that are on record and were not read yet in this term.
func (t *term) reported(ctx context.Context) {
	t.reports.mu.Lock()
	defer t.reports.mu.Unlock()
	for {
		var page []ledger.Record
		err := t.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
			page, err = tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Reported}, After: t.reports.seq, Limit: reportPage})
			return err
		})
		if err != nil {
			if ctx.Err() == nil {
				t.Log.ErrorContext(ctx, "reports cannot be read, and are looked for again", "error", err)
			}
			return
		}
		for _, rec := range page {
			t.reports.seq = rec.Seq
			if t.Now().Sub(rec.At) < reportLife {
				t.enqueue(job{task: &task{}, do: func(ctx context.Context) error { return t.report(ctx, rec) }}, false)
			}
		}
		if len(page) < reportPage {
			return
		}
	}
}

// report posts one report, once: a message that may be there, as a crash or a lost answer came in
// between, is looked for first.
func (t *term) report(ctx context.Context, rec ledger.Record) error {
	last, attempt, err := t.lastOf(ctx, rec.Hash)
	if err != nil {
		return err
	}
	switch last.State {
	case ledger.Posted:
		return nil
	case ledger.Posting:
		call, cancel := context.WithTimeout(ctx, callTime)
		ts, there, err := t.Web.Find(call, last.Channel, string(rec.Hash))
		cancel()
		switch {
		case there && err == nil:
			return t.mind(ctx, rec, last.Channel, ts, ledger.Posted, attempt)
		case err != nil && !web.Is(err, web.Operator) && !web.Is(err, web.Gone):
			return err
		}
	}
	var body ledger.ReportBody
	if err := rec.Read(&body); err != nil {
		t.Log.ErrorContext(ctx, "a report cannot be read, and is not told", "record", rec.Seq, "error", err)
		return nil
	}
	about := t.reportOf(rec, body)
	to, err := t.place(ctx, about)
	if err != nil {
		return fmt.Errorf("tell the report of %s: %w", rec.Run, err)
	}
	attempt++
	if err := t.mind(ctx, rec, to.Channel, "", ledger.Posting, attempt); err != nil {
		return err
	}
	face := t.face(ctx)
	face.People, face.Groups = to.People, to.Groups
	msg := blocks.Report(body, face)
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	meta := web.Meta{Request: string(rec.Hash), Attempt: attempt}
	ts, err := t.Web.Post(call, to.Channel, "", false, msg, meta)
	if web.Is(err, web.Bug) {
		t.failed(ctx, err, 1)
		ts, err = t.Web.Post(call, to.Channel, "", false, blocks.Sentence(msg.Text), meta)
	}
	if err != nil {
		return err
	}
	t.trouble.clear("chat.postMessage")
	return t.mind(ctx, rec, to.Channel, ts, ledger.Posted, attempt)
}

// reportOf is what the routes look at. The worst of what fails is its severity.
func (t *term) reportOf(rec ledger.Record, body ledger.ReportBody) desk.Sight {
	s := desk.Sight{Run: rec.Run, Playbook: body.Playbook}
	for _, severity := range []string{"critical", "high"} {
		if body.Counts[severity] > 0 {
			s.Severity = severity
			break
		}
	}
	if lib, err := t.Library(); err == nil {
		if pb, err := lib.ByName(body.Playbook); err == nil {
			s.Title, s.Stage, s.Labels = pb.Title, pb.Stage, pb.Labels
		}
	}
	return s
}

// lastOf is what the record says last of a report's message.
func (t *term) lastOf(ctx context.Context, report digest.Digest) (last ledger.MessageBody, attempt int, err error) {
	err = t.Ledger.View(ctx, func(tx ledger.Tx) error {
		records, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Message}, Topic: string(report)})
		for _, rec := range records {
			var b ledger.MessageBody
			if err := rec.Read(&b); err != nil {
				return fmt.Errorf("read record %d: %w", rec.Seq, err)
			}
			if b.Surface == reportSurface && last.State != ledger.Posted {
				last, attempt = b, max(attempt, b.Attempt)
			}
		}
		return err
	})
	return last, attempt, err
}

// mind puts on record how far a report's message is.
func (t *term) mind(ctx context.Context, rec ledger.Record, channel, ts string, state ledger.MessageState, attempt int) error {
	err := t.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Message, Run: rec.Run, Topic: string(rec.Hash), Body: ledger.MessageBody{
			Digest: rec.Hash, Surface: reportSurface, Team: t.Team, Channel: channel, TS: ts, State: state, Attempt: attempt,
		}})
		return err
	})
	if err != nil {
		return fmt.Errorf("put on record how far the report of %s is: %w", rec.Run, err)
	}
	return nil
}
