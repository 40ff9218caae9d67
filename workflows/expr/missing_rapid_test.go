package expr_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/workflows/expr"
)

// An expression that reads nothing that may be missing finds all that it reads, whatever is there.
func TestWhatIsProvedIsThere(t *testing.T) {
	leaf := func(name string) expr.Field { return expr.Field{Name: name, Type: expr.String, Optional: true} }
	inner := expr.Object(leaf("x"), leaf("y"))
	env := expr.NewEnv(map[string]*expr.Type{"event": expr.Object(
		expr.Field{Name: "a", Type: inner, Optional: true}, expr.Field{Name: "b", Type: inner, Optional: true}, leaf("c"),
		expr.Field{Name: "m", Type: expr.Map(expr.String)},
	)})
	rapid.Check(t, func(t *rapid.T) {
		source := condition(t, 4)
		p, problems := env.Compile(source, expr.Bool)
		require.Empty(t, problems, source)
		if len(p.Missing(env, expr.Facts{}, nil)) > 0 {
			return
		}
		yes, no := p.When(env, true, expr.Facts{}, nil), p.When(env, false, expr.Facts{}, nil)
		for range 5 {
			holds, err := p.Holds(map[string]any{"event": event(t)})
			require.NoError(t, err, source)
			require.False(t, holds && yes.Never() || !holds && no.Never(), "%s gives %t, which was proved not to be", source, holds)
		}
	})
}

// event is one with some of the fields.
func event(t *rapid.T) map[string]any {
	some := func(names ...string) map[string]any {
		fields := map[string]any{}
		for _, name := range names {
			if rapid.Bool().Draw(t, name) {
				fields[name] = rapid.SampledFrom([]string{"", "u", "v"}).Draw(t, "value")
			}
		}
		return fields
	}
	ev := some("c")
	ev["m"] = some("k", "l")
	for _, name := range []string{"a", "b"} {
		if rapid.Bool().Draw(t, name) {
			ev[name] = some("x", "y")
		}
	}
	return ev
}

// condition writes an expression that gives a bool.
func condition(t *rapid.T, depth int) string {
	pick := func(options ...string) string { return rapid.SampledFrom(options).Draw(t, "one") }
	path := pick("event.a.x", "event.b.y", "event.c", "event.m.k")
	if depth > 0 {
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return "(" + condition(t, depth-1) + " && " + condition(t, depth-1) + ")"
		case 1:
			return "(" + condition(t, depth-1) + " || " + condition(t, depth-1) + ")"
		case 2:
			return "!" + condition(t, depth-1)
		case 3:
			return "(" + condition(t, depth-1) + " ? " + condition(t, depth-1) + " : " + condition(t, depth-1) + ")"
		case 4: // the idiom, which chance would rarely hit upon
			guard := pick("has(event.a) && has(event.a.x)", "event.?a.x.hasValue()", `event.?a.x.orValue("") != ""`, "has(event.?a.x)")
			return "(" + guard + " && " + pick(`event.a.x == "u"`, `event.a.x in ["u", "v"]`, `!(event.a.x == "v")`) + ")"
		}
	}
	switch rapid.IntRange(0, 4).Draw(t, "leaf") {
	case 0:
		return "has(" + pick("event.a", "event.a.x", "event.b", "event.b.y", "event.c", "event.m.k") + ")"
	case 1:
		return "(" + path + pick(" == ", " != ") + pick(`"u"`, `"v"`) + ")"
	case 2:
		return "(" + pick("event.?a.x", "event.?b.?y", "event.?c", "event.m.?k") + `.orValue("") ` + pick("==", "!=") + pick(` ""`, ` "u"`) + ")"
	case 3:
		return "(" + path + ` in ["u", "v"])`
	default:
		return "(" + pick(`"k"`, `"l"`) + " in event.m)"
	}
}
