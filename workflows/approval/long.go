package approval

import (
	"strings"

	"github.com/countersign/countersign/activities/digest"
)

// A request longer than this is not shown whole where people decide with a button: what cannot be
// read in one piece is not decided in passing. In bytes of its canonical JSON.
const (
	MaxCalls = 25
	MaxBytes = 12 << 10
)

// MaxManyBytes is the bound for a request of many calls, which has another form: counts first, in full,
// and then all calls, each on a line or two, where a person has asked to read them.
const MaxManyBytes = 200 << 10

// Many reports a request of so many calls that they are counted before they are listed: those of a loop,
// which are alike. So many others have no such form.
func (r Request) Many() bool {
	if len(r.Calls) <= MaxCalls {
		return false
	}
	round, alone := r.ID[:strings.LastIndex(r.ID, ".")+1], 0
	for _, c := range r.Calls {
		if in, ok := strings.CutPrefix(c.Step, round); !ok || !strings.Contains(in, "[") {
			alone++
		}
	}
	return alone <= MaxCalls
}

// Long reports a request of which a chat would show only a part, in either form. Such a surface offers a
// link to all of it, and no button.
func (r Request) Long() bool {
	most := MaxBytes
	switch {
	case r.Many():
		most = MaxManyBytes
	case len(r.Calls) > MaxCalls:
		return true
	}
	raw, err := digest.Canonical(r)
	return err != nil || len(raw) > most
}
