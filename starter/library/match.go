package library

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// Matched is how one playbook stands to an event.
type Matched struct {
	Playbook *playbook.Playbook
	// Matches says that the playbook answers the event, in the run that Key names.
	Matches bool
	Key     string
	// Reason is why it does not answer, for people. It may quote the event.
	Reason string
	// Err is set if nobody can tell, because a trigger could not be evaluated. It is not a no: the
	// event may be one that the playbook was written for.
	Err error
}

// Match asks every playbook whether it answers an event.
func (l *Library) Match(ev event.Event) []Matched {
	all := make([]Matched, len(l.entries))
	for i, e := range l.entries {
		all[i] = Match(e.playbook, ev)
	}
	return all
}

// Match asks one playbook whether it answers an event, and why not.
func Match(pb *playbook.Playbook, ev event.Event) Matched {
	m := Matched{Playbook: pb}
	m.Key, m.Matches, m.Err = pb.Match(ev)
	switch {
	case m.Matches:
	case m.Err != nil:
		m.Reason = m.Err.Error()
	default:
		m.Reason = whyNot(pb, ev)
	}
	return m
}

// whyNot explains a clean no: either no trigger is for the type of event, or no condition holds.
func whyNot(pb *playbook.Playbook, ev event.Event) string {
	var types []string
	conditions := 0
	for _, t := range pb.Triggers {
		if t.Event == ev.Type {
			conditions++
		} else if !slices.Contains(types, t.Event) {
			types = append(types, t.Event)
		}
	}
	switch {
	case conditions == 1:
		return "the condition of its trigger does not hold"
	case conditions > 1:
		return fmt.Sprintf("none of the conditions of its %d triggers for the event holds", conditions)
	case len(types) == 0 && pb.Schedule != nil:
		return "it has no triggers; its schedule starts it: " + pb.Schedule.String()
	case len(types) == 0:
		return "it has no triggers; it is started by name"
	default:
		return fmt.Sprintf("it answers %s; the event is %s", strings.Join(types, ", "), ev.Type)
	}
}
