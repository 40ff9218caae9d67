package forecast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/forecast"
	"github.com/countersign/countersign/workflows/playbook"
)

// catalog is a lamp to look at, to turn off, and to break.
func catalog() playbook.Catalog {
	input := expr.Object(expr.Field{Name: "lamp", Type: expr.String})
	state := expr.Object(expr.Field{Name: "state", Type: expr.String}, expr.Field{Name: "rooms", Type: expr.List(expr.String)})
	one := func(effect playbook.Effect, undo string) playbook.Signature {
		return playbook.Signature{Title: "t", Effect: effect, Version: 1, Undo: undo, Targets: []string{"lamp"}, Timeout: time.Second, Input: input, Output: state}
	}
	flow := playbook.WorkflowSignature{Title: "t", Timeout: time.Hour, Input: input, Output: state}
	return playbook.Catalog{Workflows: playbook.Table[playbook.WorkflowSignature]{"lamp.report": flow}, Activities: playbook.Table[playbook.Signature]{
		"lamp.look": one(playbook.EffectRead, ""), "lamp.off": one(playbook.EffectChange, "lamp.on"), "lamp.on": one(playbook.EffectChange, "lamp.off"), "lamp.break": one(playbook.EffectDestroy, ""),
	}}
}

// lamp answers reads; it is broken if it has no state.
type lamp struct {
	state string
	calls []string
}

func (l *lamp) Call(_ context.Context, name string, input json.RawMessage) (json.RawMessage, error) {
	l.calls = append(l.calls, name+string(input))
	if l.state == "" {
		return nil, errors.New("it is dark")
	}
	return json.RawMessage(fmt.Sprintf(`{"state":%q,"rooms":["hall","attic"]}`, l.state)), nil
}

const (
	look = `{id: look, activity: lamp.look, with: {lamp: "${inputs.lamp}"}}`
	off  = `{id: off, activity: lamp.off, with: {lamp: desk}}`
	stop = `{id: end, stop: "it is ${steps.look.output.state}"}`
)

func TestForecast(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		steps string
		lamp  *lamp
		want  string // will +, may ?, will not -, fails !
	}{
		"what is known is decided": {
			`[{id: a, if: inputs.lamp == "desk", set: {x: 1}}, {id: b, if: "vars.?x.orValue(0) == 2", stop: x}, ` + off + `]`, nil, "+a -b +off",
		},
		"what a read tells is not known":  {`[` + look + `, {id: b, if: steps.look.output.state == "lit", set: {x: 1}}, ` + off + `]`, nil, "+look ?b +off"},
		"unless it is read":               {`[` + look + `, {id: b, if: steps.look.output.state == "lit", set: {x: 1}}, ` + off + `]`, &lamp{state: "out"}, "+look -b +off"},
		"a read that fails tells nothing": {`[` + look + `, {id: b, if: steps.look.output.state == "lit", set: {x: 1}}]`, &lamp{}, "!+look ?b"},
		"a stop that may be":              {`[` + look + `, {id: b, if: steps.look.output.state == "lit", stop: x}, ` + off + `, {id: c, if: inputs.lamp == "hall", set: {x: 1}}]`, nil, "+look ?b ?off -c"},
		"a stop that is":                  {`[` + look + `, ` + stop + `]`, nil, "+look +end"},
		"what cannot be evaluated fails":  {`[{id: a, set: {x: "${event.data.none}"}}, ` + off + `]`, nil, "!+a -off"},
		"unless the run goes on":          {`[{id: a, on_error: continue, activity: lamp.off, with: {lamp: "${event.data.none}"}}, ` + off + `]`, nil, "!+a +off"},
		"an approval": {
			`[{id: ok, approve: "${inputs.lamp}?", approvers: [oncall], steps: [` + off + `, {id: break, activity: lamp.break, with: {lamp: desk}}]}, {id: b, if: steps.ok.approved, set: {x: 1}}, {id: c, if: steps.off.status == "done", set: {x: 2}}]`,
			nil, "+ok(?off ?break) ?b ?c",
		},
		"a skipped approval is not given": {`[{id: ok, if: inputs.lamp == "x", approve: x, approvers: [oncall]}, {id: b, if: steps.ok.approved, set: {x: 1}}, {id: c, if: steps.ok.status == "skipped", set: {x: 1}}]`, nil, "-ok -b +c"},
		"a switch": {
			`[` + look + `, {id: s, switch: [{if: inputs.lamp == "x", steps: [{id: a, set: {x: 1}}]}, {if: steps.look.output.state == "lit", steps: [{id: b, set: {x: 1}}]}, {if: inputs.lamp == "desk", steps: [{id: c, set: {x: 1}}]}], default: [{id: d, set: {x: 1}}]}, {id: e, if: steps.s.case == 0, set: {y: 1}}, {id: f, if: "vars.?x.orValue(1) == 1", set: {y: 1}}]`,
			nil, "+look +s(?b ?c) ?e ?f",
		},
		"a try":                   {`[{id: t, try: [` + off + `], catch: [{id: c, stop: "${error.reason}"}], finally: [{id: f, set: {y: 1}}]}, {id: d, if: steps.t.caught, set: {x: 1}}, {id: e, if: steps.off.status == "done", set: {x: 1}}]`, nil, "+t(+off ?c +f) ?d ?e"},
		"finally after a stop":    {`[{id: t, try: [{id: s, if: inputs.lamp == "desk", stop: x}], finally: [{id: f, set: {y: 1}}]}, ` + off + `]`, nil, "+t(+s +f) -off"},
		"branches":                {`[{id: p, parallel: [{steps: [` + off + `]}, {steps: [` + look + `]}]}, {id: d, if: steps.look.output.state == "lit", set: {x: 1}}]`, &lamp{state: "lit"}, "+p(+off +look) +d"},
		"items that are known":    {`[{id: l, for_each: '[1, 2]', steps: [{id: a, if: item == 2, set: {x: 1}}]}]`, nil, "+l(-a +a)"},
		"many items":              {`[{id: l, for_each: '[1,2,3,4,5,6,7,8,9,10,11,12]', steps: [{id: a, if: item > 11, set: {x: 1}}]}]`, nil, "+l(" + strings.Repeat("-a ", 10) + "?a)"},
		"a map's items":           {`[{id: l, for_each: '{"b": 1, "a": 2}', steps: [{id: a, if: 'item.key == "a"', set: {x: 1}}]}]`, nil, "+l(+a -a)"},
		"items that a read tells": {`[` + look + `, {id: l, for_each: steps.look.output.rooms, steps: [{id: a, activity: lamp.look, with: {lamp: "${item}"}}]}]`, &lamp{state: "lit"}, "+look +l(+a +a)"},
		"items that are unknown":  {`[` + look + `, {id: l, for_each: steps.look.output.rooms, steps: [{id: a, activity: lamp.off, with: {lamp: "${item}"}}]}]`, nil, "+look +l(?a)"},
		"rounds":                  {`[{id: r, repeat: [` + look + `, {id: s, if: steps.look.output.state == "lit", stop: x}], until: "false"}, ` + off + `]`, &lamp{state: "lit"}, "+r(+look ?s) ?off"},
		"an event":                {`[{id: w, wait: {event: lamp.lit, if: candidate.id == inputs.lamp, expires: 2h}}, {id: a, if: steps.w.arrived, set: {x: 1}}, {id: b, wait: {until: 'timestamp("2026-11-20T00:00:00Z")'}}]`, nil, "+w ?a +b"},
		"code":                    {`[{id: w, workflow: lamp.report, with: {lamp: "${inputs.lamp}"}}, {id: a, if: steps.w.output.state == "lit", set: {x: 1}}, {id: b, if: steps.w.status == "done", set: {x: 1}}]`, nil, "+w ?a +b"},
		"people and time":         {`[{id: w, wait: 10m}, {id: q, ask: who, who: [oncall], form: {n: {type: int}}}, {id: a, if: steps.q.answered, set: {x: 1}}, {id: b, if: steps.w.status == "done", set: {x: 1}}]`, nil, "+w +q ?a +b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "playbook: p\nstage: run\ninputs: {lamp: {type: string}}\nsteps: " + tc.steps + "\n"
			pb, problems := playbook.Compile("p.yaml", []byte(text), catalog())
			require.Empty(t, problems)
			values := map[string]any{
				"event": map[string]any{"id": "e", "data": map[string]any{}}, "inputs": map[string]any{"lamp": "desk"},
				"run": map[string]any{"id": "r"},
			}
			var reader forecast.Reader
			if tc.lamp != nil {
				reader = tc.lamp
			}
			f := forecast.Of(t.Context(), pb, values, reader)
			require.Equal(t, tc.want, drawn(f.Steps))
			if tc.lamp != nil {
				for _, call := range tc.lamp.calls {
					require.True(t, strings.HasPrefix(call, "lamp.look{"), call)
				}
			}
		})
	}
}

func drawn(steps []*forecast.Step) string {
	words := make([]string, len(steps))
	for i, s := range steps {
		words[i] = map[forecast.Chance]string{forecast.Will: "+", forecast.May: "?", forecast.Not: "-"}[s.Chance] + s.ID
		if s.Error != "" {
			words[i] = "!" + words[i]
		}
		var inside []*forecast.Step
		for _, b := range s.Blocks {
			inside = append(inside, b.Steps...)
		}
		if len(inside) > 0 {
			words[i] += "(" + drawn(inside) + ")"
		}
	}
	return strings.Join(words, " ")
}

func TestForecastSaysTheWorst(t *testing.T) {
	t.Parallel()
	text := "playbook: p\nstage: run\ninputs: {lamp: {type: string}}\nsteps:\n- " + look + "\n- " + off + `
- {approve: x, approvers: [oncall], steps: [{activity: lamp.break, with: {lamp: desk}}]}
- {for_each: steps.look.output.rooms, steps: [{activity: lamp.off, with: {lamp: "${item}"}}]}
- {if: inputs.lamp == "x", activity: lamp.off, with: {lamp: never}}
outcome: '"it is " + steps.look.output.state'
`
	pb, problems := playbook.Compile("p.yaml", []byte(text), catalog())
	require.Empty(t, problems)
	values := map[string]any{"event": map[string]any{}, "inputs": map[string]any{"lamp": "desk"}, "run": map[string]any{}}
	f := forecast.Of(t.Context(), pb, values, nil)
	require.Equal(t, []forecast.Effect{
		{Activity: "lamp.break", Effect: "destroy", Steps: 1, Asked: true},
		{Activity: "lamp.off", Effect: "change", Undo: "lamp.on", Steps: 2, Many: true},
		{Activity: "lamp.look", Effect: "read", Steps: 1},
	}, f.Worst)
	require.Equal(t, []string{"steps.look.output"}, f.Outcome.Waits)
	require.Equal(t, `{"lamp":"desk"}`, string(f.Steps[0].Call.Input.Value))
	require.Equal(t, map[string]any{"event": map[string]any{}, "inputs": map[string]any{"lamp": "desk"}, "run": map[string]any{}}, values, "the caller's values stay")

	l := &lamp{state: "lit"}
	f = forecast.Of(t.Context(), pb, values, l)
	require.Equal(t, `"it is lit"`, string(f.Outcome.Value))
	require.Len(t, l.calls, 1)
	require.False(t, f.Worst[1].Many, "the rooms are known")
}

// A forecast makes no more reads than its bound, whatever the playbook asks for.
func TestForecastBoundsItsReads(t *testing.T) {
	t.Parallel()
	var steps []string
	for i := range forecast.MaxReads + 5 {
		steps = append(steps, fmt.Sprintf(`{id: s%d, activity: lamp.look, with: {lamp: desk}}`, i))
	}
	pb, problems := playbook.Compile("p.yaml", []byte("playbook: p\nstage: run\nsteps: ["+strings.Join(steps, ",\n ")+"]\n"), catalog())
	require.Empty(t, problems)
	l := &lamp{state: "lit"}
	f := forecast.Of(t.Context(), pb, map[string]any{"event": map[string]any{}, "inputs": map[string]any{}, "run": map[string]any{}}, l)
	require.Len(t, l.calls, forecast.MaxReads)
	require.Contains(t, f.Steps[forecast.MaxReads].Error, "at most 100 reads")
}

// Loops inside loops do not multiply for ever.
func TestForecastBoundsWhatItShows(t *testing.T) {
	t.Parallel()
	steps := `[` + off + `]`
	for i := range 10 {
		steps = fmt.Sprintf(`[{id: l%d, for_each: '[1,2,3,4,5,6,7,8,9,10]', steps: %s}]`, i, steps)
	}
	pb, problems := playbook.Compile("p.yaml", []byte("playbook: p\nstage: run\nsteps: "+steps+"\n"), catalog())
	require.Empty(t, problems)
	f := forecast.Of(t.Context(), pb, map[string]any{"event": map[string]any{}, "inputs": map[string]any{}, "run": map[string]any{}}, nil)
	require.Less(t, len(strings.Fields(drawn(f.Steps))), 3000)
	require.True(t, f.Worst[0].Many)
}

// FuzzForecast feeds any steps and any event. There is no panic, it makes reads and nothing else, and
// what it says will run is in the playbook.
func FuzzForecast(f *testing.F) {
	for _, steps := range []string{
		"[" + look + ", " + off + ", " + stop + "]",
		`[{id: t, try: [` + off + `], catch: [{stop: "${error.reason}"}], finally: [{set: {y: 1}}]}, {if: "steps.t.?caught.orValue(true)", set: {x: "${vars.?y}"}}]`,
		`[` + look + `, {for_each: steps.look.output.rooms, steps: [{id: a, activity: lamp.look, with: {lamp: "${item}"}}], collect: steps.a.output.state}]`,
		`[{id: s, switch: [{if: event.data.x == 1, steps: [` + off + `]}], default: [` + look + `]}, {parallel: [{steps: [{repeat: [{set: {n: 1}}], until: vars.n == index}]}, {steps: [{wait: "${event.data.d}"}]}]}]`,
		`[{id: ok, approve: "${event.data}?", approvers: [oncall], steps: [` + off + `]}, {if: steps.ok.approved, for_each: "{'a': [1]}", steps: [{set: {z: "${item.value[0]}"}}]}]`,
	} {
		f.Add(steps, `{"x": 1, "d": "10m"}`)
	}
	f.Fuzz(func(t *testing.T, steps, data string) {
		pb, problems := playbook.Compile("p.yaml", []byte("playbook: p\nstage: run\ninputs: {lamp: {type: string}}\nsteps: "+steps+"\n"), catalog())
		event, err := expr.Any.Decode([]byte(data))
		if len(problems) > 0 || err != nil {
			return
		}
		ids := map[string]bool{}
		playbook.Walk(pb.Steps, func(s *playbook.Step) { ids[s.ID] = true })
		values := map[string]any{"event": map[string]any{"id": "e", "data": event}, "inputs": map[string]any{"lamp": "desk"}, "run": map[string]any{}}
		l := &lamp{state: "lit"}
		began := time.Now()
		for _, reader := range []forecast.Reader{nil, l} {
			result := forecast.Of(t.Context(), pb, values, reader)
			_, err := json.Marshal(result)
			require.NoError(t, err)
			requireKnown(t, result.Steps, ids)
		}
		require.Less(t, time.Since(began), 10*time.Second)
		require.LessOrEqual(t, len(l.calls), forecast.MaxReads)
		for _, call := range l.calls {
			require.True(t, strings.HasPrefix(call, "lamp.look{"), call)
		}
	})
}

func requireKnown(t *testing.T, steps []*forecast.Step, ids map[string]bool) {
	t.Helper()
	for _, s := range steps {
		require.True(t, ids[s.ID], s.ID)
		require.Contains(t, []forecast.Chance{forecast.Will, forecast.May, forecast.Not}, s.Chance)
		for _, b := range s.Blocks {
			requireKnown(t, b.Steps, ids)
		}
	}
}

// The items of a loop are shown in the waves in which they would be worked on.
func TestWavesAreShown(t *testing.T) {
	for items, want := range map[string][]string{
		"'[1, 2, 3]'":             {"item 1 of 3, wave 1 of 3", "item 2 of 3, wave 2 of 3", "item 3 of 3, wave 3 of 3"},
		"'[1]'":                   {"item 1 of 1"},
		"'[]'":                    nil,
		"steps.look.output.rooms": {"for each item, in waves up to 1, 50%, 5m apart; stops when more than 5% have failed"},
		"'lists.range(12)'":       {"item 1 of 12, wave 1 of 3", "and 2 more"},
	} {
		pb, problems := playbook.Compile("p.yaml", []byte("playbook: p\nstage: run\nsteps:\n  - {id: look, activity: lamp.look, with: {lamp: desk}}\n"+
			"  - {for_each: "+items+", waves: [1, 50%], pause: 5m, max_failures: 5%, steps: [{set: {x: 1}}]}\n"), catalog())
		require.Empty(t, problems)
		f := forecast.Of(t.Context(), pb, map[string]any{"event": map[string]any{}, "inputs": map[string]any{}, "run": map[string]any{}}, nil)
		var names []string
		for _, b := range f.Steps[1].Blocks {
			names = append(names, b.Name)
		}
		if len(names) > 3 {
			names = []string{names[0], names[len(names)-1]}
		}
		require.Equal(t, want, names, items)
	}
}
