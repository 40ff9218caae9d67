// Package export writes what an audit found for other programs: as compliance findings of OCSF, in the
// format of AWS Security Hub and as CSV. Package page makes one for people.
//
// It is pure and streams: a writer takes one item after the other and holds none. Names of resources and
// evidence are somebody else's text, and each format has its own way to be harmed by it.
package export

import (
	"cmp"
	"strings"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/finding"
)

// Writer takes the items of an audit.
type Writer interface {
	Write(finding.Item) error
	// Close writes what is left. It does not close what it writes to.
	Close() error
}

// product is who reports.
const product = "Countersign"

// name is the id of a finding: the same for the same resource and control in each audit, and short
// whatever the resource is called.
func name(r finding.Result) string {
	d, err := digest.Of(r.Resource)
	if err != nil {
		d = digest.Digest(strings.Repeat("0", 64))
	}
	return strings.Join([]string{"countersign", r.Control, r.Account, cmp.Or(r.Region, "global"), strings.TrimPrefix(string(d), "sha256:")[:32]}, "/")
}

// gone reports a resource that is not there any more.
func gone(i finding.Item) bool {
	return i.State == finding.Resolved && i.Result.Status == finding.NotApplicable && i.Result.Evidence["gone"] != ""
}

// clip keeps the beginning of a text, in bytes, and says that something is missing.
func clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
