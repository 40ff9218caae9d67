package playbook_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

func fused(data string) event.Event {
	ev := lampEvent(data)
	ev.Type = "lamp.fused"
	return ev
}

// Data is read with the types of the event's source: 3 is a double where amps are, and a time is a
// time. What deviates concerns only who reads it.
func TestMatchTyped(t *testing.T) {
	const good = `{"lamp":"desk","amps":3,"at":"2026-11-20T21:14:00Z","bulb":null,"added":1}`
	for name, tc := range map[string]struct {
		trigger, data string
		key, says     string
	}{
		"a double":              {trigger: "if: event.data.amps / 2.0 == 1.5", data: good, key: "hall/e1"},
		"a time":                {trigger: `if: event.data.at - duration("1h") < event.time, dedupe: event.data.lamp`, data: good, key: "desk"},
		"null is absent":        {trigger: `if: '!has(event.data.bulb)'`, data: good, key: "hall/e1"},
		"optional":              {trigger: `if: 'event.data.?bulb.maker.orValue("none") == "none"'`, data: good, key: "hall/e1"},
		"new to us":             {trigger: "if: dyn(event.data).added == 1", data: good, key: "hall/e1"},
		"deviates, unread":      {trigger: "if: event.data.amps > 2.0", data: `{"lamp":5,"amps":3,"at":"noon"}`, key: "hall/e1"},
		"deviates, read":        {trigger: "if: event.data.at < event.time", data: `{"lamp":"desk","amps":3,"at":"noon"}`, says: `trigger 1: evaluate "event.data.at < event.time": event.data.at: want timestamp, got the string "noon"`},
		"deviates as the key":   {trigger: "dedupe: event.data.lamp", data: `{"lamp":5}`, says: `trigger 1: dedupe: evaluate "event.data.lamp": event.data.lamp: want string, got the number 5`},
		"missing":               {trigger: "if: event.data.amps > 2.0", data: `{}`, says: `no such key: amps`},
		"not an object":         {trigger: "if: event.data.amps > 2.0", data: `[1]`, says: `event.data: want {amps,`},
		"not an object, unread": {trigger: "dedupe: event.id", data: `[1]`, key: "e1"},
	} {
		t.Run(name, func(t *testing.T) {
			pb := compile(t, head+"triggers: [{event: lamp.fused, "+tc.trigger+"}]\nsteps: [{stop: x}]\n")
			key, ok, err := pb.Match(fused(tc.data))
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				require.False(t, ok)
				return
			}
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, tc.key, key)
		})
	}
}

// A trigger sees its own type of event, the rest of the playbook what the types have together.
func TestInputsOfTwoTypesOfEvents(t *testing.T) {
	pb := compile(t, head+`
triggers: [{event: lamp.fused, if: event.data.amps > 1.0}, {event: lamp.stolen, if: event.data.thief != ""}]
inputs:
  lamp: {type: string, from: event.data.lamp}
  amps: {type: double, from: "event.data.?amps.orValue(0.0)"}
  thief: {type: string, from: event.data.thief, default: nobody}
steps: [{stop: x}]
`)
	stolen := lampEvent(`{"lamp":"desk","at":"2026-11-20T21:14:00Z","thief":"x"}`)
	stolen.Type = "lamp.stolen"
	for ev, want := range map[*event.Event]string{
		ptr(fused(`{"lamp":"hall","amps":2,"at":"2026-11-20T21:14:00Z"}`)): `{"lamp":"hall","amps":2.0,"thief":"nobody"}`,
		&stolen: `{"lamp":"desk","amps":0.0,"thief":"x"}`,
	} {
		_, ok, err := pb.Match(*ev)
		require.NoError(t, err)
		require.True(t, ok)
		inputs, err := pb.ResolveInputs(*ev, nil)
		require.NoError(t, err)
		raw, err := json.Marshal(inputs)
		require.NoError(t, err)
		require.JSONEq(t, want, string(raw))
	}
}

func ptr[T any](v T) *T { return &v }

const typed = head + `
triggers: [{event: lamp.fused, if: event.data.amps > 1.0}, {event: lamp.found}]
steps: [{stop: x}]
`

// A plan carries the types that it was compiled with: they decide how an event is read, so with
// others it is another plan.
func TestPlanCarriesTheTypesOfEvents(t *testing.T) {
	pb := compile(t, typed)
	raw, err := json.Marshal(pb.Plan.Events)
	require.NoError(t, err)
	require.JSONEq(t, `{"lamp.fused":{"object":{"amps":"double"}}}`, string(raw), "as much as it reads")
	loaded := requireFixedPoint(t, pb)
	_, ok, err := loaded.Match(fused(`{"amps":2}`))
	require.NoError(t, err)
	require.True(t, ok)

	plan := travel(t, pb.Plan)
	plan.Events["lamp.fused"] = expr.Object(expr.Field{Name: "amps", Type: expr.Int})
	other, err := plan.Load()
	require.NoError(t, err, "ints compare with doubles")
	require.NotEqual(t, pb.Digest(), other.Digest())
	for name, tc := range map[string]struct {
		events map[string]*expr.Type
		says   string
	}{
		"other types":        {map[string]*expr.Type{"lamp.fused": expr.Object(expr.Field{Name: "amps", Type: expr.String})}, `does not take (string, double)`},
		"more than it reads": {map[string]*expr.Type{"lamp.fused": lamps().Events["lamp.fused"]}, "canonical"},
		"another event":      {map[string]*expr.Type{"lamp.fused": expr.Any, "lamp.stolen": expr.Any}, "canonical"},
		"no type":            {map[string]*expr.Type{"lamp.fused": nil}, `the event "lamp.fused" has no type`},
	} {
		t.Run(name, func(t *testing.T) {
			plan := travel(t, pb.Plan)
			plan.Events = tc.events
			_, err := plan.Load()
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// Plans of before events had types load as they were compiled.
func TestPlanWithoutTypesOfEvents(t *testing.T) {
	untyped := lamps()
	untyped.Events = nil
	pb, problems := playbook.Compile("test.yaml", []byte(typed), untyped)
	require.Empty(t, problems)
	raw, err := json.Marshal(pb.Plan)
	require.NoError(t, err)
	require.NotContains(t, string(raw), `"events"`)
	requireFixedPoint(t, pb)
}
