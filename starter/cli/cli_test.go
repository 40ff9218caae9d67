package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/connect"
)

var errWorker = fmt.Errorf("ask the run: %w on the task queue", workflows.ErrNoWorker)

func (r result) require(t *testing.T, code int, out, talk string) {
	t.Helper()
	require.Equal(t, code, r.code, "out:\n%s\nerr:\n%s", r.out, r.err)
	require.Contains(t, r.out, out)
	require.Contains(t, r.err, talk)
	require.NotContains(t, r.out+r.err, "\x1b")
	require.NotContains(t, r.out+r.err, "\u202e")
}

func TestRuns(t *testing.T) {
	t.Parallel()
	f := &fake{listed: []workflows.Listed{
		{Run: keyRun, Status: "running", Started: at(0)},
		{Run: "other/" + evil, Status: "completed", Started: at(0), Ended: when(3)},
	}}
	r := f.starter(t, "runs")
	r.require(t, 0, "running    2026-11-20 21:25:05 UTC                           "+keyRun+"\n", "")
	require.True(t, f.closed)
	r.require(t, 0, "other/ciedoc Approved", "")
	f.starter(t, "runs", "--limit", "1").require(t, 0, keyRun, "these are the newest 1; more with --limit")
	require.NotContains(t, f.starter(t, "runs", "--open").out, "other/")
	f.starter(t, "runs", "-o", "json").require(t, 0, `"run": "`+keyRun+`"`, "")
	(&fake{}).starter(t, "runs").require(t, 0, "", "no runs")
	(&fake{}).starter(t, "runs", "-o", "json").require(t, 0, "[]", "")
	(&fake{fails: map[string]error{"runs": errors.New("list runs: gone")}}).starter(t, "runs").require(t, 3, "", "starter: list runs: gone")
}

func TestShow(t *testing.T) {
	t.Parallel()
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}, fails: map[string]error{"status silent": errWorker}}
	f.starter(t, "show", keyRun).require(t, 0, "waiting for people",
		"contain waits for people: starter approve "+keyRun+" contain --as you@example.com --digest a1b2c3d4e5f6")
	r := f.starter(t, "show", "-o", "json", keyRun)
	r.require(t, 0, `\u202e`, "")
	var st workflows.Status
	require.NoError(t, json.Unmarshal([]byte(r.out), &st))
	require.Equal(t, evil, st.Event.Subject, "the JSON means what it meant")
	f.starter(t, "show", "none").require(t, 1, "", "no such run\n  list them: starter runs")
	f.starter(t, "show", "silent").require(t, 3, "", "no worker answered")
}

func TestApprovals(t *testing.T) {
	t.Parallel()
	f := &fake{
		listed: []workflows.Listed{{Run: keyRun}, {Run: "second"}, {Run: "busy"}, {Run: "gone meanwhile"}},
		statuses: map[string][]*workflows.Status{
			keyRun: {waiting(keyRun)}, "second": {waiting("second")}, "busy": {running("busy")},
		},
	}
	r := f.starter(t, "approvals")
	r.require(t, 0, "  reject:   starter reject second contain --as you@example.com --digest a1b2c3d4e5f6", "")
	require.Equal(t, 2, strings.Count(r.out, "Approval needed: contain"))
	r = f.starter(t, "approvals", "-o", "json")
	var got struct {
		Approvals []struct{ Approval approval.Request }
		Unknown   []any
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	require.Len(t, got.Approvals, 2)
	require.Equal(t, shown, string(got.Approvals[0].Approval.Digest))
	require.Empty(t, got.Unknown)

	f.fails = map[string]error{"status busy": fmt.Errorf("ask busy: %w", workflows.ErrNoWorker)}
	f.starter(t, "approvals").require(t, 3, "Approval needed: contain", "starter: ask busy: no worker answered")
	f.starter(t, "approvals", "-o", "json").require(t, 3, `"run": "busy"`, "ask busy")
	f.starter(t, "approvals", "--short").require(t, 3, "EXPIRES                  ASKS    RUN ", "ask busy")
	(&fake{}).starter(t, "approvals").require(t, 0, "", "nothing waits for people")
	(&fake{}).starter(t, "approvals", "--short").require(t, 0, "", "nothing waits for people")
	r = f.starter(t, "approvals", "second")
	r.require(t, 0, "starter approve second contain", "")
	require.Equal(t, 1, strings.Count(r.out, "Approval needed: contain"))
	f.starter(t, "approvals", "none").require(t, 1, "", "no such run\n  list them: starter runs")

	// A line each: what expires first is at the top.
	late := waiting("late")
	late.Approvals[0].Expires = at(300)
	f = &fake{
		listed:   []workflows.Listed{{Run: "late"}, {Run: "asked"}, {Run: "soon"}},
		statuses: map[string][]*workflows.Status{"late": {late}, "asked": {judging("asked")}, "soon": {waiting("soon")}},
	}
	r = f.starter(t, "approvals", "--short")
	r.require(t, 0, "question  asked  judge    Was it you, ", "")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, lines, 4)
	require.Contains(t, lines[1], "soon")
	require.Contains(t, lines[3], "late")
}

func TestVote(t *testing.T) {
	t.Parallel()
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}, result: desk.VoteResult{Votes: 1}}
	r := f.starter(t, "approve", keyRun, "--as", "alice@example.com", "--reason", "seen it", "--digest", "a1b2c3d4")
	r.require(t, 0, "counted  contain of "+keyRun+": 1 of 2\n", "Approval needed: contain")
	require.Equal(t, []approval.Vote{{Approval: "contain", Digest: shown, Person: "alice@example.com", Verdict: approval.Approve, Reason: "seen it"}}, f.votes)

	f.result = desk.VoteResult{Votes: 2, Decision: &approval.Decision{Outcome: approval.Rejected, By: []string{"bob@example.com"}}}
	f.starter(t, "reject", keyRun, "contain", "--as", "bob@example.com").require(t, 0, "rejected  contain of "+keyRun+"\n", "")
	require.Equal(t, approval.Reject, f.votes[1].Verdict)
	f.starter(t, "reject", keyRun, "--as", "bob@example.com", "-o", "json").require(t, 0, `"outcome": "rejected"`, "Approval needed")
	f.starter(t, "approve", keyRun, "--as", "bob@example.com", "--digest", shown).require(t, 0, "rejected", "")
}

func TestVoteThatIsNotCast(t *testing.T) {
	t.Parallel()
	two := waiting("two")
	second := *two.Approvals[0]
	second.ID = "notify"
	two.Approvals = append(two.Approvals, &second)
	undecided := over("undecided", workflows.Cancelled)
	undecided.Approvals[0].Decision = nil
	for name, tc := range map[string]struct {
		args []string
		code int
		talk string
	}{
		"another digest":     {[]string{keyRun, "--digest", "b1b2c3d4"}, 1, "nothing was answered: what is asked now is a1b2c3d4e5f6, not b1b2c3d4"},
		"no run":             {[]string{"none"}, 1, "no such run"},
		"no worker":          {[]string{"silent"}, 3, "no worker answered"},
		"asks another":       {[]string{keyRun, "contian"}, 1, `does not ask "contian"; it asks contain`},
		"asks a question":    {[]string{"form"}, 1, "the run form asks a question, which takes more than a yes or no; answer it with answer"},
		"asks nothing":       {[]string{"busy"}, 1, "the run busy asks nothing now"},
		"over":               {[]string{"over"}, 1, "the run over is over (done) and asks nothing"},
		"decided":            {[]string{"over", "contain"}, 1, "contain is already approved by alice@example.com, bob@example.com"},
		"over before it was": {[]string{"undecided", "contain"}, 1, "contain was never decided, and the run is over: cancelled"},
		"asks two":           {[]string{"two"}, 1, "the run two asks contain and notify; name one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{
				statuses: map[string][]*workflows.Status{
					keyRun: {waiting(keyRun)}, "busy": {running("busy")}, "form": {judging("form")}, "over": {over("over", workflows.Done)}, "two": {two}, "undecided": {undecided},
				},
				fails: map[string]error{"status silent": errWorker},
			}
			f.starter(t, append([]string{"approve", "--as", "alice@example.com"}, tc.args...)...).require(t, tc.code, "", tc.talk)
			require.Empty(t, f.votes)
		})
	}
}

func TestVoteThatDoesNotCount(t *testing.T) {
	t.Parallel()
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}}
	f.fails = map[string]error{"vote": fmt.Errorf("approve contain: %w: %s is not among those who may answer", approval.ErrRefused, evil)}
	f.starter(t, "approve", keyRun, "--as", "eve@example.com").require(t, 1, "", "is not among those who may answer\n  look at it again: starter show "+keyRun)
	f.fails["vote"] = errWorker
	f.starter(t, "approve", keyRun, "--as", "alice@example.com").require(t, 3, "", "the vote may still count")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {running(keyRun)}, "over": {over("over", workflows.Done)}}}
	f.starter(t, "cancel", keyRun).require(t, 0, "cancelling  "+keyRun, "starter show "+keyRun)
	require.Equal(t, []string{keyRun}, f.cancelled)
	f.starter(t, "cancel", keyRun, "-o", "json").require(t, 0, `"run": "`+keyRun+`"`, "")
	f.starter(t, "cancel", "over").require(t, 1, "", "the run over is over already: done")
	f.starter(t, "cancel", "none").require(t, 1, "", "no such run")
	f.fails = map[string]error{"status silent": errWorker}
	f.starter(t, "cancel", "silent").require(t, 0, "cancelling  silent", "")
	f.fails["cancel"] = errors.New("cancel the run: unavailable")
	f.starter(t, "cancel", "silent").require(t, 3, "", "cancel the run: unavailable")
	require.Len(t, f.cancelled, 3)
}

// A story says what became of what the run did for a while.
func TestShowExpiring(t *testing.T) {
	t.Parallel()
	st := over(keyRun, workflows.Done)
	st.Expiring = []*workflows.Act{{Step: "disable", Activity: "aws.iam.disable_access_key", Undo: "aws.iam.enable_access_key", Until: &workflows.Until{}}}
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {st}}}
	f.starter(t, "show", keyRun).require(t, 0, "kept by p-alice", "")
	f.starter(t, "show", "-o", "json", keyRun).require(t, 0, `"kept_by": "p-alice"`, "")
}

func TestCancelWatch(t *testing.T) {
	t.Parallel()
	left := over(keyRun, workflows.Cancelled)
	left.Left = []*workflows.Act{{Step: "disable", Activity: "aws.iam.disable_access_key", Undo: "aws.iam.enable_access_key"}}
	left.LeftUnlisted = 1
	for name, tc := range map[string]struct {
		script    []*workflows.Status
		args      []string
		code      int
		out, talk string
	}{
		"cancelled":     {[]*workflows.Status{running(keyRun), running(keyRun), over(keyRun, workflows.Cancelled)}, nil, 0, "cancelled " + keyRun + "\n", "run           cancelled"},
		"with a rest":   {[]*workflows.Status{running(keyRun), left}, nil, 0, "cancelled " + keyRun + "\n", "left done: aws.iam.disable_access_key\n"},
		"which counts":  {[]*workflows.Status{running(keyRun), left}, nil, 0, "cancelled " + keyRun + "\n", "2 things are left done: starter show " + keyRun},
		"as JSON":       {[]*workflows.Status{running(keyRun), left}, []string{"-o", "json"}, 0, `"undo": "aws.iam.enable_access_key"`, ""},
		"done meantime": {[]*workflows.Status{running(keyRun), over(keyRun, workflows.Done)}, nil, 0, "done    " + keyRun, ""},
		"late":          {[]*workflows.Status{running(keyRun)}, []string{"--wait-timeout", "20ms"}, 3, "", "is not over after 20ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{statuses: map[string][]*workflows.Status{keyRun: tc.script}}
			f.starter(t, append([]string{"cancel", keyRun, "--watch"}, tc.args...)...).require(t, tc.code, tc.out, tc.talk)
		})
	}
}

// A run that is watched is watched with those that it calls: they ask for themselves.
func TestWatchFollowsCalledRuns(t *testing.T) {
	t.Parallel()
	const child = keyRun + "/contain"
	calling := running(keyRun)
	calling.Called = []string{child}
	asking, done := waiting(child), over(child, workflows.Done)
	asking.Parent, done.Parent = keyRun, keyRun
	f := &fake{statuses: map[string][]*workflows.Status{
		keyRun: {running(keyRun), calling, calling, over(keyRun, workflows.Done)},
		child:  {asking, done},
	}}
	r := f.starter(t, "run", "--event", keyEvent, "--watch")
	r.require(t, 0, "done    "+keyRun, "")
	require.Contains(t, r.err, "contain    approve:  starter approve "+child+" contain --as")
	require.Regexp(t, `(?m)^contain  .*run +done: contained`, r.err)

	f = &fake{statuses: map[string][]*workflows.Status{keyRun: {calling}}}
	f.starter(t, "show", keyRun).require(t, 0, "", "it waits for another run: starter show "+child)
}

func TestRun(t *testing.T) {
	t.Parallel()
	f := &fake{}
	f.starter(t, "run", "--event", keyEvent).require(t, 0, "started "+keyRun+"\n", "follow it: starter show "+keyRun)
	require.Equal(t, `"ci-deployer"`, string(f.inputs[0].Inputs["user"]))
	f.known = map[string]bool{keyRun: true}
	f.starter(t, "run", "--event", keyEvent).require(t, 0, "joined  "+keyRun+"\n", "has a run already")
	f.starter(t, "run", "--event", keyEvent, "-o", "json").require(t, 0, `"new": false`, "")

	f.fails = map[string]error{"start": errors.New("start the run: unavailable")}
	f.starter(t, "run", "--event", keyEvent, "-o", "json").require(t, 3, "[]", "start the run: unavailable")
}

func TestRunWatch(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script    []*workflows.Status
		code      int
		out, talk string
	}{
		"done":      {[]*workflows.Status{running(keyRun), waiting(keyRun), waiting(keyRun), over(keyRun, workflows.Done)}, 0, "done    " + keyRun + "  contained\n", "run           done: contained"},
		"failed":    {[]*workflows.Status{over(keyRun, workflows.Failed)}, 1, "failed  " + keyRun, `│ step "disable": access denied`},
		"cancelled": {[]*workflows.Status{over(keyRun, workflows.Cancelled)}, 1, "cancelled", ""},
		"late":      {[]*workflows.Status{waiting(keyRun)}, 3, "started " + keyRun, "is not over after 20ms\n  it goes on: starter show " + keyRun},
		"lost":      {nil, 1, "started", "no such run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := "1m"
			if name == "late" {
				wait = "20ms"
			}
			f := &fake{statuses: map[string][]*workflows.Status{keyRun: tc.script}}
			r := f.starter(t, "run", "--event", keyEvent, "--watch", "--wait-timeout", wait)
			r.require(t, tc.code, tc.out, tc.talk)
			if name == "done" {
				require.Equal(t, 1, strings.Count(r.err, "Approval needed: contain"), "the card comes once")
				require.Contains(t, r.err, "approve:  starter approve "+keyRun+" contain --as you@example.com --digest a1b2c3d4e5f6")
			}
		})
	}
}

func TestRunWatchJSON(t *testing.T) {
	t.Parallel()
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun), over(keyRun, workflows.Failed)}}}
	r := f.starter(t, "run", "--event", keyEvent, "--watch", "-o", "json")
	r.require(t, 1, `"state": "failed"`, "")
	var got []map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	require.Equal(t, keyRun, got[0]["run"])
}

// Two runs are told side by side, and one that failed weighs more than one that is not over.
func TestRunWatchTwo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		text := "playbook: " + name + "\nstage: run\ntriggers:\n  - event: aws.guardduty.finding\n    dedupe: event.data.id\nsteps:\n  - stop: done\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600))
	}
	const one, two = "one/7ab9d1cb6248e05a0e419a79528761cb", "two/7ab9d1cb6248e05a0e419a79528761cb"
	f := &fake{statuses: map[string][]*workflows.Status{one: {over(one, workflows.Failed)}, two: {waiting(two)}}}
	r := f.starter(t, "run", "--playbooks", dir, "--event", keyEvent, "--watch", "--wait-timeout", "20ms")
	r.require(t, 1, "failed  "+one, "two  Approval needed: contain")
	r.require(t, 1, "started "+two, "the run "+two+" is not over after 20ms")
	require.Equal(t, []string{one, two}, f.started)
}

func TestRunByHand(t *testing.T) {
	t.Parallel()
	f := &fake{}
	args := []string{"run", "aws-compromised-access-key"}
	f.starter(t, args...).require(t, 1, "", "a start by hand has no event to take inputs from")
	require.Empty(t, f.started)
	for _, input := range []string{"account=111122223333", "region=eu-west-1", "finding_id=f", "user_type=IAMUser", "user=ci", "key_id=K"} {
		args = append(args, "--input", input)
	}
	f.starter(t, args...).require(t, 0, "started aws-compromised-access-key/manual-20261120T212705Z-", "")
	f.starter(t, args...).require(t, 0, "started ", "")
	require.NotEqual(t, f.started[0], f.started[1])
	require.Equal(t, "countersign.manual", f.inputs[0].Event.Type)
	require.NoError(t, f.inputs[0].Event.Validate())
}

// Every example in the help is a command line that is right.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"validate", "rules", "test", "match", "run", "runs", "show", "approvals", "approve", "reject", "cancel", "activities", "schema", "graph", "new", "policy",
		"schedule apply", "schedule list", "schedule pause", "schedule resume", "schedule trigger", "schedule backfill", "audit controls",
	} {
		help := (&fake{}).starter(t, append(strings.Fields(name), "--help")...)
		require.Equal(t, 0, help.code)
		_, examples, ok := strings.Cut(help.out, "Examples:\n")
		require.True(t, ok, "%s has examples", name)
		examples, _, _ = strings.Cut(examples, "\n\n")
		for line := range strings.Lines(examples) {
			command, _, _ := strings.Cut(strings.NewReplacer("playbooks/", "../../playbooks/", "deploy/", "../../deploy/").Replace(strings.TrimSpace(line)), " < ")
			command, _, _ = strings.Cut(command, " > ")
			args := strings.Fields(strings.NewReplacer(`"a test of ours"`, "ours", `"AWS is being moved"`, "moving", "'", "").Replace(command))
			require.Equal(t, "starter", args[0])
			if args[len(args)-1] == "playbooks" {
				args[len(args)-1] = "../../playbooks"
			}
			asks := waiting(keyRun)
			asks.Approvals[0].ID = "contain_user"
			f := &fake{statuses: map[string][]*workflows.Status{keyRun: {asks, over(keyRun, workflows.Done)}}}
			f.schedules.listed = []workflows.Scheduled{{Playbook: "aws-stale-access-keys"}}
			r := f.starter(t, args[1:]...)
			if args[len(args)-1] == "-" { // the fake has nothing on its standard input
				require.Equal(t, 1, r.code, line)
				continue
			}
			require.Equal(t, 0, r.code, "%s%s%s", line, r.out, r.err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	var out, talk strings.Builder
	code := cli.Command{
		Streams: cli.Streams{Out: &out, Err: &talk, Env: []string{"TEMPORAL_ADDRESS=temporal.example.com:7233", "TEMPORAL_CONFIG_FILE=none"}},
		Dial: func(_ context.Context, opts connect.Options, queue string) (cli.Runs, func(), error) {
			resolved, err := opts.Resolve()
			require.NoError(t, err)
			return nil, nil, fmt.Errorf("connect to Temporal at %s for %s: %w", resolved.HostPort, queue, context.DeadlineExceeded)
		},
		Now: time.Now,
	}.Run(t.Context(), []string{"runs", "--task-queue", "mine"})
	require.Equal(t, 3, code)
	require.Empty(t, out.String())
	require.Contains(t, talk.String(), "connect to Temporal at temporal.example.com:7233 for mine")
}

// What a person copies reaches the same cluster, by the command that they have.
func TestHintsRepeatHowItWasStarted(t *testing.T) {
	t.Parallel()
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}, known: map[string]bool{keyRun: true}}
	run := func(args ...string) result {
		var out, talk strings.Builder
		code := cli.Command{
			Streams: cli.Streams{
				In: strings.NewReader(""), Out: &out, Err: &talk, Program: "go run ./starter",
				Env: []string{"TEMPORAL_CONFIG_FILE=" + t.TempDir() + "/none"},
			},
			Now:  func() time.Time { return at(2) },
			Dial: func(context.Context, connect.Options, string) (cli.Runs, func(), error) { return f, func() {}, nil },
			Gate: f.gate,
		}.Run(t.Context(), args)
		return result{code, out.String(), talk.String()}
	}
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte("[profile.eu]\n"), 0o600))
	flags := []string{"--address", "127.0.0.1:7233", "--namespace", "sec ops", "--profile", "eu", "--temporal-config", file, "--task-queue", "mine"}
	given := " --address 127.0.0.1:7233 --namespace 'sec ops' --profile eu --temporal-config " + file + " --task-queue mine\n"
	with := func(args ...string) result { return run(append(args, flags...)...) }

	const answer = " " + keyRun + " contain --as you@example.com --digest a1b2c3d4e5f6"
	with("show", keyRun).require(t, 0, "", "go run ./starter approve"+answer+given)
	f.listed = []workflows.Listed{{Run: keyRun}}
	with("approvals").require(t, 0, "  approve:  go run ./starter approve"+answer+given, "")
	with("approvals").require(t, 0, "  reject:   go run ./starter reject"+answer+given, "")
	with("show", "none").require(t, 1, "", "list them: go run ./starter runs"+given)
	with("run", "--event", keyEvent, "--watch", "--wait-timeout", "20ms").require(t, 3, "", "it goes on: go run ./starter show "+keyRun+given)
	with("run", "--event", keyEvent).require(t, 0, "", ": go run ./starter show "+keyRun+given)
	with("match", keyEvent).require(t, 0, "", "start with: go run ./starter run --event "+keyEvent+given)
	with("match", keyEvent, "--playbooks", "../../playbooks").require(t, 0, "", "run --event "+keyEvent+" --playbooks ../../playbooks --address")

	run("show").require(t, 2, "", "see: go run ./starter show --help")
	help := run("show", "--help")
	require.Contains(t, help.out, "\n  go run ./starter show RUN")
	require.Contains(t, help.out, "\n  go run ./starter show aws-compromised")
	require.NotContains(t, strings.ReplaceAll(help.out, "./starter", ""), "starter ")
}

func TestProgram(t *testing.T) {
	t.Parallel()
	const source = "go run ./starter"
	for arg0, want := range map[string]string{
		"starter":                           "starter",
		"/usr/local/bin/starter":            "starter",
		"./starter":                         "starter",
		"/opt/starter.exe":                  "starter",
		"/tmp/go-build123/b001/exe/starter": source,
		"/home/alice/.cache/go-build/69/69bf/starter":                                          source,
		"/cache/69/69bf6d0375ccb64190cdf0904ca6ed4b8f64ecd9e251606d8bd6a431fa7868fd-d/starter": source,
		"/tmp/cli.test": source,
		"":              source,
	} {
		require.Equal(t, want, cli.Program(arg0), arg0)
	}
}

// With -o json there is one document, also when there is nothing but an error.
func TestErrorsAreJSONToo(t *testing.T) {
	t.Parallel()
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}, fails: map[string]error{"status silent": errWorker}}
	for name, tc := range map[string]struct {
		args []string
		code int
		err  string
	}{
		"refused":              {[]string{"show", "none", "-o", "json"}, 1, "ask the run none for its status: no such run"},
		"unknown":              {[]string{"show", "silent", "-o", "json"}, 3, errWorker.Error()},
		"usage":                {[]string{"show", "-o", "json"}, 2, "want RUN; got 0"},
		"usage, not read":      {[]string{"show", "--nope", "-o", "json"}, 2, "unknown flag: --nope"},
		"usage, not read, one": {[]string{"show", "--nope", "--output=json"}, 2, "unknown flag: --nope"},
		"no command":           {[]string{"-o", "json", "aprove"}, 2, `no command "aprove"; did you mean "approve"?`},
		"vote":                 {[]string{"approve", keyRun, "-o", "json", "--as", "a@example.com", "--digest", "00000000"}, 1, "nothing was answered: what is asked now is a1b2c3d4e5f6, not 00000000"},
		"file":                 {[]string{"match", "none.json", "-o", "json"}, 1, "read the event of none.json: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			r := f.starter(t, tc.args...)
			r.require(t, tc.code, "", "starter: "+tc.err)
			var got map[string]any
			require.NoError(t, json.Unmarshal([]byte(r.out), &got), r.out)
			require.Equal(t, map[string]any{"error": tc.err, "exit": float64(tc.code)}, got)
		})
	}
	require.Empty(t, f.starter(t, "show", "none").out)
	require.Empty(t, f.starter(t, "show", "--nope", "--", "-o", "json").out)
}

// A run that has ended answers the matter for good.
func TestRunMeetsOneThatHasEnded(t *testing.T) {
	t.Parallel()
	for state, tc := range map[workflows.State]struct {
		code      int
		out, talk string
	}{
		workflows.Done:      {0, "done    " + keyRun + "  contained\n", "contained"},
		workflows.Failed:    {1, "failed  " + keyRun + "  step", `failed: step "disable": access denied for ciedoc Approved`},
		workflows.Cancelled: {1, "cancelled " + keyRun, "cancelled"},
	} {
		for _, watch := range []string{"--watch=false", "--watch"} {
			f := &fake{statuses: map[string][]*workflows.Status{keyRun: {over(keyRun, state)}}, known: map[string]bool{keyRun: true}}
			r := f.starter(t, "run", "--event", keyEvent, watch)
			r.require(t, tc.code, tc.out, "the run "+keyRun+" answered this matter before: "+tc.talk+"; nothing was started\n")
			require.Equal(t, 1, strings.Count(r.out, "\n"), "one line: %s", r.out)
			require.NotContains(t, r.err, "begins", "nothing happens that could be watched")

			r = f.starter(t, "run", "--event", keyEvent, watch, "-o", "json")
			r.require(t, tc.code, `"state": "`+string(state)+`"`, "nothing was started")
			require.Contains(t, r.out, `"new": false`)
		}
	}
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}, known: map[string]bool{keyRun: true}}
	f.starter(t, "run", "--event", keyEvent).require(t, 0, "joined  "+keyRun, "has a run already")
	f.fails = map[string]error{"status": errWorker}
	f.starter(t, "run", "--event", keyEvent).require(t, 0, "joined  "+keyRun, "has a run already, which may be over")
}

// However short the wait, a run is asked.
func TestRunWatchWithoutWaiting(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script    []*workflows.Status
		code      int
		out, talk string
	}{
		"done":    {[]*workflows.Status{over(keyRun, workflows.Done)}, 0, "done    " + keyRun + "  contained\n", ""},
		"failed":  {[]*workflows.Status{over(keyRun, workflows.Failed)}, 1, "failed  " + keyRun, ""},
		"waiting": {[]*workflows.Status{waiting(keyRun)}, 3, "", "is not over after 0s"},
		"lost":    {nil, 1, "", "no such run"},
	} {
		f := &fake{statuses: map[string][]*workflows.Status{keyRun: tc.script}}
		r := f.starter(t, "run", "--event", keyEvent, "--watch", "--wait-timeout", "0s")
		r.require(t, tc.code, tc.out, tc.talk)
		if name == "waiting" {
			require.Contains(t, r.err, "Approval needed: contain")
		}
	}
}

func TestVoteNeedsAPerson(t *testing.T) {
	t.Parallel()
	for as, talk := range map[string]string{
		strings.Repeat("a", 2048):           "starter: --as is 2048 bytes; a mail address has at most 254\n",
		"mal\x1b[31mlory\u202e@example.com": `starter: --as "mal\u001b[31mlory\u202e@example.com" holds what does not print`,
	} {
		f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}}
		f.starter(t, "approve", keyRun, "--as", as).require(t, 1, "", talk)
		require.Empty(t, f.votes)
		require.False(t, f.closed, "nobody was called")
	}
}

// An outcome that the command does not know is told as it is.
func TestVoteOnWhatIsWithdrawn(t *testing.T) {
	t.Parallel()
	st := over(keyRun, workflows.Cancelled)
	st.Approvals[0].Decision = &approval.Decision{Outcome: "withdrawn", Reason: "the run ended first", At: at(4)}
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {st}}}
	f.starter(t, "approve", keyRun, "contain", "--as", "alice@example.com").require(t, 1, "", "contain is already withdrawn: the run ended first")
}

// The lines of an error that quotes are not lines of ours.
func TestErrorsDoNotImitate(t *testing.T) {
	t.Parallel()
	f := &fake{fails: map[string]error{"runs": errors.New("list runs: x\nstarter: all is well")}}
	f.starter(t, "runs").require(t, 3, "", "starter: list runs: x\n│ starter: all is well\n")
}
