package authority

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/policy"
)

type digestOf = digest.Digest

// signed opens the ticket and the grant and holds them against who asks and for what.
func (a *Authority) signed(q *asked) error {
	if err := a.Keys.Open(q.Ticket, grant.KindTicket, &q.ticket); err != nil {
		return refuse("the run was not started by the gateway: %v", err)
	}
	if !q.ticket.Covers(q.Workflow) {
		return refuse("the ticket is for the run %s, and %s asks", q.ticket.Run, q.Workflow)
	}
	if q.ticket.Over(a.Now()) {
		return refuse("the run was started at %s, and makes no effects after %s; start it anew", q.ticket.Issued.Format(time.RFC3339), grant.TicketLife)
	}
	if q.Grant == nil {
		return nil
	}
	var g grant.Grant
	if err := a.Keys.Open(q.Grant, grant.KindGrant, &g); err != nil {
		return refuse("the grant is not the gateway's: %v", err)
	}
	call, ok := g.Covers(q.Step, q.Proof)
	switch now := a.Now(); {
	case g.Run != q.Workflow:
		return refuse("the grant is for the run %s, and %s asks", g.Run, q.Workflow)
	case g.Execution != q.Execution:
		return refuse("the grant is for another execution of the run; one that was reset asks people anew")
	case !ok:
		return refuse("the grant does not cover the step %q", q.Step)
	case call.Digest != q.Digest:
		return refuse("the grant covers %s, and the call is %s; what was approved is not what would run", call.Digest.Short(), q.Digest.Short())
	case now.Before(g.NotBefore.Add(-skew)):
		return refuse("the grant is for later: not before %s", g.NotBefore.Format(time.RFC3339))
	}
	q.grant, q.shown = &g, call
	return nil
}

// inTime refuses a grant whose time is over. What is on record as made it made in its time.
func (q *asked) inTime(now time.Time) error {
	if q.grant != nil && !now.Before(q.grant.Expires) {
		return q.again(fmt.Sprintf("the grant has expired at %s", q.grant.Expires.Format(time.RFC3339)))
	}
	return nil
}

// skew is how far the clocks of gateway and worker may differ.
const skew = 30 * time.Second

// judge looks at the time of the grant and asks the policy, and of an approval whether those who gave it still may.
func (q *asked) judge(ctx context.Context) error {
	if err := q.inTime(q.facts.Now); err != nil {
		return err
	}
	q.verdict = q.policy.Judge(q.facts)
	v := q.verdict
	switch v.Mode {
	case policy.Automatic:
		if q.grant == nil && q.undoes == nil && !slices.Contains(q.ticket.Automatic, q.Call.Activity) {
			return refuse("the plan that the gateway started calls %s only under an approval, or not at all", q.Call.Activity)
		}
	case policy.Approval:
		if q.grant == nil {
			return refuse("policy, rule %q: people must approve it", v.Rule)
		}
	case policy.Manual:
		return refuse("policy, rule %q: people do it by hand", v.Rule)
	default:
		return refuse("policy, rule %q: never: %s", v.Rule, v.Reason)
	}
	switch {
	case q.grant != nil:
		return q.approvers(ctx, v)
	case q.Spec.Effect == activities.Destroy: // whatever the permit of the run says
		return refuse("it cannot be undone, so people must approve it")
	default:
		return nil
	}
}

// approvers holds those who said yes against the directory and the policy of this moment.
func (q *asked) approvers(ctx context.Context, v policy.Verdict) error {
	needs := slices.Clone(q.grant.Needs)
	if v.Mode == policy.Approval {
		needs = append(needs, v.Need)
	}
	if q.grant.BreakGlass != "" {
		needs = []grant.Need{{Groups: q.policy.BreakGlass(), Quorum: 1}}
	}
	if q.grant.BreakGlass != "" && slices.ContainsFunc(q.grant.Approvers, func(by grant.Approver) bool { return by.Surface == grant.SurfaceSlack }) {
		return refuse("nobody breaks the glass on slack")
	}
	if len(needs) == 0 || len(q.grant.Approvers) == 0 {
		return refuse("the grant names nobody")
	}
	wanted := q.whose()
	for _, need := range needs {
		members, err := q.people.MembersFor(ctx, wanted, need.Groups...)
		if errors.Is(err, directory.ErrLookup) { // the next attempt may know
			return fmt.Errorf("look up those who approved it, without which nothing is done: %w", err)
		}
		if err != nil {
			return refuse("look up the people of %v: %v", need.Groups, err)
		}
		var yes []string
		for _, by := range q.grant.Approvers {
			who := cmp.Or(by.For, by.Person)
			_, known := q.people.Person(by.Person)
			if known && need.Takes(by.Surface) && slices.Contains(members, who) && !slices.Contains(yes, by.Person) {
				yes = append(yes, by.Person)
			}
		}
		if len(yes) < max(need.Quorum, 1) {
			return refuse("%d of %v must have approved it%s, and of those who did %d still may", need.Quorum, need.Groups, on(need), len(yes))
		}
	}
	if q.grant.BreakGlass == "" && q.ticket.StartedBy != "" {
		for _, by := range q.grant.Approvers {
			if by.Person == q.ticket.StartedBy {
				return refuse("%s started the run, and cannot approve it", by.Person)
			}
		}
	}
	return nil
}

// on says on which surfaces a vote counts for a need.
func on(need grant.Need) string {
	if len(need.Surfaces) == 0 {
		return ""
	}
	return fmt.Sprintf(" on %v", need.Surfaces)
}

// whose are the people in whose right the yes was said.
func (q *asked) whose() []string {
	var people []string
	for _, by := range q.grant.Approvers {
		people = append(people, cmp.Or(by.For, by.Person))
	}
	return people
}

var _ activities.Authority = (*Authority)(nil)
