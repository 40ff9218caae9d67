package expr_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
)

func TestPartial(t *testing.T) {
	t.Parallel()
	output := expr.Object(expr.Field{Name: "n", Type: expr.Int}, expr.Field{Name: "l", Type: expr.List(expr.String)}, expr.Field{Name: "maybe", Type: expr.Int, Optional: true})
	env := expr.NewEnv(map[string]*expr.Type{
		"steps": expr.Object(
			expr.Field{Name: "a", Type: expr.Object(expr.Field{Name: "status", Type: expr.String}, expr.Field{Name: "output", Type: output})},
			expr.Field{Name: "b", Type: expr.Object(expr.Field{Name: "output", Type: output, Optional: true})},
		),
		"inputs": expr.Object(expr.Field{Name: "x", Type: expr.Int}, expr.Field{Name: "s", Type: expr.String}),
		"item":   expr.Any,
	})
	values := map[string]any{
		"steps":  map[string]any{"a": map[string]any{"status": "done"}, "b": map[string]any{}},
		"inputs": map[string]any{"x": int64(5), "s": "t"},
	}
	unknown := []string{"steps.a.output", "item"}
	for source, want := range map[string]struct {
		value string
		waits []string
	}{
		`${inputs.x}`:                                      {`5`, nil},
		`${steps.a.output.n}`:                              {`"${steps.a.output.n}"`, []string{"steps.a.output"}},
		`${steps.a.status}`:                                {`"done"`, nil},
		`${steps.a.output.n > 1 && inputs.x > 10}`:         {`false`, nil},
		`${steps.a.output.n > 1 || inputs.x > 10}`:         {`"${steps.a.output.n > 1 || inputs.x > 10}"`, []string{"steps.a.output"}},
		`${steps.a.output.?maybe.orValue(1)}`:              {`"${steps.a.output.?maybe.orValue(1)}"`, []string{"steps.a.output"}},
		`${has(steps.a.output.maybe)}`:                     {`"${has(steps.a.output.maybe)}"`, []string{"steps.a.output"}},
		`${steps.b.?output.n.orValue(7)}`:                  {`7`, nil},
		`${steps.a.output.l.map(i, i + inputs.s)}`:         {`"${steps.a.output.l.map(i, i + inputs.s)}"`, []string{"steps.a.output"}},
		`${{"k": [item, inputs.x]}}`:                       {`"${{\"k\": [item, inputs.x]}}"`, []string{"item"}},
		`${item.a["b"]}`:                                   {`"${item.a[\"b\"]}"`, []string{"item"}},
		`${inputs.x > 1 ? inputs.s : steps.a.output.l[0]}`: {`"t"`, nil},
		`of ${inputs.s}: ${steps.a.output.n} and ${item}`:  {`"of t: ${steps.a.output.n} and ${item}"`, []string{"item", "steps.a.output"}},
		`${steps.a.output.l.sortBy(i, i)}`:                 {`"${steps.a.output.l.sortBy(i, i)}"`, []string{"steps.a.output"}},
		`${["b", "a"].sortBy(i, i)}`:                       {`["a", "b"]`, nil},
		`nothing`:                                          {`"nothing"`, nil},
	} {
		template, problems := env.CompileTemplate(source, expr.Any)
		require.Empty(t, problems, source)
		got, err := template.Partial(values, unknown)
		require.NoError(t, err, source)
		require.JSONEq(t, want.value, string(got.Value), source)
		require.Equal(t, want.waits, got.Waits, source)
		require.Equal(t, want.waits == nil, got.Known())
		if got.Known() {
			whole, err := template.Eval(values)
			require.NoError(t, err, source)
			require.JSONEq(t, string(whole), string(got.Value), "what is known is what it will be")
		}
	}
	p, problems := env.Compile("steps.b.output.n + 1", expr.Any)
	if len(problems) == 0 {
		_, err := p.Partial(values, unknown)
		require.ErrorContains(t, err, "no such key")
	}
}
