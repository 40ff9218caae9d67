package export_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/export"
	"github.com/countersign/countersign/activities/finding/findingtest"
	"github.com/countersign/countersign/activities/finding/report"
	"github.com/countersign/countersign/activities/finding/store"
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

// fixture is what there is to export.
type fixture struct {
	page  export.Page
	items []finding.Item
}

func newFixture(t *testing.T) fixture {
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
	waivers, err := finding.ParseWaivers([]byte(findingtest.Waivers), now)
	require.NoError(t, err)
	m := report.Maker{Reader: s, Controls: finding.CatalogueOf(findingtest.Controls()), Waivers: waivers, Now: now}
	f := fixture{page: export.Page{Made: now, Accounts: []export.Bar{{Label: findingtest.Account, N: 5, More: 1}, {Label: findingtest.Other, N: 0, More: 4}}}}
	f.page.Controls = m.Controls
	f.page.Report, err = m.Make(t.Context(), findingtest.Current, nil)
	require.NoError(t, err)
	f.page.Audit, err = s.Audit(t.Context(), findingtest.Current)
	require.NoError(t, err)
	all, err := s.Audits(t.Context(), findingtest.Playbook, 12)
	require.NoError(t, err)
	f.page.Trend = []finding.Audit{all[1], all[0]}
	require.NoError(t, s.Items(t.Context(), findingtest.Current, findingtest.Earlier, waivers, finding.Filter{}, func(i finding.Item) error {
		f.items = append(f.items, i)
		return nil
	}))
	return f
}

func (f fixture) write(t testing.TB, w export.Writer) {
	t.Helper()
	for _, i := range f.items {
		require.NoError(t, w.Write(i))
	}
	require.NoError(t, w.Close())
}

func TestOCSF(t *testing.T) {
	f := newFixture(t)
	var out bytes.Buffer
	f.write(t, export.OCSF(&out, f.page.Meta))
	golden(t, "testdata/audit.ocsf.jsonl", out.String())
	lines := bufio.NewScanner(&out)
	n := 0
	for lines.Scan() {
		var e map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		for _, required := range []string{"activity_id", "category_uid", "class_uid", "type_uid", "time", "severity_id", "metadata", "finding_info", "compliance", "cloud"} {
			require.Contains(t, e, required)
		}
		require.EqualValues(t, 2003, e["class_uid"])
		require.EqualValues(t, 200300+e["activity_id"].(float64), e["type_uid"])
		require.NotEmpty(t, e["finding_info"].(map[string]any)["uid"])
		require.NotEmpty(t, e["metadata"].(map[string]any)["product"])
		require.NotEmpty(t, e["compliance"].(map[string]any)["standards"])
		n++
	}
	require.Len(t, f.items, n)
}

func TestASFF(t *testing.T) {
	f := newFixture(t)
	var out bytes.Buffer
	f.write(t, export.ASFF(&out, f.page.Meta, "eu-west-1"))
	golden(t, "testdata/audit.asff.jsonl", out.String())
}

// The limits of Security Hub hold whatever a resource is called.
func TestASFFIsWithinItsLimits(t *testing.T) {
	long := strings.Repeat("é\x00\"", 4000)
	f := fixture{}
	f.page.Audit = finding.Audit{ID: long, Playbook: long, Began: findingtest.Noon}
	f.page.Controls = finding.CatalogueOf([]finding.Control{{ID: "C", Title: long, Severity: finding.High, Remedy: long, Standards: make([]string, 100)}})
	evidence := map[string]string{}
	for i := range 200 {
		evidence[fmt.Sprint(i, long)] = long
	}
	for i := range 250 {
		f.items = append(f.items, finding.Item{State: finding.New, Result: finding.Result{
			Account: "111122223333", Region: "eu-west-1", Control: "C", Resource: long + fmt.Sprint(i), Status: finding.Fail, Evidence: evidence,
		}})
	}
	var out bytes.Buffer
	f.write(t, export.ASFF(&out, f.page.Meta, "eu-west-1"))
	dec, ids := json.NewDecoder(&out), map[string]bool{}
	for {
		var batch struct{ Findings []json.RawMessage }
		err := dec.Decode(&batch)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.LessOrEqual(t, len(batch.Findings), 100)
		for _, raw := range batch.Findings {
			require.LessOrEqual(t, len(raw), 240*1000)
			var one export.ASFFFinding
			require.NoError(t, json.Unmarshal(raw, &one))
			ids[one.ID] = true
			require.LessOrEqual(t, len(one.ID), 512)
			require.LessOrEqual(t, len(one.Title), 256)
			require.LessOrEqual(t, len(one.Description), 1024)
			require.LessOrEqual(t, len(one.ProductFields), 50)
			require.LessOrEqual(t, len(one.Compliance.RelatedRequirements), 32)
			require.LessOrEqual(t, len(one.Resources[0].ID), 512)
		}
	}
	require.Len(t, ids, 250)
}

func TestCSV(t *testing.T) {
	f := newFixture(t)
	var out bytes.Buffer
	f.write(t, export.CSV(&out, f.page.Meta))
	golden(t, "testdata/audit.csv", out.String())
	out.Reset()
	require.NoError(t, export.CSV(&out, f.page.Meta).Close())
	require.Equal(t, 1, strings.Count(out.String(), "\n"), "an audit without results has a head")
}

func TestHTML(t *testing.T) {
	f := newFixture(t)
	var out bytes.Buffer
	w, err := export.HTML(&out, f.page)
	require.NoError(t, err)
	f.write(t, w)
	page := out.String()
	golden(t, "testdata/audit.html", page)
	require.NotContains(t, page, "<script>alert")
	require.Equal(t, 1, strings.Count(page, "<script"))
	require.Contains(t, page, "default-src &#39;none&#39;")
	require.Empty(t, regexp.MustCompile(`(?i)\b(src|href|url|action)\s*[=(]`).FindAllString(page, -1), "nothing comes from elsewhere")
	require.Empty(t, regexp.MustCompile(`(?i)\son[a-z]+=|style=`).FindAllString(page, -1))
	require.Equal(t, 4, strings.Count(page, `<svg role="img"`))
	require.Equal(t, 5, strings.Count(page, "<caption>"))
}

func TestAPageStaysSmallEnoughToOpen(t *testing.T) {
	var out bytes.Buffer
	w, err := export.HTML(&out, export.Page{})
	require.NoError(t, err)
	for range 10_050 {
		require.NoError(t, w.Write(finding.Item{State: finding.New, Result: finding.Result{Control: "C", Status: finding.Fail}}))
	}
	require.NoError(t, w.Close())
	require.Contains(t, out.String(), "50 more rows are left out here")
}

// FuzzEscaping holds that no text becomes a formula of a spreadsheet or a part of a page.
func FuzzEscaping(f *testing.F) {
	for _, seed := range []string{
		"bucket", findingtest.Hostile, "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", " =1", "\u00a0=1", "＝1", "'=1", "\"=1\"", ";=1", ",=1", "\x00=1", "\u202e=1", "\u200b=1", "|cmd",
		"</td><script>", "\"><img src=x onerror=alert(1)>", "{{.}}", "<!--", "]]>", "&lt;", "</title>", "javascript:alert(1)", "\xff\xfe", "`${x}`",
	} {
		f.Add(seed)
	}
	count := func(page string) (n [4]int) {
		for i, c := range []string{"<", ">", "\"", "\n"} {
			n[i] = strings.Count(page, c)
		}
		return n
	}
	f.Fuzz(func(t *testing.T, text string) {
		item := func(s string) finding.Item {
			return finding.Item{State: finding.Waived, Result: finding.Result{
				Account: s, Region: s, Control: s, Resource: s, Status: finding.Fail, Evidence: map[string]string{s: s},
			}, Waiver: &finding.Waiver{Until: s, By: s, Reason: s}}
		}
		page := func(s string) export.Page {
			p := export.Page{Report: report.Report{Playbook: s, Audit: s, Before: "b" + s}, Accounts: []export.Bar{{Label: s, N: 1}}}
			p.Audit = finding.Audit{ID: s, Playbook: s}
			return p
		}
		var sheet bytes.Buffer
		one := fixture{items: []finding.Item{item(text)}, page: page(text)}
		one.write(t, export.CSV(&sheet, one.page.Meta))
		rows, err := csv.NewReader(&sheet).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for _, cell := range rows[1] {
			require.NotContains(t, cell, "\n")
			trimmed := strings.TrimLeft(cell, " \t\"")
			if trimmed != "" {
				require.NotContains(t, "=+-@＝＋－＠", string([]rune(trimmed)[0]), "%q", cell)
			}
		}
		render := func(s string) string {
			var out bytes.Buffer
			w, err := export.HTML(&out, page(s))
			require.NoError(t, err)
			fixture{items: []finding.Item{item(s)}}.write(t, w)
			return out.String()
		}
		require.Equal(t, count(render("benign")), count(render(text)))
	})
}
