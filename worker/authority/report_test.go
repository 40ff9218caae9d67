package authority_test

import (
	"context"
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
	body := ledger.ReportBody{Title: "Audit", Audit: teller}
	require.ErrorContains(t, w.reports(t, nil, body), "was not started by the gateway")
	require.ErrorContains(t, w.reports(t, w.ticket(), body), "the ticket is for the run leak/1")
	require.ErrorContains(t, w.reports(t, ticket, ledger.ReportBody{Audit: teller}), "a report has a title")
	require.ErrorContains(t, w.authority.Report(t.Context(), body), "outside of a run")
	require.ErrorContains(t, w.reports(t, ticket, ledger.ReportBody{Title: "Audit", Audit: "aws-public-buckets/1"}), "reports what it audited itself")
	require.Empty(t, w.records())
}

// What a run finds is kept as its own audit, whatever it says: whoever may write to the namespace could
// else put a few passes in the place of what another audit has found.
func TestWhoseAuditItIs(t *testing.T) {
	w := newWorld(t)
	audited := func(ticket *grant.Signed, audit string) (playbook string, err error) {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.SetWorkerOptions(worker.Options{BackgroundActivityContext: activities.WithTicket(t.Context(), ticket)})
		env.RegisterActivityWithOptions(func(ctx context.Context) (string, error) {
			return w.authority.Audited(ctx, audit, "somebody-elses")
		}, activity.RegisterOptions{Name: "audit"})
		got, err := env.ExecuteActivity("audit")
		if err == nil {
			err = got.Get(&playbook)
		}
		return playbook, err
	}
	own := w.ticket(func(t *grant.Ticket) { t.Run = teller })
	playbook, err := audited(own, teller)
	require.NoError(t, err)
	require.Equal(t, "leak", playbook, "which playbook it is says the ticket")
	for name, tc := range map[string]struct {
		ticket *grant.Signed
		audit  string
		says   string
	}{
		"another audit":         {own, "aws-public-buckets/1", "kept as its own audit"},
		"one that it called":    {own, teller + "/part", "kept as its own audit"},
		"the ticket of another": {w.ticket(), "leak/1", "the ticket is for the run leak/1"},
		"nobody's run":          {nil, teller, "was not started by the gateway"},
		"a name that begins so": {own, teller[:len(teller)-1], "kept as its own audit"},
		"the audit of no run":   {own, "", "kept as its own audit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := audited(tc.ticket, tc.audit)
			require.ErrorContains(t, err, tc.says)
		})
	}
}
