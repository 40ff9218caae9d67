package report_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/findingtest"
	"github.com/countersign/countersign/activities/finding/report"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// filled is a store with the two audits.
func filled(t *testing.T) *store.Store {
	t.Helper()
	now := findingtest.Noon.AddDate(0, 0, -1)
	s, err := store.Open(t.Context(), ledgertest.SQLite(t), store.WithClock(func() time.Time { return now }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for _, p := range findingtest.Parts() {
		if p.Audit == findingtest.Current {
			now = findingtest.Noon
		}
		require.NoError(t, s.Record(t.Context(), p))
	}
	return s
}

func waivers(t *testing.T) finding.Waivers {
	t.Helper()
	w, err := finding.ParseWaivers([]byte(findingtest.Waivers), findingtest.Noon)
	require.NoError(t, err)
	return w
}

// told collects what would be told.
type told struct {
	all []ledger.ReportBody
	err error
}

func (t *told) Report(_ context.Context, body ledger.ReportBody) error {
	t.all = append(t.all, body)
	return t.err
}

func options(t *testing.T, by report.Teller) report.Options {
	return report.Options{
		Reader: filled(t), Controls: findingtest.Controls(), Waivers: func() (finding.Waivers, error) { return waivers(t), nil },
		Teller: by, Now: func() time.Time { return findingtest.Noon },
	}
}

func call[Out any](t *testing.T, o report.Options, name, input string) (out Out, err error) {
	t.Helper()
	r := activities.NewRegistry()
	report.Register(r, o)
	require.NoError(t, r.Validate())
	raw, err := r.Reads().Call(t.Context(), name, json.RawMessage(input))
	if err == nil {
		require.NoError(t, json.Unmarshal(raw, &out))
	}
	return out, err
}

const ask = `{"audit": "aws-audit/2026-11-20", "playbook": "aws-audit", "targets": [
	{"account": "111122223333", "region": ""}, {"account": "777788889999", "region": "eu-west-1"}]}`

func TestReport(t *testing.T) {
	var by told
	got, err := call[report.Report](t, options(t, &by), "audit.report", ask)
	require.NoError(t, err)
	golden(t, "testdata/report.golden", got.Text+"\n")
	require.Equal(t, report.Numbers{
		Passed: 2, Failed: 5, Errors: 5, New: 2, Open: 1, Waived: 2, Resolved: 2, Unseen: 1, Unreached: 1, Missing: 1, High: 3,
	}, got.Counts)
	require.Equal(t, []string{findingtest.Other}, got.Unreached)
	require.Len(t, by.all, 1)
	raw, err := json.MarshalIndent(by.all[0], "", "  ")
	require.NoError(t, err)
	golden(t, "testdata/told.golden", string(raw)+"\n")
	for _, text := range append(by.all[0].Lines, strings.Split(got.Text, "\n")...) {
		require.NotContains(t, text, "\x1b")
		require.False(t, strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }), "%q", text)
	}
}

// renamed is a database in which somebody has given an audit another playbook.
type renamed struct {
	report.Reader
	playbook string
}

func (r renamed) Audit(ctx context.Context, id string) (finding.Audit, error) {
	a, err := r.Reader.Audit(ctx, id)
	a.Playbook = r.playbook
	return a, err
}

// The names of playbooks and audits are what the database says, and it may say anything to a terminal.
func TestReportOfAHostileDatabase(t *testing.T) {
	o := options(t, nil)
	m := report.Maker{Reader: renamed{o.Reader, "\x1b]0;owned\x07aws\n\u202eall passed"}, Controls: finding.CatalogueOf(o.Controls), Now: time.Now()}
	r, err := m.Make(t.Context(), "aws-audit/2026-11-20", nil)
	require.NoError(t, err)
	require.Contains(t, r.Text, "aws all passed: 5 results fail")
	require.False(t, strings.ContainsFunc(strings.ReplaceAll(r.Text, "\n", ""), func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }), "%q", r.Text)
}

func TestTheFirstAuditHasNothingToCompareWith(t *testing.T) {
	got, err := call[report.Report](t, options(t, nil), "audit.report", `{"audit": "aws-audit/2026-11-19"}`)
	require.NoError(t, err)
	require.Empty(t, got.Before)
	require.Contains(t, got.Text, "no audit before")
	require.Equal(t, 4, got.Counts.New)
}

func TestWhatIsNotReported(t *testing.T) {
	o := options(t, nil)
	for input, want := range map[string]string{
		`{"audit": "none"}`: "there is no such audit",
		`{"audit": "aws-audit/2026-11-20", "playbook": "other"}`: "is one of aws-audit, not of other",
		`{"audit": ""}`: "",
	} {
		_, err := call[report.Report](t, o, "audit.report", input)
		require.ErrorContains(t, err, want)
	}
	o.Waivers = func() (finding.Waivers, error) { return nil, fmt.Errorf("read the waivers: broken") }
	_, err := call[report.Report](t, o, "audit.report", ask)
	require.ErrorContains(t, err, "read the waivers: broken", "what may fail is not known")
	_, err = call[report.Report](t, report.Options{}, "audit.report", ask)
	require.ErrorContains(t, err, "keeps no findings")
}

func TestWhoIsNotTold(t *testing.T) {
	by := told{err: temporal.NewNonRetryableApplicationError("no ticket", activities.NotPermitted, nil)}
	_, err := call[report.Report](t, options(t, &by), "audit.report", ask)
	require.NoError(t, err, "a run that the gateway did not start may read")
	by.err = fmt.Errorf("the ledger is down")
	_, err = call[report.Report](t, options(t, &by), "audit.report", ask)
	require.ErrorContains(t, err, "the ledger is down", "it is tried again")
}

func TestFailures(t *testing.T) {
	o := options(t, nil)
	got, err := call[report.FailuresOutput](t, o, "audit.failures", `{"audit": "aws-audit/2026-11-20", "control": "S3.8", "at_most": 1}`)
	require.NoError(t, err)
	require.Equal(t, report.FailuresOutput{
		Failures: []report.Failure{{Account: findingtest.Account, Resource: findingtest.Hostile, Evidence: map[string]string{"seen": "value 3"}}},
		Failed:   2, Waived: 1, Errors: 1,
	}, got)
	got, err = call[report.FailuresOutput](t, o, "audit.failures", `{"audit": "aws-audit/2026-11-20", "control": "IAM.99"}`)
	require.NoError(t, err)
	require.Empty(t, got.Failures)
	_, err = call[report.FailuresOutput](t, o, "audit.failures", `{"audit": "aws-audit/2026-11-20", "control": "S3.8", "at_most": 1001}`)
	require.ErrorContains(t, err, "1 to 1000")
	_, err = call[report.FailuresOutput](t, o, "audit.failures", `{"audit": "none", "control": "S3.8"}`)
	require.ErrorContains(t, err, "no such audit")
}

// A worker gives no clock, and what it sends elsewhere is read without one as well.
func TestItemsGoByTheRealTime(t *testing.T) {
	o := report.Options{Reader: filled(t), Controls: findingtest.Controls()}
	found := 0
	require.NoError(t, o.Items(t.Context(), "aws-audit/2026-11-20", findingtest.Account, func(finding.Meta, finding.Item) error {
		found++
		return nil
	}))
	require.Positive(t, found)
}

// However much fails, a report stays small.
func TestAReportIsBounded(t *testing.T) {
	s, err := store.Open(t.Context(), ledgertest.SQLite(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for a := range 120 {
		p := finding.Part{Audit: "one", Playbook: "big", Account: fmt.Sprintf("%012d", a), Controls: []string{"C"}}
		for i := range 30 {
			p.Results = append(p.Results, finding.Result{Control: "C", Resource: strings.Repeat("x", 1000) + fmt.Sprint(i), Status: []finding.Status{finding.Fail, finding.Error}[a%2]})
		}
		require.NoError(t, s.Record(t.Context(), p))
	}
	r, err := report.Maker{Reader: s, Now: findingtest.Noon}.Make(t.Context(), "one", nil)
	require.NoError(t, err)
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	require.Less(t, len(raw), 64<<10)
	require.Less(t, len(r.Text), 12<<10)
	require.Equal(t, 1800, r.Counts.New)
	require.Equal(t, 60, r.Counts.Unreached)
	body, err := json.Marshal(r.Body())
	require.NoError(t, err)
	require.Less(t, len(body), 16<<10)
}
