package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// asksAbout is an approval over a loop that smashes lamps, and what follows on it.
func asksAbout(n int, keys, after string) string {
	return fmt.Sprintf("  - id: ask\n    approve: 'Smash them all?'\n    approvers: [oncall]\n    steps:\n      - {id: f, for_each: 'lists.range(%d)', %s steps: [{id: x, title: 'Smash l${item}', activity: lamp.smash, with: {lamp: 'l${item}'}}]}\n%s", n, keys, after)
}

const toldAll = "outcome: '[steps.f.?done, steps.f.?failed, steps.f.?left, steps.f.?waves].map(n, string(n.orValue(-1))).join(\" \") + (steps.f.?stopped.orValue(false) ? \" stopped\" : \"\")'"

// resists makes smashing of some lamps fail, each with a kind of error.
func (h *house) resists(kind string, lamps ...string) {
	h.do["lamp.smash"] = func(_ context.Context, in lampInput) (lampOutput, error) {
		for _, lamp := range lamps {
			if in.Lamp == lamp {
				return lampOutput{}, activities.Permanent(kind, errors.New(lamp+" is tough"))
			}
		}
		return lampOutput{State: "in pieces"}, nil
	}
}

func TestApproveLoop(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   string
		breaks  []string
		outcome string
		fails   string
		made    int
		waves   int
	}{
		"all of them":      {asksAbout(3, "", toldAll), nil, "3 0 0 1", "", 3, 1},
		"many":             {asksAbout(200, "max_parallel: 10, waves: [1, 10%], max_failures: 5%,", toldAll), nil, "200 0 0 3", "", 200, 3},
		"a thousand":       {asksAbout(1000, "max_parallel: 50,", toldAll), nil, "1000 0 0 1", "", 1000, 1},
		"the canary":       {asksAbout(200, "waves: [1, 10%], max_failures: 5%, on_error: continue,", toldAll), []string{"l0"}, "0 1 199 1 stopped", "", 1, 3},
		"the canary fails": {asksAbout(40, "waves: [1, 10%], max_failures: 5%,", ""), []string{"l0"}, "", `step "f": stopped after 1 of 40: 1 failed, more than the budget of 0 at the end of wave 1; the first: step "f[0].x": l0 is tough`, 1, 3},
		"the budget":       {asksAbout(200, "max_failures: 2, on_error: continue,", toldAll), []string{"l3", "l5", "l9"}, "7 3 190 1 stopped", "", 10, 1},
		"within it":        {asksAbout(40, "max_failures: 2,", toldAll), []string{"l3", "l5"}, "38 2 0 1", "", 40, 1},
		"only counted":     {asksAbout(40, "continue_on_error: true,", toldAll), []string{"l3", "l5"}, "38 2 0 1", "", 40, 1},
		"the first ends":   {asksAbout(40, "", ""), []string{"l3"}, "", `step "f[3].x": l3 is tough`, 4, 1},
		"too many":         {asksAbout(1001, "", ""), nil, "", "the approval would cover 1001 calls or more (1001 items of 1 each here), and people are asked about at most 1000 at once: ask in several approvals", 0, 0},
		"nothing":          {asksAbout(0, "", ""), nil, "", "there is nothing to ask about", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.resists("Tough", tc.breaks...)
			h.at(time.Minute, func() {
				asking := h.status().Asking()
				require.Len(t, asking, 1)
				require.Empty(t, h.calls())
				c := asking[0].Calls[len(asking[0].Calls)-1]
				last := len(asking[0].Calls) - 1
				require.Equal(t, fmt.Sprintf("f[%d].x", last), c.Step)
				require.Equal(t, fmt.Sprintf("Smash l%d", last), c.Title)
				require.JSONEq(t, fmt.Sprintf(`{"lamp":"l%d"}`, last), string(c.Input))
				require.NotNil(t, c.Preview)
				require.NoError(t, h.approve(alice).refusal())
			})
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			require.Len(t, h.calls(), tc.made)
			if tc.waves > 0 {
				l := h.status().Step("f").Loop
				require.Equal(t, tc.waves, l.Waves)
				require.Len(t, l.Failures, l.Failed)
			}
			if tc.made <= grant.MaxListed {
				return
			}
			// Each call brings what it needs and no more: a thousand grants of a thousand calls would not fit.
			for i, p := range h.permits {
				require.Len(t, p.Covers, 1)
				require.NotNil(t, p.Proof, i)
				require.Less(t, len(p.Grant.Body), 2000)
				var g grant.Grant
				require.NoError(t, json.Unmarshal(p.Grant.Body, &g))
				call, ok := g.Covers(p.Proof.Call.Step, p.Proof)
				require.True(t, ok)
				require.Equal(t, p.Covers[0], call.Digest)
				require.NotEmpty(t, call.Preview)
			}
		})
	}
}

func TestApproveLoopRejected(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() { require.NoError(t, h.update(h.ballot(alice, approval.Reject)).refusal()) })
	outcome, err := h.run(asksAbout(30, "", "outcome: steps.ask.decision + steps.f.status"))
	require.NoError(t, err)
	require.Equal(t, "rejectedskipped", outcome)
	require.Empty(t, h.calls())
	require.Equal(t, workflows.Rounds{Skipped: 30}, *h.status().Step("x").Rounds)
}

// Several calls an item, beside calls of the approval's own, with what is collected.
func TestApproveLoopAmongOthers(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		require.Len(t, h.status().Asking()[0].Calls, 8)
		require.NoError(t, h.approve(alice).refusal())
	})
	outcome, err := h.run("  - id: ask\n    approve: 'Really?'\n    approvers: [oncall]\n    steps:\n" +
		"      - {id: before, activity: lamp.douse, with: {lamp: hall}}\n" +
		"      - {id: f, for_each: '{\"b\": 1, \"a\": 2, \"c\": 3}', collect: 'item.key + steps.look.output.state', steps: [{id: look, activity: lamp.look, with: {lamp: '${item.key}'}}, {id: x, activity: lamp.douse, with: {lamp: '${item.key}'}}]}\n" +
		"      - {id: after, activity: lamp.light, with: {lamp: hall}}\n" +
		"outcome: 'steps.f.?results.orValue([]).join(\" \")'")
	require.NoError(t, err)
	require.Equal(t, "alit blit clit", outcome)
	require.Equal(t, []string{
		`lamp.douse {"lamp":"hall"}`, `lamp.look {"lamp":"a"}`, `lamp.douse {"lamp":"a"}`, `lamp.look {"lamp":"b"}`, `lamp.douse {"lamp":"b"}`,
		`lamp.look {"lamp":"c"}`, `lamp.douse {"lamp":"c"}`, `lamp.light {"lamp":"hall"}`,
	}, h.calls())
}

// Items whose call would do something else by now are set aside while the others go on, and people are
// asked again about those. A refusal that is about all ends the walk at once.
func TestApproveLoopAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		kind  string
		again int // calls in the second request
	}{
		"some": {activities.AskAgain, 2},
		"halt": {activities.Halted, 57},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.resists(tc.kind, "l3", "l7")
			var asked []int
			for i := range 2 {
				h.at(time.Duration(i+1)*time.Minute, func() {
					asking := h.status().Asking()
					require.Len(t, asking, 1)
					asked = append(asked, len(asking[0].Calls))
					if i == 1 {
						require.NotNil(t, asking[0].Again)
						h.resists("")
					}
					require.NoError(t, h.approve(alice).refusal())
				})
			}
			outcome, err := h.run(asksAbout(60, "waves: [1, 59],", toldAll))
			require.NoError(t, err)
			require.Equal(t, "60 0 0 3", outcome)
			if tc.kind == activities.AskAgain {
				require.Equal(t, []int{60, 3}, asked, "the two, and the wave after theirs")
			} else {
				require.Equal(t, []int{60, 57}, asked)
			}
			l := h.status().Step("f").Loop
			require.Equal(t, []int{60, 0, 0}, []int{l.Done, l.Failed, l.Left})
			require.Equal(t, workflows.Rounds{Done: 60}, *h.status().Step("x").Rounds)
		})
	}
}

// A no to what is left ends the loop: what was made before stands, and is told.
func TestApproveLoopAgainRejected(t *testing.T) {
	h := newHouse(t)
	h.resists(activities.AskAgain, "l3")
	h.at(time.Minute, func() { require.NoError(t, h.approve(alice).refusal()) })
	h.at(2*time.Minute, func() { require.NoError(t, h.update(h.ballot(alice, approval.Reject)).refusal()) })
	_, err := h.run(asksAbout(30, "", ""))
	require.ErrorContains(t, err, "what was made before stands")
	l := h.status().Step("f").Loop
	require.Equal(t, []int{29, 0, 1}, []int{l.Done, l.Failed, l.Left})
	require.Equal(t, playbook.StatusFailed, h.status().Step("f").Status)
}

// Previews are shown while there is room; of the others people see how many changes they have, and the
// guard holds the world against them all the same.
func TestApproveLoopSizes(t *testing.T) {
	h := newHouse(t)
	for i := range 400 {
		h.states[fmt.Sprintf("l%d", i)] = strings.Repeat("x", 1000)
	}
	h.at(time.Minute, func() {
		calls := h.status().Asking()[0].Calls
		require.NotNil(t, calls[0].Preview)
		require.Nil(t, calls[0].Unshown)
		require.Nil(t, calls[399].Preview)
		require.Equal(t, 1, calls[399].Unshown.Changes)
		require.NoError(t, h.approve(alice).refusal())
	})
	outcome, err := h.run(asksAbout(400, "max_parallel: 10,", toldAll))
	require.NoError(t, err)
	require.Equal(t, "400 0 0 1", outcome)
	require.NotEmpty(t, h.permits[399].Proof.Call.Preview)

	h = newHouse(t)
	_, err = h.run(strings.ReplaceAll(asksAbout(1000, "", ""), "'l${item}'}}", "'l${item}', note: '"+strings.Repeat("y", 400)+"'}}"))
	require.ErrorContains(t, err, "and at most 655360 are shown and kept at once: ask in several approvals")
	require.Empty(t, h.calls())
}

// One of many calls may be changed before the decision, and what is changed is what runs.
func TestApproveLoopEdited(t *testing.T) {
	h := newHouse(t)
	var e *edited
	h.at(time.Minute, func() { e = h.edit(h.desk, h.order("f[3].x", `{"lamp":"cellar"}`)) })
	h.at(2*time.Minute, func() {
		require.NoError(t, e.refusal())
		require.JSONEq(t, `{"lamp":"cellar"}`, string(h.status().Asking()[0].Calls[3].Input))
		require.NoError(t, h.approve(alice).refusal())
	})
	outcome, err := h.run(asksAbout(30, "", toldAll))
	require.NoError(t, err)
	require.Equal(t, "30 0 0 1", outcome)
	require.Equal(t, `lamp.smash {"lamp":"cellar"}`, h.calls()[3])
	require.NotContains(t, h.calls(), `lamp.smash {"lamp":"l3"}`)
}

// A cancellation leaves what was not begun, and says so.
func TestApproveLoopCancelled(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() { require.NoError(t, h.approve(alice).refusal()) })
	h.at(2*time.Minute, func() { h.env.CancelWorkflow() })
	_, err := h.run(asksAbout(30, "waves: [5], pause: 1h,", ""))
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Len(t, h.calls(), 5)
	l := h.status().Step("f").Loop
	require.Equal(t, []int{5, 0, 25}, []int{l.Done, l.Failed, l.Left})
	require.Equal(t, playbook.StatusFailed, h.status().Step("f").Status)
}

// Under a round of another loop the names have both rounds.
func TestApproveLoopInARound(t *testing.T) {
	h := newHouse(t)
	for i := range 2 {
		h.at(time.Duration(i+1)*time.Minute, func() {
			asking := h.status().Asking()
			require.Len(t, asking, 1)
			require.Equal(t, fmt.Sprintf("o[%d].ask", i), asking[0].ID)
			require.Equal(t, fmt.Sprintf("o[%d].f[0].x", i), asking[0].Calls[0].Step)
			require.True(t, asking[0].Many())
			require.NoError(t, h.approve(alice).refusal())
		})
	}
	inner := strings.ReplaceAll(asksAbout(30, "", ""), "\n  ", "\n      ")
	outcome, err := h.run("  - id: o\n    for_each: '[\"a\", \"b\"]'\n    collect: steps.f.?done.orValue(0)\n    steps:\n    " + inner + "outcome: string(steps.o.results[0] + steps.o.results[1])")
	require.NoError(t, err)
	require.Equal(t, "60", outcome)
	require.Len(t, h.calls(), 60)
	require.Equal(t, workflows.Rounds{Done: 60}, *h.status().Step("x").Rounds)
}
