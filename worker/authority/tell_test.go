package authority_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
)

// tells has a workflow tell something, with a ticket.
func (w *world) tells(t *testing.T, ticket *grant.Signed, told workflows.Told) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: activities.WithTicket(t.Context(), ticket)})
	w.authority.Bind(env)
	_, err := env.ExecuteActivity(workflows.TellActivity, told)
	return err
}

const teller = "default-test-workflow-id" // of Temporal's test environment

func TestTell(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket(func(t *grant.Ticket) { t.Run = teller })
	name := digest.Digest("sha256:" + strings.Repeat("a", 64))
	asked := workflows.Asked{ID: "contain", Digest: name, Execution: "e1", Asked: w.now.UTC(), Expires: w.now.Add(time.Hour).UTC()}
	for range 2 {
		require.NoError(t, w.tells(t, ticket, workflows.Told{Asked: &asked}))
	}
	found := w.records(ledger.Asked)
	require.Len(t, found, 1, "to tell it again changes nothing")
	require.Equal(t, teller, found[0].Run)
	require.Equal(t, ledger.AskedKey(teller, name), found[0].Key)
	var body ledger.AskedBody
	require.NoError(t, found[0].Read(&body))
	require.Equal(t, ledger.AskedBody{ID: "contain", Digest: name, Execution: "e1", Asked: asked.Asked, Expires: asked.Expires}, body)

	for _, state := range []workflows.State{workflows.Failed, workflows.Done} { // a run that was reset ends again
		require.NoError(t, w.tells(t, ticket, workflows.Told{Ended: &workflows.Ended{Execution: "e1", Playbook: "leak", State: state, Error: strings.Repeat("é", 4000)}}))
	}
	found = w.records(ledger.Ended)
	require.Len(t, found, 1)
	require.Equal(t, ledger.EndedKey(teller, "e1"), found[0].Key)
	var ended ledger.EndedBody
	require.NoError(t, found[0].Read(&ended))
	require.Equal(t, "failed", ended.State)
	require.Equal(t, strings.Repeat("é", 2048), ended.Error)

	require.NoError(t, w.tells(t, w.ticket(func(t *grant.Ticket) { t.Run = teller; t.Issued = w.now.Add(-2 * grant.TicketLife) }),
		workflows.Told{Ended: &workflows.Ended{Execution: "e2", State: workflows.Done}}), "it makes no effect, and so its time is not over")
}

func TestWhoTellsNothing(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket(func(t *grant.Ticket) { t.Run = teller })
	ended := workflows.Told{Ended: &workflows.Ended{Execution: "e1", State: workflows.Done}}
	for name, tc := range map[string]struct {
		ticket *grant.Signed
		told   workflows.Told
		says   string
	}{
		"no ticket":          {nil, ended, "was not started by the gateway"},
		"of another run":     {w.ticket(), ended, "the ticket is for the run leak/1"},
		"of another gateway": {newWorld(t).ticket(func(t *grant.Ticket) { t.Run = teller }), ended, "was not started by the gateway"},
		"nothing":            {ticket, workflows.Told{}, "one thing at a time"},
		"both":               {ticket, workflows.Told{Asked: &workflows.Asked{}, Ended: ended.Ended}, "one thing at a time"},
		"no digest":          {ticket, workflows.Told{Asked: &workflows.Asked{ID: "a", Digest: "sha256:short"}}, "no good name"},
		"no end":             {ticket, workflows.Told{Ended: &workflows.Ended{Execution: "e1", State: workflows.Running}}, `this one is "running"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, w.tells(t, tc.ticket, tc.told), tc.says)
		})
	}
	require.Empty(t, w.records())
}
