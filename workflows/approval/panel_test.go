package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
)

// matter is a request with all that can be asked: two of oncall, one of leads by policy, night from
// minute 15 on.
func matter(t require.TestingT) approval.Request {
	r := approval.Request{
		ID: "contain", Run: "r", Plan: "sha256:aa", Quorum: 2, Groups: []string{"oncall"},
		Policies: []grant.Need{{Groups: []string{"leads"}, Quorum: 1}},
		Asked:    asked, Expires: asked.Add(30 * time.Minute),
		Escalate: &approval.Escalation{Groups: []string{"night"}, At: asked.Add(15 * time.Minute)},
	}
	require.NoError(t, r.Seal())
	return r
}

func panel() approval.Panel {
	return approval.Panel{
		Members: map[string][]string{
			"oncall": {"alice", "bob", "carol"}, "leads": {"carol", "dora"}, "night": {"nick"}, "chiefs": {"zoe", "alice"},
		},
		BreakGlass: []string{"chiefs"},
	}
}

// said is a vote so many minutes after the question.
func said(r approval.Request, minute int, person string, verdict approval.Verdict) approval.Vote {
	return approval.Vote{Approval: r.ID, Digest: r.Digest, Person: person, Verdict: verdict, At: asked.Add(time.Duration(minute) * time.Minute)}
}

func TestPanelAdmit(t *testing.T) {
	r := matter(t)
	for name, tc := range map[string]struct {
		person string
		minute int
		panel  func(*approval.Panel)
		vote   func(*approval.Vote)
		votes  []approval.Vote
		says   string // empty: admitted
	}{
		"a member":           {person: "alice"},
		"of the policy":      {person: "dora"},
		"a stranger":         {person: "mallory", says: "is not among those who may answer (leads, night, oncall)"},
		"escalated too soon": {person: "nick", says: "nick may answer from 2026-11-20T21:45:00Z on"},
		"escalated":          {person: "nick", minute: 15},
		"the starter":        {person: "alice", panel: func(p *approval.Panel) { p.Exclude(approval.Starter, "alice") }, says: "alice started the run, and so has no vote"},
		"the subject first":  {person: "alice", panel: func(p *approval.Panel) { p.Exclude(approval.Subject, "alice"); p.Exclude(approval.Starter, "alice") }, says: "is whom it is about"},
		"no longer a member": {person: "alice", panel: func(p *approval.Panel) { p.Members["oncall"] = []string{"bob"} }, says: "is not among"},
		"too late":           {person: "alice", minute: 30, says: "already expired"},
		"another digest":     {person: "alice", vote: func(v *approval.Vote) { v.Digest = "sha256:00" }, says: "look at the request again"},
		"another approval":   {person: "alice", vote: func(v *approval.Vote) { v.Approval = "x" }, says: `this is "contain"`},
		"no verdict":         {person: "alice", vote: func(v *approval.Vote) { v.Verdict = "maybe" }, says: "want approve or reject"},
		"nobody":             {says: "names nobody"},
		"long":               {person: string(make([]byte, 300)), says: "too long"},
		"a long reason":      {person: "alice", vote: func(v *approval.Vote) { v.Reason = string(make([]byte, 2001)) }, says: "at most 2000"},
		"twice":              {person: "alice", votes: []approval.Vote{said(r, 0, "alice", approval.Approve)}},
		"a change of mind":   {person: "alice", votes: []approval.Vote{said(r, 0, "alice", approval.Reject)}, says: "already answered reject"},
		"after the end":      {person: "alice", votes: []approval.Vote{said(r, 0, "bob", approval.Reject)}, says: "already rejected"},

		"gave it away":        {person: "alice", panel: delegated("alice", "mallory"), says: "alice has delegated the vote to mallory"},
		"was given":           {person: "mallory", panel: delegated("alice", "mallory"), vote: as("alice")},
		"was given by none":   {person: "mallory", panel: delegated("erin", "mallory"), vote: as("erin"), says: "is not among"},
		"for whom it is not":  {person: "bob", vote: as("alice"), says: "bob may not vote for alice"},
		"by the subject":      {person: "mallory", panel: func(p *approval.Panel) { delegated("alice", "mallory")(p); p.Exclude(approval.Subject, "alice") }, vote: as("alice"), says: "is not among"},
		"to the subject":      {person: "bob", panel: func(p *approval.Panel) { delegated("alice", "bob")(p); p.Exclude(approval.Subject, "bob") }, vote: as("alice"), says: "is whom it is about"},
		"and not handed on":   {person: "erin", panel: func(p *approval.Panel) { delegated("alice", "mallory")(p); delegated("mallory", "erin")(p) }, vote: as("mallory"), says: "is not among"},
		"a member in another": {person: "bob", panel: delegated("alice", "bob"), vote: as("alice")},

		"break glass":             {person: "zoe", vote: glass("it burns")},
		"by the starter":          {person: "zoe", vote: glass("it burns"), panel: func(p *approval.Panel) { p.Exclude(approval.Starter, "zoe") }},
		"by whom it is about":     {person: "zoe", vote: glass("it burns"), panel: func(p *approval.Panel) { p.Exclude(approval.Subject, "zoe") }, says: "zoe is whom it is about"},
		"without a reason":        {person: "zoe", vote: glass(" \n"), says: "takes a reason"},
		"from a chat":             {person: "zoe", vote: func(v *approval.Vote) { glass("it burns")(v); v.Surface = "slack" }, says: "nobody breaks the glass on slack"},
		"by others":               {person: "bob", vote: glass("it burns"), says: "may break the glass (chiefs)"},
		"where there is none":     {person: "zoe", vote: glass("it burns"), panel: func(p *approval.Panel) { p.BreakGlass = nil }, says: "lets nobody"},
		"to say no":               {person: "zoe", vote: func(v *approval.Vote) { glass("no")(v); v.Verdict = approval.Reject }, says: "is to approve"},
		"after an ordinary yes":   {person: "alice", vote: glass("it burns"), votes: []approval.Vote{said(r, 0, "alice", approval.Approve)}},
		"after a no":              {person: "zoe", vote: glass("it burns"), votes: []approval.Vote{said(r, 0, "bob", approval.Reject)}, says: "already rejected"},
		"it gives no common vote": {person: "zoe", says: "is not among"},
	} {
		t.Run(name, func(t *testing.T) {
			p, v := panel(), said(r, tc.minute, tc.person, approval.Approve)
			if tc.panel != nil {
				tc.panel(&p)
			}
			if tc.vote != nil {
				tc.vote(&v)
			}
			err := p.Admit(r, tc.votes, v, v.At)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, approval.ErrRefused)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func as(whose string) func(*approval.Vote) { return func(v *approval.Vote) { v.For = whose } }

func glass(reason string) func(*approval.Vote) {
	return func(v *approval.Vote) { v.BreakGlass, v.Reason = true, reason }
}

func delegated(from, to string) func(*approval.Panel) {
	return func(p *approval.Panel) {
		p.Delegations = append(p.Delegations, approval.Delegation{From: from, To: to, At: asked})
	}
}

func TestPanelRight(t *testing.T) {
	r, p := matter(t), panel()
	delegated("alice", "mallory")(&p)
	delegated("bob", "carol")(&p)
	for person, want := range map[string]string{"mallory": "alice", "carol": "", "dora": ""} {
		whose, err := p.Right(r, person, "cli", asked)
		require.NoError(t, err, person)
		require.Equal(t, want, whose, person)
	}
	_, err := p.Right(r, "bob", "cli", asked)
	require.ErrorContains(t, err, "bob has delegated the vote to carol")
}
