package playtest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

// rehearse runs the tests of a playbook whose events are written as CloudEvents.
func rehearse(t *testing.T, text, tests string, events map[string]string) (*playbook.Playbook, []playtest.Result, error) {
	t.Helper()
	r := registry(t)
	pb, problems := playbook.Compile("run/p.yaml", []byte(text), workflows.Catalog(r))
	require.Empty(t, problems)
	lib := fstest.MapFS{"run/p_test.yaml": {Data: []byte(tests)}}
	for name, ev := range events {
		lib["events/"+name+".json"] = &fstest.MapFile{Data: []byte(ev)}
	}
	results, err := playtest.Run(lib, "run/p_test.yaml", pb, playtest.Options{Registry: r, Normalise: func(raw []byte) (event.Event, error) {
		var ev event.Event
		return ev, json.Unmarshal(raw, &ev)
	}})
	return pb, results, err
}

var broken = map[string]string{"broken": `{"id":"e","source":"hall","type":"lamp.broken","time":"2026-11-20T21:14:00Z","data":{"lamp":"desk"}}`}

const judging = `
playbook: p
stage: run
triggers: [{event: lamp.broken}]
steps:
  - id: each
    for_each: '["hall", "attic"]'
    steps:
      - id: judge
        ask: Who broke the lamp in the ${item}?
        who: [oncall]
        form:
          verdict: {type: string, one_of: [accident, malice]}
          note: {type: string, optional: true}
    collect: 'steps.judge.answered ? steps.judge.answer.verdict : "?"'
outcome: steps.each.results.join(" ")
`

const judged = `
tests:
  - name: answered
    event: events/broken.json
    answers:
      judge: {answer: {verdict: accident}, by: alice@example.com}
      each[1].judge: {answer: {verdict: malice, note: "a stone"}, by: bob@example.com}
    expect:
      outcome: accident malice
      approvals: []
      asks: ["each[0].judge", "each[1].judge"]
`

func TestAnswers(t *testing.T) {
	pb, results, err := rehearse(t, judging, judged, broken)
	require.NoError(t, err)
	require.Empty(t, results[0].Failures)
	c := playtest.Cover(pb, results)
	require.Len(t, c.Untaken, 1)
	require.Equal(t, `step "judge": not answered`, c.Untaken[0].String())
	require.Equal(t, "alice@example.com", results[0].Status.Questions[0].Ending.Answer.Person)

	const expired = "    expect: {outcome: 'accident ?'}\n"
	_, results, err = rehearse(t, judging, "tests:\n  - name: late\n    event: events/broken.json\n    answers:\n"+
		"      each[0].judge: {answer: {verdict: accident}, by: alice@example.com}\n      judge: {expire: true}\n"+expired, broken)
	require.NoError(t, err)
	require.Empty(t, results[0].Failures)
	require.Empty(t, playtest.Cover(pb, results).Untaken)
}

func TestAnswersThatFail(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"another order": {`asks: ["each[0].judge", "each[1].judge"]`, "asks: []", `run/p_test.yaml:11:13: expected the asks [], got ["each[0].judge" "each[1].judge"] [expect]`},
		"no answer":     {"      judge: {answer: {verdict: accident}, by: alice@example.com}\n", "", `the run asked "each[0].judge" (Who broke the lamp in the hall?), and the test has no answer`},
		"never asked":   {"each[1]", "each[2]", `run/p_test.yaml:7:7: the test answers "each[2].judge", and the run did not ask it`},
	} {
		t.Run(name, func(t *testing.T) {
			text := changed(t, judged, tc.from, tc.to)
			_, results, err := rehearse(t, judging, text, broken)
			require.NoError(t, err)
			require.Contains(t, results[0].Failures.Error(), tc.want)
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	const good = "{answer: {verdict: accident}, by: alice@example.com}"
	for to, want := range map[string]string{
		"{approve: alice@example.com}":                                   `run/p_test.yaml:6:15: an answer has no key "approve"; want one of answer, by, expire`,
		"{answer: {verdict: acident}, by: alice@example.com}":            `run/p_test.yaml:6:23: the question does not take this answer: verdict: "acident" cannot be chosen; did you mean "accident"?`,
		"{answer: {note: x}, by: alice@example.com}":                     `verdict is missing: one of accident, malice`,
		"{answer: {verdict: accident, not: x}, by: alice@example.com}":   `the form has no field "not"; did you mean "note"?`,
		"{answer: {verdict: accident}}":                                  `run/p_test.yaml:6:14: an answer needs the key "by": who gives it`,
		"{answer: {verdict: accident}, by: alice}":                       `a person is named by mail address`,
		"{by: alice@example.com}":                                        `an answer is one of answer and expire`,
		"{expire: true, by: alice@example.com}":                          `an answer that does not come is {expire: true}`,
		"{answer: {verdict: accident}, by: a@example.com, expire: true}": `an answer is one of answer and expire`,
	} {
		t.Run(to, func(t *testing.T) {
			_, results, err := rehearse(t, judging, changed(t, judged, good, to), broken)
			require.Nil(t, results)
			require.ErrorContains(t, err, want)
		})
	}
}

// changed replaces a part that is there.
func changed(t *testing.T, text, from, to string) string {
	t.Helper()
	require.Contains(t, text, from)
	return strings.Replace(text, from, to, 1)
}
