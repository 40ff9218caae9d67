package route

import (
	"maps"
	"slices"
	"time"
)

// roster is who is on call under one name.
type roster struct {
	zone *time.Location
	// start, every and people are a rotation; without every there are shifts.
	start  time.Time
	every  time.Duration
	people []string

	shifts    []shift // in their order, without a gap
	overrides []shift // of which no two overlap
}

// shift is some people from one time to another.
type shift struct {
	from, to time.Time
	people   []string
}

func (s shift) at(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// Rosters are the names under which people are on call, sorted.
func (r *Routes) Rosters() []string { return slices.Sorted(maps.Keys(r.onCall)) }

// OnCall are the stable ids of the people who are on call under a name at a time. Nobody is where
// there is no such name, and before and after all shifts.
func (r *Routes) OnCall(name string, at time.Time) []string {
	one, ok := r.onCall[name]
	if !ok {
		return nil
	}
	for _, list := range [][]shift{one.overrides, one.shifts} {
		for _, s := range list {
			if s.at(at) {
				return slices.Clone(s.people)
			}
		}
	}
	if one.every == 0 {
		return nil
	}
	turn := one.turn(at) % len(one.people)
	if turn < 0 {
		turn += len(one.people)
	}
	return []string{one.people[turn]}
}

// Until is when those on call at a time are not any more, as far as that is planned; zero: it is not.
func (r *Routes) Until(name string, at time.Time) time.Time {
	one, ok := r.onCall[name]
	if !ok {
		return time.Time{}
	}
	var end time.Time
	switch i := slices.IndexFunc(one.shifts, func(s shift) bool { return s.at(at) }); {
	case one.every > 0:
		end = one.handover(one.turn(at) + 1)
	case i >= 0:
		end = one.shifts[i].to
	}
	for _, s := range one.overrides {
		if s.at(at) {
			return s.to
		}
		if s.from.After(at) && (end.IsZero() || s.from.Before(end)) {
			end = s.from
		}
	}
	return end
}

// turn counts the handovers from start to a time; it is negative before.
func (r roster) turn(at time.Time) int {
	n := int(at.Sub(r.start) / r.every)
	for r.handover(n).After(at) { // the clocks were changed in between, or at is before start
		n--
	}
	for !r.handover(n + 1).After(at) {
		n++
	}
	return n
}

// handover is the time of the nth, by the clock on the wall.
func (r roster) handover(n int) time.Time {
	s := r.start.In(r.zone)
	return time.Date(s.Year(), s.Month(), s.Day(), s.Hour(), s.Minute()+n*int(r.every/time.Minute), 0, 0, r.zone)
}
