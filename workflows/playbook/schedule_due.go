package playbook

import (
	"math/bits"
	"time"

	"github.com/robfig/cron/v3"
)

// star marks a field of a cron expression that is a star.
const star = 1 << 63

// Fields are when a schedule is due, on the clock of its zone: ranges of values in order, all of
// which must hold. They are how a Temporal Schedule is told.
type Fields struct {
	Minute, Hour, Day, Month, Weekday []Range
}

// Range are the values from First to Last, both included.
type Range struct{ First, Last int }

// Calendars are the fields of a cron expression; two where either of two kinds of days will do.
// An interval has none.
func (s *Schedule) Calendars() []Fields {
	if s.Days == nil {
		return nil
	}
	d := s.Days
	f := Fields{
		Minute: ranges(d.Minute, 0, 59), Hour: ranges(d.Hour, 0, 23), Day: ranges(d.Dom, 1, 31),
		Month: ranges(d.Month, 1, 12), Weekday: ranges(d.Dow, 0, 6),
	}
	if !eitherDay(d) {
		return []Fields{f}
	}
	byMonth, byWeek := f, f
	byMonth.Weekday, byWeek.Day = []Range{{0, 6}}, []Range{{1, 31}}
	return []Fields{byMonth, byWeek}
}

// eitherDay reports whether both kinds of days are limited.
func eitherDay(d *cron.SpecSchedule) bool { return d.Dom&star == 0 && d.Dow&star == 0 }

func ranges(set uint64, first, last int) []Range {
	var all []Range
	for i := first; i <= last; i++ {
		if set&(1<<i) == 0 {
			continue
		}
		if n := len(all); n > 0 && all[n-1].Last == i-1 {
			all[n-1].Last = i
		} else {
			all = append(all, Range{i, i})
		}
	}
	return all
}

// comesUp reports whether there is a day, in any year, on which an expression is due.
func comesUp(d *cron.SpecSchedule) bool {
	if eitherDay(d) {
		return true // there is every day of the week in every month
	}
	for month := time.January; month <= time.December; month++ {
		longest := time.Date(2024, month+1, 0, 0, 0, 0, 0, time.UTC).Day() // a leap year
		if d.Month&(1<<month) != 0 && bits.TrailingZeros64(d.Dom) <= longest {
			return true
		}
	}
	return false
}

// onDay reports whether an expression is due at some time of a day.
func onDay(d *cron.SpecSchedule, day time.Time) bool {
	if d.Month&(1<<day.Month()) == 0 {
		return false
	}
	byMonth, byWeek := d.Dom&(1<<day.Day()) != 0, d.Dow&(1<<day.Weekday()) != 0
	if eitherDay(d) {
		return byMonth || byWeek
	}
	return byMonth && byWeek
}

// Due reports whether a time is one of the schedule's, without its jitter.
func (s *Schedule) Due(at time.Time) bool {
	if at.Nanosecond() != 0 {
		return false
	}
	if s.Days == nil {
		every := int64(s.Every / time.Second)
		return every > 0 && (at.Unix()-int64(s.Offset/time.Second))%every == 0
	}
	at = at.In(s.Days.Location)
	return at.Second() == 0 && s.Days.Minute&(1<<at.Minute()) != 0 && s.Days.Hour&(1<<at.Hour()) != 0 && onDay(s.Days, at)
}

// horizon bounds a look into the future: in eight years the 29th of February comes at least once.
const horizon = 8*366 + 2

// Next returns the first times after one at which the schedule is due, without its jitter.
func (s *Schedule) Next(after time.Time, count int) []time.Time {
	var all []time.Time
	if s.Days == nil {
		every, offset := int64(s.Every/time.Second), int64(s.Offset/time.Second)
		first := (after.Unix()-offset)/every*every + offset
		for i := int64(1); len(all) < count; i++ {
			all = append(all, time.Unix(first+i*every, 0).UTC())
		}
		return all
	}
	local := after.In(s.Days.Location)
	day := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, time.UTC) // which no clock skips
	for range horizon {
		if onDay(s.Days, day) {
			all = append(all, s.during(day, after)...)
		}
		if len(all) >= count {
			return all[:count]
		}
		day = day.AddDate(0, 0, 1)
	}
	return all
}

// during are the times of a day, by the clock of the zone, after another. An hour that comes twice
// when the clocks go back counts twice, one that is left out not at all.
func (s *Schedule) during(day, after time.Time) []time.Time {
	var all []time.Time
	begin := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, s.Days.Location)
	for at := begin.Truncate(time.Minute); at.Before(begin.Add(26 * time.Hour)); at = at.Add(time.Minute) {
		if at.After(after) && at.Day() == day.Day() && s.Due(at) {
			all = append(all, at.UTC())
		}
	}
	return all
}
