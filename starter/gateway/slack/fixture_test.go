package slack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/identity"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	run    = "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE"
	secops = "C0SECOPS"
	other  = "C0OTHER"
)

const people = `
people:
  alice: {email: alice@example.com, slack: U0ALICE}
  bob: {email: bob@example.com, slack: U0BOB}
  carol: {email: carol@example.com, slack: U0CAROL}
  zoe: {}
groups:
  secops-oncall: [alice, bob]
  secops-leads: [zoe]
sources: [ci]
`

const rules = `
policy: test
rules:
  - {name: all, then: {approval: {groups: [secops-oncall], quorum: 1}}}
`

const routes = `
workspace: T0TEAM
app: A0APP
fallback: C0OTHER
on_call:
  secops: {start: 2026-01-05T09:00, every: 7d, people: [alice]}
routes:
  - {name: secops, stage: run, channel: C0SECOPS, mention: [secops-oncall], on_call: secops}
`

// office is a desk whose runs a test makes up, with a front to a stand-in for Slack.
type office struct {
	*desk.Desk

	t      *testing.T
	signer grant.Signer
	ledger *ledger.Ledger
	slack  *standin.Server
	api    string
	routes string

	mu        sync.Mutex
	status    map[string]*workflows.Status
	standings []approval.Standing
	answers   []approval.AnswerOrder
	edits     []approval.EditOrder
	started   []string
	cancelled []string
	slow      chan struct{} // what a run's status waits for; nil: nothing

	stop func() // ends the front
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

// open returns an office where an event has started a run. Its front does not run yet.
func open(t *testing.T, change ...func(*standin.Options)) *office {
	t.Helper()
	pem, err := grant.NewKey(true)
	require.NoError(t, err)
	signer, err := grant.ParseSigner(pem, true)
	require.NoError(t, err)
	o := &office{t: t, signer: signer, ledger: ledgertest.Open(t), routes: routes, status: map[string]*workflows.Status{}, stop: func() {}}
	var workspace standin.Options
	for _, f := range change {
		f(&workspace)
	}
	o.slack = standin.New(workspace)
	o.api, err = o.slack.Listen()
	require.NoError(t, err)
	t.Cleanup(o.slack.Close)
	t.Cleanup(func() { o.stop() })
	o.Desk, err = desk.New(desk.Options{
		Signer: signer, Ledger: o.ledger, Runs: fakeRuns{o}, Directory: o.directory, Catalog: catalog,
		Policy: func() (desk.Policy, error) {
			p, problems := policy.Parse("policy.yaml", []byte(rules))
			if len(problems) > 0 {
				return nil, problems
			}
			return p, nil
		},
		Library: func() (*library.Library, error) { return shipped(), nil },
	})
	require.NoError(t, err)
	raw, err := playbooks.Events.ReadFile(playbooks.SampleEvent)
	require.NoError(t, err)
	ev, err := gateway.Normalise(raw)
	require.NoError(t, err)
	_, err = o.Receive(t.Context(), desk.Principal{Person: "ci", Surface: "http"}, ev)
	require.NoError(t, err)
	return o
}

func catalog() playbook.Catalog {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	return library.Catalog(registry)
}

func (o *office) directory() (directory.Directory, error) { return directory.Parse([]byte(people)) }

func (o *office) client() *web.Client {
	c, err := web.New(web.Options{Token: secret.New(standin.SampleBotToken), API: o.api, Timeout: 2 * time.Second})
	require.NoError(o.t, err)
	return c
}

// serve runs a front with a socket, until the function that it returns is called.
func (o *office) serve(change ...func(*slack.Options)) *slack.Front {
	o.t.Helper()
	client := o.client()
	who, err := identity.New(identity.Options{App: "A0APP", Team: "T0TEAM", Directory: o.directory, Web: client})
	require.NoError(o.t, err)
	opts := slack.Options{
		Desk: o.Desk, Ledger: o.ledger, Web: client, Who: who, Runs: fakeRuns{o}, Directory: o.directory, Team: "T0TEAM",
		Routes:  func() (*route.Routes, error) { return route.Parse("slack.yaml", []byte(o.routes)) },
		Library: func() (*library.Library, error) { return shipped(), nil },
		Log:     slog.New(slog.NewTextHandler(o.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, f := range change {
		f(&opts)
	}
	f, err := slack.New(opts)
	require.NoError(o.t, err)
	o.Notifier = f
	in, err := receive.New(f, receive.Config{App: "A0APP", Team: "T0TEAM", Private: f, Log: opts.Log})
	require.NoError(o.t, err)
	socket, err := in.Socket(receive.SocketOptions{API: api.New("", api.OptionAppLevelToken(standin.SampleAppToken), api.OptionAPIURL(o.api)), Connections: 1})
	require.NoError(o.t, err)
	ctx, cancel := context.WithCancel(o.t.Context())
	var ends sync.WaitGroup
	ends.Go(func() { _ = f.Run(ctx) })
	ends.Go(func() { _ = socket.Run(ctx) })
	o.stop = sync.OnceFunc(func() {
		cancel()
		ends.Wait()
		bounded, end := context.WithTimeout(context.Background(), 10*time.Second)
		defer end()
		require.NoError(o.t, in.Wait(bounded))
	})
	o.until(socket.Ready)
	return f
}

// until waits for something to be so.
func (o *office) until(so func() bool, says ...any) {
	o.t.Helper()
	require.Eventually(o.t, so, 15*time.Second, 10*time.Millisecond, says...)
}

// asks lets the run ask, and say so.
func (o *office) asks(change ...func(*approval.Request)) approval.Request {
	o.t.Helper()
	r := o.request(change...)
	o.tells(r.ID, r.Digest, false, r.Asked, r.Expires)
	return r
}

func (o *office) request(change ...func(*approval.Request)) approval.Request {
	o.t.Helper()
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(o.t, err)
	now := time.Now().UTC()
	r := approval.Request{
		ID: "contain_user", Run: run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), Question: "Disable the key?",
		Groups: []string{"secops-oncall"}, People: []string{"alice", "bob"}, Quorum: 1, Asked: now, Expires: now.Add(time.Hour),
	}
	input := json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`)
	const name = "aws.iam.disable_access_key"
	s := pb.Plan.Activities[name]
	sum, err := activities.Call{Activity: name, Version: s.Version, Input: input}.Digest()
	require.NoError(o.t, err)
	r.Calls = []approval.Call{{
		Step: "disable", Activity: name, Version: s.Version, Effect: string(s.Effect), Undo: s.Undo, Targets: s.Targets, Input: input, Digest: sum,
		Preview: &preview.Preview{Changes: []preview.Change{{Target: "AKIAIOSFODNN7EXAMPLE", What: "status", Before: "Active", After: "Inactive"}}},
	}}
	for _, f := range change {
		f(&r)
	}
	require.NoError(o.t, r.Seal())
	o.mu.Lock()
	defer o.mu.Unlock()
	st := o.now()
	st.Approvals = append(st.Approvals, &workflows.ApprovalStatus{Request: r})
	o.status[run] = st
	return r
}

// now is a copy of the run's status.
func (o *office) now() *workflows.Status {
	if st := o.status[run]; st != nil {
		again := *st
		again.Approvals, again.Questions = slices.Clone(st.Approvals), slices.Clone(st.Questions)
		return &again
	}
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(o.t, err)
	return &workflows.Status{Run: run, Execution: "e1", Playbook: pb.Name, Title: pb.Title, Plan: pb.Digest(), State: workflows.Waiting, Started: time.Now()}
}

// questions lets the run ask a question.
func (o *office) questions() approval.Question {
	o.t.Helper()
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(o.t, err)
	now := time.Now().UTC()
	q := approval.Question{
		ID: "expected", Run: run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), Question: "Is it expected?",
		Form: approval.Form{{Name: "note", Type: expr.String}}, Groups: []string{"secops-oncall"}, People: []string{"alice", "bob"}, Asked: now, Expires: now.Add(time.Hour),
	}
	require.NoError(o.t, q.Seal())
	o.mu.Lock()
	st := o.now()
	st.Questions = append(st.Questions, &workflows.QuestionStatus{Question: q})
	o.status[run] = st
	o.mu.Unlock()
	o.tells(q.ID, q.Digest, true, q.Asked, q.Expires)
	return q
}

// tells puts a run's word on record that it asks.
func (o *office) tells(id string, name digest.Digest, question bool, asked, expires time.Time) {
	o.t.Helper()
	o.append(ledger.Entry{Kind: ledger.Asked, Run: run, Key: ledger.AskedKey(run, name), Topic: string(name), Body: ledger.AskedBody{
		ID: id, Digest: name, Execution: "e1", Question: question, Asked: asked, Expires: expires,
	}})
}

func (o *office) append(e ledger.Entry) ledger.Record {
	o.t.Helper()
	var rec ledger.Record
	require.NoError(o.t, o.ledger.Do(context.Background(), func(tx ledger.Tx) (err error) {
		rec, err = tx.Append(e)
		return err
	}))
	return rec
}

// ends lets the run end.
func (o *office) ends(state workflows.State, outcome, why string) {
	o.t.Helper()
	o.mu.Lock()
	st := o.now()
	st.State, st.Outcome, st.Error = state, outcome, why
	o.status[run] = st
	o.mu.Unlock()
	o.append(ledger.Entry{Kind: ledger.Ended, Run: run, Key: ledger.EndedKey(run, "e1"), Body: ledger.EndedBody{
		Execution: "e1", Playbook: "aws-compromised-access-key", State: string(state), Outcome: outcome, Error: why,
	}})
}

// does lets the covered call be made, or fail.
func (o *office) does(r approval.Request, why string) {
	o.t.Helper()
	decisions := records[ledger.DecisionBody](o, ledger.Decision)
	var g grant.Grant
	require.NoError(o.t, o.signer.Keys().Open(decisions[len(decisions)-1].Grant, grant.KindGrant, &g))
	c := r.Calls[0]
	intent := o.append(ledger.Entry{Kind: ledger.Intent, Run: run, Body: ledger.IntentBody{
		Permission: g.ID, PermissionKind: ledger.ByGrant, Workflow: run, Execution: "e1", Step: c.Step, Activity: c.Activity, Version: c.Version, Input: c.Input, Digest: c.Digest,
	}})
	if why != "" {
		o.append(ledger.Entry{Kind: ledger.Failure, Run: run, Body: ledger.FailureBody{Intent: intent.Seq, Error: why}})
		return
	}
	undo := ledger.CallBody{Activity: "aws.iam.enable_access_key", Version: 1, Input: c.Input}
	topic, err := activities.Call{Activity: undo.Activity, Version: undo.Version, Input: undo.Input}.Digest()
	require.NoError(o.t, err)
	o.append(ledger.Entry{Kind: ledger.Outcome, Run: run, Topic: string(topic), Body: ledger.OutcomeBody{Intent: intent.Seq, Output: json.RawMessage(`{}`), Undo: &undo}})
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

// card waits for the only message in the channel.
func (o *office) card(channel string) standin.Message {
	o.t.Helper()
	o.until(func() bool { return len(o.slack.Messages(channel)) > 0 && o.recorded() }, "no card")
	all := o.slack.Messages(channel)
	return all[len(all)-1]
}

// recorded reports that all that was begun to be posted is on record as posted.
func (o *office) recorded() bool {
	open := map[digest.Digest]bool{}
	for _, b := range records[ledger.MessageBody](o, ledger.Message) {
		open[b.Digest] = b.State == ledger.Posting
	}
	for _, still := range open {
		if still {
			return false
		}
	}
	return true
}

// reads waits until a message reads so.
func (o *office) reads(m standin.Message, want string) {
	o.t.Helper()
	o.until(func() bool {
		now, ok := o.slack.Message(m.Channel, m.TS)
		return ok && strings.Contains(o.slack.Plain(now), want)
	}, "never reads "+want)
}

// buttons are the actions of a message as it is now.
func (o *office) buttons(m standin.Message) []string {
	now, _ := o.slack.Message(m.Channel, m.TS)
	var all []string
	for _, b := range now.Buttons() {
		all = append(all, b.Action)
	}
	return all
}

// threadReads waits for a line below a message.
func (o *office) threadReads(m standin.Message, want string) standin.Message {
	o.t.Helper()
	var found standin.Message
	o.until(func() bool {
		for _, line := range o.slack.Thread(m.Channel, m.TS) {
			if strings.Contains(o.slack.Plain(line), want) {
				found = line
				return true
			}
		}
		return false
	}, "no line "+want)
	return found
}

// hears waits until a person alone has been told something.
func (o *office) hears(user, want string) {
	o.t.Helper()
	o.until(func() bool {
		return slices.ContainsFunc(o.slack.Ephemeral(user), func(m standin.Message) bool {
			return strings.Contains(m.Text, want) || strings.Contains(o.slack.Plain(m), want)
		})
	}, "never heard "+want)
}

// press presses a button, and asks that Slack has its answer in time.
func (o *office) press(user string, m standin.Message, action string) standin.Result {
	o.t.Helper()
	r, err := o.slack.Press(user, m.Channel, m.TS, action)
	require.NoError(o.t, err)
	require.True(o.t, r.Acked)
	return r
}

// fakeRuns is how the runs of an office behave.
type fakeRuns struct{ *office }

func (o fakeRuns) Start(ctx context.Context, pb *playbook.Playbook, key string, _ workflows.Input) (workflows.Started, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := workflows.RunID(pb.Name, key)
	o.started = append(o.started, id)
	return workflows.Started{Run: id, Execution: "e1", New: true}, nil
}

func (o fakeRuns) Deliver(context.Context, event.Event) (bool, error) { return false, nil }

func (o fakeRuns) Status(ctx context.Context, run string) (*workflows.Status, error) {
	o.mu.Lock()
	slow := o.slow
	st, ok := o.status[run]
	o.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return nil, fmt.Errorf("ask %s: %w", run, workflows.ErrNoWorker)
		}
	}
	if !ok {
		return nil, fmt.Errorf("ask %s: %w", run, workflows.ErrNoRun)
	}
	return st, nil
}

func (o fakeRuns) Runs(context.Context, bool, int) ([]workflows.Listed, error) {
	return []workflows.Listed{{Run: run, Playbook: "aws-compromised-access-key", Status: "running", Started: time.Now()}}, nil
}

func (o fakeRuns) Decide(_ context.Context, _ string, signed grant.Signed) (workflows.VoteResult, error) {
	var s approval.Standing
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindStanding, &s))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.standings = append(o.standings, s)
	return workflows.VoteResult{Votes: len(s.Votes), Decision: s.Decision}, nil
}

func (o fakeRuns) Answer(_ context.Context, _ string, signed grant.Signed) (approval.Ending, error) {
	var a approval.AnswerOrder
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindAnswer, &a))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = append(o.answers, a)
	return approval.Ending{Outcome: approval.Answered, Answer: &a.Answer, At: a.Answer.At}, nil
}

func (o fakeRuns) Edit(_ context.Context, _ string, signed grant.Signed) (workflows.EditResult, error) {
	var e approval.EditOrder
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindEdit, &e))
	o.mu.Lock()
	o.edits = append(o.edits, e)
	st := o.now()
	st.Approvals = slices.DeleteFunc(st.Approvals, func(a *workflows.ApprovalStatus) bool { return a.Digest == e.Request })
	o.status[run] = st
	o.mu.Unlock()
	r := o.asks(func(r *approval.Request) {
		c := &r.Calls[0]
		c.Input = e.Input
		sum, err := activities.Call{Activity: c.Activity, Version: c.Version, Input: c.Input}.Digest()
		require.NoError(o.t, err)
		r.Edits = []approval.Edit{{By: e.By, Step: e.Step, Before: c.Digest, After: sum, At: e.At}}
		c.Digest = sum
	})
	return workflows.EditResult{Request: r.Digest}, nil
}

func (o fakeRuns) Cancel(_ context.Context, run string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancelled = append(o.cancelled, run)
	return nil
}

func (o fakeRuns) Keep(_ context.Context, until workflows.Until, _ grant.Signed) (workflows.ExpiryStatus, error) {
	return workflows.ExpiryStatus{Run: until.Run, Step: until.Step, State: workflows.ExpiryKept}, nil
}

// takesBack lets the run that undoes make its call.
func (o *office) takesBack(run string) {
	o.t.Helper()
	outcomes := records[ledger.OutcomeBody](o, ledger.Outcome)
	undo := outcomes[0].Undo
	sum, err := activities.Call{Activity: undo.Activity, Version: undo.Version, Input: undo.Input}.Digest()
	require.NoError(o.t, err)
	intent := o.append(ledger.Entry{Kind: ledger.Intent, Run: run, Body: ledger.IntentBody{
		Permission: "t", PermissionKind: ledger.ByTicket, Workflow: run, Execution: "e1", Step: "undo", Activity: undo.Activity, Version: undo.Version, Input: undo.Input, Digest: sum, Undo: ledger.UndoByPerson,
	}})
	o.append(ledger.Entry{Kind: ledger.Outcome, Run: run, Body: ledger.OutcomeBody{Intent: intent.Seq, Output: json.RawMessage(`{}`)}})
}

func containsText(s, want string) bool { return strings.Contains(s, want) }
