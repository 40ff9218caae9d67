package playbook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
)

// scheduled is a playbook with a schedule of these keys.
func scheduled(t *testing.T, keys string) *playbook.Playbook {
	t.Helper()
	return compile(t, "playbook: p\nstage: audit\nschedule: {"+keys+"}\nsteps: [{stop: done}]\n")
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func TestScheduleDefaults(t *testing.T) {
	s := scheduled(t, `cron: "0 6 * * *"`).Schedule
	require.Equal(t, "UTC", s.Zone)
	require.Equal(t, playbook.OverlapSkip, s.Overlap)
	require.Equal(t, 30*time.Second, s.Jitter)
	require.Equal(t, time.Hour, s.CatchUp)
	require.Nil(t, compile(t, "playbook: p\nstage: audit\nsteps: [{stop: done}]\n").Schedule)
}

func TestNextTimes(t *testing.T) {
	for _, test := range []struct{ keys, after, next string }{
		{`cron: "17 6 * * 1-5"`, "2026-11-27T06:17:00Z", "2026-11-30T06:17:00Z 2026-12-01T06:17:00Z"},
		{`cron: "17 6 * * 1-5", zone: Europe/Berlin`, "2026-11-27T05:16:59Z", "2026-11-27T05:17:00Z 2026-11-30T05:17:00Z"},
		{`cron: "0 0 13 * fri"`, "2026-11-12T00:00:00Z", "2026-11-13T00:00:00Z 2026-11-20T00:00:00Z"}, // either day
		{`cron: "0 0 29 2 *"`, "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"},
		{`cron: "30 2 * * *", zone: Europe/Berlin`, "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z 2026-03-30T00:30:00Z"},    // the clocks skip it on the 29th
		{`cron: "30 2 25 10 *", zone: Europe/Berlin`, "2026-10-24T00:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z"},  // and show it twice
		{`cron: "0 0 * * *", zone: America/Santiago`, "2026-09-05T00:00:00Z", "2026-09-05T04:00:00Z 2026-09-07T03:00:00Z"},  // a day without midnight
		{`cron: "*/30 * * * *", zone: Asia/Kathmandu`, "2026-11-27T00:00:00Z", "2026-11-27T00:15:00Z 2026-11-27T00:45:00Z"}, // not whole hours away
		{`every: 6h`, "2026-11-27T06:00:00Z", "2026-11-27T12:00:00Z 2026-11-27T18:00:00Z"},
		{`every: 6h, offset: 30m`, "2026-11-27T06:00:00Z", "2026-11-27T06:30:00Z 2026-11-27T12:30:00Z"},
	} {
		s := scheduled(t, test.keys).Schedule
		var got []string
		for _, next := range s.Next(at(t, test.after), 2) {
			require.True(t, s.Due(next), test.keys)
			require.False(t, s.Due(next.Add(time.Second)), test.keys)
			got = append(got, next.Format(time.RFC3339))
		}
		require.Equal(t, test.next, strings.Join(got, " "), test.keys)
	}
}

// The fields say the same as the expression, also where a Temporal Schedule, in which all of them
// must hold, needs two of them.
func TestCalendars(t *testing.T) {
	one := scheduled(t, `cron: "*/20 6-8,18 * JAN,3 1-5"`).Schedule.Calendars()
	require.Equal(t, []playbook.Fields{{
		Minute: []playbook.Range{{First: 0, Last: 0}, {First: 20, Last: 20}, {First: 40, Last: 40}}, Hour: []playbook.Range{{First: 6, Last: 8}, {First: 18, Last: 18}},
		Day: []playbook.Range{{First: 1, Last: 31}}, Month: []playbook.Range{{First: 1, Last: 1}, {First: 3, Last: 3}}, Weekday: []playbook.Range{{First: 1, Last: 5}},
	}}, one)
	two := scheduled(t, `cron: "0 0 13 * 5"`).Schedule.Calendars()
	require.Len(t, two, 2)
	require.Equal(t, []playbook.Range{{First: 0, Last: 6}}, two[0].Weekday)
	require.Equal(t, []playbook.Range{{First: 13, Last: 13}}, two[0].Day)
	require.Equal(t, []playbook.Range{{First: 5, Last: 5}}, two[1].Weekday)
	require.Equal(t, []playbook.Range{{First: 1, Last: 31}}, two[1].Day)
	require.Empty(t, scheduled(t, "every: 1h").Schedule.Calendars())
}

// A run that a schedule starts has its own event, and inputs whatever other events start it.
func TestScheduledRunHasItsInputs(t *testing.T) {
	pb := compile(t, `playbook: p
stage: audit
triggers:
  - event: lamp.fused
schedule: {every: 1d, inputs: {lamp: desk, after: 5m, rooms: [hall, "12"]}}
inputs:
  lamp: {type: string, from: event.data.lamp}
  after: {type: duration}
  rooms: {type: list(string)}
  due: {type: timestamp, from: timestamp(event.data.scheduled)}
  depth: {type: int, default: 2}
steps:
  - stop: done
`)
	ev := playbook.ScheduledEvent("p", at(t, "2026-11-27T01:00:00+01:00"))
	require.NoError(t, ev.Validate())
	require.Equal(t, "p/2026-11-27T00:00:00Z", ev.ID)
	given, err := pb.Schedule.Given()
	require.NoError(t, err)
	resolved, err := pb.ResolveInputs(ev, given)
	require.NoError(t, err)
	require.JSONEq(t, `"desk"`, string(resolved["lamp"]))
	require.JSONEq(t, `["hall","12"]`, string(resolved["rooms"]))
	require.JSONEq(t, `"5m0s"`, string(resolved["after"]))
	require.JSONEq(t, `"2026-11-27T00:00:00Z"`, string(resolved["due"]))
	require.JSONEq(t, `2`, string(resolved["depth"]))
	_, starts, err := pb.Match(ev)
	require.NoError(t, err)
	require.False(t, starts, "an event that somebody sends does not start it")

	loaded, err := pb.Plan.Load()
	require.NoError(t, err)
	require.Equal(t, pb.Schedule.Next(ev.Time, 3), loaded.Schedule.Next(ev.Time, 3))
}
