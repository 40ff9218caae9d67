package playbook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
)

const head = "playbook: p\nstage: run\n"

func TestBounds(t *testing.T) {
	ok := head + "steps: [{stop: x}]\n"
	pad := func(n int) string { return ok + "#" + strings.Repeat("x", n-len(ok)-1) }
	nest := func(n int) string {
		return head + "labels: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\nsteps: [{stop: x}]\n"
	}
	set := func(n int) string {
		return head + "steps: [{set: {x: [" + strings.Repeat("1,", n) + "]}}]\n"
	}
	laughs := head + "a0: &a0 [x]\n"
	for i := range 30 {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 9))
	}
	for name, tc := range map[string]struct{ text, says string }{
		"256 KiB":            {pad(playbook.MaxSize), ""},
		"256 KiB and one":    {pad(playbook.MaxSize + 1), "1:1: the file is 262145 bytes; at most 262144 are read [limits]"},
		"10 MB":              {pad(10 << 20), "the file is 10485760 bytes"},
		"grows as JSON":      {head + "steps:\n  - stop: |\n      x" + strings.Repeat("\t", 200_000) + "x\n", "the playbook as JSON"},
		"deep":               {nest(200), "3:40: the file is nested more than 32 levels deep"},
		"very deep":          {nest(100_000), "[syntax]"},
		"32 levels":          {head + "steps: [{set: {x: " + strings.Repeat("[", 28) + strings.Repeat("]", 28) + "}}]\n", ""},
		"33 levels":          {head + "steps: [{set: {x: " + strings.Repeat("[", 29) + strings.Repeat("]", 29) + "}}]\n", "nested more than 32"},
		"10,000 values":      {set(10_000 - 13), ""},
		"10,001 values":      {set(10_001 - 13), "more than 10000 values"},
		"100,000 values":     {set(100_000), "more than 10000 values"},
		"billion laughs":     {laughs, "the anchor &a0 is refused"},
		"anchor to itself":   {head + "steps: &a [*a]\n", "[syntax]"},
		"not UTF-8":          {head + "title: \xff\nsteps: [{stop: x}]\n", "3:8: the file is not UTF-8"},
		"UTF-16":             {"\xff\xfep\x00", "1:1: the file is not UTF-8"},
		"zero byte":          {head + "title: \x00\n", "3:8: the invisible character U+0000"},
		"only a mark":        {"\ufeff", "the file is empty"},
		"only a null":        {"~", "a playbook is a mapping"},
		"a number of steps":  {head + "steps:\n" + strings.Repeat("  - stop: x\n", 251), "254:5: the playbook has more than 250 steps"},
		"a thousand steps":   {head + "steps:\n" + strings.Repeat("  - {stop: x}\n", 1000), "more than 250 steps"},
		"a million mistakes": {head + "steps:\n" + strings.Repeat("  - x\n", 200), "a step is a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			pb, problems := playbook.Compile("p.yaml", []byte(tc.text), lamps())
			require.LessOrEqual(t, len(problems), 100)
			if tc.says == "" {
				require.Empty(t, problems)
				requireFixedPoint(t, pb)
				return
			}
			require.Nil(t, pb)
			require.Contains(t, problems.Error(), tc.says)
		})
	}
}

// A worker compiles plans inside a run, which must not take a second. The slowest that the bounds
// admit is a playbook of many named steps, each of which sees all before it.
func TestTheLargestPlaybookCompilesQuickly(t *testing.T) {
	var text strings.Builder
	text.WriteString(head + "steps:\n")
	for i := range 250 {
		fmt.Fprintf(&text, "  - {id: s%d, if: 'run.id != \"\"', activity: lamp.look, with: {lamp: '${run.id}', dim: '${1.5}'}, title: 'T ${run.id}'}\n", i)
	}
	began := time.Now()
	pb, problems := playbook.Compile("p.yaml", []byte(text.String()), lamps())
	require.Empty(t, problems)
	took := time.Since(began)
	t.Logf("compiled in %s, %d bytes of plan", took, len(pb.Plan.Document))
	require.Less(t, took, 10*time.Second, "a worker takes a fifth of a second; the rest is for the race detector and a busy machine")
}
