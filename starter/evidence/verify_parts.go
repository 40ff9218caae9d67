package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
)

// skew is how far the clocks of the gateway and of the database may be apart.
const skew = time.Minute

func (c *checker) run(r ledger.Record) error {
	var body ledger.RunBody
	var ticket grant.Ticket
	if err := r.Read(&body); err != nil {
		return err
	}
	if err := c.keys.Open(&body.Ticket, grant.KindTicket, &ticket); err != nil {
		return err
	}
	if ticket.Run != r.Run || ticket.Plan != body.Digest || ticket.Playbook != body.Playbook {
		return fmt.Errorf("its ticket is for the run %.100q and the plan %s", ticket.Run, ticket.Plan.Short())
	}
	if is, err := digest.Of(body.Plan); err != nil || is != ticket.Plan {
		return fmt.Errorf("its ticket was not signed for this: plan")
	}
	// What was too long for the record is named by the ticket alone.
	for _, part := range []struct {
		name string
		is   json.RawMessage
		want digest.Digest
	}{{"event", body.Event, ticket.Event}, {"inputs", body.Inputs, ticket.Inputs}} {
		if part.is == nil {
			continue
		}
		if is, err := digest.Of(part.is); err != nil || is != part.want {
			return fmt.Errorf("its ticket was not signed for this: %s", part.name)
		}
	}
	c.tickets[ticket.ID] = ticket
	return nil
}

// request checks that a request is what its digest names: the digest is over all its other fields.
func (c *checker) request(r ledger.Record) error {
	var body ledger.RequestBody
	if err := r.Read(&body); err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body.Request, &fields); err != nil {
		return fmt.Errorf("the request is not one: %w", err)
	}
	fields["digest"] = json.RawMessage(`""`)
	if is, err := digest.Of(fields); err != nil || is != body.Digest {
		return fmt.Errorf("the request is not the one that %s names", body.Digest.Short())
	}
	var asked approval.Request
	if calls, ok := fields["calls"]; ok {
		if err := json.Unmarshal(calls, &asked.Calls); err != nil {
			return fmt.Errorf("its calls are none: %w", err)
		}
	}
	if len(asked.Calls) > grant.MaxListed { // a grant of it does not list them
		c.requests[body.Digest] = asked
	}
	return nil
}

// listed completes a grant that names its calls by their root alone: they are those of the request.
func (c *checker) listed(g *grant.Grant) error {
	if len(g.Root) == 0 {
		return nil
	}
	asked, ok := c.requests[g.Request]
	if !ok {
		return fmt.Errorf("its grant is for calls of the request %s, which is not on record before", g.Request.Short())
	}
	calls, err := asked.Grants()
	if err != nil {
		return err
	}
	tree, err := grant.NewTree(calls)
	if err != nil {
		return err
	}
	if len(calls) != g.Count || !bytes.Equal(tree.Root(), g.Root) {
		return fmt.Errorf("its grant is not for the calls of the request %s", g.Request.Short())
	}
	g.Calls = calls
	return nil
}

// decision checks the grant of a yes: who approved it must have said so before.
func (c *checker) decision(r ledger.Record) error {
	var body ledger.DecisionBody
	if err := r.Read(&body); err != nil {
		return err
	}
	if body.Grant == nil {
		return nil
	}
	g := granted{record: r}
	if err := c.keys.Open(body.Grant, grant.KindGrant, &g.Grant); err != nil {
		return err
	}
	c.verdict.Grants++
	if g.Run != r.Run || g.Request != body.Request || g.Approval != body.Approval {
		return fmt.Errorf("its grant is for the request %s of the run %.100q", g.Request.Short(), g.Run)
	}
	if len(g.Approvers) == 0 {
		return fmt.Errorf("nobody approved its grant")
	}
	if err := c.listed(&g.Grant); err != nil {
		return err
	}
	for _, by := range g.Approvers {
		if _, ok := c.votes[string(g.Request)+" "+by.Person]; !ok {
			return fmt.Errorf("its grant names %.100q, of whom no yes is on record before", by.Person)
		}
	}
	c.grants[g.ID] = g
	return nil
}

// intent checks what an effect rests on.
func (c *checker) intent(r ledger.Record) error {
	var body ledger.IntentBody
	if err := r.Read(&body); err != nil {
		return err
	}
	c.intents[r.Seq] = true
	c.verdict.Effects++
	if body.Workflow != r.Run {
		return fmt.Errorf("it is an effect of %.100q", body.Workflow)
	}
	if r.Kind == ledger.Intent { // a second attempt is a retry
		use := [3]string{body.Permission, body.Workflow, body.Step}
		if body.PermissionKind == ledger.ByUndo {
			use = [3]string{body.Permission}
		}
		if c.used[use] {
			return fmt.Errorf("%.40q was used for it before", body.Permission)
		}
		c.used[use] = true
	}
	switch body.PermissionKind {
	case ledger.ByGrant:
		g, ok := c.grants[body.Permission]
		if !ok {
			return fmt.Errorf("no grant %.40q is on record before it", body.Permission)
		}
		call, covered := g.Find(body.Step)
		if !covered || call.Digest != body.Digest || g.Run != body.Workflow || g.Execution != body.Execution {
			return fmt.Errorf("the grant in record %d does not cover it", g.record.Seq)
		}
		if r.Kind == ledger.Intent && (r.At.Before(g.NotBefore.Add(-skew)) || r.At.After(g.Expires.Add(skew))) {
			return fmt.Errorf("the grant in record %d was valid from %s to %s", g.record.Seq, g.NotBefore.Format(time.RFC3339), g.Expires.Format(time.RFC3339))
		}
	case ledger.ByTicket:
		if t, ok := c.tickets[body.Permission]; !ok || !t.Covers(body.Workflow) {
			return fmt.Errorf("no ticket %.40q for it is on record before it", body.Permission)
		}
	case ledger.ByUndo:
		return c.undo(body)
	default:
		return fmt.Errorf("it rests on a %.40q; want a grant, a ticket or an undo", body.PermissionKind)
	}
	return nil
}

// undo checks that there was something to take back. It may be another run's, whose evidence shows it;
// then this run's ticket says so.
func (c *checker) undo(body ledger.IntentBody) error {
	number, ok := strings.CutPrefix(body.Permission, "undo-")
	of, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil {
		return fmt.Errorf("%.40q names nothing to take back", body.Permission)
	}
	if c.outcomes[of] {
		return nil
	}
	for _, t := range c.tickets {
		if t.Undoes != "" && t.Covers(body.Workflow) {
			return nil
		}
	}
	return fmt.Errorf("it takes back record %d, which is no effect of this run", of)
}
