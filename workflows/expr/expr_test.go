package expr_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/workflows/expr"
)

// names is an environment like a step's: typed inputs, an activity's output, free event data.
func names(t testing.TB) *expr.Env {
	t.Helper()
	return expr.NewEnv(map[string]*expr.Type{
		"event": expr.Object(
			expr.Field{Name: "id", Type: expr.String},
			expr.Field{Name: "time", Type: expr.Timestamp},
			expr.Field{Name: "data", Type: expr.Any},
		),
		"inputs": expr.Object(
			expr.Field{Name: "key_id", Type: expr.String},
			expr.Field{Name: "days", Type: expr.Int},
		),
		"steps": expr.Object(expr.Field{Name: "usage", Type: expr.Object(
			expr.Field{Name: "status", Type: expr.String},
			expr.Field{Name: "output", Type: expr.Object(
				expr.Field{Name: "last_used", Type: expr.Timestamp},
				expr.Field{Name: "score", Type: expr.Double},
				expr.Field{Name: "groups", Type: expr.List(expr.String)},
				expr.Field{Name: "note", Type: expr.String, Optional: true},
			)},
		)}).WithHints(map[string]string{"close": `the step "close" runs later`}),
		"tags": expr.Map(expr.String),
	})
}

func values(t testing.TB) map[string]any {
	t.Helper()
	env := names(t)
	out := map[string]any{}
	for name, raw := range map[string]string{
		"event":  `{"id":"e1","time":"2026-11-20T21:14:00Z","data":{"n":5,"big":9007199254740993,"f":2.5,"list":[1,2]}}`,
		"inputs": `{"key_id":"AKIA1","days":30}`,
		"steps":  `{"usage":{"status":"done","output":{"last_used":"2026-11-20T21:14:00Z","score":5,"groups":["a","b"]}}}`,
		"tags":   `{"owner":"x","team":"y"}`,
	} {
		typ, ok := env.Var(name)
		require.True(t, ok)
		v, err := typ.Decode([]byte(raw))
		require.NoError(t, err)
		out[name] = v
	}
	return out
}

func TestEval(t *testing.T) {
	for source, want := range map[string]string{
		`inputs.key_id + "!"`:                                             `"AKIA1!"`,
		`inputs.days + 1`:                                                 `31`,
		`event.data.n + 1`:                                                `6`,
		`event.data.big`:                                                  `9007199254740993`,
		`event.data.f * 2.0`:                                              `5.0`,
		`steps.usage.output.score + 0.5`:                                  `5.5`,
		`steps.usage.output.last_used + duration("1h")`:                   `"2026-11-20T22:14:00Z"`,
		`event.data.?absent.orValue("none")`:                              `"none"`,
		`has(steps.usage.output.note)`:                                    `false`,
		`steps.usage.output.?note.orValue("-")`:                           `"-"`,
		`steps.usage.output.groups.filter(g, g != "a")`:                   `["b"]`,
		`event.time.getFullYear()`:                                        `2026`,
		`{"a": [1, 2.0], "b": null}`:                                      `{"a":[1,2.0],"b":null}`,
		`inputs.days > 2.5`:                                               `true`,
		`"A,B".lowerAscii().split(",")`:                                   `["a","b"]`,
		`sets.contains(steps.usage.output.groups, ["a"])`:                 `true`,
		`event.time - steps.usage.output.last_used`:                       `"0s"`,
		`event.data.list.exists(x, x == 2) ? "in" : "out"`:                `"in"`,
		`steps.usage.output.groups.map(g, {"id": g})`:                     `[{"id":"a"},{"id":"b"}]`,
		`[1, 2, 3].all(x, steps.usage.output.groups.exists(y, y == "a"))`: `true`,
	} {
		t.Run(source, func(t *testing.T) {
			p, problems := names(t).Compile(source, expr.Any)
			require.Empty(t, problems)
			got, err := p.Eval(values(t))
			require.NoError(t, err)
			require.Equal(t, want, string(got))
			_, err = p.Type().Decode(got)
			require.NoError(t, err, "the result fits the type %s that was promised", p.Type())
		})
	}
}

func TestCompileReports(t *testing.T) {
	for _, tc := range []struct {
		source string
		want   *expr.Type
		line   int
		column int
		says   string
	}{
		{`steps.usage.output.last_usd`, expr.Any, 1, 19, `steps.usage.output has no field "last_usd"; did you mean "last_used"?`},
		{`evnt.id`, expr.Any, 1, 1, `unknown name "evnt"; did you mean "event"?`},
		{`steps.close.status`, expr.Any, 1, 6, `the step "close" runs later`},
		{`inputs.key_id.x`, expr.Any, 1, 14, `inputs.key_id is string, which has no fields; "x" was asked of it`},
		{`inputs.days == "x"`, expr.Any, 1, 13, `"==" does not take (int, string)`},
		{`inputs.key_id +`, expr.Any, 1, 16, "Syntax error: unexpected end of the expression"},
		{"inputs.days >\n  inputs.dais", expr.Any, 2, 9, `did you mean "days"?`},
		{`inputs.key_id`, expr.Bool, 1, 1, "the expression gives string; want bool"},
		{`event.data.?a`, expr.Any, 1, 1, ".orValue"},
		{``, expr.Any, 1, 1, "empty"},
		{`"x".matches("[")`, expr.Any, 1, 13, "invalid matches argument"},
		{`now()`, expr.Any, 1, 4, `there is no function "now"`},
		{`inputs.key_id.startWith("A")`, expr.Any, 1, 24, `there is no function "startWith"; did you mean "startsWith"?`},
		{`steps.usage.output.groups.exist(g, g == "a")`, expr.Any, 1, 32, `did you mean "exists"?`},
		{`inputs.days.startsWith("x")`, expr.Any, 1, 23, `"startsWith" does not take int.(string)`},
		{`steps.usage.output + 1`, expr.Any, 1, 20, `"+" does not take (object, int)`},
		{`inputs.key_id ? 1 : "a"`, expr.Any, 1, 15, `"? :" does not take (string, int, string)`},
		{`inputs["days"]`, expr.Any, 1, 7, `"[]" does not take (object, string)`},
		{`inputs.days == 1 and true`, expr.Any, 1, 18, `"and" is not an operator; write "&&"`},
		{`inputs.days = 5`, expr.Any, 1, 13, `write "==" to compare`},
		{`b"raw"`, expr.Any, 1, 1, "cannot be kept"},
		{`steps.usage.output{score: 1.0}`, expr.Any, 1, 19, "objects cannot be made"},
		{strings.Repeat("(", 40) + "1" + strings.Repeat(")", 40), expr.Any, 1, 1, "recursion"},
		{`"` + strings.Repeat("x", expr.MaxLength) + `"`, expr.Any, 1, 1, "size"},
		{`[1].all(a, [1].all(b, [1].all(c, true)))`, expr.Any, 1, 30, "nest"},
	} {
		t.Run(fmt.Sprintf("%.40s", tc.source), func(t *testing.T) {
			_, problems := names(t).Compile(tc.source, tc.want)
			require.NotEmpty(t, problems)
			p := problems[0]
			require.Contains(t, p.Message, tc.says)
			require.Equal(t, [2]int{tc.line, tc.column}, [2]int{p.Line, p.Column}, p.Message)
		})
	}
}

func TestStable(t *testing.T) {
	for source, want := range map[string]bool{
		`inputs.key_id == "x"`:                             true,
		`steps.usage.output.groups.map(g, g + "!")`:        true,
		`[1, 2].all(x, x > 0)`:                             true,
		`event.data.?a.orValue("")`:                        true,
		`event.data.?a.optMap(v, v).orValue(1)`:            true,
		`tags.map(k, k)`:                                   false,
		`tags.exists(k, k == "owner")`:                     false,
		`event.data.list.map(x, x)`:                        false,
		`{"a": 1, "b": 2}.map(k, k)`:                       false,
		`"%s".format([tags])`:                              false,
		`steps.usage.output.groups.map(g, tags.map(k, k))`: false,
	} {
		p, problems := names(t).Compile(source, expr.Any)
		require.Empty(t, problems, source)
		require.Equal(t, want, p.Stable(), source)
	}
}

// A stable expression gives the same bytes however often it is evaluated; the property would fail
// within a few rounds if a map's order were visible.
func TestStableMeansEqualResults(t *testing.T) {
	env := names(t)
	sources := []string{
		`tags.map(k, k)`, `steps.usage.output.groups.map(g, g)`, `event.data.list.map(x, {"k": x, "t": tags})`,
		`tags == {"team": "y", "owner": "x"}`, `{"z": tags, "a": inputs.days}`, `"%s".format([tags])`,
	}
	for _, source := range sources {
		p, problems := env.Compile(source, expr.Any)
		require.Empty(t, problems, source)
		if !p.Stable() {
			continue
		}
		first, err := p.Eval(values(t))
		require.NoError(t, err)
		for range 200 {
			again, err := p.Eval(values(t))
			require.NoError(t, err)
			require.Equal(t, string(first), string(again), source)
		}
	}
}

func TestBudgets(t *testing.T) {
	env := expr.NewEnv(map[string]*expr.Type{"l": expr.List(expr.Int), "s": expr.String})
	list := make([]any, 2000)
	for i := range list {
		list[i] = int64(i)
	}
	p, problems := env.Compile(`l.all(x, l.all(y, x + y >= 0))`, expr.Bool)
	require.Empty(t, problems)
	_, err := p.Holds(map[string]any{"l": list, "s": ""})
	require.ErrorContains(t, err, "cost limit")

	p, problems = env.Compile(`s + s`, expr.String)
	require.Empty(t, problems)
	_, err = p.Eval(map[string]any{"l": list, "s": strings.Repeat("x", expr.MaxResult)})
	require.ErrorContains(t, err, "at most")
}

func TestHoldsTakesOnlyBools(t *testing.T) {
	for source, want := range map[string]string{`event.data.n`: "want bool", `event.data.absent`: "no such key"} {
		p, problems := names(t).Compile(source, expr.Bool)
		require.Empty(t, problems)
		_, err := p.Holds(values(t))
		require.ErrorContains(t, err, want)
	}
}

func TestTemplate(t *testing.T) {
	for source, want := range map[string]string{
		"plain":                             `"plain"`,
		"":                                  `""`,
		"${inputs.days}":                    `30`,
		"Disable ${inputs.key_id}?":         `"Disable AKIA1?"`,
		"${inputs.key_id}/${inputs.days}":   `"AKIA1/30"`,
		"$${inputs.days}":                   `"${inputs.days}"`,
		`${{"a": "}"}.a}`:                   `"}"`,
		`${r'\'}`:                           `"\\"`,
		"at ${event.time}":                  `"at 2026-11-20T21:14:00Z"`,
		`${"${"}`:                           `"${"`,
		"${inputs.days} // ${inputs.days}":  `"30 // 30"`,
		"${'''a}'b'''}":                     `"a}'b"`,
		`five: ${event.data.n}, ${1.5 > 1}`: `"five: 5, true"`,
	} {
		tmpl, problems := names(t).CompileTemplate(source, expr.Any)
		require.Empty(t, problems, source)
		got, err := tmpl.Eval(values(t))
		require.NoError(t, err, source)
		require.Equal(t, want, string(got), source)
	}
}

func TestTemplateReports(t *testing.T) {
	for _, tc := range []struct {
		source       string
		want         *expr.Type
		line, column int
		says         string
	}{
		{"key ${inputs.kay_id}", expr.Any, 1, 13, `did you mean "key_id"?`},
		{"é ${inputs.kay_id}", expr.Any, 1, 11, `did you mean "key_id"?`},
		{"a\nb ${inputs.kay_id}", expr.Any, 2, 11, `did you mean "key_id"?`},
		{"open ${inputs", expr.Any, 1, 6, "not closed"},
		{"text ${tags}", expr.Any, 1, 8, "a map cannot be put into text"},
		{"${inputs.days}", expr.String, 1, 3, "the expression gives int; want string"},
		{"a ${inputs.days}", expr.Int, 1, 1, "a string stands here; want int"},
		{"${}", expr.Any, 1, 3, "empty"},
	} {
		_, problems := names(t).CompileTemplate(tc.source, tc.want)
		require.NotEmpty(t, problems, tc.source)
		require.Contains(t, problems[0].Message, tc.says)
		require.Equal(t, [2]int{tc.line, tc.column}, [2]int{problems[0].Line, problems[0].Column}, tc.source)
	}
}

func TestDecodeReports(t *testing.T) {
	user := expr.Object(expr.Field{Name: "name", Type: expr.String}, expr.Field{Name: "keys", Type: expr.List(expr.Int)})
	for raw, says := range map[string]string{
		`{"name":"a"}`:                     `the field "keys" is missing`,
		`{"name":5,"keys":[]}`:             `name: want string, got the number 5`,
		`{"name":"a","keys":[1,"x"]}`:      `keys[1]: want int, got the string "x"`,
		`{"nam":"a","keys":[]}`:            `the field "name" is missing`,
		`[]`:                               `want {keys, name}, got a list`,
		`{"name":"a","keys":[1.5]}`:        `keys[0]: want int, got the number 1.5`,
		`{"name":"a","keys":[1]} trailing`: `more than one value`,
	} {
		_, err := user.Decode([]byte(raw))
		require.ErrorContains(t, err, says, raw)
	}
	v, err := user.Decode([]byte(`{"name":"a","keys":null,"added_later":true}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"name": "a", "keys": []any{}}, v)
}

func genType(depth int) *rapid.Generator[*expr.Type] {
	simple := rapid.SampledFrom([]*expr.Type{
		expr.Any, expr.Bool, expr.Int, expr.Double, expr.String, expr.Timestamp, expr.Duration,
	})
	if depth == 0 {
		return simple
	}
	inner := genType(depth - 1)
	return rapid.OneOf(simple,
		rapid.Map(inner, expr.List),
		rapid.Map(inner, expr.Map),
		rapid.Custom(func(t *rapid.T) *expr.Type {
			var fields []expr.Field
			for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID[string]).Draw(t, "names") {
				fields = append(fields, expr.Field{Name: name, Type: inner.Draw(t, name), Optional: rapid.Bool().Draw(t, "optional")})
			}
			return expr.Object(fields...)
		}))
}

func TestTypeTravels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := genType(3).Draw(t, "type")
		raw, err := json.Marshal(typ)
		require.NoError(t, err)
		var back expr.Type
		require.NoError(t, json.Unmarshal(raw, &back))
		require.True(t, typ.Accepts(&back) && back.Accepts(typ))
		again, err := json.Marshal(&back)
		require.NoError(t, err)
		require.Equal(t, string(raw), string(again))
	})
}

func TestParseType(t *testing.T) {
	for in, want := range map[string]string{"string": "string", "list(int)": "list(int)", "map(list(any))": "map(list(any))"} {
		got, err := expr.ParseType(in)
		require.NoError(t, err)
		require.Equal(t, want, got.String())
	}
	for _, in := range []string{"", "strin", "list", "list(", "list()", "null", "object"} {
		_, err := expr.ParseType(in)
		require.Error(t, err, in)
	}
}
