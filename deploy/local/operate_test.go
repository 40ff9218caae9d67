package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
)

// A halt keeps people from approving what would not be done; a vote is given away; and what a run did is taken
// back by another, which people approve as well.
func TestHaltDelegateUndo(t *testing.T) {
	const event = "../../playbooks/events/guardduty-iam-malicious-ip-caller.json"
	state := t.TempDir()
	d, err := deploy(t.Context(), options{state: state}, nil)
	require.NoError(t, err)
	defer d.stop()
	do := func(code int, says string, args ...string) string {
		t.Helper()
		got, out, talk := starter(t, d, args...)
		require.Equal(t, code, got, "%v: %s%s", args, out, talk)
		require.Contains(t, out+talk, says)
		return out
	}
	asks := func(run string) {
		t.Helper()
		until(t, d, run, func(s *workflows.Status) bool { return len(s.Asking()) == 1 })
	}

	do(0, "started", "run", "--event", event)
	asks(sampleRun)
	do(0, "halted", "halt", "--as", "bob", "--reason", "something is off")
	do(1, "effects are halted since", "approve", sampleRun, "--as", "alice")
	require.Empty(t, changes(t, state))
	do(0, "effects go on", "resume", "--as", "bob", "--reason", "it was nothing")

	do(1, "carol started the run", "delegate", sampleRun, "--as", "alice", "--to", "carol")
	do(0, "bob votes for alice", "delegate", sampleRun, "--as", "alice", "--to", "bob")
	do(1, "alice has delegated the vote to bob", "approve", sampleRun, "--as", "alice")
	do(0, "approved", "approve", sampleRun, "--as", "bob", "--reason", "seen")
	done := until(t, d, sampleRun, func(s *workflows.Status) bool { return s.State.Over() })
	require.Equal(t, "contained", done.Outcome, done.Error)
	require.Equal(t, "Inactive", keyStatus(t, state))

	var undoing workflows.Started
	require.NoError(t, json.Unmarshal([]byte(do(0, "", "undo", sampleRun, "--as", "carol", "--reason", "it was a drill", "-o", "json")), &undoing))
	asks(undoing.Run)
	do(1, "carol started the run", "approve", undoing.Run, "--as", "carol")
	do(0, "approved", "approve", undoing.Run, "--as", "alice")
	back := until(t, d, undoing.Run, func(s *workflows.Status) bool { return s.State.Over() || len(s.Asking()) > 0 })
	for len(back.Asking()) > 0 {
		do(0, "approved", "approve", undoing.Run, "--as", "bob")
		back = until(t, d, undoing.Run, func(s *workflows.Status) bool { return s.State.Over() || len(s.Asking()) > 0 })
	}
	require.Equal(t, workflows.Done, back.State, back.Error)
	require.Equal(t, "Active", keyStatus(t, state))
	do(1, "nothing that can be taken back", "undo", sampleRun, "--as", "carol", "--reason", "again")
}
