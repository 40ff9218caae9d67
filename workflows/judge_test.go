package workflows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// rules are verdicts by activity; what they do not name is automatic.
func (h *house) rules(verdicts map[string]policy.Verdict) {
	h.says = func(c workflows.JudgeCall) policy.Verdict {
		if v, ok := verdicts[c.Activity]; ok {
			return v
		}
		return policy.Verdict{Mode: policy.Automatic, Rule: "rest"}
	}
}

func wants(quorum int, groups ...string) policy.Verdict {
	return policy.Verdict{Mode: policy.Approval, Rule: "lamps", Reason: "they are dear", Need: grant.Need{Groups: groups, Quorum: quorum}, Expires: 10 * time.Minute}
}

var (
	never  = policy.Verdict{Mode: policy.Never, Rule: "heirlooms", Reason: "they are old"}
	manual = policy.Verdict{Mode: policy.Manual, Rule: "ladder", Need: grant.Need{Groups: []string{"night"}, Quorum: 1}}
)

const bare = "  - {id: a, activity: lamp.douse, with: {lamp: desk}}\n"

// What stands under no approval of the playbook's goes as policy has it.
func TestPolicyOfAStepByItself(t *testing.T) {
	for name, tc := range map[string]struct {
		verdict policy.Verdict
		vote    approval.Verdict // none: nobody votes
		calls   int
		fails   string
	}{
		"automatic":          {verdict: policy.Verdict{Mode: policy.Automatic}, calls: 1},
		"approval, yes":      {verdict: wants(1, "night"), vote: approval.Approve, calls: 1},
		"approval, no":       {verdict: wants(1, "night"), vote: approval.Reject, fails: `step "a": policy "lamps" (they are dear) asks people, and they said no: rejected by bob@example.com`},
		"approval, nobody":   {verdict: wants(1, "night"), fails: `step "a": policy "lamps" (they are dear) asks people: expired: nobody decided within 10m0s`},
		"approval of nobody": {verdict: wants(2, "night"), fails: `step "a": 2 people must answer, and the groups [night] have 1`},
		"never":              {verdict: never, fails: `step "a": policy "heirlooms" (they are old) never lets lamp.douse happen`},
		"unheard of":         {verdict: policy.Verdict{Mode: "perhaps", Rule: "new"}, fails: `policy "new" says "perhaps" of lamp.douse, which this worker does not know; run a newer one`},
		"manual of nobody":   {verdict: policy.Verdict{Mode: policy.Manual, Rule: "ladder"}, fails: `policy "ladder" leaves lamp.douse to people, who do it by hand, and names none to ask`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.rules(map[string]policy.Verdict{"lamp.douse": tc.verdict})
			var request *workflows.ApprovalStatus
			h.at(time.Minute, func() {
				if tc.vote == "" {
					return
				}
				request = h.status().Asking()[0]
				require.Equal(t, playbook.StatusWaiting, h.statuses()["a"])
				h.update(h.ballot(bob, tc.vote))
			})
			_, err := h.run(bare)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				require.Equal(t, playbook.StatusFailed, h.statuses()["a"])
			} else {
				require.NoError(t, err)
			}
			require.Len(t, h.calls(), tc.calls)
			if request != nil {
				require.Equal(t, "a", request.ID)
				require.Equal(t, "Douse a lamp?", request.Question)
				require.Equal(t, []string{bob}, request.People)
				require.Equal(t, []grant.Need{{Groups: []string{"night"}, Quorum: 1}}, request.Policies)
				require.Equal(t, 10*time.Minute, request.Expires.Sub(request.Asked))
				require.Equal(t, "lamps", request.Calls[0].Rule)
				require.Equal(t, "they are dear", request.Calls[0].Why)
				require.NotEmpty(t, request.PolicyDigest)
			}
			for _, permit := range h.permits {
				require.Len(t, permit.Covers, 1)
				require.Equal(t, tc.vote == approval.Approve, permit.Grant != nil)
			}
		})
	}
}

// What policy leaves to people they do by hand, and say so. The step has no output then, and the run
// puts back nothing.
func TestByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		done, steps, outcome, fails string
	}{
		"done":           {done: `"yes"`, steps: bare + "outcome: steps.a.status", outcome: "done"},
		"not done":       {done: `"no"`, steps: bare, fails: `step "a": policy "ladder" leaves lamp.douse to people, and bob@example.com did not do it: too high`},
		"nobody":         {steps: bare, fails: `step "a": policy "ladder" leaves lamp.douse to people: nobody answered within 24h0m0s`},
		"output is read": {done: `"yes"`, steps: bare + "  - {id: b, set: {x: '${steps.a.output.state}'}}", fails: `step "b": x: evaluate "steps.a.output.state": no such key: output`},
		"put back":       {done: `"yes"`, steps: "  - {id: a, activity: lamp.douse, with: {lamp: desk}, undo: automatic}\n  - {stop: enough, failed: true}", fails: "enough"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.rules(map[string]policy.Verdict{"lamp.douse": manual})
			h.at(time.Minute, func() {
				q := h.status().Unanswered()[0]
				require.Equal(t, "By hand: Douse a lamp\npolicy \"ladder\" leaves this to people: lamp.douse with {\"lamp\":\"desk\"}", q.Question.Question)
				if tc.done != "" {
					h.fill(h.reply(bob, map[string]string{"done": tc.done, "note": `"too high"`}))
				}
			})
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			require.Empty(t, h.calls())
			require.Empty(t, h.status().Undone)
			if tc.done == `"yes"` {
				require.Equal(t, bob, h.status().Step("a").ByHand)
			}
		})
	}
}

// Where policy does not let people decide, nobody is asked.
func TestPolicyUnderAnApproval(t *testing.T) {
	for says, verdict := range map[string]policy.Verdict{
		`step "ask": the step "smash": policy "heirlooms" (they are old) never lets lamp.smash happen`:                              never,
		`step "ask": the step "smash": policy "ladder" leaves lamp.smash to people, who do it by hand: take it out of the approval`: manual,
		`step "ask": the step "smash": policy "" says "" of lamp.smash, which this worker does not know; run a newer one`:           {},
		`step "ask": look up the people of [absent]: the directory has no group "absent"`:                                           wants(1, "absent"),
		`step "ask": 3 people must answer, and the groups [night oncall] have 2; add people to the directory`:                       wants(3, "oncall", "night"),
	} {
		h := newHouse(t)
		h.rules(map[string]policy.Verdict{"lamp.smash": verdict})
		_, err := h.run(asking("1"))
		require.ErrorContains(t, err, says)
		require.Empty(t, h.status().Approvals)
		require.Empty(t, h.calls())
	}
}

// What policy asks is asked beside what the playbook asks: all of it, in the shortest time.
func TestPolicyAddsToAnApproval(t *testing.T) {
	h := newHouse(t)
	two := wants(2, "night", "others")
	two.Expires = 20 * time.Minute
	h.rules(map[string]policy.Verdict{"lamp.douse": wants(1, "others", "night"), "lamp.smash": two, "lamp.light": wants(1, "others")})
	h.at(time.Minute, func() {
		request := h.status().Asking()[0]
		require.Equal(t, []grant.Need{{Groups: []string{"night", "others"}, Quorum: 2}, {Groups: []string{"others"}, Quorum: 1}}, request.Policies)
		require.Equal(t, []grant.Need{{Groups: []string{"oncall"}, Quorum: 1}, request.Policies[0], request.Policies[1]}, request.Needs())
		require.Equal(t, []string{alice, bob, carol}, request.People)
		require.Equal(t, 10*time.Minute, request.Expires.Sub(request.Asked))
		h.approve(alice)
		h.approve(carol)
	})
	outcome, err := h.run(strings.Replace(asking("1"), "outcome:", "      - {id: light, activity: lamp.light, with: {lamp: desk}}\noutcome:", 1))
	require.NoError(t, err)
	require.Contains(t, outcome, "yes ")
	require.Len(t, h.judged, 3, "policy is asked once of each")
}

// A policy that cannot be asked permits nothing.
func TestNoPolicy(t *testing.T) {
	h := newHouse(t)
	h.env.OnActivity(workflows.JudgeActivity, anything, anything).Return(workflows.Judged{}, errors.New("the file is gone"))
	_, err := h.run(bare)
	require.ErrorContains(t, err, `step "a": ask the policy: the file is gone`)
	require.Empty(t, h.calls())
	h = newHouse(t)
	h.env.OnActivity(workflows.JudgeActivity, anything, anything).Return(workflows.Judged{}, nil)
	_, err = h.run(bare)
	require.ErrorContains(t, err, `step "a": ask the policy: it says 0 things of 1 calls`)
	require.Empty(t, h.calls())
}

// Nobody asks on behalf of a workflow that is written in Go.
func TestPolicyOfAGoWorkflow(t *testing.T) {
	for _, tc := range []struct {
		verdict policy.Verdict
		fails   string
	}{
		{policy.Verdict{Mode: policy.Automatic}, ""},
		{wants(1, "night"), `policy "lamps" (they are dear) wants people for lamp.douse, and a workflow written in Go asks nobody: call it under an approve of a playbook`},
		{manual, `policy "ladder" wants people for lamp.douse`},
		{never, `policy "heirlooms" (they are old) never lets lamp.douse happen`},
	} {
		h := newHouse(t)
		h.rules(map[string]policy.Verdict{"lamp.douse": tc.verdict})
		workflows.Register(h.workflows, workflows.Spec{Name: "lamp.tour", Title: "Douse a lamp", Effects: []string{"lamp.douse"}}, func(ctx workflow.Context, in lampInput) (lampOutput, error) {
			return workflows.Call[lampInput, lampOutput](ctx, "lamp.douse", in)
		})
		h.workflows.Bind(h.env, h.registry)
		_, err := h.run("  - {id: a, workflow: lamp.tour, with: {lamp: desk}}")
		if tc.fails == "" {
			require.NoError(t, err)
			require.Len(t, h.calls(), 1)
			continue
		}
		require.ErrorContains(t, err, tc.fails)
		require.Empty(t, h.calls())
	}
}

// People are shown what every call would change, and what they are shown is in the digest.
func TestPreviews(t *testing.T) {
	ask := func(state string) approval.Request {
		h := newHouse(t)
		h.is("desk", state)
		_, err := h.run(asking("1"))
		require.NoError(t, err)
		request := h.status().Approvals[0].Request
		require.Nil(t, request.Calls[0].Preview, "dousing has none")
		require.Equal(t, state, request.Calls[1].Preview.Changes[0].Before)
		return request
	}
	lit := ask("lit")
	require.NotEqual(t, lit.Digest, ask("broken").Digest)
	raw, err := json.Marshal(lit)
	require.NoError(t, err)
	for _, change := range []func(*approval.Request){
		func(r *approval.Request) { r.Calls[1].Preview.Changes[0].Before = "dark" },
		func(r *approval.Request) { r.Calls[1].Preview.Changes[0].After = "gone" },
		func(r *approval.Request) { r.Calls[1].Preview.Changes[0].Target = "lamp hall" },
		func(r *approval.Request) { r.Calls[1].Preview.Changes[0].What = "price" },
		func(r *approval.Request) { r.Calls[1].Preview.Changes = nil },
		func(r *approval.Request) { r.Calls[1].Preview = nil },
		func(r *approval.Request) { r.Calls[1].Rule = "another" },
		func(r *approval.Request) { r.Policies = []grant.Need{{Groups: []string{"night"}, Quorum: 1}} },
		func(r *approval.Request) { r.PolicyDigest = "sha256:another" },
		func(r *approval.Request) { r.Edits = []approval.Edit{{By: alice}} },
		func(r *approval.Request) { r.Again = &approval.Again{Why: "why not"} },
		func(r *approval.Request) { r.Escalate = &approval.Escalation{Groups: []string{"night"}} },
	} {
		var other approval.Request
		require.NoError(t, json.Unmarshal(raw, &other))
		require.NoError(t, other.Seal())
		require.Equal(t, lit.Digest, other.Digest)
		change(&other)
		require.NoError(t, other.Seal())
		require.NotEqual(t, lit.Digest, other.Digest)
	}
}

func TestPreviewsThatCannotBeShown(t *testing.T) {
	h := newHouse(t)
	h.unread = errors.New("it is dark")
	_, err := h.run(asking("1"))
	require.ErrorContains(t, err, `step "ask": read what the step "smash" would change: it is dark`)
	require.Empty(t, h.status().Approvals)
	h = newHouse(t)
	h.is("desk", strings.Repeat("x", 300<<10))
	_, err = h.run(asking("1"))
	require.ErrorContains(t, err, "nobody can be shown more than 262144: ask about less at once")
	require.Empty(t, h.status().Approvals)
}

// A run notes when people are to be reminded, and when further groups are asked.
func TestReminders(t *testing.T) {
	h := newHouse(t)
	var early, late *workflows.ApprovalStatus
	h.at(31*time.Minute, func() { early = h.status().Asking()[0] })
	h.at(56*time.Minute, func() {
		late = h.status().Asking()[0]
		h.approve(alice)
	})
	_, err := h.run("  - {id: ask, approve: 'Really?', approvers: [oncall], expires: 1h, escalate: {after: 40m, groups: [others]}}")
	require.NoError(t, err)
	minutes := func(a *workflows.ApprovalStatus) (all []int) {
		for _, at := range a.Reminders {
			all = append(all, int(at.Sub(a.Asked).Round(time.Minute).Minutes()))
		}
		return all
	}
	require.Equal(t, []int{30}, minutes(early))
	require.Nil(t, early.Escalated)
	require.Equal(t, []int{30, 54}, minutes(late))
	require.Equal(t, &approval.Escalation{Groups: []string{"others"}, At: late.Asked.Add(40 * time.Minute)}, late.Escalate)
	require.WithinDuration(t, late.Escalate.At, *late.Escalated, time.Second)
	require.Equal(t, []string{alice, bob}, late.People, "further groups are no members of those first asked")
}
