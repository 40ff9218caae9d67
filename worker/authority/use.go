package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/ledger"
)

// permission names what lets the effect happen: the grant, the effect that it takes back, or the
// ticket. Each is used once for a step.
func (q *asked) permission() (id, kind string) {
	switch {
	case q.grant != nil:
		return q.grant.ID, "grant"
	case q.undoes != nil:
		return fmt.Sprintf("undo-%d", q.undoes.seq), "undo"
	default:
		return q.ticket.ID, "ticket"
	}
}

// key is what the ledger has one record of. What takes back an effect does so once, from wherever.
func (q *asked) key() string {
	id, kind := q.permission()
	if kind == "undo" {
		return id
	}
	return id + "/" + q.Workflow + "/" + q.Step
}

// use is what the ledger knows of an effect.
type use struct {
	intent *ledger.IntentBody // of the first attempt
	seq    int64              // of the intent of the last attempt
	n      int                // attempts
	output json.RawMessage    // of the one that ended well
}

// look reads what became of earlier attempts, which must be the same effect of the same execution.
func look(tx ledger.Tx, q *asked) (use, error) {
	var so use
	bound, ok, err := tx.Find(q.bindKey())
	if err != nil {
		return so, err
	}
	if ok {
		var b ledger.BindingBody
		if err := json.Unmarshal(bound.Body, &b); err != nil {
			return so, fmt.Errorf("read record %d: %w", bound.Seq, err)
		}
		if b.Execution != q.Execution {
			return so, refuse("the run was reset: the effects of its first execution are on record, and another makes none")
		}
	}
	first, ok, err := tx.Find("use/" + q.key())
	if err != nil || !ok {
		return so, err
	}
	so.intent, so.seq, so.n = &ledger.IntentBody{}, first.Seq, 1
	if err := json.Unmarshal(first.Body, so.intent); err != nil {
		return so, fmt.Errorf("read record %d: %w", first.Seq, err)
	}
	same := so.intent.Workflow == q.Workflow && so.intent.Execution == q.Execution && so.intent.Step == q.Step
	if so.intent.Digest != q.Digest {
		return so, refuse("%s was used for another call", q.key())
	}
	outcome, ok, err := tx.Find("outcome/" + q.key())
	if err != nil {
		return so, err
	}
	if ok {
		var body ledger.OutcomeBody
		if err := json.Unmarshal(outcome.Body, &body); err != nil {
			return so, fmt.Errorf("read record %d: %w", outcome.Seq, err)
		}
		if !same {
			return so, overtaken("it was put back already, at %s", outcome.At.Format(time.RFC3339))
		}
		so.output = body.Output
		return so, nil
	}
	if _, kind := q.permission(); !same && kind != "undo" {
		return so, refuse("it was begun by another execution")
	}
	for {
		again, ok, err := tx.Find(fmt.Sprintf("use/%s/%d", q.key(), so.n+1))
		if err != nil || !ok {
			return so, err
		}
		so.n, so.seq = so.n+1, again.Seq
	}
}

func (q *asked) bindKey() string { return "bind/" + q.ticket.ID + "/" + q.Workflow }

// errHalted is why the kill switch refuses.
var errHalted = errors.New("the kill switch is thrown")

// enter writes the intent, after everything that only a transaction can tell.
func (a *Authority) enter(ctx context.Context, q *asked) (activities.Turn, error) {
	var entered turn
	err := a.Ledger.Do(ctx, func(tx ledger.Tx) error {
		if err := running(tx); err != nil {
			return err
		}
		so, err := look(tx, q) // anew: another attempt may have come meanwhile
		if err != nil {
			return err
		}
		if so.output != nil {
			entered = turn{output: so.output}
			return nil
		}
		if err := q.inTime(tx.Now().Add(-skew)); err != nil { // also where this worker's clock is behind
			return err
		}
		if so.intent == nil {
			if err := q.breakers(tx); err != nil {
				return err
			}
		}
		record, err := q.intend(tx, so)
		if err != nil {
			return err
		}
		entered = turn{a: a, q: q, seq: record.Seq, n: so.n + 1}
		return nil
	})
	var why *activities.Error
	if err != nil && !errors.As(err, &why) {
		err = fmt.Errorf("write the intent to the ledger, without which nothing is done: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return entered, nil
}

// running refuses everything while the kill switch is thrown.
func running(tx ledger.Tx) error {
	last, ok, err := tx.Last(ledger.Switch)
	if err != nil || !ok {
		return err
	}
	var s ledger.SwitchBody
	if err := json.Unmarshal(last.Body, &s); err != nil {
		return fmt.Errorf("read record %d: %w", last.Seq, err)
	}
	if s.Halted {
		return halted("%v, by %s: %s", errHalted, s.By, s.Reason)
	}
	return nil
}

// breakers counts by the clock that wrote what is counted: a worker's that is ahead would see less.
func (q *asked) breakers(tx ledger.Tx) error {
	facts := q.facts
	facts.Now = tx.Now()
	breaker, tripped, err := q.policy.Tripped(facts, func(since time.Time) (map[string]int, error) {
		return tx.Count(ledger.Intent, since)
	})
	if err != nil {
		return fmt.Errorf("count effects: %w", err)
	}
	if tripped {
		return halted("the breaker %q is open: at most %d in %s", breaker.Name, breaker.Most, breaker.Per)
	}
	return nil
}

func (q *asked) intend(tx ledger.Tx, so use) (ledger.Record, error) {
	if so.intent == nil {
		bind := ledger.Entry{Kind: ledger.Binding, Run: q.Workflow, Key: q.bindKey(), Body: ledger.BindingBody{Ticket: q.ticket.ID, Execution: q.Execution}}
		if _, err := tx.Append(bind); err != nil && !errors.Is(err, ledger.ErrTaken) {
			return ledger.Record{}, err
		}
	}
	id, kind := q.permission()
	body := ledger.IntentBody{
		Permission: id, PermissionKind: kind,
		Workflow: q.Workflow, Execution: q.Execution, Step: q.Step, Attempt: so.n + 1,
		Activity: q.Call.Activity, Version: q.Call.Version, Effect: string(q.Spec.Effect), Account: q.facts.Account,
		Input: q.Call.Input, Digest: q.Digest, Policy: q.policy.Digest(), Rule: q.verdict.Rule, Undo: q.facts.Undo,
	}
	if q.grant != nil {
		for _, by := range q.grant.Approvers {
			body.Approvers = append(body.Approvers, by.Person)
		}
	}
	entry := ledger.Entry{Kind: ledger.Intent, Run: q.Workflow, Key: "use/" + q.key(), Topic: q.Call.Activity + "@" + q.facts.Account, Body: body}
	if so.intent != nil {
		entry.Kind, entry.Key = ledger.Retry, fmt.Sprintf("use/%s/%d", q.key(), so.n+1)
	}
	return tx.Append(entry)
}

// turn is an attempt that was admitted, or that was not needed.
type turn struct {
	a      *Authority
	q      *asked
	seq    int64
	n      int
	output json.RawMessage
}

// Earlier is the output of an attempt that ended well before.
func (t turn) Earlier() (json.RawMessage, bool) { return t.output, t.output != nil }

// Behind tells who approved it, by the grant.
func (t turn) Behind() (approval string, by []string) {
	if t.q == nil || t.q.grant == nil {
		return "", nil
	}
	for _, one := range t.q.grant.Approvers {
		by = append(by, one.Person)
	}
	return t.q.grant.Approval, by
}

// End writes the outcome, unless a later attempt has begun.
func (t turn) End(ctx context.Context, o activities.Outcome) error {
	return t.a.Ledger.Do(ctx, func(tx ledger.Tx) error {
		so, err := look(tx, t.q)
		if err != nil {
			return err
		}
		if so.n != t.n || so.output != nil {
			return fmt.Errorf("attempt %d of %s was overtaken by another", t.n, t.q.key())
		}
		if o.Err != nil {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Failure, Run: t.q.Workflow, Body: failure(t.seq, o)})
			return err
		}
		body := ledger.OutcomeBody{Intent: t.seq, Output: o.Output, Requests: o.Requests, LeftAs: o.LeftAs, PutBack: t.q.putBack()}
		topic := ""
		if o.Undo != nil {
			name, err := o.Undo.Digest()
			if err != nil {
				return err
			}
			if t.q.undoes == nil { // what took something back is not taken back in its turn: that is another effect
				topic = string(name)
			}
			body.Undo = &ledger.CallBody{Activity: o.Undo.Activity, Version: o.Undo.Version, Input: o.Undo.Input}
		}
		_, err = tx.Append(ledger.Entry{Kind: ledger.Outcome, Run: t.q.Workflow, Key: "outcome/" + t.q.key(), Topic: topic, Body: body})
		return err
	})
}

// putBack reports whether the run may take the effect back by itself: it made it by itself, or
// people were shown that it would.
func (q *asked) putBack() bool {
	switch {
	case q.undoes != nil:
		return false
	case q.grant == nil:
		return true
	}
	return q.shown.PutBack
}

// maxFailure bounds the text of an error on record, in bytes.
const maxFailure = 4 << 10

func failure(intent int64, o activities.Outcome) ledger.FailureBody {
	text := o.Err.Error()
	body := ledger.FailureBody{Intent: intent, Error: text[:min(len(text), maxFailure)], Requests: o.Requests}
	var kind *activities.Error
	if errors.As(o.Err, &kind) {
		body.Kind = kind.Kind
	}
	return body
}

// refusedTime bounds the record of a refusal.
const refusedTime = 5 * time.Second

// refused records a refusal, where the ledger takes it: the effect is refused either way.
func (a *Authority) refused(ctx context.Context, at activities.Attempt, why error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusedTime)
	defer cancel()
	text := why.Error()
	_ = a.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Refusal, Run: at.Workflow, Body: ledger.RefusalBody{
			Workflow: at.Workflow, Execution: at.Execution, Step: at.Step, Activity: at.Call.Activity, Digest: at.Digest,
			Why: text[:min(len(text), maxFailure)],
		}})
		return err
	})
}
