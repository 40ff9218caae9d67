package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

const run = "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE"

const people = `
people:
  alice: {email: alice@example.com}
  bob: {email: bob@example.com}
  carol: {email: carol@example.com, accounts: [carol-admin]}
  dora: {}
  zoe: {}
groups:
  secops-oncall: [alice, bob, carol]
  secops-leads: [zoe]
sources: [ci]
`

const rules = `
policy: test
break_glass: {groups: [secops-leads]}
rules:
  - {name: all, then: {approval: {groups: [secops-oncall], quorum: 1}}}
`

// office is a desk with runs that a test makes up.
type office struct {
	*desk.Desk

	t      *testing.T
	signer grant.Signer
	ledger *ledger.Ledger
	people string
	rules  string
	slack  slackGroups

	mu        sync.Mutex
	status    map[string]*workflows.Status
	tickets   []grant.Ticket
	standings []approval.Standing
	answers   []approval.AnswerOrder
	edits     []approval.EditOrder
	cancelled []string
	over      workflows.Over // how runs of schedules have ended
	deaf      error          // what a run answers
	slow      chan struct{}  // closed when a run hears decisions; nil: it hears at once
	silent    bool           // no worker answers
	unlisted  bool           // the list of runs is empty
	asked     int            // how often runs were asked for their status
	notices   []desk.Notice
}

var shipped = sync.OnceValue(func() *library.Library {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	lib, problems, err := library.Load(playbooks.Files, library.Catalog(registry))
	if err != nil || len(problems) > 0 {
		panic(fmt.Sprint(err, problems))
	}
	return lib
})

func open(t *testing.T, change ...func(*desk.Options)) *office {
	t.Helper()
	pem, err := grant.NewKey(true)
	require.NoError(t, err)
	signer, err := grant.ParseSigner(pem, true)
	require.NoError(t, err)
	o := &office{t: t, signer: signer, ledger: ledgertest.Open(t), people: people, rules: rules, status: map[string]*workflows.Status{}}
	opts := desk.Options{
		Signer: signer, Ledger: o.ledger, Runs: fakeRuns{o}, Notifier: fakeRuns{o},
		Directory: directory.Looking(func() (directory.Directory, error) { return directory.Parse([]byte(o.people)) }, &o.slack),
		Policy: func() (desk.Policy, error) {
			p, problems := policy.Parse("policy.yaml", []byte(o.rules))
			if len(problems) > 0 {
				return nil, problems
			}
			return p, nil
		},
		Library: func() (*library.Library, error) { return shipped(), nil },
		Catalog: func() playbook.Catalog {
			registry := activities.NewRegistry()
			all.Register(registry, all.Options{})
			return library.Catalog(registry)
		},
	}
	for _, f := range change {
		f(&opts)
	}
	o.Desk, err = desk.New(opts)
	require.NoError(t, err)
	return o
}

func by(person string) desk.Principal { return desk.Principal{Person: person, Surface: "cli"} }

func sample(t *testing.T) event.Event {
	t.Helper()
	raw, err := playbooks.Events.ReadFile(playbooks.SampleEvent)
	require.NoError(t, err)
	ev, err := gateway.Normalise(raw)
	require.NoError(t, err)
	return ev
}

// asks lets the run ask for what its playbook has it ask; change makes it another request.
func (o *office) asks(change ...func(*approval.Request)) approval.Request {
	o.t.Helper()
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(o.t, err)
	now := time.Now().UTC()
	r := approval.Request{
		ID: "contain_user", Run: run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), Question: "Disable the key?",
		Groups: []string{"secops-oncall"}, People: []string{"alice", "bob", "carol"}, Quorum: 1, Asked: now, Expires: now.Add(time.Hour),
	}
	input := json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`)
	const name = "aws.iam.disable_access_key"
	s := pb.Plan.Activities[name]
	call := activities.Call{Activity: name, Version: s.Version, Input: input}
	sum, err := call.Digest()
	require.NoError(o.t, err)
	r.Calls = []approval.Call{{Step: "disable", Activity: name, Version: s.Version, Effect: string(s.Effect), Undo: s.Undo, Targets: s.Targets, Input: input, Digest: sum, Preview: seen()}}
	require.NoError(o.t, r.Seal())
	for _, f := range change {
		f(&r)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status[run] = &workflows.Status{Run: run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), State: workflows.Waiting, Approvals: []*workflows.ApprovalStatus{{Request: r}}}
	return r
}

// seen is what a call would change.
func seen() *preview.Preview {
	return &preview.Preview{Changes: []preview.Change{{Target: "AKIAIOSFODNN7EXAMPLE", What: "status", Before: "Active", After: "Inactive"}}}
}

// sealed is a change that the request's digest covers.
func sealed(change func(*approval.Request)) func(*approval.Request) {
	return func(r *approval.Request) {
		change(r)
		_ = r.Seal()
	}
}

func yes(r approval.Request) desk.Vote {
	return desk.Vote{Approval: r.ID, Digest: r.Digest, Verdict: approval.Approve}
}

// records are the bodies of all records of a kind.
func records[T any](o *office, kind ledger.Kind) []T {
	o.t.Helper()
	var bodies []T
	require.NoError(o.t, o.ledger.View(context.Background(), func(tx ledger.Tx) error {
		list, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{kind}})
		for _, r := range list {
			var b T
			require.NoError(o.t, json.Unmarshal(r.Body, &b))
			bodies = append(bodies, b)
		}
		return err
	}))
	return bodies
}

// fakeRuns is how the runs of an office behave.
type fakeRuns struct{ *office }

func (o fakeRuns) Start(ctx context.Context, pb *playbook.Playbook, key string, _ workflows.Input) (workflows.Started, error) {
	var t grant.Ticket
	require.NoError(o.t, o.signer.Keys().Open(activities.TicketFrom(ctx), grant.KindTicket, &t))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tickets = append(o.tickets, t)
	return workflows.Started{Run: workflows.RunID(pb.Name, key), Execution: "e1", New: len(o.tickets) == 1}, nil
}

func (o fakeRuns) Deliver(context.Context, event.Event) (bool, error) { return false, nil }

func (o fakeRuns) Status(ctx context.Context, run string) (*workflows.Status, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked++; o.silent {
		o.mu.Unlock()
		<-ctx.Done()
		o.mu.Lock()
		return nil, fmt.Errorf("ask %s: %w", run, workflows.ErrNoWorker)
	}
	if st, ok := o.status[run]; ok {
		return st, nil
	}
	return nil, fmt.Errorf("ask %s: %w", run, workflows.ErrNoRun)
}

func (o fakeRuns) Runs(context.Context, bool, int) ([]workflows.Listed, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unlisted {
		return nil, nil
	}
	return []workflows.Listed{{Run: run}, {Run: "gone/1"}}, nil
}

func (o fakeRuns) Decide(ctx context.Context, _ string, signed grant.Signed) (workflows.VoteResult, error) {
	if o.slow != nil {
		select {
		case <-o.slow:
		case <-ctx.Done():
			return workflows.VoteResult{}, ctx.Err()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.deaf != nil {
		return workflows.VoteResult{}, o.deaf
	}
	var s approval.Standing
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindStanding, &s))
	o.standings = append(o.standings, s)
	return workflows.VoteResult{Votes: len(s.Votes), Decision: s.Decision}, nil
}

func (o fakeRuns) Answer(_ context.Context, _ string, signed grant.Signed) (approval.Ending, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.deaf != nil {
		return approval.Ending{}, o.deaf
	}
	var a approval.AnswerOrder
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindAnswer, &a))
	o.answers = append(o.answers, a)
	return approval.Ending{Outcome: approval.Answered, Answer: &a.Answer, At: a.Answer.At}, nil
}

func (o fakeRuns) Cancel(_ context.Context, run string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancelled = append(o.cancelled, run)
	return nil
}

func (o fakeRuns) Notify(_ context.Context, n desk.Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notices = append(o.notices, n)
}

// arrived is the last standing that reached the run.
func (o *office) arrived() (approval.Standing, *grant.Grant) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.NotEmpty(o.t, o.standings)
	last := o.standings[len(o.standings)-1]
	if last.Grant == nil {
		return last, nil
	}
	var g grant.Grant
	require.NoError(o.t, o.signer.Keys().Open(last.Grant, grant.KindGrant, &g))
	return last, &g
}

func planOf(t *testing.T) *playbook.Plan {
	t.Helper()
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(t, err)
	return &pb.Plan
}

func callOf(c approval.Call) activities.Call {
	return activities.Call{Activity: c.Activity, Version: c.Version, Input: c.Input}
}

func (o fakeRuns) Keep(_ context.Context, until workflows.Until, signed grant.Signed) (workflows.ExpiryStatus, error) {
	var k grant.Keep
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindKeep, &k))
	return workflows.ExpiryStatus{Run: k.Run, Step: k.Step, Execution: until.Execution, KeptBy: k.By, State: workflows.ExpiryKept}, nil
}

func (o fakeRuns) Edit(_ context.Context, _ string, signed grant.Signed) (workflows.EditResult, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.deaf != nil {
		return workflows.EditResult{}, o.deaf
	}
	var e approval.EditOrder
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindEdit, &e))
	o.edits = append(o.edits, e)
	return workflows.EditResult{Request: "sha256:new"}, nil
}
