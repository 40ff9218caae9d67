package blocks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

func TestThread(t *testing.T) {
	t.Parallel()
	c := context(at(16, 0))
	failed := change(waiting(), func(s *desk.Sight) { s.Error, s.Undoable = "purge: <!here> AccessDenied", true })
	for name, m := range map[string]blocks.Message{
		"thread-done":    blocks.StepLine(desk.StepSight{Step: "disable", State: desk.StepDone, At: at(4, 0)}, c),
		"thread-failed":  blocks.StepLine(desk.StepSight{Step: "disable", State: desk.StepFailed, Error: "AccessDenied: <!channel>\nmore", At: at(4, 0)}, c),
		"thread-refused": blocks.StepLine(desk.StepSight{Step: "disable", State: desk.StepRefused, Error: "the grant has expired", At: at(4, 0)}, c),
		"thread-half":    blocks.Reminder(waiting(), false, c),
		"thread-last":    blocks.Reminder(questioning(), true, c),
		"thread-further": blocks.Escalated(waiting(), []string{"secops-managers"}, c),
		"thread-glass":   blocks.BrokenGlass(desk.Notice{Approval: "contain", Person: "p-bob", Text: "no time", Review: "a1b2c3d4e5f6"}, c),
		"thread-run":     blocks.RunFailed(failed, c),
		"thread-missed":  blocks.ScheduleMissed(failed, c),
		"thread-undo":    blocks.UndoStarted("undo/aws-compromised-access-key/A", "p-alice", "it was us", c),
		"thread-kept":    blocks.Kept(desk.ExpirySight{Step: "disable", At: at(240, 0), KeptBy: "p-bob"}, c),
	} {
		requireNoTags(t, m)
		goldenMessage(t, name, m)
	}
}

// Those are called who can still answer.
func TestSilent(t *testing.T) {
	t.Parallel()
	s := waiting()
	require.Equal(t, []string{"p-bob", "p-carol"}, blocks.Silent(s), "alice has voted")
	s.StartedBy = []string{"p-carol"}
	require.Equal(t, []string{"p-bob"}, blocks.Silent(s))
	s.Delegations = []approval.Delegation{{From: "p-bob", To: "p-dora"}}
	require.Empty(t, blocks.Silent(s))
	require.Equal(t, []string{"p-alice", "p-bob"}, blocks.Silent(questioning()))
}

func TestCommands(t *testing.T) {
	t.Parallel()
	c := context(at(2, 30))
	started := at(0, 0)
	st := &workflows.Status{
		Run: "aws-compromised-access-key/A", Playbook: "aws-compromised-access-key", Title: "A compromised IAM access key", State: workflows.Running,
		Started: started, Event: workflows.EventRef{ID: "e-1", Type: "aws.guardduty.finding", Source: "aws", Time: started},
		Inputs: map[string]json.RawMessage{"user": json.RawMessage(`"<!channel>"`)},
		Steps:  []*workflows.StepStatus{{ID: "usage", Verb: "activity", Activity: "aws.iam.get_access_key_last_used", Status: playbook.StatusDone, Started: &started, Ended: &started}},
	}
	runs := []blocks.RunLine{{Run: "a/b", Title: "A run", State: workflows.Waiting, Started: started}}
	for name, m := range map[string]blocks.Message{
		"command-runs":      blocks.Runs(runs, c),
		"command-none":      blocks.Runs(nil, c),
		"command-show":      blocks.Story(st, c),
		"command-approvals": blocks.Approvals(many(2), c),
		"command-nothing":   blocks.Approvals(nil, c),
		"command-on-call":   blocks.OnCall([]blocks.Duty{{Name: "payments", People: []string{"p-alice", "p-zoe"}}, {Name: "secops"}}, c),
		"command-nobody":    blocks.OnCall(nil, c),
		"command-help":      blocks.Help("/playbook"),
		"private-refused":   blocks.Sentence("mallory <!channel> is not among those who may answer (secops-oncall)"),
		"private-unsure":    blocks.NotRecorded(),
	} {
		requireNoTags(t, m)
		goldenMessage(t, name, m)
	}
	for range 500 {
		st.Steps = append(st.Steps, st.Steps[0])
		runs = append(runs, runs[0])
	}
	long := blocks.Story(st, c)
	requireMessage(t, long)
	require.Contains(t, readable(t, long.Blocks), "`starter show aws-compromised-access-key/A`")
	requireMessage(t, blocks.Runs(runs, c))
	requireMessage(t, blocks.Sentence(strings.Repeat("long ", 5000)))
}
