package playtest_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playtest"
)

const mending = `
playbook: p
stage: run
triggers: [{event: lamp.broken}]
steps:
  - id: each
    for_each: '["desk", "hall"]'
    steps:
      - {id: more, wait: {event: lamp.mended, if: candidate.data.lamp == item, expires: 1h}}
    collect: 'steps.more.arrived ? steps.more.event.id : "-"'
outcome: steps.each.results.join(" ")
`

const mended = `
tests:
  - name: one of two
    event: events/broken.json
    events:
      - {event: events/mended.json, data: {lamp: attic}, after: 5m}
      - {event: events/mended.json, after: 10m}
    expect: {outcome: m -}
`

func mendings() map[string]string {
	events := maps.Clone(broken)
	events["mended"] = `{"id":"m","source":"hall","type":"lamp.mended","time":"2026-11-20T21:14:00Z","data":{"lamp":"desk"}}`
	return events
}

func TestEventsThatArrive(t *testing.T) {
	pb, results, err := rehearse(t, mending, mended, mendings())
	require.NoError(t, err)
	require.Empty(t, results[0].Failures)
	require.Empty(t, playtest.Cover(pb, results).Untaken)

	_, results, err = rehearse(t, mending, changed(t, mended, "data: {lamp: attic}", "data: {lamp: desk}"), mendings())
	require.NoError(t, err)
	require.Empty(t, results[0].Failures, "an event that is not the one of this round changes nothing")

	const none = "tests:\n  - {name: none, event: events/broken.json, expect: {outcome: '- -'}}\n"
	_, results, err = rehearse(t, mending, none, mendings())
	require.NoError(t, err)
	require.Empty(t, results[0].Failures)
	untaken := playtest.Cover(pb, results).Untaken
	require.Len(t, untaken, 1)
	require.Equal(t, `step "more": arrived`, untaken[0].String())
}

// Also a part, which is a run of its own, is told of an event.
func TestEventsThatArriveInAPart(t *testing.T) {
	const many = `
playbook: p
stage: run
triggers: [{event: lamp.broken}]
steps:
  - id: each
    for_each: lists.range(201)
    max_parallel: 50
    steps:
      - {id: more, if: item == 0, wait: {event: lamp.mended, expires: 1h}}
    collect: steps.more.arrived
outcome: string(steps.each.results.filter(r, r).size())
`
	_, results, err := rehearse(t, many, "tests:\n  - {name: a, event: events/broken.json, events: [{event: events/mended.json, after: 5m}], expect: {outcome: '1'}}\n", mendings())
	require.NoError(t, err)
	require.Empty(t, results[0].Failures)
}

func TestEventsThatFail(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"too late":     {"after: 10m", "after: 3h", `run/p_test.yaml:7:9: the event arrives when the run is over [expect]`},
		"another type": {"mended.json, after", "broken.json, after", `run/p_test.yaml:7:9: the event, of type lamp.broken, arrives when the run does not wait for one [expect]`},
		"no such file": {"mended.json, after", "mend.json, after", `run/p_test.yaml:7:9: read the event: open events/mend.json: file does not exist [expect]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, results, err := rehearse(t, mending, changed(t, mended, tc.from, tc.to), mendings())
			require.NoError(t, err)
			require.Contains(t, results[0].Failures.Error(), tc.want)
		})
	}
	for from, want := range map[string]string{
		", after: 10m": `run/p_test.yaml:7:9: an event that arrives needs the key "after"`,
		"after: 10m":   `run/p_test.yaml:7:44: after is a duration like 30s, 5m, 12h or 3d: how long after the run began`,
		"{event: events/mended.json, after: 10m}": `run/p_test.yaml:7:9: an event that arrives is a mapping`,
	} {
		to := map[string]string{", after: 10m": "", "after: 10m": "after: soon", "{event: events/mended.json, after: 10m}": "x"}[from]
		_, _, err := rehearse(t, mending, changed(t, mended, from, to), mendings())
		require.ErrorContains(t, err, want)
	}
}
