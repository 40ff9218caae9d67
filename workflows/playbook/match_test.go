package playbook_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

func lampEvent(data string) event.Event {
	return event.Event{
		ID: "e1", Source: "hall", Type: "lamp.broken", Subject: "lamp/desk",
		Time: time.Date(2026, 11, 20, 21, 14, 0, 0, time.UTC), Data: json.RawMessage(data),
	}
}

func TestMatch(t *testing.T) {
	for name, tc := range map[string]struct {
		triggers string
		data     string
		key      string
		ok       bool
		says     string
	}{
		"no triggers":              {triggers: "", data: `{}`},
		"other type":               {triggers: "triggers: [{event: lamp.old}]", data: `{}`},
		"type":                     {triggers: "triggers: [{event: lamp.broken}]", data: `{}`, key: "hall/e1", ok: true},
		"envelope":                 {triggers: `triggers: [{event: lamp.broken, if: 'event.subject == "lamp/desk" && event.time.getFullYear() == 2026', dedupe: event.subject}]`, data: `{}`, key: "lamp/desk", ok: true},
		"holds":                    {triggers: "triggers: [{event: lamp.broken, if: event.data.n > 4, dedupe: event.data.lamp}]", data: `{"n":5,"lamp":"desk"}`, key: "desk", ok: true},
		"does not hold":            {triggers: "triggers: [{event: lamp.broken, if: event.data.n > 5}]", data: `{"n":5}`},
		"a double":                 {triggers: "triggers: [{event: lamp.broken, if: event.data.n > 4}]", data: `{"n":4.5}`, key: "hall/e1", ok: true},
		"second trigger":           {triggers: "triggers: [{event: lamp.broken, if: event.id == 'x'}, {event: lamp.broken, dedupe: '\"second\"'}]", data: `{}`, key: "second", ok: true},
		"first of two":             {triggers: "triggers: [{event: lamp.broken, if: event.id != 'x', dedupe: '\"first\"'}, {event: lamp.broken, dedupe: '\"second\"'}]", data: `{}`, key: "first", ok: true},
		"missing field":            {triggers: "triggers: [{event: lamp.broken, if: event.data.n > 4}]", data: `{}`, says: "playbook p, trigger 1: evaluate \"event.data.n > 4\": no such key: n"},
		"missing field is a no":    {triggers: "triggers: [{event: lamp.broken, if: 'event.data.?n.orValue(0) > 4'}]", data: `{}`},
		"error, but another holds": {triggers: "triggers: [{event: lamp.broken, if: event.data.n > 4}, {event: lamp.broken}]", data: `{}`, key: "hall/e1", ok: true},
		"error of another type":    {triggers: "triggers: [{event: lamp.old, if: event.data.n > 4}]", data: `{}`},
		"condition not a bool":     {triggers: "triggers: [{event: lamp.broken, if: event.data.n}]", data: `{"n":5}`, says: "the condition gives a int; want bool"},
		"dedupe missing":           {triggers: "triggers: [{event: lamp.broken, dedupe: event.data.lamp}]", data: `{}`, says: "trigger 1: dedupe: evaluate"},
		"dedupe empty":             {triggers: "triggers: [{event: lamp.broken, dedupe: event.data.lamp}]", data: `{"lamp":""}`, says: `dedupe gives ""; want a string that is not empty`},
		"dedupe null":              {triggers: "triggers: [{event: lamp.broken, dedupe: event.data.lamp}]", data: `{"lamp":null}`, says: `dedupe gives null; want a string that is not empty`},
		"dedupe number":            {triggers: "triggers: [{event: lamp.broken, dedupe: event.data.lamp}]", data: `{"lamp":5}`, says: `dedupe gives 5; want a string that is not empty`},
		"data is broken":           {triggers: "triggers: [{event: lamp.broken}]", data: `{`, says: "read the event e1"},
		"no data":                  {triggers: "triggers: [{event: lamp.broken}]", data: ``, says: "read the event e1"},
	} {
		t.Run(name, func(t *testing.T) {
			pb := compile(t, head+tc.triggers+"\nsteps: [{stop: x}]\n")
			key, ok, err := pb.Match(lampEvent(tc.data))
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				require.False(t, ok)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.ok, ok)
			require.Equal(t, tc.key, key)
		})
	}
}

func TestResolveInputs(t *testing.T) {
	for name, tc := range map[string]struct {
		inputs string
		data   string
		given  map[string]string
		want   string
		says   []string
	}{
		"none":                    {inputs: "", data: `{}`, want: `{}`},
		"from":                    {inputs: "inputs: {lamp: {type: string, from: event.data.lamp}}", data: `{"lamp":"desk"}`, want: `{"lamp":"desk"}`},
		"from, default ignored":   {inputs: "inputs: {n: {type: int, from: event.data.n, default: 1}}", data: `{"n":2}`, want: `{"n":2}`},
		"from missing, default":   {inputs: "inputs: {n: {type: int, from: event.data.n, default: 1}}", data: `{}`, want: `{"n":1}`},
		"given overrides":         {inputs: "inputs: {n: {type: int, from: event.data.n, default: 1}}", data: `{"n":2}`, given: map[string]string{"n": "3"}, want: `{"n":3}`},
		"default of every type":   {inputs: "inputs: {d: {type: duration, default: 2d}, l: {type: list(int), default: [1]}, m: {type: map(string), default: {a: b}}, f: {type: double, default: 1}}", data: `{}`, want: `{"d":"48h0m0s","l":[1],"m":{"a":"b"},"f":1}`},
		"int for double":          {inputs: "inputs: {n: {type: double, from: event.data.n}}", data: `{"n":2}`, want: `{"n":2}`},
		"missing":                 {inputs: "inputs: {lamp: {type: string, from: event.data.lamp}}", data: `{}`, says: []string{`input "lamp": the event lacks what from reads, so it must be given (string): evaluate "event.data.lamp": no such key: lamp`}},
		"not given":               {inputs: "inputs: {lamp: {type: string}}", data: `{}`, says: []string{`input "lamp": it must be given (string), as the playbook does not take it from the event`}},
		"wrong type":              {inputs: "inputs: {lamp: {type: string, from: event.data.lamp}}", data: `{"lamp":5}`, says: []string{`input "lamp": want string, got the number 5`}},
		"wrong type, not default": {inputs: "inputs: {n: {type: int, from: event.data.n, default: 1}}", data: `{"n":"x"}`, says: []string{`input "n": want int, got the string "x"`}},
		"null":                    {inputs: "inputs: {lamp: {type: string, from: event.data.lamp}}", data: `{"lamp":null}`, says: []string{"got null"}},
		"given wrong type":        {inputs: "inputs: {n: {type: int, default: 1}}", data: `{}`, given: map[string]string{"n": `"3"`}, says: []string{`input "n": want int, got the string "3"`}},
		"given not JSON":          {inputs: "inputs: {n: {type: int, default: 1}}", data: `{}`, given: map[string]string{"n": `3 4`}, says: []string{`input "n": read JSON`}},
		"unknown":                 {inputs: "inputs: {lamp: {type: string, default: a}}", data: `{}`, given: map[string]string{"lmap": `"x"`}, says: []string{`input "lmap": the playbook p has none of that name; did you mean "lamp"?`}},
		"everything at once": {
			inputs: "inputs: {a: {type: string}, b: {type: int, from: event.data.b}}", data: `{"b":true}`, given: map[string]string{"zz": "1"},
			says: []string{`input "a"`, `input "b": want int, got a bool`, `input "zz"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pb := compile(t, head+tc.inputs+"\nsteps: [{stop: x}]\n")
			given := map[string]json.RawMessage{}
			for k, v := range tc.given {
				given[k] = json.RawMessage(v)
			}
			got, err := pb.ResolveInputs(lampEvent(tc.data), given)
			for _, says := range tc.says {
				require.ErrorContains(t, err, says)
			}
			if len(tc.says) > 0 {
				return
			}
			require.NoError(t, err)
			raw, err := json.Marshal(got)
			require.NoError(t, err)
			require.JSONEq(t, tc.want, string(raw))
			_, err = pb.Values(lampEvent(tc.data), got)
			require.NoError(t, err)
		})
	}
}

func TestValuesWantsEveryInput(t *testing.T) {
	pb := compile(t, head+"inputs: {n: {type: int, default: 1}}\nsteps: [{stop: x}]\n")
	_, err := pb.Values(lampEvent(`{}`), nil)
	require.ErrorContains(t, err, `input "n" is missing`)
	_, err = pb.Values(lampEvent(`{}`), map[string]json.RawMessage{"n": json.RawMessage(`"x"`)})
	require.ErrorContains(t, err, `input "n": want int`)
}

// What may be a list or a map must not be proved to be a list: a map is iterated in random order,
// and a run would not replay.
func TestJoinedTypesAreNotTrusted(t *testing.T) {
	for name, steps := range map[string]string{
		"set under a condition": `
  - set: {x: "${event.data.free}"}
  - if: run.id == ""
    set: {x: [1]}`,
		"set in a branch": `
  - set: {x: "${event.data.free}"}
  - switch:
      - {if: 'run.id == ""', steps: [{set: {x: [1]}}]}`,
		"set in two branches": `
  - switch:
      - {if: 'run.id == ""', steps: [{set: {x: [1]}}]}
    default:
      - {set: {x: "${event.data.free}"}}`,
		"inside a list": `
  - set: {y: [[1], "${event.data.free}"]}
  - set: {x: "${vars.y[1]}"}`,
		"fields with dots": `
  - set: {y: {"b.c": {d: [1]}, b: {c: {d: "${event.data.free}"}}}}
  - set: {x: "${vars.y.b.c.d}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			pb := compile(t, head+"steps:"+steps+"\n  - {id: last, set: {z: '${vars.x.map(k, k)}'}}\n")
			last := pb.Steps[len(pb.Steps)-1].Verb.(*playbook.Set)
			require.False(t, last.Values["z"].Stable())
		})
	}
}
