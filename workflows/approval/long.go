package approval

import "github.com/countersign/countersign/activities/digest"

// A request longer than this is not shown whole where people decide with a button: what cannot be
// read in one piece is not decided in passing. In bytes of its canonical JSON.
const (
	MaxCalls = 25
	MaxBytes = 12 << 10
)

// Long reports a request of which a chat would show only a part. Such a surface offers a link to all
// of it, and no button.
func (r Request) Long() bool {
	if len(r.Calls) > MaxCalls {
		return true
	}
	raw, err := digest.Canonical(r)
	return err != nil || len(raw) > MaxBytes
}
