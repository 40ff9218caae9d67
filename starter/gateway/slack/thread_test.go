package slack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// What is said below a card is what has come about and was not said, by whomever.
func TestLines(t *testing.T) {
	asked := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	open := desk.Sight{Run: "a/1", Request: &approval.Request{
		ID: "contain", Digest: "sha256:a", Asked: asked, Expires: asked.Add(time.Hour), Escalate: &approval.Escalation{Groups: []string{"leads"}, At: asked.Add(time.Minute)},
	}}
	closed := open
	closed.Decision = &approval.Decision{Outcome: approval.Approved, By: []string{"alice"}}
	closed.Steps = []desk.StepSight{{Step: "one", State: desk.StepDone}, {Step: "two", State: desk.StepFailed}, {Step: "three", State: desk.StepRunning}}
	alone := closed
	alone.Decision = &approval.Decision{Outcome: approval.Approved, By: []string{"zoe"}, BreakGlass: true}
	over := closed
	over.Known, over.State = true, workflows.Done
	for name, tc := range map[string]struct {
		s    desk.Sight
		due  reminder
		said []string
		fold bool
		want []string
	}{
		"nothing has come due":           {s: open},
		"half of the time":               {s: open, due: halfTime, want: []string{"half_time"}},
		"the later says all":             {s: open, due: halfTime | lastCall, want: []string{"last_call"}},
		"escalated as well":              {s: open, due: escalated | halfTime, want: []string{"escalated", "half_time"}},
		"said before":                    {s: open, due: escalated | halfTime, said: []string{"half_time"}, want: []string{"escalated"}},
		"nobody is reminded any more":    {s: closed, due: lastCall, said: []string{"one done", "two failed"}},
		"steps that ended":               {s: closed, want: []string{"one done", "two failed"}},
		"one of them was said":           {s: closed, said: []string{"one done"}, want: []string{"two failed"}},
		"a fold says what went wrong":    {s: closed, fold: true, want: []string{"two failed"}},
		"somebody decided alone":         {s: alone, want: []string{"broken_glass", "one done", "two failed"}},
		"the end":                        {s: over, said: []string{"one done", "two failed"}, want: []string{"ended"}},
		"all of it was said":             {s: over, said: []string{"one done", "two failed", "ended"}},
		"it went wrong, then it did not": {s: closed, said: []string{"one failed", "two failed"}, want: []string{"one done"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &Front{memory: newMemory()}
			c := f.memory.add("a/1", "sha256:a")
			c.due = tc.due
			c.heard(tc.said)
			var names []string
			for _, l := range (&term{Front: f}).lines(c, tc.s, tc.fold, blocks.Context{Now: asked}) {
				names = append(names, l.name)
				require.NotEmpty(t, l.Text)
				require.Equal(t, l.name == "two failed" || l.name == "broken_glass", l.broadcast)
			}
			require.Equal(t, tc.want, names)
		})
	}
}
