package desk_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

const fleetText = `playbook: fleet
stage: run
inputs: {users: {type: list(string)}}
steps:
  - id: contain
    approve: Disable them?
    approvers: [secops-oncall]
    steps:
      - id: each
        for_each: inputs.users
        steps:
          - id: disable
            activity: aws.iam.disable_access_key
            with: {account: "111122223333", user: "${item}", access_key_id: AKIAIOSFODNN7EXAMPLE}
`

// asksMany lets a run of a playbook with a covered loop ask about n calls.
func (o *office) asksMany(n int, change ...func(*approval.Request)) approval.Request {
	o.t.Helper()
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	pb, problems := playbook.Compile("fleet.yaml", []byte(fleetText), library.Catalog(registry))
	require.Empty(o.t, problems)
	ev := event.Event{ID: "1", Source: "test", Type: "test.fleet", Time: time.Now(), Data: json.RawMessage(`{}`)}
	started, err := o.Start(o.t.Context(), by("dora"), desk.Start{Plan: &pb.Plan, Event: &ev, Inputs: map[string]json.RawMessage{"users": json.RawMessage(`["a"]`)}})
	require.NoError(o.t, err)
	now := time.Now().UTC()
	r := approval.Request{
		ID: "contain", Run: started.Run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), Question: "Disable them?",
		Groups: []string{"secops-oncall"}, People: []string{"alice", "bob", "carol"}, Quorum: 1, Asked: now, Expires: now.Add(time.Hour),
	}
	const name = "aws.iam.disable_access_key"
	s := pb.Plan.Activities[name]
	for i := range n {
		call := activities.Call{Activity: name, Version: s.Version, Input: json.RawMessage(fmt.Sprintf(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"fleet-%d"}`, i))}
		sum, err := call.Digest()
		require.NoError(o.t, err)
		r.Calls = append(r.Calls, approval.Call{
			Step: fmt.Sprintf("each[%d].disable", i), Title: "Disable an IAM access key", Activity: name, Version: s.Version, Effect: string(s.Effect),
			Undo: s.Undo, Targets: s.Targets, Input: call.Input, Digest: sum, Preview: seen(),
		})
	}
	require.NoError(o.t, r.Seal())
	for _, f := range change {
		f(&r)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status[r.Run] = &workflows.Status{Run: r.Run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), State: workflows.Waiting, Approvals: []*workflows.ApprovalStatus{{Request: r}}}
	return r
}

// A vote on as many calls as may be asked about at once fits the record, and what it permits is small.
func TestVoteOnAThousandCalls(t *testing.T) {
	o := open(t, func(opts *desk.Options) { opts.AnyPlan = true })
	r := o.asksMany(playbook.MaxCovered)
	got, err := o.Vote(t.Context(), by("alice"), r.Run, yes(r))
	require.NoError(t, err)
	require.Equal(t, approval.Approved, got.Decision.Outcome)
	_, g := o.arrived()
	require.Empty(t, g.Calls)
	require.Equal(t, 1000, g.Count)
	require.Equal(t, got.Decision.At.Add(grant.MaxLife), g.Expires)
	calls, err := r.Grants()
	require.NoError(t, err)
	tree, err := grant.NewTree(calls)
	require.NoError(t, err)
	for _, i := range []int{0, 500, 999} {
		call, ok := g.Covers(fmt.Sprintf("each[%d].disable", i), tree.Proof(i))
		require.True(t, ok)
		require.Equal(t, r.Calls[i].Digest, call.Digest)
		require.NotEmpty(t, call.Preview)
	}
	decisions := records[ledger.DecisionBody](o, ledger.Decision)
	require.Len(t, decisions, 1)
	require.Less(t, len(decisions[0].Grant.Body), 2000)
	requests := records[ledger.RequestBody](o, ledger.Request)
	require.Len(t, requests, 1)
	require.Greater(t, len(requests[0].Request), 400_000)
	require.Contains(t, requests[0].Card, "1000  aws.iam.disable_access_key")

	sight, err := o.Sight(t.Context(), r.Run, r.Digest)
	require.NoError(t, err)
	require.Len(t, sight.Steps, 1000)
}

func TestVoteOnManyRefused(t *testing.T) {
	at := func(i int, change func(*approval.Call)) func(*approval.Request) {
		return sealed(func(r *approval.Request) { change(&r.Calls[i]) })
	}
	step := func(name string) func(*approval.Request) {
		return at(3, func(c *approval.Call) { c.Step = name })
	}
	unshown := at(3, func(c *approval.Call) {
		c.Preview, c.Unshown = nil, &approval.Unshown{Changes: 1, Digest: "sha256:aa"}
	})
	for name, tc := range map[string]struct {
		calls   int
		change  func(*approval.Request)
		surface string
		says    string
	}{
		"a call twice":                {30, step("each[2].disable"), "cli", "does not cover the call each[2].disable"},
		"no round":                    {30, step("disable"), "cli", "does not cover the call disable"},
		"a round that is none":        {30, step("each[x].disable"), "cli", "does not cover the call each[x].disable"},
		"a round written otherwise":   {30, step("each[03].disable"), "cli", "does not cover the call each[03].disable"},
		"before the first":            {30, step("each[-1].disable"), "cli", "does not cover the call each[-1].disable"},
		"another step":                {30, step("each[3].enable"), "cli", "does not cover the call each[3].enable"},
		"another loop":                {30, step("all[3].disable"), "cli", "does not cover the call all[3].disable"},
		"too many":                    {1001, nil, "cli", "it covers 1001 calls, and people decide about at most 1000 at once"},
		"few that are not shown":      {20, unshown, "cli", "does not show what each[3].disable would change"},
		"many of which one is not":    {30, unshown, "cli", ""},
		"many, where all can be read": {200, nil, "slack", ""},
		"more than can be read":       {600, nil, "slack", "it is too long to be shown whole here"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, func(opts *desk.Options) { opts.AnyPlan = true })
			var change []func(*approval.Request)
			if tc.change != nil {
				change = append(change, tc.change)
			}
			r := o.asksMany(tc.calls, change...)
			who := by("alice")
			who.Surface = tc.surface
			_, err := o.Vote(t.Context(), who, r.Run, yes(r))
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			require.Empty(t, records[ledger.VoteBody](o, ledger.Vote))
		})
	}
}
