package expr_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
)

func TestPaths(t *testing.T) {
	step := expr.Object(expr.Field{Name: "output", Type: expr.Any, Optional: true}, expr.Field{Name: "status", Type: expr.String})
	env := expr.NewEnv(map[string]*expr.Type{
		"steps": expr.Object(expr.Field{Name: "a", Type: step}, expr.Field{Name: "b", Type: step}),
		"vars":  expr.Object(expr.Field{Name: "n", Type: expr.Int}),
		"item":  expr.Any,
		"event": expr.Object(expr.Field{Name: "data", Type: expr.Any}),
	})
	for source, want := range map[string][]string{
		`1 + 2`: nil,
		`steps.a.status == "done" && vars.n > 1 ? string(item) : steps.?b.output.x.orValue("")`: {"item", "steps.a.status", "steps.b.output.x", "vars.n"},
		`[item.x, item.y].exists(i, i == event.data.?z.orValue(0))`:                             {"event.data.z", "item.x", "item.y"},
		`{"k": vars.n}.k == vars.n`: {"vars.n"},
		`event.data["a b"].c[item.n].d + event.data[?"e"].orValue("") + dyn(event).x`: {"event", "event.data.a b.c", "event.data.e", "item.n"},
		`has(event.data.a.b)`: {"event.data.a.b"},
	} {
		program, problems := env.Compile(source, expr.Any)
		require.Empty(t, problems, source)
		var got []string
		for _, path := range program.Paths() {
			if name := strings.Join(path, "."); name != "i" && name[0] != '@' {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		require.Equal(t, want, slices.Compact(got), source)
	}
	template, problems := env.CompileTemplate("${item} and ${vars.n}", expr.String)
	require.Empty(t, problems)
	require.Equal(t, [][]string{{"item"}, {"vars", "n"}}, template.Paths())
}

func TestOnly(t *testing.T) {
	all := schema(t, `{"type":"object","required":["a"],"properties":{
		"a":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"object","properties":{"z":{"type":"integer"}}}}},
		"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"string"},"d":{"type":"string"}}}},
		"e":{"type":"object","additionalProperties":{"type":"string"}}}}`)
	whole, err := json.Marshal(all)
	require.NoError(t, err)
	for want, paths := range map[string][][]string{
		`{"object":{}}`: nil,
		string(whole):   {{"a", "x"}, {}},
		`{"object":{"a":{"object":{"x":"string"},"optional":["x"]}}}`:                                            {{"a", "x"}, {"nothing"}},
		`{"object":{"a":{"object":{"y":{"object":{"z":"int"},"optional":["z"]}},"optional":["y"]}}}`:             {{"a", "y"}, {"a", "y", "z"}},
		`{"object":{"b":{"list":{"object":{"c":"string","d":"string"},"optional":["c","d"]}}},"optional":["b"]}`: {{"b", "0", "c"}},
		`{"object":{"e":{"map":"string"}},"optional":["e"]}`:                                                     {{"e", "k", "more"}},
	} {
		only := all.Only(paths)
		raw, err := json.Marshal(only)
		require.NoError(t, err)
		require.JSONEq(t, want, string(raw))
		require.True(t, only.Same(only.Only(paths)), "what is left is left again")
	}
	require.Equal(t, expr.String, expr.String.Only([][]string{{"x"}}))
}
