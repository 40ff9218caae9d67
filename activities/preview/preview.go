// Package preview says what an effect would do to each of its targets: what people are shown before
// they decide, and what the guard compares with the world at the moment of the effect.
package preview

import "github.com/countersign/countersign/activities/digest"

// Preview is the before and after of one call. One without changes says that nothing would change.
type Preview struct {
	Changes []Change `json:"changes"`
}

// Change is one property of one target. Only what the effect decides about belongs here, in a form
// that reads the same while the world is the same: no time of the reading, no order of an answer.
type Change struct {
	Target string `json:"target"` // as people name it: "access key AKIA... of ada"
	What   string `json:"what"`   // "status"
	Before string `json:"before"` // "Active"
	After  string `json:"after"`  // "Inactive"
}

// Digest names a preview.
func (p Preview) Digest() (digest.Digest, error) {
	if p.Changes == nil {
		p.Changes = []Change{}
	}
	return digest.Of(p)
}
