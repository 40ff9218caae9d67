package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/starter/evidence"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

var signer = grant.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))

var began = time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)

// tale is what a run does: two people let it stop a machine, it sends a message by itself, and a
// playbook that it calls takes the first effect back.
type tale struct {
	signer   grant.Signer
	ticket   grant.Ticket
	run      ledger.RunBody
	request  map[string]any
	digest   digest.Digest // of the request
	votes    []ledger.VoteBody
	grant    grant.Grant
	stop     ledger.IntentBody
	outcome  ledger.OutcomeBody
	send     ledger.IntentBody
	failure  ledger.FailureBody
	again    ledger.IntentBody
	undo     ledger.IntentBody
	undoRun  string
	useAfter time.Duration // of the decision
}

func newTale(t *testing.T) *tale {
	event, inputs := map[string]any{"id": "1"}, map[string]any{"host": "i-1"}
	x := &tale{
		signer:  signer,
		ticket:  grant.Ticket{ID: "t1", Run: "isolate/i-1", Playbook: "isolate", Plan: name(t, "plan"), Event: name(t, event), Inputs: name(t, inputs), Issued: began},
		run:     ledger.RunBody{Playbook: "isolate", Digest: name(t, "plan"), Plan: js(t, "plan"), Event: js(t, event), Inputs: js(t, inputs)},
		request: map[string]any{"id": "contain", "run": "isolate/i-1", "quorum": 2, "digest": ""},
		stop: ledger.IntentBody{
			Permission: "g1", PermissionKind: ledger.ByGrant, Workflow: "isolate/i-1", Execution: "x1", Step: "stop", Attempt: 1,
			Activity: "aws.ec2.isolate", Version: 1, Effect: "change", Account: "1", Input: js(t, inputs), Digest: name(t, "stop"),
		},
		outcome: ledger.OutcomeBody{Intent: 6, Output: js(t, inputs), Requests: []string{"req-1"}},
		send: ledger.IntentBody{
			Permission: "t1", PermissionKind: ledger.ByTicket, Workflow: "isolate/i-1", Execution: "x1", Step: "send", Attempt: 1,
			Activity: "slack.post", Version: 1, Effect: "change", Input: js(t, inputs), Digest: name(t, "send"),
		},
		failure: ledger.FailureBody{Intent: 8, Error: "too many requests"},
		undo: ledger.IntentBody{
			Permission: "undo-7", PermissionKind: ledger.ByUndo, Workflow: "isolate/i-1/child", Execution: "x2", Step: "back", Attempt: 1,
			Activity: "aws.ec2.restore", Version: 1, Effect: "change", Input: js(t, inputs), Digest: name(t, "back"), Undo: ledger.UndoByRun,
		},
		undoRun: "isolate/i-1/child",
	}
	x.again = x.send
	x.again.Attempt = 2
	x.digest = name(t, x.request)
	for _, person := range []string{"ada", "bob"} {
		x.votes = append(x.votes, ledger.VoteBody{Request: x.digest, Approval: "contain", Person: person, Verdict: "approve", Surface: "cli"})
	}
	x.votes[1].Surface, x.votes[1].Via = "slack", "T01/U01BOB by directory, message C01/17.5"
	x.grant = grant.Grant{
		ID: "g1", Run: "isolate/i-1", Execution: "x1", Approval: "contain", Request: x.digest, Plan: name(t, "plan"),
		Calls:     []grant.Call{{Step: "stop", Digest: name(t, "stop")}},
		Approvers: []grant.Approver{{Person: "ada", At: began, Surface: "cli"}, {Person: "bob", At: began, Surface: "cli"}},
		NotBefore: began, Expires: began.Add(15 * time.Minute),
	}
	return x
}

// bundle records the tale, with somebody else's records in between, and collects its evidence.
func (x *tale) bundle(t *testing.T) evidence.Bundle {
	t.Helper()
	at := began
	l := ledgertest.Open(t, ledger.WithClock(func() time.Time { return at }))
	x.run.Ticket = x.sign(t, grant.KindTicket, x.ticket)
	signed := x.sign(t, grant.KindGrant, x.grant)
	x.request["digest"] = x.digest
	entries := []ledger.Entry{
		{Kind: ledger.Run, Run: "isolate/i-1", Body: x.run},
		{Kind: ledger.Request, Run: "isolate/i-1", Body: ledger.RequestBody{Digest: x.digest, Request: js(t, x.request), Card: "Isolate i-1?"}},
		{Kind: ledger.Vote, Run: "isolate/i-1", Body: x.votes[0]},
		{Kind: ledger.Vote, Run: "isolate/i-1", Body: x.votes[1]},
		{Kind: ledger.Decision, Run: "isolate/i-1", Body: ledger.DecisionBody{Request: x.digest, Approval: "contain", Outcome: "approved", By: []string{"ada", "bob"}, Grant: &signed}},
		{Kind: ledger.Intent, Run: "isolate/i-1", Body: x.stop},
		{Kind: ledger.Outcome, Run: "isolate/i-1", Body: x.outcome},
		{Kind: ledger.Intent, Run: "isolate/i-1", Body: x.send},
		{Kind: ledger.Failure, Run: "isolate/i-1", Body: x.failure},
		{Kind: ledger.Retry, Run: "isolate/i-1", Body: x.again},
		{Kind: ledger.Switch, Body: ledger.SwitchBody{By: "carol", Reason: "not of this run"}},
		{Kind: ledger.Intent, Run: x.undoRun, Body: x.undo},
		{Kind: ledger.Refusal, Run: "isolate/i-1", Body: ledger.RefusalBody{Step: "delete", Why: "never"}},
		{Kind: ledger.Run, Run: "isolate/i-10", Body: ledger.RunBody{Playbook: "not of this run"}},
	}
	for _, e := range entries {
		at = at.Add(time.Second)
		if e.Kind == ledger.Intent {
			at = at.Add(x.useAfter)
		}
		require.NoError(t, l.Do(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Append(e)
			return err
		}))
	}
	b, err := evidence.Collect(t.Context(), l, "isolate/i-1", x.seal(t, l), began.Add(time.Hour))
	require.NoError(t, err)
	// On the way to whoever checks it.
	raw, err := json.MarshalIndent(b, "", "  ")
	require.NoError(t, err)
	read, err := evidence.Read(bytes.NewReader(raw))
	require.NoError(t, err)
	return read
}

func (x *tale) sign(t *testing.T, kind grant.Kind, v any) grant.Signed {
	t.Helper()
	s, err := x.signer.Sign(kind, v)
	require.NoError(t, err)
	return s
}

// seal signs a checkpoint over everything, with the gateway's key whoever signed the rest.
func (x *tale) seal(t *testing.T, l *ledger.Ledger) []ledger.Sealing {
	t.Helper()
	var kept keeper
	_, err := (&ledger.Checkpointer{Ledger: l, Signer: signer, Places: []ledger.Place{&kept}}).Sign(t.Context())
	require.NoError(t, err)
	return kept.sealings
}

func name(t *testing.T, v any) digest.Digest {
	t.Helper()
	d, err := digest.Of(v)
	require.NoError(t, err)
	return d
}

func js(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

func TestATaleThatHolds(t *testing.T) {
	b := newTale(t).bundle(t)
	v := b.Verify(signer.Keys())
	require.Equal(t, evidence.Verdict{Records: 12, Sealed: 12, Grants: 1, Votes: 2, Effects: 4, Problems: []string{}}, v)
	raw, err := json.Marshal(b)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "not of this run")

	var out strings.Builder
	for _, row := range b.Story.Rows() {
		out.WriteString(strings.Join(row, " | ") + "\n")
	}
	const golden = "testdata/story.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(out.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

// A bundle whose records are what was recorded, and where an effect had no right to be.
func TestWhatDoesNotHold(t *testing.T) {
	other := grant.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)))
	for what, tc := range map[string]struct {
		change func(*tale)
		want   string
	}{
		"another key":           {func(x *tale) { x.signer = other }, "record 1: the ticket is signed with the key"},
		"another run's ticket":  {func(x *tale) { x.ticket.Run = "isolate/i-2" }, `record 1: its ticket is for the run "isolate/i-2"`},
		"another plan":          {func(x *tale) { x.ticket.Plan = x.digest }, "record 1: its ticket is for the run"},
		"a plan of their own":   {func(x *tale) { x.run.Plan = json.RawMessage(`"no plan"`) }, "record 1: its ticket was not signed for this: plan"},
		"a grant used twice":    {func(x *tale) { x.undo, x.undoRun = x.stop, x.stop.Workflow }, `record 12: "g1" was used for it before`},
		"an undo and more":      {func(x *tale) { x.undo.Permission = "undo-7 " }, `record 12: "undo-7 " names nothing to take back`},
		"another event":         {func(x *tale) { x.run.Event = json.RawMessage(`{"id":"2"}`) }, "record 1: its ticket was not signed for this: event"},
		"other inputs":          {func(x *tale) { x.run.Inputs = json.RawMessage(`{}`) }, "record 1: its ticket was not signed for this: inputs"},
		"another request":       {func(x *tale) { x.request["question"] = "Is it warm?" }, "record 2: the request is not the one that"},
		"a no":                  {func(x *tale) { x.votes[1].Verdict = "reject" }, `record 5: its grant names "bob", of whom no yes is on record before`},
		"nobody's vote":         {func(x *tale) { x.votes[1].Person = "mallory" }, `record 5: its grant names "bob"`},
		"a vote for another":    {func(x *tale) { x.votes[0].Request = "sha256:00" }, `record 5: its grant names "ada"`},
		"a grant by nobody":     {func(x *tale) { x.grant.Approvers = nil }, "record 5: nobody approved its grant"},
		"a grant for another":   {func(x *tale) { x.grant.Request = "sha256:00" }, "record 5: its grant is for the request"},
		"no such grant":         {func(x *tale) { x.stop.Permission = "g2" }, `record 6: no grant "g2" is on record before it`},
		"another call":          {func(x *tale) { x.stop.Digest = x.digest }, "record 6: the grant in record 5 does not cover it"},
		"another step":          {func(x *tale) { x.stop.Step = "start" }, "record 6: the grant in record 5 does not cover it"},
		"after a reset":         {func(x *tale) { x.stop.Execution = "x9" }, "record 6: the grant in record 5 does not cover it"},
		"too late":              {func(x *tale) { x.useAfter = 17 * time.Minute }, "record 6: the grant in record 5 was valid from"},
		"by nothing":            {func(x *tale) { x.stop.PermissionKind = "whim" }, `record 6: it rests on a "whim"`},
		"no such ticket":        {func(x *tale) { x.send.Permission = "t2" }, `record 8: no ticket "t2" for it is on record before it`},
		"of another workflow":   {func(x *tale) { x.send.Workflow = "isolate/i-2" }, `record 8: it is an effect of "isolate/i-2"`},
		"an end of nothing":     {func(x *tale) { x.outcome.Intent = 3 }, "record 7: it ends record 3, which is no intent before it"},
		"a failure of nothing":  {func(x *tale) { x.failure.Intent = 99 }, "record 9: it ends record 99"},
		"an undo of nothing":    {func(x *tale) { x.undo.Permission = "undo-3" }, "record 12: it takes back record 3, which is no effect of this run"},
		"an undo of no number":  {func(x *tale) { x.undo.Permission = "all" }, `record 12: "all" names nothing to take back`},
		"an undo of another's":  {func(x *tale) { x.undo.Permission = "undo-3"; x.ticket.Undoes = "isolate/i-0" }, ""},
		"a ticket without rest": {func(x *tale) { x.run.Event, x.run.Inputs = nil, nil }, ""},
	} {
		t.Run(what, func(t *testing.T) {
			x := newTale(t)
			tc.change(x)
			v := x.bundle(t).Verify(signer.Keys())
			require.Equal(t, 12, v.Sealed, "it is what was recorded")
			if tc.want == "" {
				require.Empty(t, v.Problems)
				return
			}
			require.NotEmpty(t, v.Problems)
			require.Contains(t, strings.Join(v.Problems, "\n"), tc.want)
		})
	}
}

func TestAChangedBundle(t *testing.T) {
	for what, tc := range map[string]struct {
		change func(*evidence.Bundle)
		want   string
	}{
		"a record":         {func(b *evidence.Bundle) { b.Records[3].Body = json.RawMessage(`{}`) }, "record 4: changed"},
		"a record less":    {func(b *evidence.Bundle) { b.Records = b.Records[1:] }, "the story is not the one that the records tell"},
		"a record more":    {func(b *evidence.Bundle) { more := b.Records[0]; more.Seq = 99; b.Records = append(b.Records, more) }, "record 99: inserted: the proof does not know it"},
		"no records":       {func(b *evidence.Bundle) { b.Records = nil }, "it has no records"},
		"another run":      {func(b *evidence.Bundle) { b.Run = "isolate/i-2" }, `is of the run "isolate/i-1", not of this one`},
		"the story's card": {func(b *evidence.Bundle) { b.Story.Approvals[0].Card = "Isolate i-2?" }, "the story is not the one"},
		"the story's vote": {func(b *evidence.Bundle) { b.Story.Approvals[0].Votes[0].Person = "eve" }, "the story is not the one"},
		"a request id":     {func(b *evidence.Bundle) { b.Story.Calls[0].Attempts[0].Requests = nil }, "the story is not the one"},
	} {
		t.Run(what, func(t *testing.T) {
			b := newTale(t).bundle(t)
			tc.change(&b)
			require.Contains(t, strings.Join(b.Verify(signer.Keys()).Problems, "\n"), tc.want)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "read the evidence",
		"{}":                  `its form is ""; want "countersign/evidence/1"`,
		`{"form":"x","y":1}`:  "unknown field",
		`{"form":"x"} {}`:     "more follows it",
		`{"records":[{"a":1`:  "read the evidence",
		`{"proof":"nothing"}`: "read the evidence",
	} {
		_, err := evidence.Read(strings.NewReader(in))
		require.ErrorContains(t, err, want, in)
	}
}

// Nothing that comes in makes it panic.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"form":"countersign/evidence/1","run":"r","records":[{"seq":1,"kind":"run","body":{}}],"proof":{"segments":[{"first":1,"contents":["x"],"checkpoint":{}}]}}`))
	f.Add([]byte(`{"form":"countersign/evidence/1","records":[{"seq":-1,"kind":"intent","body":null}],"proof":{"segments":[{"first":-9223372036854775808,"contents":["",""]}]}}`))
	f.Fuzz(func(_ *testing.T, in []byte) {
		if b, err := evidence.Read(bytes.NewReader(in)); err == nil {
			b.Verify(signer.Keys())
			_, _ = evidence.Tell(b.Records)
			b.Story.Rows()
		}
	})
}
