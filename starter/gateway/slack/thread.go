package slack

import (
	"context"
	"fmt"
	"slices"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
)

// line is one thing to say below a message; broadcast says it to the channel as well.
type line struct {
	blocks.Message

	broadcast bool
	said      func() // notes that it was said; called under the memory's lock
}

// tell says below a message what has happened since the last time.
func (t *term) tell(ctx context.Context, m *message, rows []*card, sights []desk.Sight) error {
	var lines []line
	c := t.face(ctx)
	for _, s := range sights {
		if row := rowOf(rows, s); row != nil {
			lines = append(lines, t.steps(row, s, m.fold, c)...)
		}
	}
	t.memory.mu.Lock()
	notices := slices.Clone(m.notices)
	t.memory.mu.Unlock()
	for _, n := range notices {
		lines = append(lines, notice(n, sights, c))
	}
	for _, l := range lines {
		if l.Text != "" {
			if err := t.say(ctx, m, l); err != nil {
				return err
			}
		}
		t.memory.mu.Lock()
		l.said()
		t.memory.mu.Unlock()
	}
	t.memory.mu.Lock()
	m.notices = m.notices[min(len(notices), len(m.notices)):]
	t.memory.mu.Unlock()
	return nil
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

// steps are the lines of the steps that have ended, and of the run's end. What was so before this
// gateway led is not told again.
func (t *term) steps(c *card, s desk.Sight, fold bool, face blocks.Context) []line {
	t.memory.mu.Lock()
	defer t.memory.mu.Unlock()
	if s.Open() || c.over {
		return nil
	}
	var lines []line
	if c.told == nil || len(c.told) != len(s.Steps) {
		known := c.told != nil
		c.told = make([]desk.StepState, len(s.Steps))
		for i, step := range s.Steps {
			if c.told[i] = desk.StepPending; !known && c.late {
				c.told[i] = step.State
			}
		}
	}
	for i, step := range s.Steps {
		bad := step.State == desk.StepFailed || step.State == desk.StepRefused
		switch {
		case c.told[i] == step.State:
		case step.State == desk.StepPending || step.State == desk.StepRunning, fold && !bad:
			c.told[i] = step.State
		default:
			lines = append(lines, line{blocks.StepLine(step, face), bad, func() { c.told[i] = step.State }})
		}
	}
	if s.Known && runEnded(s.State) && !c.ended && t.newest(c) {
		l := line{said: func() { c.ended = true }}
		switch {
		case s.State == workflows.Failed:
			l.Message, l.broadcast = blocks.RunFailed(s, face), true
		case s.State == workflows.Cancelled:
			l.Message = blocks.Sentence("The run was cancelled.")
		case s.Outcome != "":
			l.Message = blocks.Sentence("The run is done: " + s.Outcome)
		default:
			l.Message = blocks.Sentence("The run is done.")
		}
		lines = append(lines, l)
	}
	return lines
}

// newest reports the card that tells the end of its run: the last one.
func (t *term) newest(c *card) bool {
	all := t.memory.runs[c.run]
	return len(all) > 0 && all[len(all)-1] == c
}

// notice is the line of a notice, if it still means something.
func notice(n desk.Notice, sights []desk.Sight, c blocks.Context) line {
	l := line{said: func() {}}
	i := slices.IndexFunc(sights, func(s desk.Sight) bool { return s.Digest() == n.Digest })
	if i < 0 {
		return l
	}
	s := sights[i]
	switch n.Kind {
	case desk.HalfTime, desk.LastCall:
		if s.Open() {
			l.Message = blocks.Reminder(s, n.Kind == desk.LastCall, c)
		}
	case desk.Escalated:
		if s.Open() {
			l.Message = blocks.Escalated(s, n.Groups, c)
		}
	case desk.BrokenGlass:
		l.Message, l.broadcast = blocks.BrokenGlass(n, c), true
	case desk.Asked, runFailed:
	default:
		l.Message = blocks.Sentence(fmt.Sprintf("%s: %s", n.Kind, n.Text))
	}
	return l
}

const runFailed desk.NoticeKind = "run_failed"
