package desk_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
)

func TestReceive(t *testing.T) {
	o := open(t)
	ev := sample(t)
	got, err := o.Receive(t.Context(), by("ci"), ev)
	require.NoError(t, err)
	require.Len(t, got.Started, 1)
	require.Equal(t, run, got.Started[0].Run)

	ticket := o.tickets[0]
	require.Equal(t, run, ticket.Run)
	require.Empty(t, ticket.StartedBy, "an event")
	require.Equal(t, []string{"aws.guardduty.archive_finding"}, ticket.Automatic)
	require.Contains(t, ticket.Subjects, "ci-deployer")
	sum, err := digest.Of(ev)
	require.NoError(t, err)
	require.Equal(t, sum, ticket.Event)

	_, err = o.Receive(t.Context(), by("ci"), ev)
	require.NoError(t, err)
	require.Len(t, records[ledger.EventBody](o, ledger.Event), 1, "an event is recorded once")
	runs := records[ledger.RunBody](o, ledger.Run)
	require.Len(t, runs, 2)
	require.Equal(t, "aws-compromised-access-key", runs[0].Playbook)
	var stored any
	require.NoError(t, json.Unmarshal(runs[0].Plan, &stored))
	require.Equal(t, runs[0].Digest, ticket.Plan)

	_, err = o.Receive(t.Context(), by("mallory"), ev)
	require.ErrorIs(t, err, desk.ErrForbidden)
	_, err = o.Receive(t.Context(), by("alice"), ev)
	require.NoError(t, err)
	require.Equal(t, "alice", o.tickets[2].StartedBy, "who sends an event could have made it up")
}

func TestStart(t *testing.T) {
	o := open(t)
	ev := sample(t)
	s, err := o.Start(t.Context(), by("dora"), desk.Start{Playbook: "aws-compromised-access-key", Event: &ev})
	require.NoError(t, err)
	require.Equal(t, run, s.Run)
	require.Equal(t, "dora", o.tickets[0].StartedBy)
	for name, tc := range map[string]struct {
		person string
		start  desk.Start
		is     error
		says   string
	}{
		"a source":         {"ci", desk.Start{Playbook: "aws-compromised-access-key", Event: &ev}, desk.ErrForbidden, "is a source"},
		"nobody":           {"mallory", desk.Start{Playbook: "aws-compromised-access-key", Event: &ev}, desk.ErrForbidden, "is not in the directory"},
		"no such playbook": {"dora", desk.Start{Playbook: "aws-compromised-acces-key", Event: &ev}, approval.ErrRefused, "aws-compromised-access-key"},
		"another one":      {"dora", desk.Start{Playbook: "aws-compromised-access-key", Digest: "sha256:00", Event: &ev}, approval.ErrRefused, "the gateway has another"},
		"an input lacks":   {"dora", desk.Start{Playbook: "aws-compromised-access-key"}, approval.ErrRefused, `input`},
		"an own plan":      {"dora", desk.Start{Plan: planOf(t)}, desk.ErrForbidden, "starts the playbooks that it has"},
	} {
		_, err := o.Start(t.Context(), by(tc.person), tc.start)
		require.ErrorIs(t, err, tc.is, name)
		require.ErrorContains(t, err, tc.says, name)
	}
	require.Len(t, o.tickets, 1)
	local := open(t, func(o *desk.Options) { o.AnyPlan = true })
	_, err = local.Start(t.Context(), by("dora"), desk.Start{Plan: planOf(t), Event: &ev})
	require.NoError(t, err)
}

// What comes in more than once, at another gateway too, starts one run.
func TestDeed(t *testing.T) {
	o := open(t)
	inputs := map[string]json.RawMessage{}
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(t, err)
	for _, in := range pb.Inputs {
		inputs[in.Name] = json.RawMessage(`"111122223333"`)
	}
	start := func(person, deed, input string) string {
		p := desk.Principal{Person: person, Surface: "slack", Deed: deed}
		inputs[pb.Inputs[0].Name] = json.RawMessage(input)
		s, err := o.Start(t.Context(), p, desk.Start{Playbook: pb.Name, Inputs: inputs})
		require.NoError(t, err)
		return s.Run
	}
	first := start("dora", "1.2", `"AKIAIOSFODNN7EXAMPLE"`)
	require.Equal(t, first, start("dora", "1.2", `"AKIAIOSFODNN7EXAMPLE"`))
	require.NotEqual(t, first, start("dora", "1.2", `"AKIAIOSFODNN8EXAMPLE"`), "something else")
	require.NotEqual(t, first, start("dora", "1.3", `"AKIAIOSFODNN7EXAMPLE"`), "done again")
	require.NotEqual(t, first, start("zoe", "1.2", `"AKIAIOSFODNN7EXAMPLE"`), "somebody else")
	require.NotEqual(t, start("dora", "", `"a"`), start("dora", "", `"a"`), "without a deed each is another")
}

func TestNewNeedsAll(t *testing.T) {
	_, err := desk.New(desk.Options{})
	for _, says := range []string{"a private key", "a ledger", "a directory", "a policy", "runs", "playbooks"} {
		require.ErrorContains(t, err, says)
	}
}
