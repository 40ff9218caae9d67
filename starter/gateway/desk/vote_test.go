package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// received is an office whose run has been started by an event.
func received(t *testing.T, change ...func(*desk.Options)) *office {
	t.Helper()
	o := open(t, change...)
	_, err := o.Receive(t.Context(), by("ci"), sample(t))
	require.NoError(t, err)
	return o
}

func TestVote(t *testing.T) {
	o := received(t)
	r := o.asks(sealed(func(r *approval.Request) { r.Quorum = 2 }))
	got, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	require.Nil(t, got.Decision)
	require.True(t, got.Arrived)
	require.Equal(t, []string{"alice"}, got.Tally[0].Yes)
	standing, _ := o.arrived()
	require.Len(t, standing.Votes, 1)

	got, err = o.Vote(t.Context(), by("bob"), run, yes(r))
	require.NoError(t, err)
	require.Equal(t, approval.Approved, got.Decision.Outcome)
	require.Equal(t, []string{"alice", "bob"}, got.Decision.By)
	standing, g := o.arrived()
	require.Equal(t, r.Digest, standing.Request)
	before, err := seen().Digest()
	require.NoError(t, err)
	require.Equal(t, grant.Grant{
		ID: g.ID, Run: run, Execution: "e1", Approval: "contain_user", Request: r.Digest, Plan: r.Plan, Policy: g.Policy,
		Calls:     []grant.Call{{Step: "disable", Digest: r.Calls[0].Digest, Preview: before}},
		Approvers: []grant.Approver{{Person: "alice", At: g.Approvers[0].At, Surface: "cli"}, {Person: "bob", At: g.Approvers[1].At, Surface: "cli"}},
		Needs:     []grant.Need{{Groups: []string{"secops-oncall"}, Quorum: 2}, {Groups: []string{"secops-oncall"}, Quorum: 1}},
		NotBefore: got.Decision.At, Expires: got.Decision.At.Add(grant.Life),
	}, *g)
	require.NotEmpty(t, g.Policy)

	// The same again hears the same; another one changes nothing and is on record.
	again, err := o.Vote(t.Context(), by("bob"), run, yes(r))
	require.NoError(t, err)
	require.Equal(t, got.Decision, again.Decision)
	require.False(t, again.Late)
	no := yes(r)
	no.Verdict = approval.Reject
	late, err := o.Vote(t.Context(), by("carol"), run, no)
	require.NoError(t, err)
	require.True(t, late.Late)
	require.Equal(t, approval.Approved, late.Decision.Outcome)
	require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 3)
	require.Len(t, records[ledger.DecisionBody](o, ledger.Decision), 1)
	requests := records[ledger.RequestBody](o, ledger.Request)
	require.Len(t, requests, 1)
	require.Contains(t, requests[0].Card, "Disable the key?")
	standing, _ = o.arrived()
	require.Len(t, standing.Votes, 2, "what came late is not told")
}

// What a run says of itself is held against the record, and who says what against the directory.
func TestVoteRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		person  string
		request func(*approval.Request)
		vote    func(*desk.Vote)
		people  string // replaces, old=new
		rules   string
		status  func(*workflows.Status)
		says    string
	}{
		"nobody":               {person: "mallory", says: "not in the directory"},
		"a source":             {person: "ci", says: "is a source"},
		"of no group":          {person: "dora", says: "is not among those"},
		"removed meanwhile":    {person: "alice", people: "[alice, bob=[bob", says: "is not among those"},
		"gone meanwhile":       {person: "dora", people: "  dora: {}=", says: "not in the directory"},
		"no directory":         {person: "alice", people: "groups=", says: "look up alice"},
		"no policy":            {person: "alice", rules: "rules=", says: "policy"},
		"another digest":       {person: "alice", vote: func(v *desk.Vote) { v.Digest = "sha256:00" }, says: "look at the request again"},
		"another approval":     {person: "alice", vote: func(v *desk.Vote) { v.Approval = "x" }, says: `is not asking "x"`},
		"whom it is about":     {person: "carol", request: sealed(target("carol-admin")), says: "carol is whom it is about"},
		"about in an ARN":      {person: "carol", request: sealed(target("arn:aws:iam::111122223333:user/Carol-Admin")), says: "carol is whom it is about"},
		"an edited request":    {person: "alice", request: func(r *approval.Request) { r.Question = "Nothing to see?" }, says: "its digest is not that of what it says"},
		"an edited call":       {person: "alice", request: sealed(func(r *approval.Request) { r.Calls[0].Input = json.RawMessage(`{"user":"root"}`) }), says: "is not that of the call"},
		"fewer of the plan":    {person: "alice", request: sealed(func(r *approval.Request) { r.Quorum = 0 }), says: "the plan asks 1"},
		"others than the plan": {person: "dora", request: sealed(func(r *approval.Request) { r.Groups = []string{"others"} }), says: "the plan asks"},
		"another plan":         {person: "alice", request: sealed(func(r *approval.Request) { r.Plan = "sha256:00" }), says: "is none that the run was started with"},
		"a read that changes":  {person: "alice", request: sealed(func(r *approval.Request) { r.Calls[0].Effect = "read" }), says: "the plan knows no such call"},
		"undo that is not":     {person: "alice", request: sealed(func(r *approval.Request) { r.Calls[0].Undo = "aws.iam.nothing" }), says: "the plan knows no such call"},
		"a change not shown":   {person: "alice", request: sealed(func(r *approval.Request) { r.Calls[0].Preview = nil }), says: "does not show what disable would change"},
		"targets hidden":       {person: "alice", request: sealed(func(r *approval.Request) { r.Calls[0].Targets = nil }), says: "the plan knows no such call"},
		"escalated to others":  {person: "alice", request: sealed(func(r *approval.Request) { r.Escalate = &approval.Escalation{Groups: []string{"x"}} }), says: "escalates to nobody else"},
		"escalated too soon": {person: "alice", request: sealed(func(r *approval.Request) {
			r.Escalate = &approval.Escalation{Groups: []string{"secops-leads"}, At: r.Asked}
		}), says: "escalates to nobody else"},
		"by no step":          {person: "dora", request: sealed(func(r *approval.Request) { r.ID, r.Groups = "x", []string{"others"} }), says: `the plan asks nothing by the name "x"`},
		"by a step that does": {person: "alice", request: sealed(func(r *approval.Request) { r.ID = "disable" }), says: `the plan asks nothing by the name "disable"`},
		"of a call elsewhere": {person: "alice", request: sealed(func(r *approval.Request) { r.ID = "close" }), says: "does not cover the call disable"},
		"of another round":    {person: "alice", request: sealed(func(r *approval.Request) { r.ID = "each[1].contain_user" }), says: "does not cover the call disable"},
		"of another step":     {person: "alice", request: sealed(func(r *approval.Request) { r.Calls[0].Step = "revoke" }), says: "does not cover the call revoke"},
		"another run's":       {person: "alice", request: sealed(func(r *approval.Request) { r.Run = "x/1" }), says: "it is that of the run x/1"},
		"another execution's": {person: "alice", status: func(s *workflows.Status) { s.Execution = "e2" }, says: "it is that of the run"},
		"over":                {person: "alice", request: sealed(func(r *approval.Request) { r.Expires = r.Asked.Add(-1) }), says: "already expired"},
		"edited meanwhile": {person: "alice", status: func(s *workflows.Status) {
			s.Approvals[0].Decision = &approval.Decision{Outcome: approval.Withdrawn, Reason: "bob changed disable"}
		}, says: "the request is withdrawn: bob changed disable"},
		"policy says never":    {person: "alice", rules: "{approval: {groups: [secops-oncall], quorum: 1}}=never", says: "is never by the policy"},
		"alone without right":  {person: "alice", vote: alone("it burns"), says: "may break the glass"},
		"alone without reason": {person: "zoe", vote: alone(" "), says: "takes a reason"},
	} {
		t.Run(name, func(t *testing.T) {
			o := received(t)
			var change []func(*approval.Request)
			if tc.request != nil {
				change = append(change, tc.request)
			}
			r := o.asks(change...)
			if tc.status != nil {
				tc.status(o.status[run])
			}
			for text, with := range map[*string]string{&o.people: tc.people, &o.rules: tc.rules} {
				if old, replacement, ok := strings.Cut(with, "="); ok {
					*text = strings.Replace(*text, old, replacement, 1)
				}
			}
			v := yes(r)
			if tc.vote != nil {
				tc.vote(&v)
			}
			_, err := o.Vote(t.Context(), by(tc.person), run, v)
			require.ErrorContains(t, err, tc.says)
			require.Empty(t, records[ledger.VoteBody](o, ledger.Vote))
			require.Empty(t, o.standings)
			if errors.Is(err, approval.ErrRefused) || errors.Is(err, desk.ErrForbidden) {
				require.Len(t, records[ledger.RefusalBody](o, ledger.Refusal), 1)
			}
		})
	}
}

// Policy asks about a step that stands under no approval of the plan's: about its one call.
func TestPolicyAsks(t *testing.T) {
	alone := sealed(func(r *approval.Request) {
		const name = "aws.guardduty.archive_finding"
		s := planOf(t).Activities[name]
		c := approval.Call{Step: "close", Activity: name, Version: s.Version, Effect: string(s.Effect), Undo: s.Undo, Targets: s.Targets, Input: json.RawMessage(`{"account":"111122223333","finding_id":"f1"}`), Preview: seen()}
		c.Digest, _ = callOf(c).Digest()
		r.ID, r.Calls = "close", []approval.Call{c}
	})
	o := received(t)
	r := o.asks(alone)
	got, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	require.Equal(t, approval.Approved, got.Decision.Outcome)

	o = received(t)
	r = o.asks(alone, sealed(func(r *approval.Request) { r.Calls = append(r.Calls, r.Calls[0]) }))
	_, err = o.Vote(t.Context(), by("alice"), run, yes(r))
	require.ErrorContains(t, err, "makes one call there")
}

func target(user string) func(*approval.Request) {
	return func(r *approval.Request) {
		raw, _ := json.Marshal(map[string]string{"access_key_id": "AKIAIOSFODNN7EXAMPLE", "account": "111122223333", "user": user})
		r.Calls[0].Input = raw
		r.Calls[0].Digest, _ = callOf(r.Calls[0]).Digest()
	}
}

func alone(reason string) func(*desk.Vote) {
	return func(v *desk.Vote) { v.BreakGlass, v.Reason = true, reason }
}

func TestStarterHasNoVote(t *testing.T) {
	o := open(t)
	ev := sample(t)
	_, err := o.Start(t.Context(), by("alice"), desk.Start{Playbook: "aws-compromised-access-key", Event: &ev})
	require.NoError(t, err)
	_, err = o.Receive(t.Context(), by("ci"), ev) // that others join it changes nothing
	require.NoError(t, err)
	r := o.asks()
	_, err = o.Vote(t.Context(), by("alice"), run, yes(r))
	require.ErrorContains(t, err, "alice started the run")
	_, err = o.Vote(t.Context(), by("bob"), run, yes(r))
	require.NoError(t, err)
}

func TestNotStartedHere(t *testing.T) {
	o := open(t)
	r := o.asks()
	_, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.ErrorContains(t, err, "was not started by this gateway")
}

func TestBreakGlass(t *testing.T) {
	o := received(t)
	r := o.asks(sealed(func(r *approval.Request) { r.Quorum = 2 }))
	v := yes(r)
	alone("it burns")(&v)
	got, err := o.Vote(t.Context(), by("zoe"), run, v)
	require.NoError(t, err)
	require.True(t, got.Decision.BreakGlass)
	_, g := o.arrived()
	require.Equal(t, "it burns", g.BreakGlass)
	require.Equal(t, "zoe", g.Approvers[0].Person)
	require.Equal(t, desk.BrokenGlass, o.notices[0].Kind, "it is loud")

	open, err := o.Reviews(t.Context())
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.ErrorContains(t, o.CloseReview(t.Context(), by("zoe"), open[0].ID, "all was well"), "somebody else reviews it")
	require.ErrorContains(t, o.CloseReview(t.Context(), by("alice"), open[0].ID, ""), "takes a reason")
	require.NoError(t, o.CloseReview(t.Context(), by("alice"), open[0].ID, "all was well"))
	require.ErrorContains(t, o.CloseReview(t.Context(), by("alice"), open[0].ID, "again"), "no review")
}

// A hundred answers at once are one decision, and one grant.
func TestRacingVotes(t *testing.T) {
	o := received(t)
	r := o.asks()
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			v := yes(r)
			if i%7 == 3 {
				v.Verdict = approval.Reject
			}
			_, _ = o.Vote(context.WithoutCancel(t.Context()), by([]string{"alice", "bob", "carol", "dora"}[i%4]), run, v)
		})
	}
	group.Wait()
	decisions := records[ledger.DecisionBody](o, ledger.Decision)
	require.Len(t, decisions, 1)
	votes := records[ledger.VoteBody](o, ledger.Vote)
	require.LessOrEqual(t, len(votes), 3)
	want := map[string]approval.Outcome{"approve": approval.Approved, "reject": approval.Rejected}[votes[0].Verdict]
	require.Equal(t, string(want), decisions[0].Outcome, "the first vote decides")
	grants := map[string]bool{}
	for _, s := range o.standings {
		if s.Grant != nil {
			grants[string(s.Grant.Body)] = true
		}
	}
	require.LessOrEqual(t, len(grants), 1)
}

// A decision that a run does not hear is brought again until it does, also by a desk that was
// started later.
func TestDelivery(t *testing.T) {
	o := received(t)
	r := o.asks()
	o.deaf = workflows.ErrNoWorker
	got, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	require.False(t, got.Arrived)
	require.Equal(t, approval.Approved, got.Decision.Outcome, "it is decided all the same")
	require.Empty(t, o.standings)
	again, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	require.False(t, again.Arrived)
	o.deaf = nil

	fresh, err := desk.New(o.Options)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() { fresh.Serve(ctx, time.Hour); close(served) }()
	require.Eventually(t, func() bool { o.mu.Lock(); defer o.mu.Unlock(); return len(o.standings) > 0 }, 30*time.Second, 20*time.Millisecond)
	stop()
	<-served
	standing, g := o.arrived()
	require.Equal(t, approval.Approved, standing.Decision.Outcome)
	require.NotNil(t, g)
}
