package authority

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/countersign/countersign/activities/clean"
	"github.com/countersign/countersign/activities/ledger"
)

// Bounds on a report.
const (
	maxReportLines  = 40
	maxReportLine   = 400 // runes
	maxReportCounts = 20
)

// Audited tells as whose audit, and that of which playbook, what the calling run found is kept: its own.
// A call is what others may have written, and what is kept of another audit it would replace.
func (a *Authority) Audited(ctx context.Context, audit, playbook string) (string, error) {
	workflow, ticket, err := a.started(ctx)
	switch {
	case err != nil:
	case !ticket.Covers(audit), workflow != audit && !strings.HasPrefix(workflow, audit+"/"):
		err = dumb("what the run %s finds is kept as its own audit, and not as %q", workflow, cut(audit, 200))
	case audit == ticket.Run: // what this run itself runs says the ticket; of one that it called nothing does
		playbook = ticket.Playbook
	}
	return playbook, err
}

// Report puts on record what an audit came to, for the gateway to hear: once for the run that tells it,
// and for no other. Which playbook it is says the ticket, not the run. What is on record already is not
// told again, whatever it says now.
func (a *Authority) Report(ctx context.Context, body ledger.ReportBody) error {
	workflow, ticket, err := a.started(ctx)
	if err != nil {
		return err
	}
	if !ticket.Covers(body.Audit) {
		return dumb("a run reports what it audited itself, and %q is none of %s", cut(body.Audit, 200), ticket.Run)
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
