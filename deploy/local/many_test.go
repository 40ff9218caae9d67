package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

const manyKeys = `playbook: many-keys
stage: run
inputs: {users: {type: list(string)}}
steps:
  - id: contain
    approve: Disable the keys of ${inputs.users.size()} users?
    approvers: [secops-oncall]
    steps:
      - id: each
        for_each: inputs.users
        max_parallel: 5
        waves: [1, 10%]
        max_failures: 5%
        on_error: continue
        steps:
          - id: disable
            activity: aws.iam.disable_access_key
            with: {account: "111122223333", user: "${item}", access_key_id: '${"AKIA" + item.upperAscii()}'}
outcome: '[steps.each.?done, steps.each.?failed, steps.each.?left, steps.each.?waves].map(n, string(n.orValue(-1))).join(" ")'
`

// One approval covers many calls on the real server, with the real guard and ledger: the canary that
// fails stops it, and without a fault the calls are made in waves. What that wrote replays.
func TestOneYesForManyCalls(t *testing.T) {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	pb, problems := playbook.Compile("many-keys.yaml", []byte(manyKeys), workflows.Catalog(registry))
	require.Empty(t, problems)
	d, err := deploy(t.Context(), options{state: t.TempDir()}, nil)
	require.NoError(t, err)
	defer d.stop()
	var users []string
	d.aws.Update(func(s *standin.State) {
		for i := range 200 {
			user := fmt.Sprintf("fleet%012d", i)
			users = append(users, user)
			s.Accounts[standin.SampleAccount].IAM.Users[user] = &standin.User{
				ID: fmt.Sprintf("AIDA%016d", i), AccessKeys: map[string]*standin.AccessKey{"AKIA" + strings.ToUpper(user): {Status: "Active"}},
			}
		}
	})
	who, err := d.as("carol")
	require.NoError(t, err)
	inactive := func() (n int) {
		for name, user := range d.aws.State().Accounts[standin.SampleAccount].IAM.Users {
			for _, key := range user.AccessKeys {
				if strings.HasPrefix(name, "fleet") && key.Status == "Inactive" {
					n++
				}
			}
		}
		return n
	}
	ask := func(id string, users []string) workflows.Started {
		raw, err := json.Marshal(users)
		require.NoError(t, err)
		ev := event.Event{ID: id, Source: "test", Type: "test.many", Time: time.Now(), Data: json.RawMessage(`{}`)}
		started, err := d.desk.Start(t.Context(), who, desk.Start{Plan: &pb.Plan, Event: &ev, Inputs: map[string]json.RawMessage{"users": raw}})
		require.NoError(t, err)
		status := until(t, d, started.Run, func(s *workflows.Status) bool { return len(s.Asking()) == 1 || s.State.Over() })
		require.Equal(t, workflows.Waiting, status.State, status.Error)
		require.Len(t, status.Asking()[0].Calls, len(users))
		code, out, talk := starter(t, d, "show", started.Run)
		require.Zero(t, code, talk)
		require.Contains(t, out, fmt.Sprintf("%d of aws.iam.disable_access_key", len(users)))
		code, _, talk = starter(t, d, "approve", started.Run, "--as", "alice")
		require.Zero(t, code, talk)
		return started
	}

	d.aws.Inject(standin.Fault{Service: "iam", Action: "UpdateAccessKey", Kind: standin.Deny})
	started := ask("1", users)
	status := until(t, d, started.Run, func(s *workflows.Status) bool { return s.State.Over() })
	require.Equal(t, "0 1 199 1", status.Outcome, status.Error)
	require.Zero(t, inactive())
	l := status.Step("each").Loop
	require.True(t, l.Stopped)
	require.Contains(t, status.Step("each").Error, "stopped after 1 of 200: 1 failed, more than the budget of 0 at the end of wave 1")
	_, out, _ := starter(t, d, "show", started.Run)
	require.Contains(t, out, "0 of 200 done, 1 failed, 199 left, wave 1 of 3, stopped")

	d.aws.ClearFaults()
	started = ask("2", users[:30])
	status = until(t, d, started.Run, func(s *workflows.Status) bool { return s.State.Over() })
	require.Equal(t, "30 0 0 3", status.Outcome, status.Error)
	require.Equal(t, 30, inactive())
	keep(t, "many-keys", d.runs, started.Run, started.Execution)

	// A breaker of the policy opens at a hundred calls in an account: nothing further is begun, and people
	// are asked about what is left.
	started = ask("3", users)
	status = until(t, d, started.Run, func(s *workflows.Status) bool {
		return s.State.Over() || len(s.Asking()) == 1 && s.Asking()[0].Again != nil
	})
	require.Equal(t, workflows.Waiting, status.State, status.Error)
	again := status.Asking()[0]
	require.Contains(t, again.Again.Why, "containment-of-an-account")
	l = status.Step("each").Loop
	require.Equal(t, 200, l.Done+len(again.Calls))
	require.GreaterOrEqual(t, len(again.Calls), 100)
	require.Zero(t, l.Failed)
	code, _, talk := starter(t, d, "reject", started.Run, "--as", "alice", "--reason", "that will do")
	require.Zero(t, code, talk)
	status = until(t, d, started.Run, func(s *workflows.Status) bool { return s.State.Over() })
	require.Equal(t, workflows.Failed, status.State)
	require.Contains(t, status.Error, "what was made before stands")
	require.Equal(t, len(again.Calls), status.Step("each").Loop.Left)
}
