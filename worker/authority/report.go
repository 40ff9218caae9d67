package authority

import (
	"context"
	"maps"
	"slices"

	"github.com/countersign/countersign/activities/clean"
	"github.com/countersign/countersign/activities/ledger"
)

// Bounds on a report.
const (
	maxReportLines  = 40
	maxReportLine   = 400 // runes
	maxReportCounts = 20
)

// Report puts on record what an audit came to, for the gateway to hear: once for the run that tells it,
// and for no other. Which playbook it is says the ticket, not the run. What is on record already is not
// told again, whatever it says now.
func (a *Authority) Report(ctx context.Context, body ledger.ReportBody) error {
	workflow, ticket, err := a.started(ctx)
	if err != nil {
		return err
	}
	body.Playbook = ticket.Playbook
	body.Audit, body.Before = cut(body.Audit, maxID), cut(body.Before, maxID)
	if body.Title = clean.Line(body.Title, 150); body.Title == "" {
		return dumb("a report has a title")
	}
	lines := body.Lines
	body.Lines = nil
	for _, line := range lines[:min(len(lines), maxReportLines)] {
		body.Lines = append(body.Lines, clean.Line(line, maxReportLine))
	}
	names := slices.Sorted(maps.Keys(body.Counts))
	counts := map[string]int{}
	for _, name := range names[:min(len(names), maxReportCounts)] {
		counts[cut(name, 40)] = max(body.Counts[name], 0)
	}
	body.Counts = counts
	return a.put(ctx, ledger.Entry{Kind: ledger.Reported, Run: ticket.Run, Key: ledger.ReportKey(ticket.Run), Topic: workflow, Body: body})
}
