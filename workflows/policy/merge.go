package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/grant"
)

// strictness is the order of the modes. What is none of them is the strictest of all.
func (m Mode) strictness() int {
	at := slices.Index([]Mode{Automatic, Approval, Manual, Never}, m)
	if at < 0 {
		return 4
	}
	return at
}

// Strictest is the verdict on two calls that people decide at once: whoever meets it meets both. Of
// two approvals the groups that both name must say yes, as many as the larger quorum; where they
// share no group, or no surface, nobody could, and it is never: those calls belong under approvals of their own.
func Strictest(a, b Verdict) Verdict {
	switch order := cmp.Compare(a.Mode.strictness(), b.Mode.strictness()); {
	case order < 0:
		return b
	case order > 0:
		return a
	case a.Mode != Approval && a.Mode != Manual:
		return a
	}
	both := a.clone()
	both.Expires = shorter(a.Expires, b.Expires)
	if a.Rule == b.Rule && a.Need.Same(b.Need) {
		return both
	}
	both.Need.Quorum = max(a.Need.Quorum, b.Need.Quorum)
	switch {
	case len(a.Need.Groups) == 0:
		both.Need.Groups = slices.Clone(b.Need.Groups)
	case len(b.Need.Groups) > 0:
		both.Need.Groups = slices.DeleteFunc(both.Need.Groups, func(g string) bool { return !slices.Contains(b.Need.Groups, g) })
	}
	surfaces, somewhere := common(a.Need.Surfaces, b.Need.Surfaces)
	both.Need.Surfaces = surfaces
	if a.Rule != b.Rule {
		both.Rule = a.Rule + ", " + b.Rule
		both.Reason = bounded(strings.Join(slices.DeleteFunc([]string{a.Reason, b.Reason}, func(s string) bool { return s == "" }), "; "))
	}
	if len(both.Need.Groups) == 0 && a.Mode == Approval {
		return Verdict{Mode: Never, Rule: both.Rule, Reason: fmt.Sprintf(
			"one approval cannot cover both: the policy asks %s for one call and %s for another; ask for them one after the other",
			strings.Join(a.Need.Groups, ", "), strings.Join(b.Need.Groups, ", "))}
	}
	if !somewhere {
		return Verdict{Mode: Never, Rule: both.Rule, Reason: fmt.Sprintf(
			"one approval cannot cover both: the policy takes votes on %s for one call and on %s for another; ask for them one after the other",
			strings.Join(a.Need.Surfaces, ", "), strings.Join(b.Need.Surfaces, ", "))}
	}
	return both
}

// common are the surfaces on which a vote counts for both, none being everywhere; ok is false where
// there is none.
func common(a, b []string) (both []string, ok bool) {
	switch {
	case len(a) == 0:
		return slices.Clone(b), true
	case len(b) == 0:
		return slices.Clone(a), true
	}
	both = slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
	return both, len(both) > 0
}

// clone returns the verdict with lists of its own.
func (v Verdict) clone() Verdict {
	v.Need.Groups, v.Need.Surfaces = slices.Clone(v.Need.Groups), slices.Clone(v.Need.Surfaces)
	return v
}

// shorter is the shorter of two times; 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// Asked is what must hold for a call, by the playbook and by the policy.
type Asked struct {
	Mode Mode
	// Needs must all be met; of Approval.
	Needs []grant.Need
	// Expires is the longest that people may take; 0: nobody says.
	Expires time.Duration
}

// Merge adds what a playbook asks to what policy says; asked is nil where the step stands under no
// approval. Both hold together: a playbook takes nothing away. Automatic under an approval of the
// playbook's is an approval, and what policy leaves to people, or to nobody, stays so.
func Merge(asked *grant.Need, expires time.Duration, v Verdict) Asked {
	m := Asked{Mode: v.Mode}
	switch {
	case v.Mode.strictness() > Approval.strictness():
		return m
	case asked != nil:
		m.Mode, m.Needs, m.Expires = Approval, []grant.Need{*asked}, expires
	}
	if v.Mode == Approval {
		m.Needs = append(m.Needs, v.Need)
		m.Expires = shorter(m.Expires, v.Expires)
	}
	return m
}
