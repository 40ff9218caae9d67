// Package page makes of what an audit found one page to read, with charts, that needs nothing else.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/countersign/countersign/activities/clean"
	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/report"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// maxRows is how many rows a page has: a browser must still open it. The CSV has all.
const maxRows = 10_000

// Bar is one of a chart.
type Bar struct {
	Label string
	N     int
	More  int // of another sort, shown beside
}

// Page is what a page shows beside its rows.
type Page struct {
	finding.Meta
	Report report.Report
	// Accounts are those that fail most.
	Accounts []Bar
	// Trend are the last audits of the playbook, the oldest first.
	Trend []finding.Audit
	Made  time.Time
}

// HTML writes one page that needs nothing else: no script, style, picture or font comes from elsewhere,
// and its own policy forbids it. It shows what fails, what could not be looked at and what is resolved.
func HTML(w io.Writer, p Page) (*Writer, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	page := &Writer{w: w, t: t, meta: p.Meta}
	return page, page.part("head", p.view())
}

// Writer takes the items of an audit. It is an export.Writer.
type Writer struct {
	w    io.Writer
	t    *template.Template
	meta finding.Meta
	rows int
	left int
}

// row is one of the table.
type row struct {
	State, Status, Severity, Control, Title, Account, Region, Resource, Note string
}

// Write takes an item.
func (p *Writer) Write(i finding.Item) error {
	if i.State == "" {
		return nil
	}
	if p.rows == maxRows {
		p.left++
		return nil
	}
	p.rows++
	r, c := i.Result, p.meta.Controls.Of(i.Result.Control)
	line := row{
		State: string(i.State), Status: string(r.Status), Severity: string(c.Severity), Control: clean.Line(r.Control, 40), Title: clean.Line(c.Title, 200),
		Account: clean.Line(r.Account, 40), Region: clean.Line(r.Region, 40), Resource: clean.Line(r.Resource, 400),
	}
	switch w := i.Waiver; {
	case w != nil:
		line.Note = clean.Line(fmt.Sprintf("until %s by %s: %s", w.Until, w.By, w.Reason), 300)
	case r.Status == finding.Error:
		line.Note = clean.Line(r.Why(), 300)
	case i.State != finding.Resolved:
		line.Note = clean.Line(c.Remedy, 300)
	}
	return p.part("row", line)
}

// Close ends the page.
func (p *Writer) Close() error {
	return p.part("foot", struct {
		Left   int
		Script template.JS
	}{p.left, template.JS(pageJS)}) //nolint:gosec // ours
}

func (p *Writer) part(name string, data any) error {
	var out bytes.Buffer
	if err := p.t.ExecuteTemplate(&out, name, data); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if _, err := out.WriteTo(p.w); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// view is what the head of the page shows.
type view struct {
	Title, Audit, Before, Began, Made string
	Policy                            string
	Style                             template.CSS
	Report                            report.Report
	Head                              []string
	Charts                            []chart
	Trend                             trend
}

func (p Page) view() view {
	r := p.Report
	v := view{
		Title: clean.Line("Audit "+r.Playbook, 200), Audit: clean.Line(r.Audit, 300), Before: clean.Line(r.Before, 300),
		Began: p.Audit.Began.UTC().Format(time.RFC3339), Made: p.Made.UTC().Format(time.RFC3339),
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src '" + hash(pageCSS) + "'; script-src '" + hash(pageJS) + "'",
		Style:  template.CSS(pageCSS), //nolint:gosec // ours
		Report: r, Trend: trendOf(p.Trend),
	}
	for _, line := range r.Head() {
		v.Head = append(v.Head, clean.Line(line, 400))
	}
	n := r.Counts
	v.Charts = append(v.Charts, chartOf("severity", "What fails, by severity", "Severity", "Fail, waived ones left out", "", []Bar{
		{"CRITICAL", n.Critical, 0}, {"HIGH", n.High, 0}, {"MEDIUM", n.Medium, 0}, {"LOW", n.Low, 0},
	}))
	var controls []Bar
	for _, w := range r.Worst {
		controls = append(controls, Bar{w.Control, w.Failed, w.Errors})
	}
	v.Charts = append(v.Charts,
		chartOf("control", "What fails, by control", "Control", "Fail", "Could not be looked at", controls),
		chartOf("account", "What fails, by account", "Account", "Fail", "Could not be looked at", p.Accounts))
	return v
}

// hash is how a policy of a page names a script or style that is in it.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
