package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
)

const mending = `
playbook: mending
stage: run
inputs: {lamp: {type: string}}
steps:
  - id: more
    wait: {event: lamp.mended, if: candidate.data.lamp == inputs.lamp, expires: 10m}
  - {if: "!steps.more.arrived", stop: none}
  - id: judge
    ask: Is it as it was, after ${steps.more.event.id}?
    who: [secops-oncall]
    form:
      state: {type: string, one_of: [better, worse]}
      lamps: {type: int, optional: true}
outcome: steps.more.event.id + " " + steps.judge.?answer.state.orValue("nobody knows")
`

// Runs wait for events on the real server, and ask what came of it: each goes on with its own, what
// nobody waits for is said, and when all have what they wait for the switchboard is gone, until the
// next one waits.
func TestWaitsForEvents(t *testing.T) {
	d, err := deploy(t.Context(), options{state: t.TempDir()}, nil)
	require.NoError(t, err)
	defer d.stop()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "run", "mending.yaml"), []byte(mending), 0o600))
	send := func(id, lamp string) (code int, talk string) {
		file := filepath.Join(dir, id+".json")
		require.NoError(t, os.WriteFile(file, []byte(`{"specversion":"1.0","id":"`+id+`","source":"hall","type":"lamp.mended","time":"2026-11-20T21:14:00Z","data":{"lamp":"`+lamp+`"}}`), 0o600))
		code, _, talk = starter(t, d, "run", "--event", file)
		return code, talk
	}
	waits := func(lamp string) string {
		code, out, talk := starter(t, d, "run", "mending", "--playbooks", dir, "--input", "lamp="+lamp, "-o", "json")
		require.Zero(t, code, talk)
		var started []struct{ Run string }
		require.NoError(t, json.Unmarshal([]byte(out), &started))
		until(t, d, started[0].Run, func(s *workflows.Status) bool { return s.Step("more").Waits != nil })
		return started[0].Run
	}
	done := func(run, id string) {
		until(t, d, run, func(s *workflows.Status) bool { return len(s.Unanswered()) == 1 })
		answer := func(state string) (int, string) {
			code, _, talk := starter(t, d, "answer", run, "--as", "alice@example.com", "--set", "lamps=2", "--set", "state="+state)
			return code, talk
		}
		code, talk := answer("beter")
		require.Equal(t, 1, code, talk)
		for range 2 { // the second time it is the same answer
			code, talk = answer("better")
			require.Zero(t, code, talk)
		}
		status := until(t, d, run, func(s *workflows.Status) bool { return s.State.Over() })
		require.Equal(t, id+" better", status.Outcome)
		code, talk = answer("worse")
		require.Equal(t, 1, code, talk)
		require.Contains(t, talk, "alice has already answered something else")
	}

	code, talk := send("m0", "desk")
	require.Equal(t, 1, code)
	require.Contains(t, talk, "no run waits for it")

	desk, hall := waits("desk"), waits("hall")
	code, talk = send("m1", "attic") // told to both, and neither takes it
	require.Zero(t, code, talk)
	code, talk = send("m2", "hall")
	require.Zero(t, code, talk)
	done(hall, "m2")
	code, talk = send("m3", "desk")
	require.Zero(t, code, talk)
	done(desk, "m3")

	require.Eventually(t, func() bool {
		code, talk = send("m4", "desk")
		return code == 1
	}, 30*time.Second, 100*time.Millisecond, "the switchboard outlives those who wait: %s", talk)
	keep(t, "switchboard", d.runs, "countersign.waits/lamp.mended", "")
	again := waits("desk")
	code, talk = send("m5", "desk")
	require.Zero(t, code, talk)
	done(again, "m5")
	keep(t, "mending", d.runs, again, "")
}
