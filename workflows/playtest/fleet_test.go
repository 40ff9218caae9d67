package playtest_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

const fleetPlaybook = `
playbook: p
stage: run
triggers: [{event: lamp.broken}]
steps:
  - id: ask
    approve: Smash them?
    approvers: [oncall]
    steps:
      - id: each
        for_each: lists.range(40)
        waves: [1, 10%]
        pause: 5m
        max_failures: 5%
        on_error: continue
        steps: [{id: smash, activity: lamp.smash, with: {lamp: "l${item}"}}]
outcome: 'string(steps.each.?done.orValue(0)) + " " + string(steps.each.?left.orValue(0))'
`

// A test of a playbook goes through waves and pauses, and answers one approval for all calls.
func TestCoveredLoop(t *testing.T) {
	r := registry(t)
	pb, problems := playbook.Compile("run/p.yaml", []byte(fleetPlaybook), workflows.Catalog(r))
	require.Empty(t, problems)
	results, err := playtest.Run(fstest.MapFS{
		"events/lamp.json": {Data: []byte(`{}`)},
		"run/p_test.yaml": {Data: []byte(`tests:
  - name: all go
    event: events/lamp.json
    activities: {lamp.smash: {output: {state: gone}}}
    answers: {ask: {approve: [alice@example.com]}}
    expect: {outcome: 40 0}
  - name: the canary fails
    event: events/lamp.json
    activities: {lamp.smash: {error: {kind: Tough, message: it is tough}}}
    answers: {ask: {approve: [alice@example.com]}}
    expect: {outcome: 0 39}
`)},
	}, playtest.File("run/p.yaml"), pb, playtest.Options{Registry: r, Normalise: func(raw []byte) (event.Event, error) {
		return event.Event{ID: "e1", Source: "hall", Type: "lamp.broken", Time: time.Date(2026, 11, 20, 21, 14, 0, 0, time.UTC), Data: json.RawMessage(raw)}, nil
	}})
	require.NoError(t, err)
	require.Len(t, results, 2)
	for _, one := range results {
		require.Empty(t, one.Failures, one.Name)
	}
}
