package playbook

import (
	"fmt"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
)

// eventType is an event as expressions see it, with data of this type. names are what its own type
// can be; none: anything.
func eventType(data *expr.Type, names ...string) *expr.Type {
	name := expr.String
	if len(names) > 0 {
		name = expr.OneOf(names...)
	}
	return expr.Object(
		expr.Field{Name: "id", Type: expr.String},
		expr.Field{Name: "source", Type: expr.String},
		expr.Field{Name: "type", Type: name},
		expr.Field{Name: "subject", Type: expr.String},
		expr.Field{Name: "time", Type: expr.Timestamp},
		expr.Field{Name: "data", Type: data},
	)
}

// eventValue is the value for eventType. name is what expressions call the event. Data that is not
// as its source has described it is no error here: an event must not be lost because its source
// changed a field that nobody reads. Whoever reads that field gets the error.
func eventValue(name string, ev event.Event, data *expr.Type) (map[string]any, error) {
	decoded, err := data.DecodeForeign(name+".data", ev.Data)
	if err != nil {
		return nil, fmt.Errorf("read the event %s: %w", ev.ID, err)
	}
	return map[string]any{
		"id": ev.ID, "source": ev.Source, "type": ev.Type, "subject": ev.Subject, "time": ev.Time, "data": decoded,
	}, nil
}

// eventValues are the values of expressions that can read nothing but the event.
func eventValues(ev event.Event, data *expr.Type) (map[string]any, error) {
	value, err := eventValue("event", ev, data)
	return map[string]any{"event": value}, err
}

// triggers checks what starts the playbook, and returns what is known of the event of a run: which
// of the triggers held, nobody knows.
func (c *checker) triggers(pb *Playbook) *expr.Type {
	var joint *expr.Type
	for i, t := range pb.Triggers {
		t.data = c.describe(t.Event, t.node)
		sc := eventOnly(t.data, t.Event)
		c.expr(t.If, expr.Bool, sc)
		c.compile(t.Dedupe, expr.String, sc)
		t.reads = *sc.eventReads
		c.matches(t, sc, pb.Triggers[:i])
		if joint == nil {
			joint = t.data
		}
		joint = joint.Either(t.data)
	}
	if s := pb.Schedule; s != nil {
		data := c.describe(ScheduleEvent, s.node)
		if joint == nil {
			joint = data
		}
		joint = joint.Either(data)
	}
	if joint == nil {
		joint = expr.Any // whoever starts the run may give it any event
	}
	return joint
}

// carry gives the plan the types of the events that start the playbook: as much of them as it
// reads. They are large, and every run carries its plan.
func (c *checker) carry(pb *Playbook, reads [][]string) {
	byType := map[string][][]string{}
	for _, t := range pb.starts() {
		byType[t.Event] = append(byType[t.Event], t.reads...)
	}
	for _, name := range expr.Keys(byType) {
		_, whole := c.events[name]
		data, known := c.catalog.Events.Lookup(name)
		if whole || !known {
			continue
		}
		c.events[name] = expr.Object()
		if f, read := eventType(data).Only(append(byType[name], reads...)).Field("data"); read {
			c.events[name] = f.Type
		}
	}
}
