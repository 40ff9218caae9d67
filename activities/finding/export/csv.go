package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/clean"
	"github.com/countersign/countersign/activities/finding"
)

// maxCell is how many characters a cell has; a spreadsheet takes 32767.
const maxCell = 8000

var csvHead = []string{
	"audit", "playbook", "time", "account", "region", "control", "title", "severity", "status", "state", "resource",
	"waived_until", "waived_by", "waived_reason", "evidence",
}

// CSV writes a table with a head. No cell of it is a formula to a spreadsheet.
func CSV(w io.Writer, m finding.Meta) Writer { return &table{csv: csv.NewWriter(w), meta: m} }

type table struct {
	csv   *csv.Writer
	meta  finding.Meta
	begun bool
}

// Write implements Writer.
func (t *table) Write(i finding.Item) error {
	if err := t.begin(); err != nil {
		return err
	}
	r, c := i.Result, t.meta.Controls.Of(i.Result.Control)
	row := []string{
		t.meta.Audit.ID, t.meta.Audit.Playbook, t.meta.At(r).Format(time.RFC3339), r.Account, r.Region, r.Control, c.Title, string(c.Severity),
		string(r.Status), string(i.State), r.Resource, "", "", "", r.Why(),
	}
	if w := i.Waiver; w != nil {
		row[11], row[12], row[13] = w.Until, w.By, w.Reason
	}
	return t.row(row)
}

// Close implements Writer.
func (t *table) Close() error {
	if err := t.begin(); err != nil {
		return err
	}
	t.csv.Flush()
	if err := t.csv.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func (t *table) begin() error {
	if t.begun {
		return nil
	}
	t.begun = true
	return t.row(csvHead)
}

func (t *table) row(cells []string) error {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = cell(c)
	}
	if err := t.csv.Write(row); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// cell is text that a spreadsheet shows and does not work out: one that begins like a formula, also
// after spaces or in wide letters, gets an apostrophe before it. Line breaks and what does not print are
// cleaned away.
func cell(s string) string {
	s = clean.Line(s, maxCell)
	if first := strings.TrimLeft(s, " \"'"); first != "" && strings.ContainsRune("=+-@＝＋－＠|%", []rune(first)[0]) {
		return "'" + s
	}
	return s
}
