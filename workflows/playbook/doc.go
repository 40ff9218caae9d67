// Package playbook is the language: it reads a YAML file, checks everything that can be known
// before an incident, and compiles it to a [Plan], the checked form that a run carries by value.
//
// [Compile] is the way in. It reports every mistake as a [Problem], file:line:col with what was
// expected and the rule's name in brackets, and on success returns a [Playbook]: the steps with
// their expressions compiled. [Plan.Load] gives the same Playbook back from a plan alone, without
// the file and without the activities' registry: a plan holds the signatures of the activities it
// uses, so a worker with newer activities still understands a run that began before.
//
// The package is pure: no Temporal, no network, no clock.
//
// # Where things are
//
//	source.go     strict YAML: bounds, no anchors, no tags, nothing invisible
//	catalog.go    what a file may name that is outside of it
//	callee.go     what a playbook must know of one that it calls
//	place.go      where a place inside a quoted or folded string is in the file
//	parse.go      the document and its steps
//	verb_*.go     one verb a file: its form, its checks, its type
//	scope.go      which names exist at a step, and their types
//	undo.go       how a step is put back
//	value.go      with: and other trees of literals and templates
//	event.go      what is known of events
//	schedule.go   when a playbook starts by itself; schedule_due.go says when that is
//	match.go      triggers, dedupe keys and inputs, for an event
//	plan.go       the canonical form and its digest
//	read.go       the same strict YAML for the files beside playbooks
//	format.go     the one layout of a playbook
//	schema.go     the language as JSON Schema, for editors: every verb, modifier and key described
//	rules.go      the rules that problems name
//	rule_*.go     one rule a file: what it holds, why, an example, and its check where it is one of its own
//
// A verb is added as verb_<name>.go here, which registers itself in the table in parse.go, and
// step_<name>.go in package workflows, which runs it.
//
// # Bounds
//
// Every wait has one. An approval expires after 30 minutes unless it says otherwise (a minute to a
// week), a question after 24 hours (a minute to 30 days). A wait takes at most 30 days, and for an
// event says how long. A repeat makes 20 rounds, 30 seconds apart, unless it says otherwise (to
// 1,000 rounds; a second to a day). A for_each takes at most 10,000 items, one at a time unless it
// says otherwise (to 50). A call is tried 5 times within 15 minutes. Any other step is tried once,
// or as often as its retry says (5 unless it says otherwise, to 100), within its timeout if it has
// one (to 30 days). A file has at most 256 KiB, 32 levels, 10,000 values and 250 steps, and no
// character in it is invisible. A schedule is due every minute at most; it starts up to 30 seconds late unless
// its jitter says otherwise (to 6 hours), and what was missed by more than an hour, or what catch_up
// says (a minute to 7 days), is left out.
package playbook
