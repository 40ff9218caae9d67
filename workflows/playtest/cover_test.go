package playtest_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

// forks has every kind of branch. What runs is up to the event: one letter a way.
const forks = `
playbook: p
stage: run
triggers: [{event: lamp.broken}]
steps:
  - {id: early, if: event.data.ways.contains("e"), stop: early}
  - id: kind
    switch:
      - if: event.data.ways.contains("a")
        steps: [{id: a, if: event.data.ways.contains("b"), set: {x: 1}}]
      - if: event.data.absent == 1
        steps: [{id: never, set: {y: 1}}]
    default: [{id: other, activity: lamp.look, with: {lamp: desk}}]
  - id: plain
    switch: [{if: event.data.ways.contains("p"), steps: [{id: inside, stop: inside}]}]
  - {id: ask, if: event.data.ways.contains("q"), approve: 'Smash it?', approvers: [oncall], steps: [{id: smash, activity: lamp.smash, with: {lamp: desk}}]}
  - {id: last, if: event.data.ways.contains("l"), set: {z: 1}}
`

// cover runs a test for each event and says what they take together.
func cover(t *testing.T, ways ...string) ([]playtest.Result, playtest.Coverage) {
	t.Helper()
	r := registry(t)
	pb, problems := playbook.Compile("run/p.yaml", []byte(forks), workflows.Catalog(r))
	require.Empty(t, problems)
	lib := fstest.MapFS{}
	text := "tests:\n"
	if len(ways) == 0 {
		text = "tests: []\n"
	}
	for i, way := range ways {
		name := strconv.Itoa(i)
		absent := `,"absent":0`
		if strings.Contains(way, "!") {
			absent = ""
		}
		lib["events/"+name] = &fstest.MapFile{Data: []byte(`{"ways":"` + way + `"` + absent + `}`)}
		text += "  - name: '" + name + "'\n    event: events/" + name + "\n    activities:\n"
		if strings.Contains(way, "x") {
			text += "      lamp.look: {error: {kind: Dark, message: too dark, permanent: true}}\n"
		} else {
			text += "      lamp.look: {output: {state: lit}}\n"
		}
		text += "      lamp.smash: {output: {state: gone}}\n"
		switch {
		case strings.Contains(way, "y"):
			text += "    answers: {ask: {approve: alice@example.com}}\n"
		case strings.Contains(way, "q"):
			text += "    answers: {ask: {expire: true}}\n"
		}
		want := "outcome: done"
		switch {
		case strings.Contains(way, "e"):
			want = "outcome: early"
		case strings.ContainsAny(way, "x!"):
			want = "failed: step"
		case strings.Contains(way, "p"):
			want = "outcome: inside"
		}
		text += "    expect: {" + want + "}\n"
	}
	lib["run/p_test.yaml"] = &fstest.MapFile{Data: []byte(text)}
	results, err := playtest.Run(lib, "run/p_test.yaml", pb, playtest.Options{Registry: r, Normalise: func(raw []byte) (event.Event, error) {
		return event.Event{ID: "e1", Source: "hall", Type: "lamp.broken", Time: time.Date(2026, 11, 20, 21, 14, 0, 0, time.UTC), Data: json.RawMessage(raw)}, nil
	}})
	require.NoError(t, err)
	for _, r := range results {
		require.Empty(t, r.Failures)
	}
	return results, playtest.Cover(pb, results)
}

func TestBranches(t *testing.T) {
	for name, tc := range map[string]struct {
		ways string
		want []string
	}{
		"a stop ends it, and what follows is not reached": {"e", []string{"early if true"}},
		"nothing holds":                                    {"", []string{"early if false", "kind default", "plain no case", "ask if false", "last if false"}},
		"a case whose only step is skipped":                {"a", []string{"early if false", "kind case 1", "a if false", "plain no case", "ask if false", "last if false"}},
		"all of a case, and the end":                       {"abl", []string{"early if false", "kind case 1", "a if true", "plain no case", "ask if false", "last if true"}},
		"a stop inside a switch ends it":                   {"p", []string{"early if false", "kind default", "plain case 1"}},
		"a failure ends it":                                {"x", []string{"early if false", "kind default"}},
		"a condition of a switch that cannot be evaluated": {"!", []string{"early if false"}},
		"approved":     {"qy", []string{"early if false", "kind default", "plain no case", "ask if true", "ask approved", "last if false"}},
		"not approved": {"q", []string{"early if false", "kind default", "plain no case", "ask if true", "ask not approved", "last if false"}},
	} {
		t.Run(name, func(t *testing.T) {
			results, _ := cover(t, tc.ways)
			var got []string
			for _, b := range results[0].Branches {
				got = append(got, b.Step+" "+string(b.Way))
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestCover(t *testing.T) {
	say := func(c playtest.Coverage) []string {
		var out []string
		for _, u := range c.Untaken {
			out = append(out, strconv.Itoa(u.Line)+":"+strconv.Itoa(u.Column)+" "+u.String())
		}
		return out
	}
	_, c := cover(t)
	require.Equal(t, 0, c.Percent())
	require.Equal(t, 10, c.Steps)
	require.Equal(t, 15, c.Branches)
	require.Contains(t, say(c), `6:5 step "early"`)

	_, c = cover(t, "e", "", "abl", "a", "p", "qy")
	require.Equal(t, []string{
		`11:13 step "kind": case 2`,
		`12:17 step "never"`,
		`16:5 step "ask": not approved`,
	}, say(c))
	require.Equal(t, 9, c.StepsTaken)
	require.Equal(t, 13, c.BranchesTaken)
	require.Equal(t, 88, c.Percent(), "rounded down")
}

func TestOnly(t *testing.T) {
	two := one + strings.Replace(strings.TrimPrefix(one, "tests:\n"), "name: a", "name: b", 1)
	results, err := run(t, two)
	require.NoError(t, err)
	require.Len(t, results, 2)
	r := registry(t)
	pb, problems := playbook.Compile("run/p.yaml", []byte(lampPlaybook), workflows.Catalog(r))
	require.Empty(t, problems)
	results, err = playtest.Run(fstest.MapFS{"t": {Data: []byte(two)}}, "t", pb, playtest.Options{Registry: r, Only: func(string) bool { return false }})
	require.NoError(t, err)
	require.Empty(t, results)
}

// Rounds of a loop go different ways, and all of them count.
func TestCoverLoops(t *testing.T) {
	const text = `
playbook: p
stage: run
triggers: [{event: lamp.broken, dedupe: event.data.lamp}]
steps:
  - id: each
    for_each: '["a", "b", "c"]'
    continue_on_error: true
    steps:
      - id: kind
        switch:
          - {if: item == "a", steps: [{id: one, if: index == 0, set: {x: 1}}]}
          - {if: item == "b", steps: [{id: two, activity: lamp.look, with: {lamp: "${item}"}}, {id: three, set: {x: 1}}]}
          - {if: item == "z", steps: [{id: four, set: {x: 1}}]}
      - {id: ask, if: item != "b", approve: "Smash ${item}?", approvers: [oncall], steps: [{id: smash, activity: lamp.smash, with: {lamp: "${item}"}}]}
  - {id: last, try: [{id: five, set: {y: 1}}], catch: [{id: six, set: {y: 2}}]}
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
      lamp.look: {error: {kind: Dark, message: too dark, permanent: true}}
      lamp.smash: {output: {state: gone}}
    answers:
      ask: {approve: alice@example.com}
      each[2].ask: {reject: bob@example.com}
    expect: {outcome: done}
`)},
	}
	results, err := playtest.Run(lib, "run/p_test.yaml", pb, playtest.Options{Registry: r, Normalise: func(raw []byte) (event.Event, error) {
		var ev event.Event
		return ev, json.Unmarshal(raw, &ev)
	}})
	require.NoError(t, err)
	require.Empty(t, results[0].Failures)
	untaken := []string{}
	for _, u := range playtest.Cover(pb, results).Untaken {
		untaken = append(untaken, u.String())
	}
	// A step that is skipped in one round may have been skipped with the block around it, so the
	// story of a loop counts that as its condition.
	require.Equal(t, []string{`step "kind": case 3`, `step "three"`, `step "four"`, `step "six"`}, untaken)
}
