package authority

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
)

// Bounds on what a run has put on record, in bytes.
const (
	maxID   = 1 << 10
	maxText = 4 << 10 // of an outcome, and of an error
)

// Tell puts on record what a run tells: it is for the gateway to hear, and permits nothing. Which
// workflow tells it is Temporal's word; a run that the gateway did not start tells nothing. What is
// on record already is not told again.
func (a *Authority) Tell(ctx context.Context, told workflows.Told) error {
	workflow, _, err := a.started(ctx)
	if err != nil {
		return err
	}
	entry := ledger.Entry{Run: workflow}
	switch asked, ended := told.Asked, told.Ended; {
	case asked != nil && ended == nil:
		if !named.MatchString(string(asked.Digest)) || asked.ID == "" || len(asked.ID) > maxID || len(asked.Execution) > maxID {
			return dumb("what is asked has no good name")
		}
		entry.Kind, entry.Key, entry.Topic = ledger.Asked, ledger.AskedKey(workflow, asked.Digest), string(asked.Digest)
		entry.Body = ledger.AskedBody{
			ID: asked.ID, Digest: asked.Digest, Execution: asked.Execution, Question: asked.Question,
			Asked: asked.Asked, Expires: asked.Expires, Escalates: asked.Escalates,
		}
	case ended != nil && asked == nil:
		if !ended.State.Over() || ended.Execution == "" || len(ended.Execution) > maxID {
			return dumb("a run that has ended is done, failed or cancelled, and this one is %q", cut(string(ended.State), 40))
		}
		entry.Kind, entry.Key = ledger.Ended, ledger.EndedKey(workflow, ended.Execution)
		entry.Body = ledger.EndedBody{
			Execution: ended.Execution, Playbook: cut(ended.Playbook, maxID), State: string(ended.State),
			Outcome: cut(ended.Outcome, maxText), Error: cut(ended.Error, maxText),
		}
	default:
		return dumb("a run tells one thing at a time")
	}
	return a.put(ctx, entry)
}

// started is the workflow that calls, and the ticket by which the gateway started its run.
func (a *Authority) started(ctx context.Context) (workflow string, ticket grant.Ticket, err error) {
	if !activity.IsActivity(ctx) {
		return "", ticket, dumb("nothing is put on record outside of a run")
	}
	workflow = activity.GetInfo(ctx).WorkflowExecution.ID
	err = a.Keys.Open(activities.TicketFrom(ctx), grant.KindTicket, &ticket)
	if err == nil && !ticket.Covers(workflow) {
		err = fmt.Errorf("the ticket is for the run %s, and %s tells", ticket.Run, workflow)
	}
	if err != nil {
		return "", ticket, dumb("the run was not started by the gateway, and puts nothing on record: %v", err)
	}
	return workflow, ticket, nil
}

// put puts something on record that is said once.
func (a *Authority) put(ctx context.Context, entry ledger.Entry) error {
	err := a.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(entry)
		return err
	})
	if errors.Is(err, ledger.ErrTaken) {
		return nil
	}
	return err
}

// named is how a digest is written.
var named = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// dumb is an error that another attempt does not change.
func dumb(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), activities.NotPermitted, nil)
}

// cut keeps what is whole of the beginning of a text.
func cut(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "") }
