package main

import (
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/workflows"
)

// keyContained are the changes that the first playbook makes.
var keyContained = []string{"iam:UpdateAccessKey", "iam:AttachUserPolicy", "iam:PutUserPolicy", "guardduty:ArchiveFindings"}

const sampleRun = "aws-compromised-access-key/" + standin.SampleUserAccessKey

func TestApproved(t *testing.T) {
	state := t.TempDir()
	code, out, talk := local(t, "--state", state, "--once", "--approve-as", "alice@example.com")
	require.Zero(t, code, talk)
	require.Equal(t, keyContained, changes(t, state))
	require.Equal(t, "Inactive", keyStatus(t, state))
	require.True(t, archived(t, state, standin.SampleFindingAccessKey))
	for _, shown := range []string{
		"Disable the access key AKIAIOSFODNN7EXAMPLE of the user ci-deployer?", // what
		"111122223333",                       // where
		"IP address on a custom threat list", // why
		"aws.iam.enable_access_key",          // how to undo
		"secops-oncall", "alice, bob",        // who
		"contained", "/namespaces/default/workflows/",
	} {
		require.Contains(t, out, shown)
	}
}

func TestRejected(t *testing.T) {
	state := t.TempDir()
	code, out, talk := local(t, "--state", state, "--once", "--reject-as", "bob@example.com", "--reason", "a planned test")
	require.Zero(t, code, talk)
	require.Empty(t, estate(t, state).Mutations())
	require.Equal(t, "Active", keyStatus(t, state))
	require.Contains(t, out, "left alone: a planned test")

	code, _, talk = local(t, "--state", state, "--once", "--approve-as", "alice@example.com")
	require.Equal(t, exitNot, code, "an approval cannot follow a rejection")
	require.Contains(t, talk, "was rejected")
	require.Empty(t, estate(t, state).Mutations())
}

func TestStrangerIsRefused(t *testing.T) {
	state := t.TempDir()
	for person, says := range map[string]string{
		"mallory@example.com": `"mallory@example.com" is not in the directory`,
		"carol@example.com":   "carol is not among those who may answer",
	} {
		code, _, talk := local(t, "--state", state, "--once", "--approve-as", person)
		require.Equal(t, exitNot, code)
		require.Contains(t, talk, says)
		require.Empty(t, estate(t, state).Mutations())
	}
}

func TestEveryKindOfFinding(t *testing.T) {
	for event, want := range map[string][]string{
		"guardduty-iam-instance-credential-exfiltration.json": {"iam:PutRolePolicy", "guardduty:ArchiveFindings"},
	} {
		state := t.TempDir()
		code, out, talk := local(t, "--state", state, "--once", "--approve-as", "alice@example.com", "--event", filepath.Join("../../playbooks/events", event))
		require.Zero(t, code, talk)
		require.Equal(t, want, changes(t, state))
		require.Contains(t, out, "contained")
	}
}

func TestSameEventThreeTimes(t *testing.T) {
	state := t.TempDir()
	event := "../../playbooks/events/guardduty-iam-malicious-ip-caller.json"
	cmd, _ := process(t, "waiting for an answer", "--state", state, "--event", event)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	for range 2 { // once while the run waits, once when it is over
		code, _, talk := local(t, "--state", state, "--once", "--approve-as", "alice@example.com", "--event", event)
		require.Zero(t, code, talk)
		require.Contains(t, talk, "it joined the run "+sampleRun)
	}
	require.Equal(t, keyContained, changes(t, state))
	require.Len(t, estate(t, state).Mutations(), len(keyContained), "nothing was even tried twice")
	withServer(t, state, func(c workflows.Client, _ *devserver.Server) {
		runs, err := c.Runs(t.Context(), false, 10)
		require.NoError(t, err)
		require.Len(t, runs, 1)
		status, err := c.Status(t.Context(), sampleRun)
		require.NoError(t, err)
		require.Equal(t, 1, status.Repeats, "the one that came while it waited")
	})
}

// A process that is killed while a run waits for an answer loses nothing: the next one carries on.
func TestKilledWhileWaiting(t *testing.T) {
	state := t.TempDir()
	for range 2 {
		cmd, out := process(t, "waiting for an answer", "--state", state)
		require.Contains(t, out.String(), sampleRun)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	code, _, talk := local(t, "--state", state, "--once", "--approve-as", "alice@example.com")
	require.Zero(t, code, talk)
	require.Contains(t, talk, "carrying on with 1 run(s)")
	require.Equal(t, keyContained, changes(t, state))
	require.Len(t, estate(t, state).Mutations(), len(keyContained), "nothing was even tried twice")
}

func TestInterruptIsClean(t *testing.T) {
	state := t.TempDir()
	cmd, out := process(t, "waiting for an answer", "--state", state)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), out.String())
	require.Contains(t, out.String(), "the next start carries on")
}

// Nothing is started and nothing is kept when what was given is wrong.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"an event without the field an input needs": {
			[]string{"--event", write("lacks.json", `{"specversion":"1.0","id":"1","source":"aws.guardduty/111122223333/us-east-1","type":"aws.guardduty.finding","subject":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f","time":"2026-11-20T21:14:00Z",
			"data":{"id":"f","arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f","region":"us-east-1","accountId":"111122223333","type":"UnauthorizedAccess:IAMUser/X","resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"AKIA1","userType":"IAMUser"}}}}`)},
			exitNot, `input "user"`,
		},
		"an event of 2 MB":           {[]string{"--event", write("large.json", `{"x":"`+string(make([]byte, 2<<20))+`"}`)}, exitNot, "it is 2097160 bytes; at most"},
		"an event nobody answers":    {[]string{"--event", write("other.json", `{"specversion":"1.0","id":"1","source":"s","type":"com.example.other","time":"2026-11-20T21:14:00Z","data":{}}`)}, exitNot, "no playbook answers"},
		"an event that is not there": {[]string{"--event", filepath.Join(dir, "none.json")}, exitNot, "read the event"},
		"not an event":               {[]string{"--event", write("text.json", "hello")}, exitNot, "JSON"},
		"a directory of nobody":      {[]string{"--directory", write("people.yaml", "groups: {}")}, exitNot, "no groups"},
		"both answers":               {[]string{"--approve-as", "a@example.com", "--reject-as", "b@example.com"}, exitUsage, "exclude each other"},
		"an unknown flag":            {[]string{"--aprove-as", "a@example.com"}, exitUsage, "unknown flag"},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			code, out, talk := local(t, append(tc.args, "--state", state, "--once")...)
			require.Equal(t, tc.code, code, talk)
			require.Contains(t, talk, tc.says)
			require.Empty(t, out)
			require.NoDirExists(t, state)
		})
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	state := t.TempDir()
	process(t, "waiting for an answer", "--state", state)
	code, _, talk := local(t, "--state", state, "--fresh", "--once", "--approve-as", "alice@example.com")
	require.Equal(t, exitNot, code)
	require.Contains(t, talk, "in use by another process")
	require.FileExists(t, filepath.Join(state, "temporal.db"), "--fresh deletes nothing that is in use")
}

func TestTakesFreePorts(t *testing.T) {
	for _, address := range []string{"127.0.0.1:7233", "127.0.0.1:8233", "127.0.0.1:4566"} {
		if l, err := net.Listen("tcp", address); err == nil { // else somebody else has it, as well
			defer l.Close()
		}
	}
	code, _, talk := local(t, "--state", t.TempDir(), "--once", "--approve-as", "alice@example.com")
	require.Zero(t, code, talk)
	for _, taken := range []string{":7233", ":8233", ":4566"} {
		require.NotContains(t, talk, taken)
	}
}

func TestFreshForgets(t *testing.T) {
	state := t.TempDir()
	for range 2 {
		code, _, talk := local(t, "--state", state, "--fresh", "--once", "--approve-as", "alice@example.com")
		require.Zero(t, code, talk)
		require.Equal(t, keyContained, changes(t, state))
	}
}

func TestAnotherAWS(t *testing.T) {
	other, err := standin.New(standin.Options{})
	require.NoError(t, err)
	server := httptest.NewServer(other)
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", standin.SampleAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", standin.SampleSecretKey)
	state := t.TempDir()
	code, _, talk := local(t, "--state", state, "--once", "--approve-as", "alice@example.com")
	require.Zero(t, code, talk)
	require.Len(t, other.Mutations(), len(keyContained))
	require.NoFileExists(t, filepath.Join(state, "aws.json"))
}

// The provider misbehaves while an approved run acts; the run still ends as it should, and nothing
// is done twice.
func TestMisbehavingAWS(t *testing.T) {
	other, err := standin.New(standin.Options{})
	require.NoError(t, err)
	other.Inject(standin.Fault{Service: "iam", Action: "UpdateAccessKey", Kind: standin.TimeoutAfterEffect, Times: 1})
	other.Inject(standin.Fault{Service: "guardduty", Action: "ArchiveFindings", Kind: standin.Throttle, Times: 2})
	server := httptest.NewServer(other)
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", standin.SampleAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", standin.SampleSecretKey)
	code, _, talk := local(t, "--state", t.TempDir(), "--once", "--approve-as", "alice@example.com", "--wait", time.Minute.String())
	require.Zero(t, code, talk)
	done := map[string]int{}
	for _, m := range other.Mutations() {
		if m.Changed {
			done[m.Service+":"+m.Action]++
		}
	}
	require.Equal(t, map[string]int{"iam:UpdateAccessKey": 1, "iam:AttachUserPolicy": 1, "iam:PutUserPolicy": 1, "guardduty:ArchiveFindings": 1}, done)
}
