package playbook

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
)

// Wait waits for a while, until a time, or for an event.
//
//	wait: 10m
//	wait: ${inputs.grace}                           # a duration
//	wait: {until: event.time + duration("1h")}      # a timestamp
//	wait: {event: aws.guardduty.finding, if: candidate.data.id == event.data.id, expires: 2h}
//
// A time that has passed is not waited for. Nothing is waited for longer than 30 days: a step that
// would have to is a failure.
//
// For an event it waits from when the step begins; one that came before is not seen. candidate is
// an event of the type that arrives, and the first for which if holds is taken; without if, the
// first. A candidate of which if cannot be evaluated is passed over, as strangers send events too.
// It then offers arrived and, if one did, event. That none arrives in time is no failure.
type Wait struct {
	For   *Value // nil: until or an event is given
	Until *Expr

	Event   string // "": none
	If      *Expr  // nil: every event of the type
	Expires time.Duration

	node *yaml.Node // the type of event
	data *expr.Type // of the event's data
}

const (
	// MaxWait is the longest that a wait may take.
	MaxWait = 30 * 24 * time.Hour
	// MaxEventType is the longest type of an event that can be waited for: it stands in an id.
	MaxEventType = 200
)

func waitVerb() verb {
	return verb{
		keyword: "wait",
		parse: func(p *parser, o object) Verb {
			n := o.values["wait"]
			if n.Kind != yaml.MappingNode {
				return &Wait{For: o.value("wait")}
			}
			w, _ := p.object(n, "wait", waitKeys)
			switch {
			case w.has("event"):
				return p.waitForEvent(w)
			case len(n.Content) == 0:
				p.reportAt(ruleMissingKey, n, "wait needs the key \"until\" or the key \"event\"")
			}
			for _, key := range []string{"if", "expires"} {
				if w.has(key) {
					p.reportAt(ruleUnknownKey, w.keys[key], "%q of wait goes with the key \"event\"", key)
				}
			}
			return &Wait{Until: w.expression("until")}
		},
	}
}

func (p *parser) waitForEvent(o object) *Wait {
	if o.has("until") {
		p.reportAt(ruleUnknownKey, o.keys["until"], "a wait for an event ends with \"expires\"; \"until\" is for a wait without one")
	}
	if !o.has("expires") && !o.meant["expires"] {
		p.reportAt(ruleMissingBound, o.node, "a wait for an event needs the key \"expires\": how long at most, like 2h")
	}
	w := &Wait{
		Event:   o.word("event", "the type of an event", eventForm),
		If:      o.expression("if"),
		Expires: o.duration("expires", time.Second, MaxWait, time.Second),
		node:    o.values["event"],
	}
	if len(w.Event) > MaxEventType {
		p.reportAt(ruleBound, w.node, "the type of the event has %d characters; at most %d can be waited for", len(w.Event), MaxEventType)
	}
	return w
}

// Keyword implements Verb.
func (*Wait) Keyword() string { return "wait" }

func (w *Wait) check(c *checker, step *Step, sc *scope) []expr.Field {
	if w.node != nil {
		w.data = c.eventData(w.Event, w.node)
		arriving := sc.fork()
		arriving.name("candidate", eventType(w.data, w.Event))
		c.expr(w.If, expr.Bool, arriving)
		c.taint(expr.Path("steps", step.ID, "event"))
		return []expr.Field{
			{Name: "arrived", Type: expr.Bool},
			c.given(step, sc, "event", eventType(w.data, w.Event), "arrived", "none may have arrived"),
		}
	}
	if w.Until != nil && dated(w.Until.node.Value) {
		at := w.Until.node
		c.reportAt(ruleExpression, at, "\"until\" takes an expression; write timestamp(%q)", at.Value)
		return nil
	}
	c.expr(w.Until, expr.Timestamp, sc)
	if w.For == nil {
		return nil
	}
	n := w.For.node
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		c.reportAt(ruleWrongType, n, "\"wait\" is a duration like 30s, 5m, 12h or 3d, or has the key \"until\" or \"event\"; got %s", form(n))
		return nil
	}
	c.value(w.For, expr.Duration, "", sc)
	if d, err := expr.ParseDuration(n.Value); err == nil && (d < time.Second || d > MaxWait) {
		c.reportAt(ruleBound, n, "\"wait\" is %s; want 1s to %s", n.Value, Span(MaxWait))
	}
	return nil
}

// Candidate is an event that has arrived as the condition of the wait, and later steps, see it.
func (w *Wait) Candidate(ev event.Event) (map[string]any, error) {
	return eventValue("candidate", ev, w.data)
}

// dated reports whether a text is a time as YAML writes it.
func dated(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}
