package desk

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// mostMissed is of how many ticks of one playbook people are told in an hour, and of how many of all those
// that this desk does not have: whoever may write to the namespace can make ticks up, and would else write
// to people as often as it likes.
const mostMissed = 20

// missing counts what people were told in the last hour, by the playbook; "" is those that there are not.
type missing struct {
	mu    sync.Mutex
	began time.Time
	told  map[string]int
}

// more counts one more, and reports how many there were.
func (m *missing) more(playbook string, now time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told == nil || now.Sub(m.began) > time.Hour {
		m.began, m.told = now, map[string]int{}
	}
	m.told[playbook]++
	return m.told[playbook]
}

// missed tells people of a run that there is not.
func (d *Desk) missed(ctx context.Context, playbook string, scheduled time.Time, why string) {
	of := playbook
	if lib, err := d.Library(); err == nil {
		if _, err := lib.ByName(playbook); err != nil {
			of = ""
		}
	}
	text := fmt.Sprintf("%s was due at %s, and was not started: %s", playbook, scheduled.UTC().Format(time.RFC3339), why)
	switch n := d.missing.more(of, time.Now()); {
	case n > mostMissed:
		return // it is on record and in the log
	case n == mostMissed:
		text += "; what else is missed in this hour is in the log alone"
	}
	d.Notifier.Notify(ctx, Notice{Kind: ScheduleMissed, Run: playbook, Text: text})
}
