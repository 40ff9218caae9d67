package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/playbook"
)

// tells is an outcome that says all that a loop offers.
const tells = "\noutcome: '[steps.f.done, steps.f.failed, steps.f.left, steps.f.waves].map(n, string(n)).join(\" \") + (steps.f.stopped ? \" stopped\" : \"\") + \" \" + steps.f.failures.map(x, string(x.index)).join(\",\")'"

// looks is a loop that looks at a lamp for each number up to n, of which some are dark. It goes on
// when it has failed, to tell what it offers.
func looks(n int, dark, keys string) string {
	return fmt.Sprintf("  - {id: f, on_error: continue, for_each: 'lists.range(%d)', %s, steps: [{id: x, activity: lamp.look, with: {lamp: '${item in %s ? \"dark\" : string(item)}'}}]}%s", n, keys, dark, tells)
}

// The same holds for loops that work on their items by themselves and for those that give them to
// parts.
func TestWaves(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   string
		outcome string
		error   string // of the loop
		took    time.Duration
		parts   int
	}{
		"all goes well":           {looks(20, "[]", "waves: [1, 10%], max_failures: 0"), "20 0 0 3 ", "", 0, 0},
		"a pause between them":    {looks(20, "[]", "waves: [1, 10%, 100%], pause: 5m"), "20 0 0 3 ", "", 10 * time.Minute, 0},
		"no items":                {looks(0, "[]", "waves: [1, 10%], pause: 5m, max_failures: 5%"), "0 0 0 0 ", "", 0, 0},
		"one item":                {looks(1, "[]", "waves: [1, 10%], pause: 5m, max_failures: 5%"), "1 0 0 1 ", "", 0, 0},
		"the canary fails":        {looks(20, "[0]", "waves: [1, 10%], max_failures: 50%"), "0 1 19 1 stopped 0", `stopped after 1 of 20: 1 failed, more than the budget of 0 at the end of wave 1; the first: step "f[0].x": dark is dark`, 0, 0},
		"the canary, by number":   {looks(20, "[0]", "waves: [1, 10%], max_failures: 5"), "0 1 19 1 stopped 0", "stopped after 1 of 20: 1 failed, more than the budget of 0 at the end of wave 1", 0, 0},
		"some of the canaries":    {looks(20, "[0, 1]", "waves: [3], max_failures: 5"), "18 2 0 2 0,1", "", 0, 0},
		"too many inside a wave":  {looks(20, "[3, 5, 7]", "waves: [1], max_failures: 2"), "5 3 12 2 stopped 3,5,7", "stopped after 8 of 20: 3 failed, more than the budget of 2; the first", 0, 0},
		"none may fail":           {looks(20, "[3, 5]", "max_failures: 0"), "3 1 16 1 stopped 3", "stopped after 4 of 20: 1 failed, more than the budget of 0; the first", 0, 0},
		"as many as may":          {looks(20, "[3, 19]", "max_failures: 10%"), "18 2 0 1 3,19", "", 0, 0},
		"the last is too many":    {looks(20, "[3, 19]", "max_failures: 9%"), "18 2 0 1 stopped 3,19", "stopped after 20 of 20: 2 failed, more than the budget of 1; the first", 0, 0},
		"part of what is done":    {looks(20, "[3, 4]", "waves: [5], max_failures: 20%"), "3 2 15 1 stopped 3,4", "2 failed, more than the budget of 1 at the end of wave 1", 0, 0},
		"only counted":            {looks(20, "[0, 1]", "waves: [1, 10%], continue_on_error: true"), "18 2 0 3 0,1", "", 0, 0},
		"the first failure":       {looks(20, "[2]", "waves: [1, 10%]"), "2 1 17 3 2", `step "f[2].x": dark is dark`, 0, 0},
		"in parts":                {looks(450, "[]", "waves: [1, 10%], pause: 1h, max_failures: 0, max_parallel: 10"), "450 0 0 3 ", "", 2 * time.Hour, 5},
		"parts: the canary fails": {looks(450, "[0]", "waves: [1, 10%], max_failures: 50%"), "0 1 449 1 stopped 0", "stopped after 1 of 450: 1 failed, more than the budget of 0 at the end of wave 1", 0, 1},
		"parts: too many in one":  {looks(450, "[3, 230, 240]", "waves: [1], max_failures: 2"), "238 3 209 2 stopped 3,230,240", "stopped after 241 of 450: 3 failed, more than the budget of 2; the first", 0, 3},
		"parts: by percentage":    {looks(450, "[3, 230, 240]", "max_failures: 1%"), "447 3 0 1 3,230,240", "", 0, 3},
		"a hundred are listed":    {looks(120, "lists.range(120)", "max_failures: 119"), "0 120 0 1 stopped " + upTo(100), "stopped after 120 of 120: 120 failed, more than the budget of 119", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.dark("lamp.look", "dark")
			parts := h.parts()
			began := h.env.Now()
			outcome, err := h.run(tc.steps)
			require.NoError(t, err)
			require.Equal(t, tc.outcome, outcome)
			row := h.status().Step("f")
			if tc.error == "" {
				require.Equal(t, playbook.StatusDone, row.Status)
			} else {
				require.Equal(t, playbook.StatusFailed, row.Status)
				require.Contains(t, row.Error, tc.error)
			}
			require.Equal(t, tc.took, h.env.Now().Sub(began).Truncate(time.Minute))
			require.Len(t, *parts, tc.parts)
			l := row.Loop
			require.Equal(t, l.Items, l.Done+l.Failed+l.Left)
			var told []any
			for _, n := range []int{l.Done, l.Failed, l.Left, l.Wave} {
				told = append(told, n)
			}
			require.Contains(t, outcome, fmt.Sprintf("%d %d %d %d ", told...))
			require.Len(t, l.Failures, min(l.Failed, 100))
		})
	}
}

func upTo(n int) (all string) {
	for i := range n {
		if i > 0 {
			all += ","
		}
		all += fmt.Sprint(i)
	}
	return all
}

// A wave has ended before the next begins, whatever runs side by side, and what is under way when the
// budget is used up comes to its end.
func TestWavesEndBeforeTheNext(t *testing.T) {
	h := newHouse(t)
	var order []int
	h.do["lamp.douse"] = func(_ context.Context, in lampInput) (lampOutput, error) {
		var n int
		_, err := fmt.Sscan(in.Lamp, &n)
		require.NoError(t, err)
		h.mu.Lock()
		defer h.mu.Unlock()
		order = append(order, n)
		if n >= 12 && n%2 == 0 {
			return lampOutput{}, activities.Permanent("Dark", errors.New("dark"))
		}
		return lampOutput{}, nil
	}
	_, err := h.run("  - {id: f, for_each: 'lists.range(60)', max_parallel: 5, waves: [2, 12, 60], max_failures: 3, steps: [{wait: '${duration(string(10 - item % 7) + \"m\")}'}, {id: x, activity: lamp.douse, with: {lamp: '${string(item)}'}}]}")
	require.ErrorContains(t, err, "more than the budget of 3; the first")
	require.ElementsMatch(t, []int{0, 1}, order[:2])
	for _, n := range order[2:12] {
		require.Less(t, n, 12)
	}
	l := h.status().Step("f").Loop
	require.Equal(t, len(order), l.Done+l.Failed, "those that were begun have ended")
	require.Equal(t, 60-len(order), l.Left)
	require.Less(t, len(order), 30)
	require.True(t, l.Stopped)
}

// Of an item that failed people are told what it was, unless it is large.
func TestFailuresNameTheirItems(t *testing.T) {
	h := newHouse(t)
	h.dark("lamp.look", "desk")
	h.event.Data = json.RawMessage(`{"lamp":"desk","items":[{"n":"desk","pad":""},{"n":"hall","pad":""},{"n":"desk","pad":"` + upTo(400) + `"}]}`)
	outcome, err := h.run("  - {id: f, continue_on_error: true, for_each: event.data.items, steps: [{id: x, activity: lamp.look, with: {lamp: '${item.n}'}}]}\n" +
		"outcome: 'steps.f.failures.map(x, has(x.item) ? string(x.item.n) : x.error).join(\";\")'")
	require.NoError(t, err)
	require.Equal(t, `desk;step "f[2].x": desk is dark`, outcome)
	l := h.status().Step("f").Loop
	require.JSONEq(t, `{"n":"desk","pad":""}`, string(l.Failures[0].Item))
	require.Empty(t, l.Failures[1].Item)
}

// A loop in a loop has a budget for each round.
func TestBudgetOfEachRound(t *testing.T) {
	h := newHouse(t)
	h.dark("lamp.look", "dark")
	_, err := h.run("  - {id: o, continue_on_error: true, max_parallel: 2, for_each: '[[\"dark\", \"a\"], [\"a\", \"dark\", \"dark\", \"b\"]]', steps: [{id: f, for_each: item, max_failures: 1, steps: [{id: x, activity: lamp.look, with: {lamp: '${string(item)}'}}]}]}")
	require.NoError(t, err)
	l := h.status().Step("o").Loop
	require.Equal(t, []int{1, 1}, []int{l.Done, l.Failed})
	require.Contains(t, l.Failures[0].Error, `step "o[1].f": stopped after 3 of 4: 2 failed, more than the budget of 1`)
}
