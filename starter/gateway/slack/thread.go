package slack

import (
	"context"
	"slices"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
)

// line is one thing to say below a message, once.
type line struct {
	blocks.Message

	name      string // by which the record knows that it was said
	broadcast bool   // it is said to the channel as well
}

// reminder is what is said by time.
type reminder uint8

const (
	halfTime reminder = 1 << iota
	escalated
	lastCall
)

var reminderOf = map[desk.NoticeKind]reminder{desk.HalfTime: halfTime, desk.Escalated: escalated, desk.LastCall: lastCall}

// The names of lines. Those of steps are the step's and how far it is.
const (
	ending      = "ended"
	brokenGlass = "broken_glass"
)

// tell says below a message what has happened and was not said yet, by whichever gateway.
func (t *term) tell(ctx context.Context, m *message, rows []*card, sights []desk.Sight) error {
	face := t.face(ctx)
	for _, s := range sights {
		c := rowOf(rows, s)
		if c == nil {
			continue
		}
		var said []string
		var failed error
		for _, l := range t.lines(c, s, m.fold, face) {
			if failed = t.say(ctx, m, l); failed != nil {
				break
			}
			said = append(said, l.name)
			t.memory.mu.Lock()
			c.heard([]string{l.name})
			t.memory.mu.Unlock()
		}
		if len(said) > 0 {
			if err := t.mark(ctx, m, c, ledger.Told, said...); err != nil {
				t.Log.WarnContext(ctx, "what was said below a card may be said again when another gateway leads", "run", c.run, "error", err)
			}
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// owes reports that something has come due by time that may not have been said yet.
func (t *term) owes(rows []*card) bool {
	t.memory.mu.Lock()
	defer t.memory.mu.Unlock()
	return slices.ContainsFunc(rows, func(c *card) bool {
		for kind, r := range reminderOf {
			if c.due&r != 0 && !slices.Contains(c.said, string(kind)) {
				return true
			}
		}
		return false
	})
}

// say posts one line. One that may be there is not said again: to miss a line costs less than to read
// it twice.
func (t *term) say(ctx context.Context, m *message, l line) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := t.Web.Post(ctx, m.channel, m.ts, l.broadcast, l.Message, web.Meta{})
	switch {
	case web.Is(err, web.Bug):
		t.failed(ctx, err, 1)
		_, err = t.Web.Post(ctx, m.channel, m.ts, l.broadcast, blocks.Sentence(l.Text), web.Meta{})
	case web.Is(err, web.Gone), web.Is(err, web.Ambiguous):
		err = nil
	}
	return err
}

// lines are what is to be said below a card and was not.
func (t *term) lines(c *card, s desk.Sight, fold bool, face blocks.Context) []line {
	t.memory.mu.Lock()
	defer t.memory.mu.Unlock()
	if c.over {
		return nil
	}
	var all []line
	add := func(name string, broadcast bool, says func() blocks.Message) {
		if !slices.Contains(c.said, name) {
			all = append(all, line{says(), name, broadcast})
		}
	}
	if s.Open() {
		c.reminders(s, face, add)
		return all
	}
	if d := s.Decision; d != nil && d.BreakGlass && len(d.By) > 0 {
		add(brokenGlass, true, func() blocks.Message {
			return blocks.BrokenGlass(desk.Notice{Approval: s.Request.ID, Person: d.By[0], Text: d.Reason, Review: s.Request.Digest.Short()}, face)
		})
	}
	many := s.Request != nil && s.Request.Many() // the card counts them; of those that fail the first is told
	for _, step := range s.Steps {
		bad := step.State == desk.StepFailed || step.State == desk.StepRefused
		if many && bad {
			add("many failed", true, func() blocks.Message { return blocks.StepLine(step, face) })
			break
		}
		if many {
			continue
		}
		if bad || !fold && step.State != desk.StepPending && step.State != desk.StepRunning {
			add(step.Step+" "+string(step.State), bad, func() blocks.Message { return blocks.StepLine(step, face) })
		}
	}
	if s.Known && runEnded(s.State) && t.newest(c) {
		add(ending, s.State == workflows.Failed, func() blocks.Message { return end(s, face) })
	}
	return all
}

// reminders are the lines by time: of two that are due the later says all.
func (c *card) reminders(s desk.Sight, face blocks.Context, add func(string, bool, func() blocks.Message)) {
	if c.due&escalated != 0 && s.Request != nil && s.Request.Escalate != nil {
		add(string(desk.Escalated), false, func() blocks.Message { return blocks.Escalated(s, s.Request.Escalate.Groups, face) })
	}
	switch {
	case c.due&lastCall != 0:
		add(string(desk.LastCall), false, func() blocks.Message { return blocks.Reminder(s, true, face) })
	case c.due&halfTime != 0:
		add(string(desk.HalfTime), false, func() blocks.Message { return blocks.Reminder(s, false, face) })
	}
}

// end says how a run ended.
func end(s desk.Sight, face blocks.Context) blocks.Message {
	switch {
	case s.State == workflows.Failed:
		return blocks.RunFailed(s, face)
	case s.State == workflows.Cancelled:
		return blocks.Sentence("The run was cancelled.")
	case s.Outcome != "":
		return blocks.Sentence("The run is done: " + s.Outcome)
	default:
		return blocks.Sentence("The run is done.")
	}
}

// newest reports the card that tells the end of its run: the last one.
func (t *term) newest(c *card) bool {
	all := t.memory.runs[c.run]
	return len(all) > 0 && all[len(all)-1] == c
}

const runFailed desk.NoticeKind = "run_failed"
