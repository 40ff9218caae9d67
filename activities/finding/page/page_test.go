package page_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/findingtest"
	"github.com/countersign/countersign/activities/finding/page"
	"github.com/countersign/countersign/activities/finding/report"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func write(t *testing.T, p page.Page, items ...finding.Item) string {
	t.Helper()
	var out bytes.Buffer
	w, err := page.HTML(&out, p)
	require.NoError(t, err)
	for _, i := range items {
		require.NoError(t, w.Write(i))
	}
	require.NoError(t, w.Close())
	return out.String()
}

func TestHTML(t *testing.T) {
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
	waivers, err := finding.ParseWaivers([]byte(findingtest.Waivers), now)
	require.NoError(t, err)
	m := report.Maker{Reader: s, Controls: finding.CatalogueOf(findingtest.Controls()), Waivers: waivers, Now: now}
	p := page.Page{Made: now, Accounts: []page.Bar{{Label: findingtest.Account, N: 5, More: 1}, {Label: findingtest.Other, N: 0, More: 4}}}
	p.Controls = m.Controls
	p.Report, err = m.Make(t.Context(), findingtest.Current, nil)
	require.NoError(t, err)
	p.Audit, err = s.Audit(t.Context(), findingtest.Current)
	require.NoError(t, err)
	all, err := s.Audits(t.Context(), findingtest.Playbook, 12)
	require.NoError(t, err)
	p.Trend = []finding.Audit{all[1], all[0]}
	var items []finding.Item
	require.NoError(t, s.Items(t.Context(), findingtest.Current, findingtest.Earlier, waivers, finding.Filter{}, func(i finding.Item) error {
		items = append(items, i)
		return nil
	}))
	got := write(t, p, items...)
	const file = "testdata/audit.html"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	require.NotContains(t, got, "<script>alert")
	require.Equal(t, 1, strings.Count(got, "<script"))
	require.Contains(t, got, "default-src &#39;none&#39;")
	require.Empty(t, regexp.MustCompile(`(?i)\b(src|href|url|action)\s*[=(]`).FindAllString(got, -1), "nothing comes from elsewhere")
	require.Empty(t, regexp.MustCompile(`(?i)\son[a-z]+=|style=`).FindAllString(got, -1))
	require.Equal(t, 4, strings.Count(got, `<svg role="img"`))
	require.Equal(t, 5, strings.Count(got, "<caption>"))
}

func TestAPageStaysSmallEnoughToOpen(t *testing.T) {
	items := make([]finding.Item, 10_050)
	for i := range items {
		items[i] = finding.Item{State: finding.New, Result: finding.Result{Control: "C", Status: finding.Fail}}
	}
	require.Contains(t, write(t, page.Page{}, items...), "50 more rows are left out here")
}

// FuzzHTML holds that no text becomes a part of the page: it has as many marks as with harmless text.
func FuzzHTML(f *testing.F) {
	for _, seed := range []string{
		"bucket", findingtest.Hostile, "</td><script>", "\"><img src=x onerror=alert(1)>", "{{.}}", "<!--", "]]>", "&lt;", "</title>", "</style>", "</svg>",
		"javascript:alert(1)", "\xff\xfe", "`${x}`", "\r\n", "'", "\u2028",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		marks := func(s string) (n [4]int) {
			p := page.Page{Report: report.Report{Playbook: s, Audit: s, Before: "b" + s}, Accounts: []page.Bar{{Label: s, N: 1}}}
			p.Audit = finding.Audit{ID: s, Playbook: s}
			got := write(t, p, finding.Item{State: finding.Waived, Result: finding.Result{
				Account: s, Region: s, Control: s, Resource: s, Status: finding.Fail, Evidence: map[string]string{s: s},
			}, Waiver: &finding.Waiver{Until: s, By: s, Reason: s}})
			for i, c := range []string{"<", ">", "\"", "\n"} {
				n[i] = strings.Count(got, c)
			}
			return n
		}
		require.Equal(t, marks("benign"), marks(text))
	})
}
