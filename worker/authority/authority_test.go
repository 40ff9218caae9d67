package authority_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/fresh"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/worker/authority"
	"github.com/countersign/countersign/workflows/policy"
)

const rules = `
policy: lamps
never_touch: [lighthouse]
break_glass: {groups: [captains]}
breakers:
  - {name: few, activities: [lamp.*], most: 3, per: 1h, each: account}
rules:
  - {name: archive, if: 'call.activity == "lamp.dust"', then: automatic}
  - {name: put-back, if: 'call.undo == "run"', then: automatic}
  - {name: stage, if: 'call.targets.exists(t, t == "stage")', then: manual}
  - {name: sun, if: 'call.targets.exists(t, t == "sun")', then: never}
  - {name: rest, then: {approval: {groups: [oncall], quorum: 1}}}
`

const people = `
people:
  alice: {name: Alice, email: alice@example.com}
  bob: {name: Bob, email: bob@example.com}
  carol: {name: Carol, email: carol@example.com}
groups:
  oncall: [alice, bob]
  captains: [carol]
`

// world is a ledger, a gateway's key, a policy and a directory that tests can change.
type world struct {
	testing.TB

	signer    grant.Signer
	ledger    *ledger.Ledger
	authority *authority.Authority
	slack     slackGroups
	dir       string
	now       time.Time
}

func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.Helper()
	require.NoError(w, os.WriteFile(w.file(name), []byte(text), 0o600))
}

func parsePolicy(raw []byte) (*policy.Policy, error) {
	p, problems := policy.Parse("policy.yaml", raw)
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	w := &world{TB: t, signer: grant.NewSigner(key), dir: t.TempDir(), now: time.Now()}
	w.write("policy.yaml", rules)
	w.write("people.yaml", people)
	w.ledger, err = ledger.Open(t.Context(), w.file("ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.ledger.Close()) })
	w.authority, err = authority.New(authority.Options{
		Keys: w.signer.Keys(), Ledger: w.ledger, Now: func() time.Time { return w.now },
		Policy:    fresh.File(w.file("policy.yaml"), 1<<20, parsePolicy),
		Directory: directory.Looking(fresh.File(w.file("people.yaml"), 1<<20, directory.Parse), &w.slack),
	})
	require.NoError(t, err)
	return w
}

func (w *world) sign(kind grant.Kind, v any) *grant.Signed {
	w.Helper()
	s, err := w.signer.Sign(kind, v)
	require.NoError(w, err)
	return &s
}

// ticket is that of a run which may dust lamps by itself.
func (w *world) ticket(change ...func(*grant.Ticket)) *grant.Signed {
	t := grant.Ticket{ID: grant.NewID(), Run: "leak/1", Playbook: "leak", Automatic: []string{"lamp.dust"}, Issued: w.now}
	for _, c := range change {
		c(&t)
	}
	return w.sign(grant.KindTicket, t)
}

func call(t testing.TB, activity, lamp string) activities.Call {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"account": "111122223333", "lamp": lamp})
	require.NoError(t, err)
	return activities.Call{Activity: activity, Version: 1, Input: raw}
}

// attempt is one at a call of the step "douse", with a grant where change gives it one.
func (w *world) attempt(c activities.Call, change ...func(*activities.Attempt)) activities.Attempt {
	w.Helper()
	name, err := c.Digest()
	require.NoError(w, err)
	a := activities.Attempt{
		Spec: activities.Spec{Name: c.Activity, Effect: activities.Change, Targets: []string{"lamp"}},
		Call: c, Digest: name, Workflow: "leak/1", Execution: "e1", Step: "douse", Ticket: w.ticket(),
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

// granted gives an attempt the grant of an approval by alice.
func (w *world) granted(change ...func(*grant.Grant)) func(*activities.Attempt) {
	return func(a *activities.Attempt) {
		g := grant.Grant{
			ID: grant.NewID(), Run: a.Workflow, Execution: a.Execution, Approval: "ask", Request: "sha256:aa",
			Calls:     []grant.Call{{Step: a.Step, Digest: a.Digest}},
			Approvers: []grant.Approver{{Person: "alice", At: w.now}},
			Needs:     []grant.Need{{Groups: []string{"oncall"}, Quorum: 1}},
			NotBefore: w.now, Expires: w.now.Add(grant.Life),
		}
		for _, c := range change {
			c(&g)
		}
		a.Grant = w.sign(grant.KindGrant, g)
	}
}

func (w *world) begin(a activities.Attempt) (activities.Turn, error) {
	return w.authority.Begin(w.Context(), a)
}

// admitted begins an attempt and ends it well.
func (w *world) admitted(a activities.Attempt, undo *activities.Call) {
	w.Helper()
	turn, err := w.begin(a)
	require.NoError(w, err)
	_, earlier := turn.Earlier()
	require.False(w, earlier)
	require.NoError(w, turn.End(w.Context(), activities.Outcome{Output: json.RawMessage(`{"was":"lit"}`), Undo: undo, Requests: []string{"req-1"}}))
}

func (w *world) refused(a activities.Attempt, kind, says string) {
	w.Helper()
	_, err := w.begin(a)
	require.ErrorContains(w, err, says)
	require.ErrorIs(w, err, activities.ErrNotPermitted)
	var why *activities.Error
	require.ErrorAs(w, err, &why)
	require.True(w, why.Permanent)
	require.Equal(w, kind, why.Kind)
}

// records are those of some kinds.
func (w *world) records(kinds ...ledger.Kind) []ledger.Record {
	w.Helper()
	var found []ledger.Record
	require.NoError(w, w.ledger.View(w.Context(), func(tx ledger.Tx) (err error) {
		found, err = tx.List(ledger.Filter{Kinds: kinds})
		return err
	}))
	return found
}

// Who approved it says the grant. Where there is none it was nobody, whatever the run says.
func TestBehind(t *testing.T) {
	w := newWorld(t)
	turn, err := w.begin(w.attempt(call(t, "lamp.douse", "desk"), w.granted()))
	require.NoError(t, err)
	approval, by := turn.Behind()
	require.Equal(t, "ask", approval)
	require.Equal(t, []string{"alice"}, by)

	turn, err = w.begin(w.attempt(call(t, "lamp.dust", "desk"), func(a *activities.Attempt) { a.Step = "dust" }))
	require.NoError(t, err)
	approval, by = turn.Behind()
	require.Empty(t, approval)
	require.Empty(t, by)
}

func TestApproved(t *testing.T) {
	w := newWorld(t)
	w.admitted(w.attempt(call(t, "lamp.douse", "desk"), w.granted()), nil)

	intents := w.records(ledger.Intent)
	require.Len(t, intents, 1)
	var intent ledger.IntentBody
	require.NoError(t, json.Unmarshal(intents[0].Body, &intent))
	require.Equal(t, "grant", intent.PermissionKind)
	require.Equal(t, []string{"alice"}, intent.Approvers)
	require.Equal(t, "rest", intent.Rule)
	require.Equal(t, "lamp.douse@111122223333", intents[0].Topic)
	var outcome ledger.OutcomeBody
	require.NoError(t, json.Unmarshal(w.records(ledger.Outcome)[0].Body, &outcome))
	require.Equal(t, intents[0].Seq, outcome.Intent)
	require.Equal(t, []string{"req-1"}, outcome.Requests)
}

func TestByItself(t *testing.T) {
	w := newWorld(t)
	w.admitted(w.attempt(call(t, "lamp.dust", "desk")), nil)
}

// Every way in which a permission is not one.
func TestRefused(t *testing.T) {
	other := newWorld(t)
	for name, tc := range map[string]struct {
		attempt func(w *world) activities.Attempt
		kind    string
		says    string
	}{
		"no ticket": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.dust", "desk"), func(a *activities.Attempt) { a.Ticket = nil })
		}, activities.NotPermitted, "not started by the gateway"},
		"a stranger's ticket": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.dust", "desk"), func(a *activities.Attempt) { a.Ticket = other.ticket() })
		}, activities.NotPermitted, "not started by the gateway"},
		"another run's ticket": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.dust", "desk"), func(a *activities.Attempt) { a.Workflow = "leak/10" })
		}, activities.NotPermitted, "the ticket is for the run leak/1, and leak/10 asks"},
		"a grant for a ticket": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(), func(a *activities.Attempt) { a.Ticket = a.Grant })
		}, activities.NotPermitted, "stands where a ticket should"},
		"nothing the plan does by itself": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.dust", "desk"), func(a *activities.Attempt) {
				a.Ticket = w.ticket(func(t *grant.Ticket) { t.Automatic = nil })
			})
		}, activities.NotPermitted, "only under an approval"},
		"no grant": {func(w *world) activities.Attempt { return w.attempt(call(t, "lamp.douse", "desk")) },
			activities.NotPermitted, `rule "rest": people must approve it`},
		"a stranger's grant": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), other.granted())
		}, activities.NotPermitted, "the grant is not the gateway's"},
		"another run's grant": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Run = "leak/1/part" }))
		}, activities.NotPermitted, "the grant is for the run leak/1/part"},
		"another execution's grant": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Execution = "e0" }))
		}, activities.NotPermitted, "another execution"},
		"another step's grant": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(), func(a *activities.Attempt) { a.Step = "smash" })
		}, activities.NotPermitted, `does not cover the step "smash"`},
		"another call": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Calls[0].Digest = "sha256:bb" }))
		}, activities.NotPermitted, "not what would run"},
		"too early": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.NotBefore = w.now.Add(time.Minute) }))
		}, activities.NotPermitted, "for later"},
		"destroys by itself": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.dust", "desk"), func(a *activities.Attempt) { a.Spec.Effect = activities.Destroy })
		}, activities.NotPermitted, "cannot be undone, so people must approve it"},
		"expired": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Expires = w.now }))
		}, activities.AskAgain, "has expired"},
		"by nobody": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Approvers = nil }))
		}, activities.NotPermitted, "names nobody"},
		"needing nobody": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Needs = nil; g.Approvers[0].Person = "carol" }))
		}, activities.NotPermitted, "0 still may"},
		"by somebody of no group": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Approvers[0].Person = "carol" }))
		}, activities.NotPermitted, "of those who did 0 still may"},
		"by one human twice": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) {
				g.Needs[0].Quorum = 2
				g.Approvers = append(g.Approvers, g.Approvers[0])
			}))
		}, activities.NotPermitted, "1 still may"},
		"by who started it": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), func(a *activities.Attempt) {
				a.Ticket = w.ticket(func(t *grant.Ticket) { t.StartedBy = "alice" })
			}, w.granted())
		}, activities.NotPermitted, "alice started the run"},
		"break-glass by anybody": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.BreakGlass = "it burns" }))
		}, activities.NotPermitted, "0 still may"},
		"what is never touched": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "LightHouse"), w.granted())
		}, activities.NotPermitted, "never touched"},
		"what policy never does": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "sun"), w.granted())
		}, activities.NotPermitted, `rule "sun": never`},
		"what people do": {func(w *world) activities.Attempt {
			return w.attempt(call(t, "lamp.douse", "stage"), w.granted())
		}, activities.NotPermitted, "by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.refused(tc.attempt(w), tc.kind, tc.says)
			require.Empty(t, w.records(ledger.Intent))
			require.Len(t, w.records(ledger.Refusal), 1, "a refusal is on record")
		})
	}
}

func TestBreakGlass(t *testing.T) {
	w := newWorld(t)
	w.admitted(w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) {
		g.BreakGlass, g.Approvers[0].Person = "it burns", "carol"
	})), nil)
}

// Whoever approved must be entitled when the effect is made, not only when they said yes.
func TestLeftTheGroup(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(call(t, "lamp.douse", "desk"), w.granted())
	w.write("people.yaml", "people:\n  alice: {name: Alice, email: alice@example.com}\n  bob: {name: Bob, email: bob@example.com}\n  carol: {name: Carol, email: carol@example.com}\ngroups: {oncall: [bob], captains: [carol]}\n")
	w.refused(a, activities.NotPermitted, "0 still may")

	w.write("people.yaml", "not: a directory")
	_, err := w.begin(a)
	require.ErrorContains(t, err, "read the directory, without which nothing is done")
	var why *activities.Error
	require.False(t, errors.As(err, &why) && why.Permanent, "a directory may come back")
	require.Empty(t, w.records(ledger.Intent))
}

// slackGroups is what Slack says of every user group, and of whom it was asked.
type slackGroups struct {
	members, wanted []string
	err             error
}

func (s *slackGroups) Members(_ context.Context, _ string, wanted ...string) ([]string, error) {
	s.wanted = wanted
	return s.members, s.err
}

// The same of a group that Slack keeps. While it cannot be looked up nothing is done, and the next
// attempt may.
func TestLeftTheGroupInSlack(t *testing.T) {
	w := newWorld(t)
	w.write("people.yaml", "people: {alice: {slack: U01ALICE}, bob: {slack: U01BOB}, carol: {}}\ngroups: {captains: [carol]}\nslack_groups: {oncall: S01}\n")
	a := w.attempt(call(t, "lamp.douse", "desk"), w.granted())
	w.slack.members = []string{"U01BOB", "U02ALICE"}
	w.refused(a, activities.NotPermitted, "0 still may")
	require.Equal(t, []string{"U01ALICE"}, w.slack.wanted, "an answer that is some seconds old does not refuse her")

	w.slack.err = errors.New("slack is away")
	_, err := w.begin(a)
	require.ErrorIs(t, err, directory.ErrLookup)
	require.ErrorContains(t, err, "slack is away")
	var why *activities.Error
	require.False(t, errors.As(err, &why) && why.Permanent, "it may come back")
	require.Empty(t, w.records(ledger.Intent))

	w.slack.members, w.slack.err = []string{"U01ALICE"}, nil
	w.admitted(a, nil)
}

// A vote counts where policy takes it, by the policy of the approval and by that of this moment.
func TestSurfaces(t *testing.T) {
	console := grant.Need{Groups: []string{"oncall"}, Quorum: 1, Surfaces: []string{"cli"}}
	on := func(surface string, needs ...grant.Need) func(*grant.Grant) {
		return func(g *grant.Grant) {
			g.Approvers[0].Surface = surface
			g.Needs = append(g.Needs, needs...)
		}
	}
	const strict = "policy: strict\nrules:\n  - {name: rest, then: {approval: {groups: [oncall], surfaces: [cli]}}}\nbreak_glass: {groups: [captains]}\n"
	for name, tc := range map[string]struct {
		grant  func(*grant.Grant)
		policy string
		says   string
	}{
		"where it counts":           {grant: on("cli", console)},
		"elsewhere":                 {grant: on("slack", console), says: "1 of [oncall] must have approved it on [cli], and of those who did 0 still may"},
		"nowhere":                   {grant: on("", console), says: "on [cli]"},
		"where it counts now":       {grant: on("cli"), policy: strict},
		"where it counts no more":   {grant: on("slack"), policy: strict, says: "on [cli]"},
		"policy says nothing of it": {grant: on("slack")},
		"one of two where it counts": {grant: func(g *grant.Grant) {
			on("slack", grant.Need{Groups: []string{"oncall"}, Quorum: 2, Surfaces: []string{"cli"}})(g)
			g.Approvers = append(g.Approvers, grant.Approver{Person: "bob", Surface: "cli"})
		}, says: "of those who did 1 still may"},
		"the glass broken at the console": {grant: func(g *grant.Grant) {
			on("cli")(g)
			g.BreakGlass, g.Approvers[0].Person = "it burns", "carol"
		}},
		"the glass broken in a chat": {grant: func(g *grant.Grant) {
			on("slack")(g)
			g.BreakGlass, g.Approvers[0].Person = "it burns", "carol"
		}, says: "nobody breaks the glass on slack"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tc.policy != "" {
				w.write("policy.yaml", tc.policy)
			}
			a := w.attempt(call(t, "lamp.douse", "desk"), w.granted(tc.grant))
			if tc.says == "" {
				w.admitted(a, nil)
				return
			}
			w.refused(a, activities.NotPermitted, tc.says)
			require.Empty(t, w.records(ledger.Intent))
		})
	}
}

// What has become stricter since the approval holds.
func TestPolicyIsReadAnew(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(call(t, "lamp.douse", "desk"), w.granted())
	w.write("policy.yaml", "policy: strict\nrules:\n  - {name: rest, then: {approval: {groups: [oncall], quorum: 2}}}\n")
	w.refused(a, activities.NotPermitted, "2 of [oncall] must have approved it")
	w.write("policy.yaml", "policy: [broken")
	_, err := w.begin(a)
	require.ErrorContains(t, err, "read the policy, without which nothing is done")
	require.Empty(t, w.records(ledger.Intent))
}

func TestKillSwitch(t *testing.T) {
	w := newWorld(t)
	flip := func(halted bool) {
		require.NoError(t, w.ledger.Do(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{Halted: halted, By: "alice", Reason: "smoke"}})
			return err
		}))
	}
	flip(true)
	w.refused(w.attempt(call(t, "lamp.douse", "desk"), w.granted()), activities.Halted, "the kill switch is thrown, by alice: smoke")
	w.refused(w.attempt(call(t, "lamp.dust", "desk")), activities.Halted, "the kill switch is thrown")
	flip(false)
	w.admitted(w.attempt(call(t, "lamp.dust", "desk")), nil)
}

func TestBreaker(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket()
	at := func(step string) activities.Attempt {
		return w.attempt(call(t, "lamp.dust", step), func(a *activities.Attempt) { a.Step, a.Ticket = step, ticket })
	}
	for _, step := range []string{"a", "b", "c"} {
		w.admitted(at(step), nil)
	}
	w.refused(at("d"), activities.Halted, `the breaker "few" is open`)
	w.now = w.now.Add(2 * time.Hour)
	w.refused(at("d"), activities.Halted, `the breaker "few" is open`)
	w.now = w.now.Add(-2 * time.Hour)
	turn, err := w.begin(at("a"))
	require.NoError(t, err, "what is on record as done is no new effect")
	_, earlier := turn.Earlier()
	require.True(t, earlier)
}

// A grant ends by the clock of the ledger as well as by the worker's. What it let happen in its time
// has happened: whoever asks for it later is told, and people are not asked again.
func TestGrantEnds(t *testing.T) {
	w := newWorld(t)
	late := w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.NotBefore, g.Expires = w.now.Add(-time.Hour), w.now.Add(-time.Minute) }))
	w.now = w.now.Add(-30 * time.Minute)
	w.refused(late, activities.AskAgain, "the grant has expired")
	w.now = w.now.Add(30 * time.Minute)

	a := w.attempt(call(t, "lamp.douse", "hall"), w.granted())
	w.admitted(a, nil)
	w.now = w.now.Add(time.Hour)
	turn, err := w.begin(a)
	require.NoError(t, err)
	_, earlier := turn.Earlier()
	require.True(t, earlier)
	b := w.attempt(call(t, "lamp.douse", "attic"), w.granted())
	w.now = w.now.Add(grant.Life)
	w.refused(b, activities.AskAgain, "the grant has expired")
}

// The world is held against what was shown, once: the second attempt finds what the first did.
func TestPreview(t *testing.T) {
	w := newWorld(t)
	state := "lit"
	look := func(context.Context) (preview.Preview, error) {
		return preview.Preview{Changes: []preview.Change{{Target: "desk", What: "state", Before: state, After: "dark"}}}, nil
	}
	seen, err := look(t.Context())
	require.NoError(t, err)
	name, err := seen.Digest()
	require.NoError(t, err)
	a := w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Calls[0].Preview = name }))
	a.Preview = look

	state = "broken"
	w.refused(a, activities.AskAgain, "not what was shown")
	a.Preview = nil
	w.refused(a, activities.AskAgain, "this worker has none")
	a.Preview = func(context.Context) (preview.Preview, error) { return preview.Preview{}, errors.New("no answer") }
	_, err = w.begin(a)
	require.ErrorContains(t, err, "no answer")
	require.Empty(t, w.records(ledger.Intent))

	state, a.Preview = "lit", look
	_, err = w.begin(a)
	require.NoError(t, err)
	state = "dark"
	_, err = w.begin(a)
	require.NoError(t, err)
	require.Len(t, w.records(ledger.Intent, ledger.Retry), 2)
}

// A ticket stands in a history for others to read: it is worth nothing for ever.
func TestTicketIsOver(t *testing.T) {
	w := newWorld(t)
	old := func(age time.Duration) func(*activities.Attempt) {
		return func(a *activities.Attempt) {
			a.Ticket = w.ticket(func(t *grant.Ticket) { t.Issued = w.now.Add(-age) })
		}
	}
	w.refused(w.attempt(call(t, "lamp.dust", "desk"), old(grant.TicketLife)), activities.NotPermitted, "start it anew")
	w.refused(w.attempt(call(t, "lamp.dust", "desk"), func(a *activities.Attempt) {
		a.Ticket = w.ticket(func(t *grant.Ticket) { t.Issued = time.Time{} })
	}), activities.NotPermitted, "start it anew")
	w.admitted(w.attempt(call(t, "lamp.dust", "desk"), old(grant.TicketLife-time.Minute)), nil)
}
