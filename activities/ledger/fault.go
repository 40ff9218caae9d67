package ledger

import "fmt"

// Wrong says what is wrong with a ledger.
type Wrong string

// What can be wrong.
const (
	// Changed is a record that no longer says what was written.
	Changed Wrong = "changed"
	// Missing are records that were taken out of the middle.
	Missing Wrong = "missing"
	// Moved is a record that stands in another place.
	Moved Wrong = "moved"
	// Inserted is a line that does not belong there.
	Inserted Wrong = "inserted"
	// Forked is a number with two records, both of which follow the same one.
	Forked Wrong = "forked"
	// Truncated are records that were taken off the end. Only a checkpoint tells, unless the cut
	// went through a line.
	Truncated Wrong = "truncated"
	// Rewritten are records that fit among themselves and are not those that a checkpoint was signed
	// over.
	Rewritten Wrong = "rewritten"
)

// Fault is what is wrong first with a ledger, and where.
type Fault struct {
	Wrong Wrong `json:"wrong"`
	// Seq is the number of the record: the first one that is not as it was written. Of records
	// that were rewritten it is the first that may be.
	Seq int64 `json:"seq"`
	// Line is where it shows, from 1; 0: nowhere, something is not there.
	Line int64  `json:"line,omitempty"`
	Why  string `json:"why"`
}

// Error implements error.
func (f *Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("record %d: %s: %s", f.Seq, f.Wrong, f.Why)
	}
	return fmt.Sprintf("record %d (line %d): %s: %s", f.Seq, f.Line, f.Wrong, f.Why)
}
