package playtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

type lampInput struct {
	Lamp string `json:"lamp"`
}

type lampOutput struct {
	State string `json:"state"`
}

func registry(t *testing.T) *activities.Registry {
	r := activities.NewRegistry()
	touch := func(context.Context, lampInput) (lampOutput, error) {
		require.Fail(t, "a test must not touch the world")
		return lampOutput{}, nil
	}
	activities.Register(r, activities.Spec{Name: "lamp.look", Title: "Look", Effect: activities.Read}, touch)
	activities.Register(r, activities.Spec{Name: "lamp.smash", Title: "Smash", Effect: activities.Destroy, Targets: []string{"lamp"}}, touch)
	activities.Register(r, activities.Spec{Name: "lamp.count", Title: "Count", Effect: activities.Read}, touch)
	return r
}

const lampPlaybook = `
playbook: p
stage: run
triggers: [{event: lamp.broken, if: event.data.n > 1, dedupe: event.data.lamp}]
inputs: {lamp: {type: string, from: event.data.lamp}}
steps:
  - {id: look, activity: lamp.look, with: {lamp: "${inputs.lamp}"}, retry: {times: 3}}
  - id: ask
    if: steps.look.output.state == "broken"
    approve: Smash it?
    approvers: [oncall, night]
    quorum: 2
    steps: [{id: smash, activity: lamp.smash, with: {lamp: "${inputs.lamp}"}}]
outcome: 'steps.ask.approved ? "smashed" : "kept: " + steps.ask.reason'
`

func run(t *testing.T, tests string) ([]playtest.Result, error) {
	t.Helper()
	r := registry(t)
	pb, problems := playbook.Compile("run/p.yaml", []byte(lampPlaybook), workflows.Catalog(r))
	require.Empty(t, problems)
	lib := fstest.MapFS{
		"run/p_test.yaml":  {Data: []byte(tests)},
		"events/lamp.json": {Data: []byte(`{"lamp":"desk","n":2,"more":{"a":1,"b":2}}`)},
		"events/bad.json":  {Data: []byte(`{`)},
	}
	return playtest.Run(lib, playtest.File("run/p.yaml"), pb, playtest.Options{Registry: r, Normalise: func(raw []byte) (event.Event, error) {
		if !json.Valid(raw) {
			return event.Event{}, errors.New("it is not JSON")
		}
		return event.Event{ID: "e1", Source: "hall", Type: "lamp.broken", Time: time.Date(2026, 11, 20, 21, 14, 0, 0, time.UTC), Data: raw}, nil
	}})
}

// one is a file with one test, of which every line but the first two may be changed.
const one = `tests:
  - name: a
    event: events/lamp.json
    activities:
      lamp.look: {output: {state: broken}}
      lamp.smash: {output: {state: gone}}
    answers:
      ask: {approve: [alice@example.com, bob@example.com]}
    expect:
      outcome: smashed
      approvals: [ask]
      calls:
        - lamp.look: {lamp: desk}
        - lamp.smash: {lamp: desk}
`

func TestPass(t *testing.T) {
	began := time.Now()
	results, err := run(t, one)
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Empty(t, results[0].Failures)
	require.True(t, results[0].Passed())
	require.Equal(t, []string{"look", "ask", "smash"}, results[0].Steps)
	require.Equal(t, "a", results[0].Name)
	require.Equal(t, 2, results[0].Line)
	require.Equal(t, workflows.RunID("p", "desk"), results[0].Status.Run)
	require.Less(t, time.Since(began), 5*time.Second, "no time passes")
}

func TestFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to string // a change of the test above
		want     []string
	}{
		"outcome": {"outcome: smashed", "outcome: kept", []string{
			`run/p_test.yaml:10:16: expected the outcome "kept", got "smashed" [expect]`,
		}},
		"fails instead": {"lamp.smash: {output: {state: gone}}", "lamp.smash: {error: {kind: Hard, message: too hard, permanent: true}}", []string{
			`run/p_test.yaml:10:16: expected the outcome "smashed", and the run failed: step "smash": too hard [expect]`,
		}},
		"does not fail": {"outcome: smashed", "failed: hard", []string{
			`run/p_test.yaml:10:15: expected that the run fails ("hard"), and its outcome is "smashed" [expect]`,
		}},
		"fails otherwise": {"      lamp.smash: {output: {state: gone}}\n", "      lamp.smash: {error: {kind: Hard, message: too hard, permanent: true}}\n    # outcome: smashed\n", []string{
			`run/p_test.yaml:11:16: expected the outcome "smashed", and the run failed: step "smash": too hard [expect]`,
		}},
		"approvals": {"approvals: [ask]", "approvals: []", []string{
			`run/p_test.yaml:11:18: expected the approvals [], got ["ask"] [expect]`,
		}},
		"another input": {"lamp.smash: {lamp: desk}", "lamp.smash: {lamp: hall}", []string{
			`run/p_test.yaml:14:11: expected the call lamp.smash {"lamp":"hall"}, got lamp.smash {"lamp":"desk"} [expect]`,
		}},
		"another order": {"- lamp.look: {lamp: desk}\n        - lamp.smash: {lamp: desk}", "- lamp.smash: {lamp: desk}\n        - lamp.look: {lamp: desk}", []string{
			`run/p_test.yaml:13:11: expected the call lamp.smash {"lamp":"desk"}, got lamp.look {"lamp":"desk"} [expect]`,
		}},
		"a call too many": {"        - lamp.smash: {lamp: desk}\n", "", []string{
			`run/p_test.yaml:13:9: the run made another call: lamp.smash {"lamp":"desk"} [expect]`,
		}},
		"a call too few": {"        - lamp.smash: {lamp: desk}\n", "        - lamp.smash: {lamp: desk}\n        - lamp.look: {lamp: desk}\n", []string{
			`run/p_test.yaml:15:11: expected the call lamp.look {"lamp":"desk"}, and the run made no more calls [expect]`,
		}},
		"not listed": {"      lamp.smash: {output: {state: gone}}\n", "", []string{
			`run/p_test.yaml:2:5: the run called lamp.smash with {"lamp":"desk"}, and the test does not say what it answers [expect]`,
		}},
		"no answer": {"    answers:\n      ask: {approve: [alice@example.com, bob@example.com]}\n", "", []string{
			`run/p_test.yaml:2:5: the run asked "ask" (Smash it?), and the test has no answer [expect]`,
			`run/p_test.yaml:8:16: expected the outcome "smashed", got "kept: nobody decided within 30m0s" [expect]`,
			`run/p_test.yaml:12:11: expected the call lamp.smash {"lamp":"desk"}, and the run made no more calls [expect]`,
		}},
		"too few people": {"[alice@example.com, bob@example.com]", "alice@example.com", []string{
			`run/p_test.yaml:10:16: expected the outcome "smashed", got "kept: nobody decided within 30m0s" [expect]`,
			`run/p_test.yaml:14:11: expected the call lamp.smash {"lamp":"desk"}, and the run made no more calls [expect]`,
		}},
		"not asked": {"{state: broken}", "{state: lit}", []string{
			`run/p_test.yaml:8:7: the test answers "ask", and the run did not ask it [expect]`,
			`run/p_test.yaml:10:16: expected the outcome "smashed", got "kept: skipped" [expect]`,
			`run/p_test.yaml:11:18: expected the approvals ["ask"], got [] [expect]`,
			`run/p_test.yaml:14:11: expected the call lamp.smash {"lamp":"desk"}, and the run made no more calls [expect]`,
		}},
		"event does not start": {"events/lamp.json", "events/lamp.json\n    data: {n: 1}", []string{
			`run/p_test.yaml:3:12: the event, of type lamp.broken, does not start the playbook [expect]`,
		}},
		"event starts": {one[strings.Index(one, "    activities"):], "    expect: {starts: false}\n", []string{
			`run/p_test.yaml:4:13: expected that the event does not start the playbook, and it does [expect]`,
		}},
		"event cannot be matched": {"events/lamp.json", "events/lamp.json\n    data: {n: null}", []string{
			`run/p_test.yaml:2:5: match the event: playbook p, trigger 1: evaluate "event.data.n > 1": no such key: n [expect]`,
		}},
		"no event":     {"events/lamp.json", "events/none.json", []string{`run/p_test.yaml:3:12: read the event: open events/none.json: file does not exist [expect]`}},
		"broken event": {"events/lamp.json", "events/bad.json", []string{`run/p_test.yaml:3:12: read the event events/bad.json: it is not JSON [expect]`}},
		"inputs": {"    activities:", "    inputs: {lamp: 5}\n    activities:", []string{
			`run/p_test.yaml:2:5: playbook p: input "lamp": want string, got the number 5 [expect]`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(one, tc.from, tc.to, 1)
			require.NotEqual(t, one, text)
			results, err := run(t, text)
			require.NoError(t, err)
			require.Len(t, results, 1)
			require.False(t, results[0].Passed())
			var got []string
			for _, f := range results[0].Failures {
				got = append(got, f.String())
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestVariations(t *testing.T) {
	for name, change := range map[string][2]string{
		"any input":              {"lamp.smash: {lamp: desk}", "lamp.smash:"},
		"given input":            {one[strings.Index(one, "    activities"):], "    inputs: {lamp: hall}\n" + strings.ReplaceAll(one[strings.Index(one, "    activities"):], "lamp: desk", "lamp: hall")},
		"merged data":            {one[strings.Index(one, "    activities"):], "    data: {lamp: hall, more: {a: null}}\n" + strings.ReplaceAll(one[strings.Index(one, "    activities"):], "lamp: desk", "lamp: hall")},
		"rejected":               {one[strings.Index(one, "      lamp.smash"):], "    answers:\n      ask: {reject: bob@example.com, reason: art}\n    expect: {outcome: 'kept: art', calls: [{lamp.look: {lamp: desk}}]}\n"},
		"expired":                {one[strings.Index(one, "      lamp.smash"):], "    answers:\n      ask: {expire: true}\n    expect: {outcome: 'kept: nobody decided within 30m0s', approvals: [ask]}\n"},
		"fails":                  {one[strings.Index(one, "    activities"):], "    activities:\n      lamp.look: {error: {kind: Dark, message: too dark}}\n    expect: {failed: too dark, approvals: [], calls: [{lamp.look: {lamp: desk}}]}\n"},
		"does not start":         {one[strings.Index(one, "    activities"):], "    data: {n: 1}\n    expect: {starts: false}\n"},
		"answers for every test": {one, strings.Replace("activities:\n  lamp.smash: {output: {state: gone}}\n"+one, "      lamp.smash: {output: {state: gone}}\n", "", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(one, change[0], change[1], 1)
			require.NotEqual(t, one, text)
			results, err := run(t, text)
			require.NoError(t, err)
			require.Empty(t, results[0].Failures)
		})
	}
}

// In a loop every round asks; an answer is for one of them or for all that have none of their own.
func TestLoops(t *testing.T) {
	const text = `
playbook: p
stage: run
triggers: [{event: lamp.broken, dedupe: event.data.lamp}]
steps:
  - id: each
    for_each: '["a", "b", "c"]'
    max_parallel: 3
    steps:
      - wait: 1d
      - id: ask
        approve: Smash ${item}?
        approvers: [oncall]
        steps: [{id: smash, activity: lamp.smash, with: {lamp: "${item}"}}]
    collect: steps.ask.decision
outcome: steps.each.results.join(" ")
`
	r := registry(t)
	pb, problems := playbook.Compile("run/p.yaml", []byte(text), workflows.Catalog(r))
	require.Empty(t, problems)
	lib := fstest.MapFS{
		"events/broken.json": {Data: []byte(`{"id":"e","source":"hall","type":"lamp.broken","time":"2026-11-20T21:14:00Z","data":{"lamp":"desk"}}`)},
		"run/p_test.yaml": {Data: []byte(`
tests:
  - name: a
    event: events/broken.json
    activities:
      lamp.smash: {output: {state: gone}}
    answers:
      ask: {approve: alice@example.com}
      each[1].ask: {reject: bob@example.com}
      each[7].ask: {reject: bob@example.com}
    expect: {outcome: approved rejected approved}
`)},
	}
	results, err := playtest.Run(lib, "run/p_test.yaml", pb, playtest.Options{Registry: r, Normalise: func(raw []byte) (event.Event, error) {
		var ev event.Event
		return ev, json.Unmarshal(raw, &ev)
	}})
	require.NoError(t, err)
	require.Len(t, results[0].Failures, 1)
	require.Contains(t, results[0].Failures[0].String(), `the test answers "each[7].ask", and the run did not ask it`)
}

func TestFilesThatAreNoTests(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"not YAML":           {"tests:", "tests: {", "run/p_test.yaml:2:"},
		"empty":              {one, "", "run/p_test.yaml:1:1: the file is empty"},
		"anchors":            {"name: a", "name: &a a", "run/p_test.yaml:2:11: the anchor &a is refused: write the value out where it is needed [syntax]"},
		"duplicate key":      {"name: a", "name: a\n    name: b", `run/p_test.yaml:3:5: the key "name" is already at line 2 [duplicate-key]`},
		"no tests":           {one, "activities: {}\n", "run/p_test.yaml:1:1: the file has no tests [test]"},
		"unknown key":        {"answers:", "anwsers:", `run/p_test.yaml:7:5: a test has no key "anwsers"; did you mean "answers"? [test]`},
		"no name":            {"name: a\n    event", "event", `run/p_test.yaml:2:5: a test needs the key "name" [test]`},
		"two of a name":      {one, one + strings.TrimPrefix(one, "tests:\n"), `run/p_test.yaml:15:5: the name "a" is already that of another test [test]`},
		"no such activity":   {"lamp.smash: {output", "lamp.smsh: {output", `run/p_test.yaml:6:7: the playbook p does not call "lamp.smsh"; did you mean "lamp.smash"? [test]`},
		"another activity":   {"lamp.smash: {output", "lamp.count: {output", `run/p_test.yaml:6:7: the playbook p does not call "lamp.count"; want one of lamp.look, lamp.smash [test]`},
		"impossible output":  {"{state: gone}", "{state: 5}", `run/p_test.yaml:6:28: lamp.smash cannot answer this: validating root`},
		"incomplete output":  {"{state: gone}", "{}", `run/p_test.yaml:6:28: lamp.smash cannot answer this`},
		"two answers":        {"{output: {state: gone}}", "{output: {state: gone}, error: {kind: a, message: b}}", "run/p_test.yaml:6:19: the answer of lamp.smash is an output or an error [test]"},
		"error without kind": {"{output: {state: gone}}", "{error: {message: b}}", `run/p_test.yaml:6:27: an error needs the key "kind" [test]`},
		"no such approval":   {"      ask:", "      aks:", `run/p_test.yaml:8:7: the playbook p asks nothing as "aks"; did you mean "ask"? [test]`},
		"yes and no":         {"ask: {approve: [alice@example.com, bob@example.com]}", "ask: {approve: a@example.com, reject: b@example.com}", "run/p_test.yaml:8:12: an answer is one of approve, reject and expire [test]"},
		"not a person":       {"[alice@example.com, bob@example.com]", "[alice]", "run/p_test.yaml:8:23: a person is named by mail address, like alice@example.com [test]"},
		"expires not":        {"{approve: [alice@example.com, bob@example.com]}", "{expire: false}", "run/p_test.yaml:8:21: an answer that does not come is {expire: true} [test]"},
		"nothing expected":   {"      outcome: smashed\n", "", "run/p_test.yaml:10:7: expect needs one of outcome and failed [test]"},
		"starts and more":    {"outcome: smashed", "starts: false", "run/p_test.yaml:10:15: starts is false, and alone: every other expectation is of a run [test]"},
		"not a call":         {"- lamp.smash: {lamp: desk}", "- lamp.smash", "run/p_test.yaml:14:11: a call is the name of an activity and its input, like lamp.look: {lamp: desk} [test]"},
		"call of another":    {"- lamp.smash: {lamp: desk}", "- lamp.smsh: {lamp: desk}", `run/p_test.yaml:14:11: the playbook p does not call "lamp.smsh"; did you mean "lamp.smash"? [test]`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(one, tc.from, tc.to, 1)
			require.NotEqual(t, one, text)
			results, err := run(t, text)
			require.Nil(t, results)
			var problems playbook.Problems
			require.ErrorAs(t, err, &problems)
			require.Contains(t, problems.Error(), tc.want)
			require.Len(t, problems, 1, "%v", problems)
		})
	}
}

func TestNoFile(t *testing.T) {
	pb, problems := playbook.Compile("run/p.yaml", []byte(lampPlaybook), workflows.Catalog(registry(t)))
	require.Empty(t, problems)
	_, err := playtest.Run(fstest.MapFS{}, "run/p_test.yaml", pb, playtest.Options{Registry: registry(t)})
	require.ErrorContains(t, err, "read the tests of the playbook p")
}

const watching = `
playbook: p
stage: run
triggers: [{event: lamp.broken}]
steps:
  - id: watch
    repeat: [{id: look, activity: lamp.look, with: {lamp: desk}, retry: {times: 2}, on_error: continue}]
    until: steps.look.?output.?state.orValue("") in ["broken", "old"]
    every: 1h
    times: 5
outcome: string(steps.watch.times) + " " + steps.look.?output.?state.orValue("dark")
`

// What is looked at twice may have changed: a list answers call by call, and its last from then on.
func TestAnswersInTurn(t *testing.T) {
	const fails = "{error: {kind: Dark, message: too dark}}"
	for answers, want := range map[string]string{
		"{output: {state: broken}}":                                   "1 broken",
		"[{output: {state: broken}}]":                                 "1 broken",
		"[{output: {state: new}}, {output: {state: broken}}]":         "2 broken",
		"[{output: {state: new}}, {output: {state: dim}}]":            "5 dim",
		"[{output: {state: new}}, " + fails + "]":                     "5 dark",
		"[" + fails + ", {output: {state: old}}]":                     "2 old", // both attempts are of one call
		"[{output: {state: new}}, {output: {state: broken}}, broken]": "",
		"[]": "",
	} {
		t.Run(answers, func(t *testing.T) {
			_, results, err := rehearse(t, watching,
				"tests:\n  - name: a\n    event: events/broken.json\n    activities: {lamp.look: "+answers+"}\n    expect: {outcome: '"+want+"'}\n", broken)
			if want == "" {
				require.ErrorContains(t, err, "the answer of lamp.look is a")
				return
			}
			require.NoError(t, err)
			require.Empty(t, results[0].Failures)
		})
	}
}
