package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// fake is runs that follow a script: each look at a run gives its next status, and the last one
// for ever.
type fake struct {
	mu       sync.Mutex
	statuses map[string][]*workflows.Status
	listed   []workflows.Listed
	known    map[string]bool  // runs that an event joins
	fails    map[string]error // by method, or method and run
	result   desk.VoteResult

	started   []string
	inputs    []workflows.Input
	votes     []approval.Vote
	answers   []approval.Answer
	cancelled []string
	said      []string
	closed    bool
	waited    bool // runs wait for events
	delivered []string
	schedules schedules
}

func (f *fake) fail(method, run string) error {
	if err := f.fails[method+" "+run]; err != nil {
		return err
	}
	return f.fails[method]
}

func (f *fake) Start(_ context.Context, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error) {
	id := workflows.RunID(pb.Name, key)
	if err := f.fail("start", id); err != nil {
		return workflows.Started{}, err
	}
	f.started, f.inputs = append(f.started, id), append(f.inputs, in)
	return workflows.Started{Run: id, Execution: "x", New: !f.known[id]}, nil
}

func (f *fake) Deliver(_ context.Context, ev event.Event) (bool, error) {
	if err := f.fail("deliver", ""); err != nil {
		return false, err
	}
	if f.waited {
		f.delivered = append(f.delivered, ev.ID)
	}
	return f.waited, nil
}

func (f *fake) Status(_ context.Context, run string) (*workflows.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fail("status", run); err != nil {
		return nil, err
	}
	script := f.statuses[run]
	if len(script) == 0 {
		return nil, fmt.Errorf("ask the run %s for its status: %w", run, workflows.ErrNoRun)
	}
	if len(script) > 1 {
		f.statuses[run] = script[1:]
	}
	return script[0], nil
}

func (f *fake) AskExpiring(_ context.Context, st *workflows.Status) {
	for _, act := range st.Expiring {
		act.Until.State, act.Until.KeptBy = workflows.ExpiryKept, "p-alice"
	}
}

func (f *fake) Watch(ctx context.Context, run string, _ time.Duration, see func(*workflows.Status) bool) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		st, err := f.Status(ctx, run)
		if err != nil {
			return err
		}
		if !see(st) || st.State.Over() {
			return nil
		}
		f.mu.Lock()
		stuck := len(f.statuses[run]) == 1 && !f.statuses[run][0].State.Over()
		f.mu.Unlock()
		if stuck {
			<-ctx.Done()
			return ctx.Err()
		}
	}
}

func (f *fake) Vote(_ context.Context, run string, v approval.Vote) (desk.VoteResult, error) {
	if err := f.fail("vote", run); err != nil {
		return desk.VoteResult{}, err
	}
	f.votes = append(f.votes, v)
	return f.result, nil
}

func (f *fake) Answer(_ context.Context, run string, a approval.Answer) (approval.Ending, error) {
	if err := f.fail("answer", run); err != nil {
		return approval.Ending{}, err
	}
	f.answers = append(f.answers, a)
	return approval.Ending{Outcome: approval.Answered, Answer: &a, At: at(3)}, nil
}

func (f *fake) Cancel(_ context.Context, run string) error {
	if err := f.fail("cancel", run); err != nil {
		return err
	}
	f.cancelled = append(f.cancelled, run)
	return nil
}

func (f *fake) Delegate(_ context.Context, run string, d desk.Delegate) (approval.Delegation, error) {
	f.said = append(f.said, "delegate "+run+" "+d.Approval+" to "+d.To)
	return approval.Delegation{From: "alice", To: d.To}, f.fail("delegate", run)
}

func (f *fake) Edit(_ context.Context, run string, e desk.Edit) (workflows.EditResult, error) {
	f.said = append(f.said, "edit "+run+" "+e.Step+" "+strings.TrimSpace(string(e.Input)))
	return workflows.EditResult{Request: shown}, f.fail("edit", run)
}

func (f *fake) Keep(_ context.Context, run string, k desk.Keep) (workflows.ExpiryStatus, error) {
	f.said = append(f.said, "keep "+run+" "+k.Step+": "+k.Reason)
	return workflows.ExpiryStatus{Run: run, Step: k.Step, State: workflows.ExpiryKept}, f.fail("keep", run)
}

func (f *fake) Undo(_ context.Context, run, reason string) (workflows.Started, error) {
	f.said = append(f.said, "undo "+run+": "+reason)
	return workflows.Started{Run: "undo-" + run, New: true}, f.fail("undo", run)
}

func (f *fake) Halt(_ context.Context, reason string) (desk.Switch, error) {
	f.said = append(f.said, "halt: "+reason)
	return desk.Switch{Halted: true, By: "alice"}, f.fail("halt", "")
}

func (f *fake) Resume(_ context.Context, reason string) (desk.Switch, error) {
	f.said = append(f.said, "resume: "+reason)
	return desk.Switch{By: "alice"}, f.fail("resume", "")
}

func (f *fake) Reviews(context.Context) ([]ledger.ReviewBody, error) {
	return []ledger.ReviewBody{{ID: "a1b2", Run: keyRun, Approval: "contain", Person: "zoe", Reason: evil, Open: true}}, f.fail("reviews", "")
}

func (f *fake) CloseReview(_ context.Context, id, reason string) error {
	f.said = append(f.said, "close "+id+": "+reason)
	return f.fail("close", id)
}

func (f *fake) Runs(_ context.Context, open bool, limit int) ([]workflows.Listed, error) {
	if err := f.fail("runs", ""); err != nil {
		return nil, err
	}
	all := slices.Clone(f.listed)
	if open {
		all = slices.DeleteFunc(all, func(r workflows.Listed) bool { return r.Ended != nil })
	}
	return all[:min(limit, len(all))], nil
}

// gate is the gateway, where everybody may act by a mail address.
func (f *fake) gate(as string) (cli.Gateway, string, error) { return f, as, f.fail("gate", "") }

// result is what a command line did.
type result struct {
	code     int
	out, err string
}

// starter runs a command line in this process against the fake.
func (f *fake) starter(t *testing.T, args ...string) result {
	t.Helper()
	var out, talk bytes.Buffer
	code := cli.Command{
		Streams: cli.Streams{In: strings.NewReader(""), Out: &out, Err: &talk, Env: []string{"TEMPORAL_CONFIG_FILE=" + t.TempDir() + "/none"}},
		Now:     func() time.Time { return at(2) },
		Dial: func(context.Context, connect.Options, string) (cli.Runs, func(), error) {
			return f, func() { f.closed = true }, nil
		},
		Gate: f.gate,
	}.Run(t.Context(), args)
	return result{code, out.String(), talk.String()}
}

const (
	keyRun   = "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE"
	keyEvent = "../../playbooks/events/guardduty-iam-malicious-ip-caller.json"
	evil     = "ci\x1b[2K\u202eedoc\nApproved"
	shown    = "sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
)

// at is a time of the example run, in minutes after its start.
func at(minutes int) time.Time {
	return time.Date(2026, 11, 20, 21, 25, 5, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

func when(minutes int) *time.Time {
	t := at(minutes)
	return &t
}

// running is a run that has begun; the texts of its event are hostile.
func running(id string) *workflows.Status {
	return &workflows.Status{
		Run: id, Playbook: "aws-compromised-access-key", Title: "A compromised IAM access key", State: workflows.Running, Started: at(0),
		Event:  workflows.EventRef{ID: "e-1", Source: "aws.guardduty/1/eu", Type: "aws.guardduty.finding", Subject: evil, Time: at(0)},
		Inputs: map[string]json.RawMessage{"user": quoted(evil)},
		Steps:  []*workflows.StepStatus{{ID: "contain", Verb: "approve", Status: playbook.StatusRunning, Started: when(0)}},
	}
}

func quoted(s string) json.RawMessage {
	raw, _ := json.Marshal(s)
	return raw
}

// waiting asks one thing.
func waiting(id string) *workflows.Status {
	st := running(id)
	st.State = workflows.Waiting
	st.Steps[0].Status = playbook.StatusWaiting
	st.Approvals = []*workflows.ApprovalStatus{{Request: approval.Request{
		ID: "contain", Run: id, Playbook: st.Playbook, Question: "Disable the key of " + evil + "?",
		Groups: []string{"secops-oncall"}, People: []string{"alice@example.com", "bob@example.com"}, Quorum: 2,
		Asked: at(0), Expires: at(30), Digest: shown,
		Calls: []approval.Call{{
			Step: "disable", Title: "Disable an IAM access key", Activity: "aws.iam.disable_access_key", Version: 1, Effect: "change",
			Undo: "aws.iam.enable_access_key", Targets: []string{"user"}, Input: json.RawMessage(`{"user":` + string(quoted(evil)) + `}`),
		}},
	}}}
	return st
}

// over is the end of a run.
func over(id string, state workflows.State) *workflows.Status {
	st := waiting(id)
	st.State, st.Ended = state, when(5)
	st.Approvals[0].Decision = &approval.Decision{Outcome: approval.Approved, By: []string{"alice@example.com", "bob@example.com"}, At: at(4)}
	st.Steps[0].Status, st.Steps[0].Ended = playbook.StatusDone, when(5)
	switch state {
	case workflows.Done:
		st.Outcome = "contained"
	case workflows.Failed:
		st.Error = `step "disable": access denied for ` + evil
	}
	return st
}
