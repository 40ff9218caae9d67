package playtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A test without an event is of a run that the schedule starts, with the inputs that it gives.
func TestScheduled(t *testing.T) {
	const text = `
playbook: p
stage: audit
triggers: [{event: lamp.broken}]
schedule: {every: 1d, inputs: {lamp: desk, times: 2}}
inputs: {lamp: {type: string}, times: {type: int}}
steps:
  - {id: look, activity: lamp.look, with: {lamp: "${inputs.lamp}"}}
outcome: inputs.lamp + string(inputs.times) + " of " + event.source
`
	_, results, err := rehearse(t, text, `
activities: {lamp.look: {output: {state: lit}}}
tests:
  - name: as scheduled
    expect: {outcome: desk2 of countersign/schedule, calls: [{lamp.look: {lamp: desk}}]}
  - name: with another input
    inputs: {lamp: hall}
    expect: {outcome: hall2 of countersign/schedule}
`, broken)
	require.NoError(t, err)
	for _, r := range results {
		require.Empty(t, r.Failures, r.Name)
	}
}
