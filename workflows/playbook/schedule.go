package playbook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a worker in a small image has no time zones of its own

	"github.com/robfig/cron/v3"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
)

// Schedule says when a playbook starts by itself.
//
//	schedule:
//	  cron: "17 6 * * 1-5"     # or every: 6h, with offset: 30m
//	  zone: Europe/Berlin      # UTC
//	  jitter: 10m              # 30s
//	  overlap: skip            # buffer_one, allow_all or cancel_other
//	  catch_up: 1h
//	  inputs: {unused_days: 60}
//
// A cron expression has five fields: minute, hour, day of the month, month, day of the week. If both
// kinds of days are limited, either will do, as in every crontab. At an hour that is skipped when the
// clocks go forward nothing starts.
type Schedule struct {
	Cron string             // empty: Every
	Zone string             // of the fields of Cron
	Days *cron.SpecSchedule // of Cron, in the zone

	Every, Offset time.Duration // since 1970, in UTC

	// Jitter is how much later than due it may start, so that what is due at the same time does not
	// start in the same second.
	Jitter time.Duration
	// Overlap is what happens if it is due while a run that it started is still under way.
	Overlap string
	// CatchUp is how late a start may be, when it was due while nothing was there to start it.
	CatchUp time.Duration
	// Inputs are given to the playbook.
	Inputs map[string]*Value

	node   *yaml.Node
	inputs []*yaml.Node // the names in Inputs
}

// The ways of Overlap.
const (
	OverlapSkip   = "skip"         // that start is left out
	OverlapBuffer = "buffer_one"   // it starts when the run ends; one waits at most
	OverlapAll    = "allow_all"    // it starts beside the run
	OverlapCancel = "cancel_other" // the run is cancelled first
)

var overlaps = []string{OverlapSkip, OverlapBuffer, OverlapAll, OverlapCancel}

// Bounds and defaults of a schedule.
const (
	DefaultJitter  = 30 * time.Second
	maxJitter      = 6 * time.Hour
	DefaultCatchUp = time.Hour
	MinCatchUp     = time.Minute
	MaxCatchUp     = 7 * 24 * time.Hour
	minInterval    = time.Minute
	maxInterval    = 30 * 24 * time.Hour
)

// The event of a run that a schedule starts.
const (
	ScheduleEvent  = "countersign.schedule"
	ScheduleSource = "countersign/schedule"
)

// scheduleEventHas are what a schedule's own event has, whatever else a source may send as one.
var scheduleEventHas = []string{"id", "source", "type", "subject", "time", "data.scheduled"}

// fiveFields reads cron expressions as every crontab does; no names such as @daily.
var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

func (p *parser) schedule(n *yaml.Node) *Schedule {
	o, ok := p.object(n, "a schedule", scheduleKeys)
	if !ok {
		return nil
	}
	s := &Schedule{node: n, Zone: "UTC", Overlap: OverlapSkip, Inputs: map[string]*Value{}}
	switch {
	case o.has("cron") && o.has("every"):
		p.reportAt(ruleBadValue, o.keys["every"], "a schedule has cron or every; this one has both")
	case !o.has("cron") && !o.has("every") && !o.meant["cron"] && !o.meant["every"]:
		p.reportAt(ruleMissingKey, n, "a schedule needs the key \"cron\" or \"every\"")
	}
	zone := p.zone(o, s)
	if c := o.scalar("cron"); c != nil {
		s.Cron = c.Value
		s.Days = p.cron(c, zone)
	}
	s.Every = o.duration("every", minInterval, maxInterval, 0)
	s.Offset = o.duration("offset", 0, maxInterval, 0)
	s.Jitter = o.duration("jitter", 0, maxJitter, DefaultJitter)
	s.CatchUp = o.duration("catch_up", MinCatchUp, MaxCatchUp, DefaultCatchUp)
	p.intervals(o, s)
	if w := o.scalar("overlap"); w != nil {
		if s.Overlap = w.Value; !slices.Contains(overlaps, s.Overlap) {
			p.reportAt(ruleBadValue, w, "%q is no way to treat an overlap%s", s.Overlap, expr.DidYouMean(s.Overlap, overlaps))
		}
	}
	o.entries("inputs", func(key, value *yaml.Node) {
		s.inputs = append(s.inputs, key)
		s.Inputs[key.Value] = &Value{node: value}
	})
	return s
}

// zone reads the time zone, which only an expression has a use for.
func (p *parser) zone(o object, s *Schedule) *time.Location {
	n := o.scalar("zone")
	if n == nil {
		return time.UTC
	}
	s.Zone = n.Value
	if o.has("every") && !o.has("cron") {
		p.reportAt(ruleBadValue, o.keys["zone"], "\"zone\" goes with cron: an interval is the same everywhere")
	}
	zone, err := time.LoadLocation(n.Value)
	if err != nil || n.Value == "" || n.Value == "Local" {
		p.reportAt(ruleBadValue, n, "%.80q is no time zone; want a name of the IANA database, like Europe/Berlin or UTC", n.Value)
		return time.UTC
	}
	return zone
}

// intervals holds durations against the interval that they are a part of.
func (p *parser) intervals(o object, s *Schedule) {
	if o.has("offset") && !o.has("every") {
		p.reportAt(ruleBadValue, o.keys["offset"], "\"offset\" goes with every: a cron expression says by itself when")
		return
	}
	if s.Every < minInterval {
		return
	}
	if s.Every%time.Second != 0 || s.Offset%time.Second != 0 {
		p.reportAt(ruleBound, o.values["every"], "\"every\" and \"offset\" of a schedule are whole seconds")
	}
	if s.Offset >= s.Every {
		p.reportAt(ruleBound, o.values["offset"], "\"offset\" of a schedule is %s, which is not less than every, %s", Span(s.Offset), Span(s.Every))
	}
	if o.has("jitter") && s.Jitter >= s.Every {
		p.reportAt(ruleBound, o.values["jitter"], "\"jitter\" of a schedule is %s, which is not less than every, %s", Span(s.Jitter), Span(s.Every))
	}
}

func (p *parser) cron(n *yaml.Node, zone *time.Location) *cron.SpecSchedule {
	say := func(format string, args ...any) *cron.SpecSchedule {
		p.reportAt(ruleBadValue, n, "%.80q is no cron expression: "+format, append([]any{n.Value}, args...)...)
		return nil
	}
	switch {
	case strings.HasPrefix(n.Value, "@"):
		return say("it is a name; write the five fields, such as \"17 6 * * 1-5\"")
	case strings.Contains(n.Value, "="):
		return say("the time zone goes into zone")
	case len(n.Value) > 256:
		return say("it has %d characters", len(n.Value))
	}
	parsed, err := fiveFields.Parse(n.Value)
	if err != nil {
		return say("%v", err)
	}
	days, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return say("it has no fields")
	}
	for _, set := range []uint64{days.Minute, days.Hour, days.Dom, days.Month, days.Dow} {
		if set&^star == 0 {
			return say("a field of it is empty")
		}
	}
	days.Location = zone
	if !comesUp(days) {
		p.reportAt(ruleNeverDue, n, "%q is never: no month that it names has such a day", n.Value)
		return nil
	}
	return days
}

// schedule holds the inputs of a schedule against those of the playbook: a run that it starts
// has nobody else to ask.
func (c *checker) schedule(pb *Playbook) {
	s := pb.Schedule
	if s == nil {
		return
	}
	byName := map[string]*Input{}
	names := make([]string, len(pb.Inputs))
	for i, in := range pb.Inputs {
		byName[in.Name], names[i] = in, in.Name
	}
	sc := eventOnly(pb.data)
	for _, key := range s.inputs {
		in, value := byName[key.Value], s.Inputs[key.Value]
		switch {
		case in == nil:
			c.reportAt(ruleInput, key, "the playbook has no input %q, which the schedule gives%s", key.Value, expr.DidYouMean(key.Value, names))
		case c.templates(value.node):
			c.reportAt(ruleBadValue, value.node, "the schedule gives the input %q a plain value: there is nothing to read", key.Value)
		default:
			c.value(value, in.Type, in.Name+" takes", sc)
		}
	}
	for _, in := range pb.Inputs {
		switch {
		case s.Inputs[in.Name] != nil, in.Default != nil:
		case in.From == nil:
			c.reportAt(ruleMissingInput, in.node, "a run that the schedule starts has no value for the input %q (%s): give it under inputs of the schedule, or a default", in.Name, in.Type)
		case in.From.Program != nil && !ofSchedule(in.From.Paths()):
			c.reportAt(ruleMissingInput, in.From.node, "the input %q (%s) is taken from an event that a run which the schedule starts does not have: give it under inputs of the schedule, or a default", in.Name, in.Type)
		}
	}
}

// templates reports whether an expression stands anywhere in a value.
func (c *checker) templates(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!str" && expr.IsTemplate(n.Value) || slices.ContainsFunc(n.Content, c.templates)
}

// ofSchedule reports whether all that an expression reads is in a schedule's own event.
func ofSchedule(paths [][]string) bool {
	for _, path := range paths {
		if path[0] != "event" {
			continue
		}
		if read := strings.Join(path[1:min(3, len(path))], "."); !slices.Contains(scheduleEventHas, read) {
			return false
		}
	}
	return true
}

// String says for people when it is due: "17 6 * * 1-5 in Europe/Berlin" or "every 6h".
func (s *Schedule) String() string {
	switch {
	case s.Cron != "":
		return s.Cron + " in " + s.Zone
	case s.Offset > 0:
		return "every " + Span(s.Every) + ", offset " + Span(s.Offset)
	default:
		return "every " + Span(s.Every)
	}
}

// starts are the triggers of a playbook, and for its schedule one more: they say what event a run
// may have.
func (pb *Playbook) starts() []*Trigger {
	if pb.Schedule == nil {
		return pb.Triggers
	}
	return append(slices.Clip(pb.Triggers), &Trigger{Event: ScheduleEvent, node: pb.Schedule.node})
}

// Given are the inputs that a schedule gives.
func (s *Schedule) Given() (map[string]json.RawMessage, error) {
	given := map[string]json.RawMessage{}
	for _, name := range expr.Keys(s.Inputs) {
		raw, err := s.Inputs[name].Eval(nil)
		if err != nil {
			return nil, fmt.Errorf("the input %q of the schedule: %w", name, err)
		}
		given[name] = raw
	}
	return given, nil
}

// ScheduledEvent is the event of a run that a schedule starts for a time at which it is due.
func ScheduledEvent(playbook string, due time.Time) event.Event {
	at := due.UTC().Truncate(time.Second)
	data, _ := json.Marshal(map[string]string{"scheduled": at.Format(time.RFC3339)}) // strings can be JSON
	return event.Event{
		ID: playbook + "/" + at.Format(time.RFC3339), Source: ScheduleSource, Type: ScheduleEvent,
		Subject: playbook, Time: at, Data: data,
	}
}
