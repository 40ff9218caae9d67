package policy

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
)

// The values of Facts.Undo that are not "".
const (
	UndoByRun    = "run"
	UndoByPerson = "person"
)

// Policy is a policy, compiled. It does not change, and is safe for concurrent use.
type Policy struct {
	name       string
	digest     digest.Digest
	zone       *time.Location
	accounts   map[string]map[string]string // tags, by the folded name
	neverTouch patterns
	breakers   []Breaker
	freezes    []freeze
	breakGlass []string
	rules      []rule
	effects    func(activity string) (effect string, known bool)
}

// rule is one rule; its program is nil where it has no "if".
type rule struct {
	name    string
	program *expr.Program
	verdict Verdict
}

// freeze is a window in which nothing is done.
type freeze struct {
	name        string
	from, until time.Time
	activities  patterns
}

// Name is the policy's.
func (p *Policy) Name() string { return p.name }

// Digest names what the policy says: comments and layout do not count.
func (p *Policy) Digest() digest.Digest { return p.digest }

// BreakGlass are the groups whose members may decide alone in an emergency; empty: nobody may.
func (p *Policy) BreakGlass() []string { return slices.Clone(p.breakGlass) }

// NeverTouchRule is the name of the rule in verdicts about what must not be touched.
const NeverTouchRule = "never_touch"

// Judge says what the policy makes of a call. It says never where an approval could not help:
// where [Policy.NeverTouch] hits, and in a freeze. Breakers it does not look at: see [Policy.Tripped].
func (p *Policy) Judge(f Facts) Verdict {
	if pattern, hit := p.NeverTouch(f); hit {
		return Verdict{Mode: Never, Rule: NeverTouchRule, Reason: fmt.Sprintf("what matches %s is never touched", strconv.Quote(pattern))}
	}
	if v, frozen := p.frozen(f); frozen {
		return v
	}
	values := p.values(f)
	for _, r := range p.rules {
		if r.program == nil {
			return r.verdict.clone()
		}
		switch holds, err := r.program.Holds(values); {
		case err != nil:
			return Verdict{Mode: Never, Rule: r.name, Reason: bounded("the rule could not be judged: " + err.Error())}
		case holds:
			return r.verdict.clone()
		}
	}
	return Verdict{Mode: Never, Reason: "no rule of the policy decides it"} // Parse lets no such policy pass
}

// NeverTouch reports whether a target of the call, or its account, is among what must never be
// touched, and by which pattern. Nothing can approve it.
func (p *Policy) NeverTouch(f Facts) (pattern string, hit bool) {
	if len(p.neverTouch) == 0 {
		return "", false
	}
	if pattern, hit = p.neverTouch.match(fold(f.Account)); hit {
		return pattern, true
	}
	for _, target := range f.Targets {
		if pattern, hit = p.neverTouch.match(fold(target)); hit {
			return pattern, true
		}
	}
	return "", false
}

// frozen says never within a freeze. What takes an effect back is not held: a freeze is there to keep
// things as they were.
func (p *Policy) frozen(f Facts) (Verdict, bool) {
	if f.Undo != "" {
		return Verdict{}, false
	}
	for _, w := range p.freezes {
		if f.Now.Before(w.from) || !f.Now.Before(w.until) {
			continue
		}
		if _, in := w.activities.match([]rune(f.Activity)); in {
			return Verdict{Mode: Never, Rule: w.name, Reason: fmt.Sprintf("frozen until %s", w.until.In(p.zone).Format(time.RFC3339))}, true
		}
	}
	return Verdict{}, false
}

// maxReason bounds what a verdict says, in bytes: an error may quote what it stumbled over.
const maxReason = 500

func bounded(s string) string {
	if len(s) <= maxReason {
		return s
	}
	cut := maxReason
	for cut > 0 && s[cut]&0xc0 == 0x80 { // not inside of a character
		cut--
	}
	return s[:cut] + "..."
}
