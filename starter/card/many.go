package card

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Count is how many calls have something in common.
type Count struct {
	Of string
	N  int
}

// Counts counts calls by what of says of them, the most first; what it says nothing of is left out.
func Counts(calls []approval.Call, of func(approval.Call) string) []Count {
	n := map[string]int{}
	for _, c := range calls {
		if name := of(c); name != "" {
			n[name]++
		}
	}
	all := make([]Count, 0, len(n))
	for name, count := range n {
		all = append(all, Count{name, count})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Or(b.N-a.N, strings.Compare(a.Of, b.Of)) })
	return all
}

// ByActivity, ByAccount and ByRegion are what calls are counted by.
func ByActivity(c approval.Call) string { return c.Activity }
func ByAccount(c approval.Call) string  { return field(c.Input, "account") }
func ByRegion(c approval.Call) string   { return field(c.Input, "region") }

func field(input json.RawMessage, name string) string {
	var fields map[string]any
	if json.Unmarshal(input, &fields) != nil {
		return ""
	}
	s, _ := fields[name].(string)
	return s
}

// Many reports so many calls that they are counted before they are listed.
func Many(calls []approval.Call) bool { return len(calls) > approval.MaxCalls }

// counted are the counts of many calls, in full: what one looks at first.
func (p *page) counted(calls []approval.Call) {
	says := func(all []Count) string {
		var lines []string
		for _, c := range all {
			lines = append(lines, fmt.Sprintf("%4d  %s", c.N, Exact(c.Of)))
		}
		return strings.Join(lines, "\n")
	}
	p.table(2,
		row{"activity", says(Counts(calls, ByActivity))},
		row{"account", says(Counts(calls, ByAccount))},
		row{"region", says(Counts(calls, ByRegion))},
	)
	p.line(0, "")
}

// dense shows every one of many calls with all that a yes decides about: what those that follow each
// other have in common is said once.
func (p *page) dense(calls []approval.Call) {
	before := ""
	for i, c := range calls {
		common := fmt.Sprintf("%s, version %d: %s", Exact(c.Activity), c.Version, p.effect(c))
		if r := rule(c); r != "" {
			common += "; policy " + r
		}
		if common != before {
			p.line(2, common)
			before = common
		}
		number := fmt.Sprintf("%4d. ", i+1)
		says := Exact(c.Step)
		if at := append(Fields(c.Input, Places, Exact), Fields(c.Input, c.Targets, Exact)...); len(at) > 0 {
			says += "  " + strings.Join(at, ", ")
		}
		p.line(2, number+says)
		for _, line := range strings.Split(changes(c), "\n") {
			if line != "" {
				p.line(2+len(number), line)
			}
		}
		if Plain(c) {
			continue
		}
		for _, line := range Parameters(c.Input) {
			p.line(2+len(number), line)
		}
	}
	p.line(0, "")
}

// Plain reports a call of which place and targets are all there is.
func Plain(c approval.Call) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(c.Input, &fields) != nil {
		return false
	}
	for name, raw := range fields {
		var text string
		_, list := textList(raw)
		if !list && (string(raw) == "null" || json.Unmarshal(raw, &text) != nil) || !slices.Contains(Places, name) && !slices.Contains(c.Targets, name) {
			return false
		}
	}
	return true
}

// became is how far the calls of a request are that stand in loops.
func became(st *workflows.Status, a *workflows.ApprovalStatus) string {
	var lines []string
	told := map[string]bool{}
	for _, c := range a.Calls {
		in := strings.TrimPrefix(c.Step, strings.TrimSuffix(a.ID, lastName(a.ID)))
		loopID, _, ok := strings.Cut(in, "[")
		if !ok || told[loopID] {
			continue
		}
		told[loopID] = true
		if row := st.Step(loopID); row != nil && row.Loop != nil {
			for i, line := range loop(row) {
				if i == 0 {
					line = Exact(loopID) + ": " + line
				}
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// lastName is the id of a step without the rounds around it.
func lastName(name string) string { return name[strings.LastIndex(name, ".")+1:] }
