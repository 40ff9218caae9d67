package authority_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// reports has an activity of a workflow report something, with a ticket.
func (w *world) reports(t *testing.T, ticket *grant.Signed, body ledger.ReportBody) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: activities.WithTicket(t.Context(), ticket)})
	env.RegisterActivityWithOptions(w.authority.Report, activity.RegisterOptions{Name: "report"})
	_, err := env.ExecuteActivity("report", body)
	return err
}

func TestReport(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket(func(t *grant.Ticket) { t.Run = teller })
	body := ledger.ReportBody{
		Playbook: "somebody-elses", Audit: teller, Title: "Audit\x1b[31m of <!channel>", Counts: map[string]int{"failed": 3, "new": -1},
		Lines: []string{"one\ntwo", strings.Repeat("x", 1000)},
	}
	for range 60 {
		body.Lines = append(body.Lines, "more")
	}
	require.NoError(t, w.reports(t, ticket, body))
	body.Title = "another"
	require.NoError(t, w.reports(t, ticket, body))
	found := w.records(ledger.Reported)
	require.Len(t, found, 1, "one a run")
	require.Equal(t, ledger.ReportKey(teller), found[0].Key)
	var got ledger.ReportBody
	require.NoError(t, found[0].Read(&got))
	require.Equal(t, "leak", got.Playbook, "which playbook it is says the ticket")
	require.Equal(t, "Audit of <!channel>", got.Title)
	require.Equal(t, map[string]int{"failed": 3, "new": 0}, got.Counts)
	require.Len(t, got.Lines, 40)
	require.Equal(t, "one two", got.Lines[0])
	require.LessOrEqual(t, len([]rune(got.Lines[1])), 400)
}

func TestWhoReportsNothing(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket(func(t *grant.Ticket) { t.Run = teller })
	body := ledger.ReportBody{Title: "Audit"}
	require.ErrorContains(t, w.reports(t, nil, body), "was not started by the gateway")
	require.ErrorContains(t, w.reports(t, w.ticket(), body), "the ticket is for the run leak/1")
	require.ErrorContains(t, w.reports(t, ticket, ledger.ReportBody{}), "a report has a title")
	require.ErrorContains(t, w.authority.Report(t.Context(), body), "outside of a run")
	require.Empty(t, w.records())
}
