package card_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run with -update to write it")
	require.Empty(t, cmp.Diff(string(want), got))
	for line := range strings.SplitSeq(got, "\n") {
		requireHarmless(t, line)
		require.Equal(t, strings.TrimRight(line, " "), line, "no space at the end")
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	decided := waiting()
	a := decided.Approvals[0]
	a.Votes = append(a.Votes, approval.Vote{
		Approval: a.ID, Person: "carol@example.com", Verdict: approval.Reject, Reason: "the key is mine\nrejected by nobody", At: at(9, 0),
	})
	a.Decision = &approval.Decision{Outcome: approval.Rejected, By: []string{"carol@example.com"}, Reason: "the key is mine", At: at(9, 0)}
	a.Calls[0].PutBack = true
	holds := waiting()
	holds.Approvals[0].Calls[0].PutBack, holds.Approvals[0].Calls[0].PutBackAfter = true, 4*time.Hour
	empty := waiting()
	empty.Approvals[0].Calls = nil
	for name, tc := range map[string]struct {
		st  *workflows.Status
		now time.Time
	}{
		"request":           {waiting(), at(2, 30)},
		"request-late":      {waiting(), at(61, 0)},
		"request-decided":   {decided, at(10, 0)},
		"request-hostile":   {hostile(), at(2, 30)},
		"request-no-calls":  {empty, at(2, 30)},
		"request-forged":    {forged(), at(2, 30)},
		"request-withdrawn": {withdrawn(), at(10, 0)},
		"request-policy":    {ruled(), at(20, 0)},
		"request-again":     {again(), at(6, 0)},
		"request-holds":     {holds, at(2, 30)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, card.Request(&out, tc.st, tc.st.Approvals[0], tc.now))
			golden(t, name, out.String())
		})
	}
}

// What is approved must be all there, whatever it is and however long.
func TestRequestShowsEverything(t *testing.T) {
	t.Parallel()
	st := waiting()
	long := strings.Repeat("x", 100_000) + "-the-end"
	input, err := json.Marshal(map[string]any{"account": "111122223333", "user": long, "deep": map[string]any{"list": []any{map[string]any{"k": "needle"}}}})
	require.NoError(t, err)
	st.Approvals[0].Calls[0].Input = input
	var out bytes.Buffer
	require.NoError(t, card.Request(&out, st, st.Approvals[0], at(2, 0)))
	require.Contains(t, out.String(), long)
	require.Contains(t, out.String(), "needle")
}

func TestStory(t *testing.T) {
	t.Parallel()
	for name, st := range map[string]*workflows.Status{
		"story-waiting": waiting(), "story-done": done(), "story-failed": failed(), "story-hostile": hostile(),
		"story-forged": forged(), "story-withdrawn": withdrawn(), "story-prepared": prepared(), "story-holds": holds(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, card.Story(&out, st))
			golden(t, name, out.String())
		})
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	acting := waiting()
	acting.State = workflows.Running
	acting.Approvals[0].Votes, acting.Approvals[0].Decision = done().Approvals[0].Votes, done().Approvals[0].Decision
	step(acting, "contain", playbook.StatusRunning, when(0, 1), nil)
	step(acting, "disable", playbook.StatusRunning, when(4, 0), nil)
	for name, statuses := range map[string][]*workflows.Status{
		"progress":           {started(), started(), waiting(), waiting(), acting, done(), done()},
		"progress-late":      {done()},
		"progress-failed":    {waiting(), failed()},
		"progress-holds":     {waiting(), holds()},
		"progress-hostile":   {hostile()},
		"progress-forged":    {forged()},
		"progress-withdrawn": {waiting(), withdrawn()},
		"progress-prepared":  {prepared()},
		"progress-again":     {waiting(), ruled(), again()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			p := card.NewProgress(&out)
			for _, st := range statuses {
				p.See(st)
			}
			golden(t, name, out.String())
		})
	}
}

func TestNoColourUnlessTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.Equal(t, &out, card.Terminal(&out, ""))
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, f, card.Terminal(f, ""), "a file is no terminal")
}

func TestWriteErrorIsReturned(t *testing.T) {
	t.Parallel()
	st := waiting()
	require.ErrorIs(t, card.Request(broken{}, st, st.Approvals[0], at(0, 0)), os.ErrClosed)
	require.ErrorIs(t, card.Story(broken{}, st), os.ErrClosed)
	card.NewProgress(broken{}).See(st)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

// at is a time of the example run, minutes and seconds after its start.
func at(minutes, seconds int) time.Time {
	return time.Date(2026, 11, 20, 21, 25, 5, 0, time.UTC).
		Add(time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second)
}

func when(minutes, seconds int) *time.Time {
	t := at(minutes, seconds)
	return &t
}

// started is a run whose first read is under way.
func started() *workflows.Status {
	return &workflows.Status{
		Run: "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE", Playbook: "aws-compromised-access-key",
		Title: "A compromised IAM access key", Labels: map[string]string{"mitre": "T1078.004", "cloud": "aws"},
		Plan:  "sha256:5f2b1c9d8e7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c",
		State: workflows.Running, Started: at(0, 0),
		Event: workflows.EventRef{
			ID: "6f1c8a52-3d0e-4b7a-9e25-71c04b8d2f6e", Source: "aws.guardduty/111122223333/us-east-1", Type: "aws.guardduty.finding",
			Subject: "arn:aws:guardduty:us-east-1:111122223333:detector/12ab/finding/7ab9", Time: at(-1, 0),
		},
		Inputs: map[string]json.RawMessage{"user": json.RawMessage(`"ci-deployer"`), "account": json.RawMessage(`"111122223333"`)},
		Steps: []*workflows.StepStatus{
			{ID: "usage", Verb: "activity", Activity: "aws.iam.get_access_key_last_used", Effect: "read", Title: "Find when a key was last used", Status: playbook.StatusRunning, Started: when(0, 0)},
			{ID: "contain", Verb: "approve", Status: playbook.StatusPending},
			{ID: "disable", Depth: 1, Verb: "activity", Activity: "aws.iam.disable_access_key", Effect: "change", Title: "Disable an IAM access key", Status: playbook.StatusPending},
			{ID: "purge", Depth: 1, Verb: "activity", Activity: "aws.iam.delete_sessions", Effect: "destroy", Title: "Delete sessions", Status: playbook.StatusPending},
			{ID: "close", Verb: "activity", Activity: "aws.guardduty.archive_finding", Effect: "change", Title: "Archive a finding", Status: playbook.StatusPending},
		},
	}
}

func step(st *workflows.Status, id string, status playbook.Status, start, end *time.Time) *workflows.StepStatus {
	s := st.Step(id)
	s.Status, s.Started, s.Ended = status, start, end
	return s
}

// waiting is the same run when it asks, and one of two people has said yes.
func waiting() *workflows.Status {
	st := started()
	st.State = workflows.Waiting
	step(st, "usage", playbook.StatusDone, when(0, 0), when(0, 1)).Output = json.RawMessage(
		`{"user":"ci-deployer","service":"s3","region":"us-east-1","regions":["us-east-1","eu-west-1"],"detail":{"a":1},"last_used":"2026-11-20T21:14:00Z","count":4,"never":null}`)
	step(st, "contain", playbook.StatusWaiting, when(0, 1), nil)
	st.Approvals = []*workflows.ApprovalStatus{{
		Request: approval.Request{
			ID: "contain", Run: st.Run, Playbook: st.Playbook, Plan: st.Plan,
			Question: "Disable the access key AKIAIOSFODNN7EXAMPLE of ci-deployer?\nLast used for s3 in us-east-1.",
			Groups:   []string{"secops-oncall"}, People: []string{"alice@example.com", "bob@example.com", "carol@example.com"},
			Quorum: 2, Asked: at(0, 1), Expires: at(30, 1),
			Digest: "sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90",
			Calls: []approval.Call{
				{
					Step: "disable", Title: "Disable an IAM access key", Activity: "aws.iam.disable_access_key", Version: 1,
					Effect: "change", Undo: "aws.iam.enable_access_key", Targets: []string{"user", "access_key_id"},
					Input: json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`), Digest: digest.Digest("sha256:11"),
				},
				{
					Step: "purge", Title: "Delete sessions", Activity: "aws.iam.delete_sessions", Version: 2,
					Effect: "destroy", Targets: []string{"user"},
					Input: json.RawMessage(`{"account":"111122223333","region":"us-east-1","user":"ci-deployer","older_than":3600,"force":true,"tags":{},` +
						`"names":["one","two"],"filters":[{"name":"state","values":["open","idle"]},{"name":"note","values":[]}],"policy":"{\n  \"Version\": 1\n}","none":null,"empty":""}`),
				},
			},
		},
		Votes: []approval.Vote{{Approval: "contain", Person: "alice@example.com", Verdict: approval.Approve, Reason: "seen in the trail", At: at(1, 40)}},
	}}
	return st
}

// ruled asks what policy wants beside the playbook, shows what would change, and was edited.
func ruled() *workflows.Status {
	st := waiting()
	a := st.Approvals[0]
	a.Policies = []grant.Need{{Groups: []string{"secops-leads"}, Quorum: 1}, {Groups: []string{"iam-owners", "secops-leads"}, Quorum: 2}}
	a.Calls[0].Rule, a.Calls[0].Why = "prod", "production is everybody's"
	a.Calls[0].Preview = &preview.Preview{Changes: []preview.Change{
		{Target: "access key AKIAIOSFODNN7EXAMPLE of ci-deployer", What: "status", Before: "Active", After: "Inactive"},
		{Target: "access key AKIAIOSFODNN7EXAMPLE of ci-deployer", What: "note", Before: "", After: "disabled\nby countersign"},
	}}
	a.Calls[1].Rule = "destroy"
	a.Calls[1].Preview = &preview.Preview{}
	a.Edits = []approval.Edit{{By: "p-carol", Step: "purge", Before: "sha256:0102030405060708", After: "sha256:1112131415161718", At: at(1, 0)}}
	a.Escalate = &approval.Escalation{Groups: []string{"secops-managers"}, At: at(15, 0)}
	a.Escalated, a.Reminders = when(15, 0), []time.Time{at(15, 1)}
	a.Votes = append(a.Votes, approval.Vote{Approval: "contain", Person: "p-bob", For: "p-dora", Verdict: approval.Approve, At: at(16, 0)})
	return st
}

// again is the same run when one of the calls would no longer do what people said yes to.
func again() *workflows.Status {
	st := ruled()
	first := st.Approvals[0]
	second := *first
	first.Decision = &approval.Decision{Outcome: approval.Approved, By: []string{"p-lee"}, Reason: "no time", At: at(4, 0), BreakGlass: true}
	first.Votes = []approval.Vote{{Approval: "contain", Person: "p-lee", Verdict: approval.Approve, Reason: "no time", At: at(4, 0), BreakGlass: true}}
	second.Votes, second.Edits, second.Policies, second.Escalated, second.Reminders = nil, nil, nil, nil, nil
	second.Asked, second.Digest = at(5, 0), "sha256:b1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
	second.Again = &approval.Again{Of: first.Digest, Why: "the effect is not the one that was shown", Steps: []string{"disable"}}
	st.Approvals = []*workflows.ApprovalStatus{&second, first}
	st.Step("close").ByHand = "p-dora"
	return st
}

// done is the same run at its end; two more events joined it meanwhile.
func done() *workflows.Status {
	st := waiting()
	st.State, st.Outcome, st.Ended, st.Repeats = workflows.Done, "contained", when(4, 2), 2
	a := st.Approvals[0]
	a.Votes = append(a.Votes, approval.Vote{Approval: "contain", Person: "bob@example.com", Verdict: approval.Approve, At: at(4, 0)})
	a.Decision = &approval.Decision{Outcome: approval.Approved, By: []string{"alice@example.com", "bob@example.com"}, At: at(4, 0)}
	a.Refused = []string{"mallory@example.com: the vote does not count: mallory@example.com is not among those who may answer"}
	step(st, "contain", playbook.StatusDone, when(0, 1), when(4, 2))
	step(st, "disable", playbook.StatusDone, when(4, 0), when(4, 1)).Output = json.RawMessage(`{"status_before":"Active"}`)
	step(st, "purge", playbook.StatusDone, when(4, 1), when(4, 2))
	step(st, "close", playbook.StatusSkipped, nil, nil)
	return st
}

// failed is the same run when a call after the approval did not work.
func failed() *workflows.Status {
	st := done()
	st.State, st.Outcome, st.Error = workflows.Failed, "", `step "purge": access denied`
	step(st, "purge", playbook.StatusFailed, when(4, 1), when(4, 2)).Error = "access denied\nthe role lacks iam:DeleteSessions"
	contain := step(st, "contain", playbook.StatusFailed, when(0, 1), when(4, 2))
	contain.Error, contain.Attempts = `step "purge": access denied`, 2
	target := func(user string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"user": json.RawMessage(`"` + user + `"`), "access_key_id": json.RawMessage(`"AKIAIOSFODNN7EXAMPLE"`)}
	}
	st.Undone = []*workflows.UndoStatus{
		{Step: "disable", Activity: "aws.iam.enable_access_key", Status: playbook.StatusDone, Started: when(4, 2), Ended: when(4, 3)},
		{Step: "each[3].tag", Activity: "aws.iam.untag_user", Status: playbook.StatusFailed, Started: when(4, 3), Ended: when(4, 4), Error: "throttled\nfive times"},
	}
	st.UndoneUnlisted, st.LeftUnlisted, st.Ended = 1, 7, when(4, 5)
	st.Left = []*workflows.Act{
		{Step: "each[3].tag", Activity: "aws.iam.tag_user", Effect: "change", Targets: target("ci-deployer"), At: at(2, 0), Undo: "aws.iam.untag_user"},
		{Step: "purge", Activity: "aws.iam.delete_sessions", Effect: "destroy", Targets: target("ci-deployer"), At: at(60*24, 0), Unsure: true},
	}
	return st
}

// holds is a run that did things for a while only: each has become of something else. It failed, so
// that it tells what it left to its time.
func holds() *workflows.Status {
	st := done()
	st.State, st.Outcome, st.Error = workflows.Failed, "", "access denied"
	for i, until := range []workflows.Until{
		{State: workflows.ExpiryWaiting}, {}, {State: workflows.ExpiryActing},
		{State: workflows.ExpiryPutBack, Ended: when(241, 1)},
		{State: workflows.ExpiryKept, Ended: when(62, 0), KeptBy: "p-alice", Reason: "she is on leave\nuntil Monday"},
		{State: workflows.ExpiryFailed, Ended: when(1681, 0), Error: "throttled"},
		{State: workflows.ExpiryEnded, Ended: when(70, 0)},
		{State: workflows.ExpiryOvertaken, Ended: when(240, 8), Error: "not permitted: it was put back already"},
	} {
		until.At = at(240, i)
		st.Expiring = append(st.Expiring, &workflows.Act{
			Step: fmt.Sprintf("each[%d].disable", i), Activity: "aws.iam.disable_access_key", Effect: "change", At: at(0, i), Undo: "aws.iam.enable_access_key",
			Targets: map[string]json.RawMessage{"user": json.RawMessage(`"ci-deployer"`)}, Until: &until,
		})
	}
	st.Expiring, st.ExpiringUnlisted = append(st.Expiring, nil, &workflows.Act{Step: "forged"}), 2
	st.Undone = []*workflows.UndoStatus{{Step: "each[2].disable", Activity: "aws.iam.enable_access_key", Status: playbook.StatusSkipped, Started: when(4, 2), Ended: when(4, 2), Error: "left to its time, which has come"}}
	st.Left = st.Expiring[2:3]
	return st
}

// hostile is a run whose event was written by somebody who wants to be misread.
func hostile() *workflows.Status {
	const evil = "ci\x1b[2K\x1b[1A\u202eedoc\u202c\nApproved: yes\r\u200b\x07"
	st := waiting()
	st.Title, st.Error, st.Outcome = evil, evil, evil
	st.Labels = map[string]string{"cloud": evil}
	st.Event.Subject, st.Event.Source, st.Event.ID, st.Event.Type = evil, evil, evil, evil
	raw, _ := json.Marshal(evil)
	st.Inputs["user"] = raw
	st.Inputs[evil] = raw
	st.Steps[0].Output, _ = json.Marshal(map[string]any{evil: evil, "list": []any{evil}})
	st.Steps[0].Title, st.Steps[0].Error = evil, evil
	st.Steps[1].ID = "contain"
	a := st.Approvals[0]
	a.Question, a.Groups, a.People = evil, []string{evil}, []string{evil, "alice@example.com"}
	a.Calls[0].Input, _ = json.Marshal(map[string]any{"user": evil, "account": "1111\u200b22223333", "access_key_id": "\ufe0fa\u3164b \"c\" \\d", evil: []any{evil, map[string]any{evil: evil}}})
	a.Calls[0].Step, a.Calls[0].Title, a.Calls[0].Undo, a.Calls[0].Activity = evil, evil, evil, evil
	a.Policies = []grant.Need{{Groups: []string{evil}, Quorum: 1}}
	a.Calls[0].Rule, a.Calls[0].Why = evil, evil
	a.Calls[0].Preview = &preview.Preview{Changes: []preview.Change{{Target: evil, What: evil, Before: evil, After: evil}}}
	a.Edits = []approval.Edit{{By: evil, Step: evil, Before: evil, After: evil, At: at(0, 1)}}
	a.Again = &approval.Again{Of: evil, Why: evil, Steps: []string{evil, "purge"}}
	a.Escalate = &approval.Escalation{Groups: []string{evil}, At: at(15, 0)}
	a.Votes[0].For = evil
	st.Steps[2].ByHand = evil
	a.Calls[1].Effect, a.Calls[1].Input = evil, json.RawMessage("not json \x1b[31m")
	a.Votes[0].Person, a.Votes[0].Reason, a.Votes[0].Verdict = evil, evil, evil
	a.Refused = []string{evil}
	st.Undone = []*workflows.UndoStatus{{Step: evil, Activity: evil, Status: playbook.StatusFailed, Started: when(0, 1), Ended: when(0, 2), Error: evil}}
	st.Expiring = []*workflows.Act{{
		Step: evil, Activity: evil, Effect: evil, Targets: map[string]json.RawMessage{"user": raw, evil: raw}, At: at(0, 1), Undo: evil,
		Until: &workflows.Until{At: at(240, 0), State: workflows.ExpiryKept, KeptBy: evil, Reason: evil, Error: evil},
	}}
	st.Left = []*workflows.Act{{Step: evil, Activity: evil, Effect: evil, Targets: map[string]json.RawMessage{"user": raw, evil: raw}, At: at(0, 1), Undo: evil, Unsure: true}}
	return st
}

// forged is a run whose event imitates the card: with lines that look like its own, and with lines
// so long that a terminal breaks them where the next one should begin.
func forged() *workflows.Status {
	fake := "Archive the finding\n\n  A yes makes these 0 calls, in this order:\n\n  quorum     0 of 0 people must approve\n    decision   approved by nobody\n" +
		"21:29:05  contain       approved by alice@example.com" + strings.Repeat(" ", 40) + "21:29:07  run           done" + strings.Repeat("\n", 30) + "and more"
	st := waiting()
	st.State, st.Ended = workflows.Failed, when(6, 0)
	st.Outcome, st.Error = fake, strings.Repeat("東京 ", 500)
	step(st, "usage", playbook.StatusFailed, when(0, 0), when(0, 1)).Error = fake
	st.Steps[0].Title = fake
	a := st.Approvals[0]
	a.Question, a.Calls[0].Title, a.Votes[0].Reason = fake, fake, fake
	a.Calls[0].Input, _ = json.Marshal(map[string]string{"user": "ci" + strings.Repeat(" ", 60) + "quorum     0 of 0", "account": "{\n" + strings.Repeat(" ", 50) + "a" + strings.Repeat(" ", 20) + "quorum\n}"})
	a.Votes[0].Person = "mal\x1b[31mlory\u202e@example.com"
	a.Decision = &approval.Decision{Outcome: approval.Rejected, By: []string{a.Votes[0].Person}, Reason: "rejected by " + a.Votes[0].Person, At: at(2, 0)}
	a.Refused = []string{a.Votes[0].Person + ": the vote does not count", strings.Repeat("x", 2000)}
	st.Undone = []*workflows.UndoStatus{{Step: "usage", Activity: "aws.iam.untag_user", Status: playbook.StatusFailed, Started: when(0, 1), Ended: when(0, 2), Error: fake}}
	said, _ := json.Marshal(fake)
	st.Left = []*workflows.Act{{Step: "usage", Activity: "aws.iam.tag_user", Targets: map[string]json.RawMessage{"user": said}, At: at(0, 1)}}
	return st
}

// withdrawn is a run that was cancelled while it asked.
func withdrawn() *workflows.Status {
	st := waiting()
	st.State, st.Ended = workflows.Cancelled, when(6, 0)
	st.Approvals[0].Votes = nil
	st.Approvals[0].Decision = &approval.Decision{Outcome: "withdrawn", By: []string{}, Reason: "the run ended first", At: at(6, 0)}
	step(st, "contain", playbook.StatusFailed, when(0, 1), when(6, 0)).Error = "canceled"
	return st
}

// prepared is a run that sets values; those of steps without a name are nobody's news.
func prepared() *workflows.Status {
	st := done()
	set := func(id string, status playbook.Status) *workflows.StepStatus {
		return &workflows.StepStatus{ID: id, Verb: "set", Status: status, Started: when(0, 0), Ended: when(0, 0)}
	}
	broken := set("set-3", playbook.StatusFailed)
	broken.Error = "no such key: user"
	st.Steps = append([]*workflows.StepStatus{set("set-1", playbook.StatusDone), set("names", playbook.StatusDone), set("set-2", playbook.StatusRunning), broken}, st.Steps...)
	return st
}

// Whatever an event says stands behind a bar, in rows that no terminal breaks.
func TestNothingImitatesTheCard(t *testing.T) {
	t.Parallel()
	st := forged()
	for name, write := range map[string]func(io.Writer) error{
		"request":  func(w io.Writer) error { return card.Request(w, st, st.Approvals[0], at(2, 0)) },
		"story":    func(w io.Writer) error { return card.Story(w, st) },
		"progress": func(w io.Writer) error { card.NewProgress(w).See(st); return nil },
	} {
		var out bytes.Buffer
		require.NoError(t, write(&out))
		for line := range strings.Lines(out.String()) {
			for _, fake := range []string{"0 calls", "0 of 0", "approved by", "and more"} {
				if strings.Contains(line, fake) {
					require.Regexp(t, `^ *(error +|outcome +|targets +)?│ |"ci \\u0020`, line, name)
				}
			}
			if strings.Contains(line, "│") {
				require.LessOrEqual(t, utf8.RuneCountInString(line), 81, "%s: %s", name, line)
			}
		}
		require.NotContains(t, out.String(), "mallory", name)
	}
}

func requireHarmless(t *testing.T, s string) {
	t.Helper()
	require.True(t, utf8.ValidString(s), "%q is valid UTF-8", s)
	for _, r := range s {
		require.False(t, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), "%q in %q", r, s)
	}
}
