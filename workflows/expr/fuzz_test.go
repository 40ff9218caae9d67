package expr

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzTemplate feeds any text with ${...} in it. There is no panic; what compiles can be planned, has
// an end well within the second that a worker has, and gives JSON of its type; and what is known
// without some of the values is what it is with them.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"", "${", "${}", "a ${", "${'}'}", `${"\"}"}`, "$${x} ${1}", "${// }\n1}", "${r'\\'}", "$${a}", "a ${inputs.n} b ${inputs.s}", "${inputs.l}", "${inputs.l.map(i, i + inputs.s)}", "${event.data.?a.b.orValue(1)}",
		`${"}" + '\'' + r"\"}`, "${// x\n1}", "${{'a': [1, {}]}}", "${inputs.s.matches('^(a|b)*$')}", "${'%s'.format([event.data])}", "${1 / 0}", "${inputs.s.split('')}",
		"${inputs.n > 1 || event.data.x == 2}", "${has(event.data.x) ? event.data.x : 'y'}", "${steps.a}", "${timestamp('2026-11-20T00:00:00Z') - duration('1h')}",
		"${[1,2,3].all(x, [1,2,3].all(y, x + y > 0))}", "${inputs.l.map(a, inputs.l.map(b, a + b))}", "${b'a'}", "${1u}", "${type(1)}", "${optional.none()}",
	} {
		f.Add(seed)
	}
	env := NewEnv(map[string]*Type{
		"inputs": Object(Field{Name: "n", Type: Int}, Field{Name: "s", Type: String}, Field{Name: "l", Type: List(String)}, Field{Name: "maybe", Type: Double, Optional: true}),
		"event":  Object(Field{Name: "data", Type: Any}),
	})
	values := map[string]any{
		"inputs": map[string]any{"n": int64(5), "s": "text", "l": []any{"a", "b", "c"}},
		"event":  map[string]any{"data": map[string]any{"x": int64(2), "a": map[string]any{"b": "deep"}}},
	}
	f.Fuzz(func(t *testing.T, source string) {
		began := time.Now()
		template, problems := env.CompileTemplate(source, Any)
		if template == nil {
			require.NotEmpty(t, problems)
			for _, p := range problems {
				require.Positive(t, p.Line)
				require.Positive(t, p.Column)
				require.NotEmpty(t, p.Message)
			}
			return
		}
		for _, p := range template.parts {
			if p.program == nil {
				continue
			}
			_, err := p.program.cel()
			require.NoError(t, err, "what was checked can be planned")
			checked, found := env.check(p.program.source)
			require.Empty(t, found)
			require.True(t, checked.result.Same(p.program.result), "%s and %s", checked.result, p.program.result)
		}
		raw, err := template.Eval(values)
		part, errPart := template.Partial(values, []string{"event.data"})
		require.Less(t, time.Since(began), 5*time.Second)
		if err == nil {
			require.True(t, json.Valid(raw))
			_, err = template.Type().Decode(raw)
			require.NoError(t, err, "%s of %s", raw, template.Type())
		}
		if err == nil && errPart == nil && part.Known() && template.Stable() {
			require.JSONEq(t, string(raw), string(part.Value))
		}
	})
}
