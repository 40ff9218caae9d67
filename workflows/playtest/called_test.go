package playtest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

const calledPlaybook = `
playbook: contain
stage: run
inputs: {lamp: {type: string}}
steps:
  - id: ask
    approve: Smash ${inputs.lamp}?
    approvers: [oncall]
    steps: [{id: smash, activity: lamp.smash, with: {lamp: "${inputs.lamp}"}}]
outcome: steps.ask.decision
`

const callingPlaybook = `
playbook: p
stage: run
inputs: {lamps: {type: list(string), default: [desk, hall]}}
steps:
  - {id: first, activity: lamp.look, with: {lamp: all}}
  - id: sure
    approve: Sure?
    approvers: [night]
  - id: each
    for_each: inputs.lamps
    steps: [{id: contain, playbook: contain, with: {lamp: "${item}"}}]
    collect: steps.contain.outcome
outcome: steps.each.results.join()
`

func runCalling(t *testing.T, tests string) ([]playtest.Result, error) {
	t.Helper()
	r := registry(t)
	catalog := workflows.Catalog(r)
	called, problems := playbook.Compile("contain.yaml", []byte(calledPlaybook), catalog)
	require.Empty(t, problems)
	catalog.Playbooks = playbook.Table[playbook.Callee]{"contain": {Plan: called.Plan}}
	pb, problems := playbook.Compile("p.yaml", []byte(callingPlaybook), catalog)
	require.Empty(t, problems)
	normalise := func([]byte) (event.Event, error) { return event.Event{}, errors.New("there is no event") }
	return playtest.Run(fstest.MapFS{"p_test.yaml": {Data: []byte(tests)}}, "p_test.yaml", pb, playtest.Options{Registry: r, Normalise: normalise})
}

const callingTest = `tests:
  - name: a
    activities:
      lamp.look: {output: {state: broken}}
      lamp.smash: {output: {state: gone}}
    answers:
      sure: {approve: alice@example.com}
      contain/ask: {reject: bob@example.com, reason: mine}
      "each[1].contain/ask": {approve: bob@example.com}
    expect:
      outcome: rejectedapproved
      approvals: [sure, "each[0].contain/ask", "each[1].contain/ask"]
      calls:
        - lamp.look: {lamp: all}
        - lamp.smash: {lamp: hall}
`

// What a playbook calls runs with it, and asks and acts in its test.
func TestCalledPlaybooksRun(t *testing.T) {
	results, err := runCalling(t, callingTest)
	require.NoError(t, err)
	require.Empty(t, results[0].Failures)
	require.Equal(t, []string{"first", "sure", "each", "contain"}, results[0].Steps)
}

func TestCalledPlaybooksReplaced(t *testing.T) {
	const test = `tests:
  - name: a
    activities: {lamp.look: {output: {state: broken}}}
    playbooks: {contain: END}
    answers: {sure: {approve: alice@example.com}}
    expect: {WANT, approvals: [sure], calls: [lamp.look: ]}
`
	for end, want := range map[string]string{"{outcome: gone}": "outcome: gonegone", "{failed: no hammer}": `failed: 'step "each[0].contain": no hammer'`} {
		results, err := runCalling(t, replace(test, "END", end, "WANT", want))
		require.NoError(t, err)
		require.Empty(t, results[0].Failures, end)
	}
}

func TestCallingTestsThatAreNone(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"no such approval": {"contain/ask", "contian/ask", `p_test.yaml:8:7: the playbook p asks nothing as "contian/ask"; did you mean "contain/ask"? [test]`},
		"not called":       {"    answers:", "    playbooks: {conatin: {outcome: x}}\n    answers:", `p_test.yaml:6:17: the playbook p does not call "conatin"; did you mean "contain"? [test]`},
		"no end":           {"    answers:", "    playbooks: {contain: {}}\n    answers:", `p_test.yaml:6:26: the end of contain is an outcome, or failed and why [test]`},
	} {
		_, err := runCalling(t, replace(callingTest, tc.from, tc.to))
		require.ErrorContains(t, err, tc.want, name)
	}
	results, err := runCalling(t, replace(callingTest, "      contain/ask: {reject: bob@example.com, reason: mine}\n", ""))
	require.NoError(t, err)
	require.Contains(t, results[0].Failures[0].Message, `the run asked "each[0].contain/ask" (Smash desk?), and the test has no answer`)
}

// replace changes each first of a pair, once, into the second.
func replace(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// What the parts of a long loop ask is answered as what short ones ask.
func TestApprovalsInPartsAreAnswered(t *testing.T) {
	r := registry(t)
	pb, problems := playbook.Compile("p.yaml", []byte(`
playbook: p
stage: run
steps:
  - id: each
    for_each: lists.range(201)
    steps: [{id: ask, if: item == 200, approve: "Smash it?", approvers: [night], steps: [{id: smash, activity: lamp.smash, with: {lamp: "l${item}"}}]}]
    collect: steps.ask.decision
outcome: steps.each.results[200]
`), workflows.Catalog(r))
	require.Empty(t, problems)
	normalise := func([]byte) (event.Event, error) { return event.Event{}, errors.New("there is no event") }
	results, err := playtest.Run(fstest.MapFS{"p_test.yaml": {Data: []byte(`tests:
  - name: a
    activities: {lamp.smash: {output: {state: gone}}}
    answers: {ask: {approve: bob@example.com}}
    expect: {outcome: approved, approvals: ["each[200].ask"], calls: [lamp.smash: {lamp: l200}]}
`)}}, "p_test.yaml", pb, playtest.Options{Registry: r, Normalise: normalise})
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Empty(t, results[0].Failures)
}
