package route

import (
	"slices"
	"time"
	_ "time/tzdata" // a file means the same on a machine without time zones

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/playbook"
)

// Bounds on a rotation: a handover more often than once an hour is a mistake.
const (
	minEvery = time.Hour
	maxEvery = 60 * 24 * time.Hour
	minYear  = 2000 // turns are counted from a start that is not far
	maxYear  = 2100
)

func (r *reader) rosters(m playbook.Mapping) {
	m.Entries("on_call", func(key, value *yaml.Node) {
		if len(r.out.onCall) == maxRosters {
			r.Bad(key, "there are more than %d entries in \"on_call\"", maxRosters)
			return
		}
		if r.Name(key, "a name in on_call") {
			r.out.onCall[key.Value] = r.roster(value)
		}
	})
}

func (r *reader) roster(n *yaml.Node) roster {
	one := roster{zone: time.UTC}
	m, ok := r.Mapping(n, "who is on call", "timezone", "start", "every", "people", "shifts", "overrides")
	if !ok {
		return one
	}
	if zone := m.Text("timezone"); zone != "" {
		at, err := time.LoadLocation(zone)
		if err != nil || at == time.Local {
			r.Bad(m.Node("timezone"), "%.80q is no time zone; want one as Europe/Berlin", zone)
		} else {
			one.zone = at
		}
	}
	rotates := m.Has("start") || m.Has("every") || m.Has("people")
	switch {
	case rotates && m.Has("shifts"):
		r.Bad(n, "there is a rotation (start, every, people) or there are shifts, not both; what differs once is an override")
	case rotates && m.Require("start", "every", "people"):
		one.start = r.moment(m, "start", one.zone)
		one.every = m.Duration("every", minEvery, maxEvery, 0)
		if one.every%time.Minute != 0 {
			r.Bad(m.Node("every"), "\"every\" is whole minutes")
		}
		one.people = r.people(m, false)
	case rotates: // what is missing has been said
	case !m.Has("shifts"):
		r.Bad(n, "who is on call is a rotation (start, every, people) or shifts")
	default:
		one.shifts = r.shifts(m, "shifts", one.zone, true)
	}
	if m.Has("overrides") {
		one.overrides = r.shifts(m, "overrides", one.zone, false)
	}
	return one
}

// people reads stable ids of people. A rotation may come back to one of them; a shift has each once.
func (r *reader) people(m playbook.Mapping, once bool) []string {
	var out []string
	for _, n := range m.Texts("people") {
		switch {
		case len(out) == maxWords:
			r.Bad(n, "\"people\" holds more than %d entries", maxWords)
			return out
		case once && slices.Contains(out, n.Value):
			r.Bad(n, "%.80q is there twice", n.Value)
		case r.known.People != nil && !r.known.People(n.Value):
			r.Bad(n, "the directory has no person %.80q; want the id that it has there", n.Value)
		}
		out = append(out, n.Value)
	}
	return out
}

// shifts reads times with their people, in their order. Where gaps are not allowed each begins when
// the one before ends.
func (r *reader) shifts(m playbook.Mapping, key string, zone *time.Location, whole bool) []shift {
	var out []shift
	for i, n := range m.List(key) {
		if i == maxRoutes {
			r.Bad(n, "%q holds more than %d entries", key, maxRoutes)
			break
		}
		one, ok := r.Mapping(n, "a shift", "from", "to", "people")
		if !ok || !one.Require("from", "to", "people") {
			continue
		}
		s := shift{from: r.moment(one, "from", zone), to: r.moment(one, "to", zone), people: r.people(one, true)}
		if s.from.IsZero() || s.to.IsZero() {
			continue
		}
		if !s.from.Before(s.to) {
			r.Bad(one.Node("to"), "it ends before it begins")
			continue
		}
		if len(out) > 0 {
			before := out[len(out)-1].to
			switch {
			case s.from.Before(before):
				r.Bad(one.Node("from"), "it begins before the one above it ends, at %s", before.In(zone).Format(local))
			case whole && s.from.After(before):
				r.Bad(one.Node("from"), "nobody is on call from %s to %s", before.In(zone).Format(local), s.from.In(zone).Format(local))
			}
		}
		out = append(out, s)
	}
	return out
}

// local is a time by the clock on the wall.
const local = "2006-01-02T15:04"

// moment reads a time, with its zone or by the clock on the wall. YAML takes some for a date of its own,
// which is the same text.
func (r *reader) moment(m playbook.Mapping, key string, zone *time.Location) time.Time {
	n := m.Node(key)
	if n.Kind == yaml.ScalarNode {
		at, err := time.ParseInLocation(local, n.Value, zone)
		if err != nil {
			at, err = time.Parse(time.RFC3339, n.Value)
		}
		if err == nil && at.Year() >= minYear && at.Year() <= maxYear {
			return at
		}
	}
	r.Bad(n, "%q is a time, like 2026-01-05T09:00, or with its zone, 2026-01-05T09:00:00+01:00", key)
	return time.Time{}
}
