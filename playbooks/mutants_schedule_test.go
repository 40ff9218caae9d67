package playbooks_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
)

// scheduledPlaybook has every key of a schedule. What ships may have none of them.
const scheduledPlaybook = `playbook: forgotten-keys
stage: audit
schedule:
  cron: 17 6 * * 1-5
  zone: Europe/Berlin
  jitter: 10m
  overlap: buffer_one
  catch_up: 3h
  inputs:
    account: "111122223333"
    unused_days: 60
inputs:
  account: {type: string, from: "event.data.?account.value()"}
  unused_days: {type: int}
  day: {type: timestamp, from: event.time}
steps:
  - id: keys
    activity: aws.iam.list_access_keys
    with: {account: "${inputs.account}", unused_days: "${inputs.unused_days}"}
outcome: string(steps.keys.output.keys.size()) + " keys on " + string(inputs.day)
`

// Every mistake in a schedule is refused where it is: a run that it starts has nobody to ask.
func TestMutantsOfASchedule(t *testing.T) {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	shipped, _, err := library.Load(playbooks.Files, library.Catalog(registry))
	require.NoError(t, err)
	catalog := catalogOf(registry, shipped)
	_, problems := playbook.Compile("keys.yaml", []byte(scheduledPlaybook), catalog)
	require.Empty(t, problems)

	made := fates("keys.yaml", []byte(scheduledPlaybook), mutants(t, "keys.yaml", scheduledPlaybook, catalog), catalog)
	require.Greater(t, len(made), 70)
	for _, f := range made {
		require.NotEmpty(t, f.problems, f.what)
		require.True(t, slices.ContainsFunc(f.problems, func(p playbook.Problem) bool { return slices.Contains(f.lines, p.Line) }),
			"%s, at line %v, is reported as\n%v", f.what, f.lines, f.problems)
	}
}
