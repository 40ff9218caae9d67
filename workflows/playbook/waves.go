package playbook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Share is so many of all items of a loop: a number, or a percentage of them.
type Share struct {
	N       int
	Percent bool
}

// String writes a share as authors do.
func (s Share) String() string {
	if s.Percent {
		return strconv.Itoa(s.N) + "%"
	}
	return strconv.Itoa(s.N)
}

// up is the share of so many items where a part of one counts as one.
func (s Share) up(items int) int {
	if s.Percent {
		return (items*s.N + 99) / 100
	}
	return s.N
}

// down is the share where a part of one does not count.
func (s Share) down(items int) int {
	if s.Percent {
		return items * s.N / 100
	}
	return s.N
}

// Cuts says where the waves of a loop over so many items end: wave i goes from the item of the cut
// before, or 0, up to but not including that of Cuts[i]. A wave that would hold no item, because one
// before it goes as far, is none. The last cut is always the number of items; of none there are no
// waves.
func (v *ForEach) Cuts(items int) []int {
	var cuts []int
	last := 0
	for _, w := range v.Waves {
		if cut := min(w.up(items), items); cut > last {
			cuts, last = append(cuts, cut), cut
		}
	}
	if last < items {
		cuts = append(cuts, items)
	}
	return cuts
}

// Budget is how many of so many items may fail; one more, and no further item is begun. Only a loop
// with max_failures has one.
func (v *ForEach) Budget(items int) int { return v.MaxFailures.down(items) }

// BudgetAfter is how many may have failed at the end of a wave, when so many of all items are done:
// of a percentage that part of these, not of all, and of a number at least one must have gone well.
// A canary that fails is therefore the end of the loop, however much may fail of all.
func (v *ForEach) BudgetAfter(done, items int) int {
	if v.MaxFailures.Percent {
		return v.MaxFailures.down(done)
	}
	if done < items {
		return min(v.MaxFailures.N, done-1)
	}
	return v.MaxFailures.N
}

// GoesOn reports whether the other items go on when one fails.
func (v *ForEach) GoesOn() bool { return v.ContinueOnError || v.MaxFailures != nil }

// Pace says in words how a loop goes through its items; "" if it is one after the other to the first
// failure, or all that is said elsewhere.
func (v *ForEach) Pace() string {
	var says []string
	if len(v.Waves) > 0 {
		all := make([]string, len(v.Waves))
		for i, w := range v.Waves {
			all[i] = w.String()
		}
		waves := "in waves up to " + strings.Join(all, ", ")
		if v.Pause > 0 {
			waves += ", " + Span(v.Pause) + " apart"
		}
		says = append(says, waves)
	}
	if v.MaxFailures != nil {
		says = append(says, fmt.Sprintf("stops when more than %s have failed", v.MaxFailures))
	}
	return strings.Join(says, "; ")
}

// maxWaves bounds the waves of one loop.
const maxWaves = 20

var percentForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,2})%$`)

// share reads a number or a percentage of all items.
func (o object) share(n *yaml.Node, key string, least, most, mostPercent int) (Share, bool) {
	var s Share
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!int" && n.Decode(&s.N) == nil:
		if s.N < least || s.N > most {
			o.reportAt(ruleBound, n, "%q of %s is %d; want %d to %d, or %d%% to %d%%", key, o.what, s.N, least, most, least, mostPercent)
			return s, false
		}
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str" && percentForm.MatchString(n.Value):
		s.Percent = true
		s.N, _ = strconv.Atoi(strings.TrimSuffix(n.Value, "%")) // the form has three digits at most
		if s.N < least || s.N > mostPercent {
			o.reportAt(ruleBound, n, "%q of %s is %s; want %d to %d, or %d%% to %d%%", key, o.what, n.Value, least, most, least, mostPercent)
			return s, false
		}
	default:
		o.reportAt(ruleWrongType, n, "%q of %s takes a number of items, or a percentage of all like 5%%; got %s", key, o.what, form(n))
		return s, false
	}
	return s, true
}

// waves reads where waves end. What can be told before the items are known must grow.
func (o object) waves() []Share {
	var all []Share
	last := map[bool]int{}
	nodes := o.list("waves")
	if len(nodes) > maxWaves {
		o.reportAt(ruleBound, o.values["waves"], "there are %d waves; at most %d", len(nodes), maxWaves)
	}
	for i, n := range nodes {
		s, ok := o.share(n, "waves", 1, MaxItems, 100)
		switch {
		case !ok:
			continue
		case s.N <= last[s.Percent]:
			o.reportAt(ruleBadValue, n, "waves grow: each says how far it goes, and %s is no further than the %s before it", s, Share{last[s.Percent], s.Percent})
		case last[true] == 100:
			o.reportAt(ruleBadValue, n, "the wave before goes up to all items; nothing is left for one up to %s", s)
		case i == 0 && s.Percent && s.N == 100:
			o.reportAt(ruleBadValue, n, "a first wave of all items is the loop without waves; begin with less, like [1, 10%%, 100%%]")
		}
		last[s.Percent] = s.N
		all = append(all, s)
	}
	return all
}

// budget reads how many items may fail.
func (o object) budget() *Share {
	n := o.values["max_failures"]
	if n == nil {
		return nil
	}
	s, ok := o.share(n, "max_failures", 0, MaxItems, 99)
	if !ok {
		return nil
	}
	if c := o.values["continue_on_error"]; c != nil && c.Value == "false" {
		o.reportAt(ruleBadValue, c, "\"max_failures\" lets items fail: leave out continue_on_error")
	}
	return &s
}

// failureType is one item that failed, as later steps see it.
func failureType(item *expr.Type) *expr.Type {
	return expr.Object(
		expr.Field{Name: "index", Type: expr.Int},
		expr.Field{Name: "item", Type: item, Optional: true, Why: "a large item is left out"},
		expr.Field{Name: "error", Type: expr.String},
	)
}
