package expr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
)

// What the event says is hostile; what a step gives is not.
func TestTexts(t *testing.T) {
	hostile := func(path string) bool { return strings.HasPrefix(path, "event.data") || path == "vars.x" }
	for source, want := range map[string][]string{
		`plain`:                                        nil,
		`${event.data.kind}`:                           {"event.data.kind"},
		`kind ${event.data.kind}`:                      {"event.data.kind"},
		`${event.data.?key.id.orValue("")}`:            {"event.data.?key.id"},
		`${event.data.?count.orValue(0)}`:              nil,
		`${event.data.kind.size()}`:                    nil,
		`${event.data.kind.upperAscii() + inputs.who}`: {"event.data.kind"},
		`${inputs.who}`:                                nil,
		`${steps.?look.output.state.orValue(vars.?x.orValue(""))}`:                      {"vars.?x"},
		`${event.data.kind == "a" ? "b" : "c"}`:                                         nil,
		`${event.data.kind == "a" ? event.data.kind : "c"}`:                             nil,
		`${event.data.kind != "a" ? event.data.kind : "c"}`:                             {"event.data.kind"},
		`${event.data.kind in ["a", "b"] ? event.data.kind : "c"}`:                      nil,
		`${event.data.kind == "a" || event.data.kind in ["b"] ? event.data.kind : "c"}`: {"event.data.kind"},
		`${event.data.kind.startsWith("a") ? event.data.kind : "c"}`:                    {"event.data.kind"},
		`${["a", "b"].map(i, i + event.data.kind).join(" ")}`:                           {"event.data.kind"},
		`${["a", "b"].filter(i, i != event.data.kind).join(" ")}`:                       nil,
		`${event.data.kind.split(",").map(k, k.trim()).join(" ")}`:                      {"k"},
		`${{"a": event.data.kind}.a}`:                                                   {"event.data.kind"},
	} {
		tpl, problems := uncertain(t).CompileTemplate(source, expr.Any)
		require.Empty(t, problems, source)
		var got []string
		for _, one := range tpl.Texts(uncertain(t), hostile, expr.Facts{}, nil) {
			got = append(got, one.Path)
			require.True(t, strings.HasPrefix(source[one.Column-1:], one.Path[:1]), "the place is where the text is read: %v", one)
		}
		require.Equal(t, want, got, source)
	}

	tpl, problems := uncertain(t).CompileTemplate(`https://${event.data.kind}/`, expr.String)
	require.Empty(t, problems)
	require.Equal(t, []expr.Text{{Line: 1, Column: 11, Path: "event.data.kind", Before: "https://"}}, tpl.Texts(uncertain(t), hostile, expr.Facts{}, nil))
	known := expr.Facts{}.Claims(expr.Claim{Path: "event.data.kind", Value: `"a"`})
	require.Empty(t, tpl.Texts(uncertain(t), hostile, known, nil), "it was compared before")
}
