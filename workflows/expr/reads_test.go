package expr_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
)

func TestReads(t *testing.T) {
	step := expr.Object(expr.Field{Name: "output", Type: expr.Any, Optional: true}, expr.Field{Name: "status", Type: expr.String})
	env := expr.NewEnv(map[string]*expr.Type{
		"steps": expr.Object(expr.Field{Name: "a", Type: step}, expr.Field{Name: "b", Type: step}),
		"vars":  expr.Object(expr.Field{Name: "n", Type: expr.Int}),
		"item":  expr.Any,
		"event": expr.Object(expr.Field{Name: "data", Type: expr.Any}),
	})
	for source, want := range map[string][]string{
		`1 + 2`: nil,
		`steps.a.status == "done" && vars.n > 1 ? string(item) : steps.?b.output.x.orValue("")`: {"item", "steps.a", "steps.b", "vars.n"},
		`[item.x, item.y].exists(i, i == event.data.?z.orValue(0))`:                             {"event.data", "item.x", "item.y"},
		`{"k": vars.n}.k == vars.n`: {"vars.n"},
	} {
		program, problems := env.Compile(source, expr.Any)
		require.Empty(t, problems, source)
		var got []string
		for _, name := range program.Reads() {
			if name != "i" && name[0] != '@' {
				got = append(got, name)
			}
		}
		require.Equal(t, want, got, source)
	}
	template, problems := env.CompileTemplate("${item} and ${vars.n}", expr.String)
	require.Empty(t, problems)
	require.Equal(t, []string{"item", "vars.n"}, template.Reads())
}
