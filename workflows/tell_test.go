package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// hears notes what runs tell, one line each.
func (h *house) hears() func() []string {
	var lines []string
	h.desk.Told = func(told workflows.Told) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if a := told.Asked; a != nil {
			what := "asked"
			if a.Question {
				what = "question"
			}
			lines = append(lines, fmt.Sprintf("%s %s", what, a.ID))
			return
		}
		e := told.Ended
		lines = append(lines, fmt.Sprintf("ended %s %s: %s%s", e.Playbook, e.State, e.Outcome, e.Error))
	}
	return func() []string {
		h.mu.Lock()
		defer h.mu.Unlock()
		return append([]string{}, lines...)
	}
}

func TestTold(t *testing.T) {
	const approve = "  - {id: ask, approve: 'Douse it?', approvers: [oncall], expires: 1h, steps: [{id: d, activity: lamp.douse, with: {lamp: desk}}]}\n"
	for name, tc := range map[string]struct {
		steps string
		with  func(h *house)
		told  []string
	}{
		"nothing was asked":  {"  - {id: a, activity: lamp.look, with: {lamp: desk}}\n", nil, []string{}},
		"a request":          {approve + "outcome: '\"out\"'\n", func(h *house) { h.yes(1) }, []string{"asked ask", "ended p done: out"}},
		"nobody decided":     {approve, nil, []string{"asked ask", "ended p done: done"}},
		"a run that failed":  {"  - {id: s, stop: broken, failed: true}\n", nil, []string{"ended p failed: broken"}},
		"one that asked too": {approve + "  - {id: s, stop: broken, failed: true}\n", nil, []string{"asked ask", "ended p failed: broken"}},
		"a question": {
			"  - {id: q, ask: 'Is it?', who: [oncall], expires: 1h, form: {v: {type: string}}}\n", nil, []string{"question q", "ended p done: done"},
		},
		"cancelled": {approve, func(h *house) { h.at(time.Minute, h.env.CancelWorkflow) }, []string{"asked ask", "ended p cancelled: cancelled"}},
		"an edit": {
			approve, func(h *house) {
				h.at(time.Minute, func() { h.edit(h.desk, h.order("d", `{"lamp":"hall"}`)) })
				h.yes(2)
			}, []string{"asked ask", "asked ask", "ended p done: done"},
		},
		"asked again": {
			approve, func(h *house) { h.outdated("lamp.douse", 1); h.yes(1, 2) }, []string{"asked ask", "asked ask", "ended p done: done"},
		},
		"inside a part of a loop": {
			"  - {id: f, for_each: 'lists.range(201)', max_parallel: 50, steps: [{id: q, if: 'item == 200', ask: 'Is it?', who: [oncall], expires: 1h, form: {v: {type: string}}}]}\n",
			nil, []string{"question f[200].q", "ended p done: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			told := h.hears()
			if tc.with != nil {
				tc.with(h)
			}
			_, _ = h.run(tc.steps) // some fail
			require.Equal(t, tc.told, told())
		})
	}
}

// Whoever waits for a run that fails, and asked nobody, tells it.
func TestToldByTheCaller(t *testing.T) {
	h := newHouse(t)
	told := h.hears()
	h.callee("inner", "steps:\n  - {id: s, stop: broken, failed: true}\n")
	h.callee("asker", "steps:\n  - {id: q, ask: 'Is it?', who: [oncall], expires: 1h, form: {v: {type: string}}}\noutcome: '\"asked\"'\n")
	_, err := h.run("  - {id: a, playbook: asker}\n  - {id: i, playbook: inner}\n")
	require.ErrorContains(t, err, "broken")
	require.Len(t, told(), 3)
	require.Equal(t, []string{"question q", "ended asker done: asked"}, told()[:2])
	require.Contains(t, told()[2], "ended p failed")
}

// What cannot be told keeps nobody from deciding, and is tried again until it can, or nobody needs it.
func TestNotTold(t *testing.T) {
	const steps = "  - {id: ask, approve: 'Douse it?', approvers: [oncall], expires: 4h, steps: [{id: d, activity: lamp.douse, with: {lamp: desk}}]}\noutcome: 'steps.ask.approved ? \"yes\" : \"no\"'\n"
	for name, tc := range map[string]struct {
		err         error
		decided     int // minutes
		least, most int // attempts
	}{
		"at once":         {temporal.NewNonRetryableApplicationError("no ticket", activities.NotPermitted, nil), 1, 2, 2},
		"after a while":   {errors.New("the ledger is away"), 60, 8, 20},
		"nobody decides":  {errors.New("the ledger is away"), 0, 20, 50},
		"decided at once": {errors.New("the ledger is away"), 1, 3, 12},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			attempts := 0
			h.env.RegisterActivityWithOptions(func(context.Context, workflows.Told) error {
				attempts++
				return tc.err
			}, activity.RegisterOptions{Name: workflows.TellActivity, DisableAlreadyRegisteredCheck: true})
			began := h.env.Now()
			want := "no"
			if tc.decided > 0 {
				h.yes(tc.decided)
				want = "yes"
			}
			outcome, err := h.run(steps)
			require.NoError(t, err, "that it could not be told fails nothing")
			require.Equal(t, want, outcome)
			require.GreaterOrEqual(t, attempts, tc.least)
			require.LessOrEqual(t, attempts, tc.most)
			most := 4*time.Hour + approval.Grace
			if tc.decided > 0 {
				most = time.Duration(tc.decided) * time.Minute
			}
			require.LessOrEqual(t, h.env.Now().Sub(began), most+2*time.Minute, "its end waits for a while at most")
		})
	}
}

// Where it works in the end it is told once.
func TestToldLater(t *testing.T) {
	h := newHouse(t)
	attempts, told := 0, 0
	h.env.RegisterActivityWithOptions(func(_ context.Context, in workflows.Told) error {
		if attempts++; attempts < 4 {
			return errors.New("the ledger is away")
		}
		if in.Asked != nil {
			told++
		}
		return nil
	}, activity.RegisterOptions{Name: workflows.TellActivity, DisableAlreadyRegisteredCheck: true})
	_, err := h.run("  - {id: q, ask: 'Is it?', who: [oncall], expires: 1h, form: {v: {type: string}}}\n")
	require.NoError(t, err)
	require.Equal(t, []int{5, 1}, []int{attempts, told})
}
