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
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/export"
	"github.com/countersign/countersign/activities/finding/findingtest"
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
	meta  finding.Meta
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
	var f fixture
	f.meta.Controls = finding.CatalogueOf(findingtest.Controls())
	f.meta.Audit, err = s.Audit(t.Context(), findingtest.Current)
	require.NoError(t, err)
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
	f.write(t, export.OCSF(&out, f.meta))
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
	f.write(t, export.ASFF(&out, f.meta, "eu-west-1"))
	golden(t, "testdata/audit.asff.jsonl", out.String())
}

// The limits of Security Hub hold whatever a resource is called.
func TestASFFIsWithinItsLimits(t *testing.T) {
	long := strings.Repeat("é\x00\"", 4000)
	f := fixture{}
	f.meta.Audit = finding.Audit{ID: long, Playbook: long, Began: findingtest.Noon}
	f.meta.Controls = finding.CatalogueOf([]finding.Control{{ID: "C", Title: long, Severity: finding.High, Remedy: long, Standards: make([]string, 100)}})
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
	f.write(t, export.ASFF(&out, f.meta, "eu-west-1"))
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
	f.write(t, export.CSV(&out, f.meta))
	golden(t, "testdata/audit.csv", out.String())
	out.Reset()
	require.NoError(t, export.CSV(&out, f.meta).Close())
	require.Equal(t, 1, strings.Count(out.String(), "\n"), "an audit without results has a head")
}

// FuzzCSV holds that no text becomes a formula of a spreadsheet.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"bucket", findingtest.Hostile, "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", " =1", "\u00a0=1", "＝1", "'=1", "\"=1\"", ";=1", ",=1", "\x00=1",
		"\u202e=1", "\u200b=1", "|cmd", "%1", "\xff\xfe",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		one := fixture{meta: finding.Meta{Audit: finding.Audit{ID: s, Playbook: s}}, items: []finding.Item{{State: finding.Waived, Result: finding.Result{
			Account: s, Region: s, Control: s, Resource: s, Status: finding.Fail, Evidence: map[string]string{s: s},
		}, Waiver: &finding.Waiver{Until: s, By: s, Reason: s}}}}
		var sheet bytes.Buffer
		one.write(t, export.CSV(&sheet, one.meta))
		rows, err := csv.NewReader(&sheet).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for _, cell := range rows[1] {
			require.NotContains(t, cell, "\n")
			if trimmed := strings.TrimLeft(cell, " \t\""); trimmed != "" {
				require.NotContains(t, "=+-@＝＋－＠", string([]rune(trimmed)[0]), "%q", cell)
			}
		}
	})
}
