package expr

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests here share what is known with the whole process, so they run alone.

// What was checked once is found again only where it means the same.
func TestKnownProgramsAreFoundWhereTheyMeanTheSame(t *testing.T) {
	output := func(fields ...Field) map[string]*Type {
		return map[string]*Type{"steps": Object(Field{Name: "a", Type: Object(Field{Name: "output", Type: Object(fields...)})}), "other": Int}
	}
	n := func(t *Type, optional bool) Field { return Field{Name: "n", Type: t, Optional: optional} }
	for source, outcome := range map[string]map[string]map[string]*Type{
		"steps.a.output.n > 1": {
			"bool": output(n(Int, false)), "bool again": output(n(Int, false)),
			"wrong type": output(n(String, false)),
			"no field":   output(),
			"no name":    {"other": Int},
			"optional":   output(n(Int, true)),
		},
		`{"m": steps.a.output.n}`:                      {"one text": output(n(OneOf("a"), false)), "another": output(n(OneOf("b"), false)), "any text": output(n(String, false))},
		"steps.a.output.?n.orValue(0) + 1":             {"int": output(n(Int, true)), "string": output(n(String, true))},
		"has(steps.a.output.n)":                        {"there": output(n(Int, true)), "not there": output()},
		"[1].all(other, other == 1) && steps != other": {"mixed": output()},
	} {
		for name, vars := range outcome {
			for range 2 {
				fresh, want := NewEnv(vars).check(source)
				got, problems := NewEnv(vars).Compile(source, Any)
				require.Equal(t, want, problems, "%s: %s", source, name)
				if fresh != nil {
					require.Equal(t, fresh.result, got.result, "%s: %s", source, name)
					require.Equal(t, fresh.stable, got.stable, "%s: %s", source, name)
				}
			}
		}
	}
	env := NewEnv(output(n(Int, false)))
	first, _ := env.Compile("steps.a.output.n + 41", Any)
	again, _ := NewEnv(output(n(Int, false), Field{Name: "m", Type: String})).Compile("steps.a.output.n + 41", Any)
	require.Same(t, first, again, "what it does not read does not matter")
}

func TestKnownProgramsAreBounded(t *testing.T) {
	for i := range maxKnown + 10 {
		p, problems := NewEnv(map[string]*Type{"n": Object(Field{Name: fmt.Sprint("f", i), Type: Int})}).Compile("n == n", Bool)
		require.Empty(t, problems)
		require.NotNil(t, p)
	}
	known.Lock()
	defer known.Unlock()
	require.LessOrEqual(t, known.programs, maxKnown)
	require.LessOrEqual(t, len(known.bySource["n == n"].programs), maxMeanings)
}

// A name is typed, what is known is found, and only what is new is parsed and checked.
func BenchmarkCompile(b *testing.B) {
	vars := func(field string) map[string]*Type {
		return map[string]*Type{"inputs": Object(Field{Name: field, Type: String}), "event": Object(Field{Name: "data", Type: Any})}
	}
	for name, source := range map[string]func(n int) (field, text string){
		"path":  func(n int) (string, string) { return fmt.Sprint("f", n), fmt.Sprint("inputs.f", n) },
		"known": func(int) (string, string) { return "f", `inputs.f != "" && event.data.?a.b.orValue(0) > 5` },
		"new": func(n int) (string, string) {
			return fmt.Sprint("f", n), fmt.Sprintf(`inputs.f%d != "" && event.data.?a.b.orValue(0) > 5`, n)
		},
	} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n++
				field, text := source(n)
				if _, problems := NewEnv(vars(field)).Compile(text, Any); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}
