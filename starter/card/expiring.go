package card

import (
	"strings"

	"github.com/countersign/countersign/workflows"
)

// expiring tells what a run did that is put back by itself, when, and what became of that as far as
// it was asked.
func (p *page) expiring(st *workflows.Status) {
	if len(st.Expiring) == 0 {
		return
	}
	p.section("Done for a while")
	for _, a := range st.Expiring {
		if a == nil || a.Until == nil { // a run's story is what its workflow says
			continue
		}
		p.linef(2, "%s  %s  %s", Exact(a.Step), began(&a.At, st.Started), Exact(a.Activity))
		p.table(4,
			row{"targets", saidIn(4, strings.Join(acted(a), "\n"))},
			row{"until", p.until(a)},
			row{"reason", saidIn(4, a.Until.Reason)},
			row{"error", saidIn(4, a.Until.Error)},
		)
	}
	if st.ExpiringUnlisted > 0 {
		p.linef(2, "…[+%d]", st.ExpiringUnlisted)
	}
}

// until says when something is put back by itself, or how that ended.
func (p *page) until(a *workflows.Act) string {
	u := a.Until
	when := stamp(u.At)
	by := "put back by " + Exact(a.Undo)
	if u.Ended != nil {
		when = stamp(*u.Ended)
	}
	switch u.State {
	case workflows.ExpiryWaiting, "":
		return when + ", then " + by + " unless somebody keeps it"
	case workflows.ExpiryActing:
		return when + ", and is being " + by
	case workflows.ExpiryPutBack:
		return when + ", then " + by
	case workflows.ExpiryKept:
		return p.style(green, "kept") + " by " + Exact(u.KeptBy) + ", " + when
	case workflows.ExpiryOvertaken:
		return when + ", left as it was then"
	case workflows.ExpiryFailed:
		return p.style(red, "could not be "+by) + ", " + when
	default:
		return p.style(yellow, Exact(string(u.State))) + ", " + when
	}
}

// leftUntil says of what a run leaves done whether that ends by itself.
func leftUntil(a *workflows.Act) string {
	if a.Until == nil {
		return ""
	}
	return "\nby itself at " + stamp(a.Until.At) + ", unless somebody keeps it"
}
