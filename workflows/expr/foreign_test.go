package expr_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/workflows/expr"
)

func schema(t *testing.T, text string) *expr.Type {
	t.Helper()
	var s jsonschema.Schema
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	return expr.FromSchema(&s)
}

func TestFromSchema(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                     `"any"`,
		`true`:                                   `"any"`,
		`{"type":"integer"}`:                     `"int"`,
		`{"type":"number"}`:                      `"double"`,
		`{"type":"string"}`:                      `"string"`,
		`{"type":"string","format":"date-time"}`: `"timestamp"`,
		`{"type":["string","integer"]}`:          `"any"`,
		`{"enum":["a","b"]}`:                     `"string"`,
		`{"enum":["a",1]}`:                       `"any"`,
		`{"type":"array"}`:                       `{"list":"any"}`,
		`{"type":"array","items":{"type":"boolean"}}`:                                                            `{"list":"bool"}`,
		`{"type":"object"}`:                                                                                      `{"map":"any"}`,
		`{"type":"object","additionalProperties":{"type":"string"}}`:                                             `{"map":"string"}`,
		`{"type":"object","additionalProperties":false}`:                                                         `{"object":{}}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":true}`:                     `"any"`,
		`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["b"]}`:         `{"object":{"a":"string","b":"int"},"optional":["a"]}`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`:                                                   `"string"`,
		`{"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"type":"string"}}}`: `{"list":"string"}`,
		`{"$ref":"#/$defs/a"}`:             `"any"`,
		`{"$ref":"https://example.com/a"}`: `"any"`,
		`{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"in":{"$ref":"#/$defs/tree"}}}}}`:                        `{"object":{"in":"any"},"optional":["in"]}`,
		`{"type":"object","properties":{"a":{"type":["string","null"]},"b":{"type":["array","null"]},"c":{}},"required":["a","b","c"]}`: `{"object":{"a":"string","b":{"list":"any"},"c":"any"},"optional":["a"]}`,
		`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["a"]}`:                           `{"object":{"a":"string"},"optional":["a"]}`,
		`{"oneOf":[{"type":"null"},{"type":"integer"}]}`:                                                                                `"int"`,
		`{"anyOf":[{"type":"string"},{"type":"integer"}]}`:                                                                              `"any"`,
	} {
		raw, err := json.Marshal(schema(t, text))
		require.NoError(t, err)
		require.JSONEq(t, want, string(raw), text)
	}
}

// A schema may say twice as much at every reference.
func TestFromSchemaIsBounded(t *testing.T) {
	defs := []string{`"d0":{"type":"string"}`}
	for i := range 40 {
		defs = append(defs, fmt.Sprintf(`"d%d":{"type":"object","properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}}`, i+1, i, i))
	}
	typ := schema(t, `{"$ref":"#/$defs/d40","$defs":{`+strings.Join(defs, ",")+`}}`)
	require.Equal(t, expr.KindObject, typ.Kind())
	raw, err := json.Marshal(typ)
	require.NoError(t, err)
	require.Less(t, len(raw), 2<<20)
}

// What deviates from its type is an error for whoever reads it, and for nobody else.
func TestDecodeForeign(t *testing.T) {
	data := schema(t, `{
		"type": "object", "required": ["kind", "severity", "seen"],
		"properties": {
			"kind": {"type": "string"}, "severity": {"type": "number"}, "seen": {"type": "string", "format": "date-time"},
			"count": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}}}},
			"platform": {"type": ["string", "null"]}, "free": {"type": "object", "additionalProperties": true}
		}}`)
	env := expr.NewEnv(map[string]*expr.Type{"data": data})
	const good = `{"kind":"k","severity":8,"seen":"2026-11-20T21:14:00Z","platform":null,"tags":[{"key":"a"}],"free":{"n":1},"new":{"x":2}}`
	const off = `{"kind":5,"severity":"8","seen":"yesterday","count":1.5,"tags":[{"key":1},{"key":"b"},7],"platform":[],"free":3}`
	for _, tc := range []struct{ data, source, want, says string }{
		{good, `data.severity >= 7.5`, `true`, ""},
		{good, `data.severity`, `8.0`, ""},
		{good, `data.seen.getFullYear()`, `2026`, ""},
		{good, `has(data.platform)`, `false`, ""},
		{good, `data.?platform.orValue("none")`, `"none"`, ""},
		{good, `data.?tags[?0].?key.orValue("none")`, `"a"`, ""},
		{good, `data.free.n + 1`, `2`, ""},
		{good, `dyn(data).new.x`, `2`, ""},
		{off, `data.kind == "k"`, ``, `data.kind: want string, got the number 5`},
		{off, `data.kind.startsWith("k")`, ``, `data.kind: want string, got the number 5`},
		{off, `data.severity > 7.0`, ``, `data.severity: want double, got the string "8"`},
		{off, `data.seen.getFullYear()`, ``, `data.seen: want timestamp, got the string "yesterday"`},
		{off, `data.?count.orValue(0)`, ``, `data.count: want int, got the number 1.5`},
		{off, `data.?count.orValue(0) > 0`, ``, `data.count: want int, got the number 1.5`},
		{off, `data.tags[0].key`, ``, `data.tags[0].key: want string, got the number 1`},
		{off, `data.tags[1].key`, `"b"`, ``},
		{off, `data.tags.exists(t, t.key == "b")`, `true`, ``},
		{off, `data.tags.map(t, t.key)`, ``, `data.tags[0].key: want string`},
		{off, `data.?platform.orValue("none")`, ``, `data.platform: want string, got a list`},
		{off, `data.free.n`, ``, `data.free: want map(any), got the number 3`},
		{off, `data.?free.?n.orValue(1)`, ``, `data.free: want map(any), got the number 3`},
		{off, `data.?free[?"n"].orValue(1)`, ``, `data.free: want map(any), got the number 3`},
		{off, `data`, ``, `want`},
		{off, `data.kind == "k" || true`, `true`, ``},
		{`{}`, `data.kind`, ``, `no such key: kind`},
		{`{}`, `data.?severity.orValue(1.0)`, `1.0`, ``},
		{`[]`, `data.kind`, ``, `data: want {count, free, kind`},
		{`[]`, `true`, `true`, ``},
	} {
		t.Run(tc.source, func(t *testing.T) {
			p, problems := env.Compile(tc.source, expr.Any)
			require.Empty(t, problems)
			value, err := data.DecodeForeign("data", []byte(tc.data))
			if err == nil {
				var got json.RawMessage
				if got, err = p.Eval(map[string]any{"data": value}); err == nil {
					require.Equal(t, tc.want, string(got))
				}
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestDecodeForeignWantsJSON(t *testing.T) {
	_, err := expr.Any.DecodeForeign("data", []byte(`{`))
	require.Error(t, err)
}

// Whatever two types are, a value of either may stand where both are expected.
func TestEitherAcceptsBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genType(2).Draw(t, "a"), genType(2).Draw(t, "b")
		joint := a.Either(b)
		require.True(t, joint.Accepts(a) && joint.Accepts(b), "%s or %s is %s", a, b, joint)
		require.True(t, joint.Same(b.Either(a)))
		require.True(t, a.Either(a).Same(a))
	})
}

func TestEither(t *testing.T) {
	one := schema(t, `{"type":"object","required":["a","b"],"properties":{"a":{"type":"string"},"b":{"type":"array"},"c":{"type":"integer"}}}`)
	two := schema(t, `{"type":"object","required":["a","d"],"properties":{"a":{"type":"string"},"b":{"type":"object"},"d":{"type":"integer"}}}`)
	raw, err := json.Marshal(one.Either(two))
	require.NoError(t, err)
	require.JSONEq(t, `{"object":{"a":"string","b":"any","c":"int","d":"int"},"optional":["b","c","d"]}`, string(raw))
}

// Fields are looked for along optional chains and in loops too.
func TestUnknownFieldsOfOptionalChains(t *testing.T) {
	env := names(t)
	for source, says := range map[string]string{
		`steps.?usage.?output.orValue(1)`:                     `"orValue" does not take`,
		`steps.usage.output.?nte.orValue("")`:                 `steps.usage.output has no field "nte"; did you mean "note"?`,
		`steps.usage.?output.scor.orValue(1.0)`:               `has no field "scor"; did you mean "score"?`,
		`steps.usage.?output.?scor.orValue(1.0)`:              `has no field "scor"; did you mean "score"?`,
		`steps.usage.?output.note.?x.orValue("")`:             `is string, which has no fields; "x" was asked of it`,
		`[steps.usage].exists(u, u.statsu == "")`:             `undefined field`,
		`steps.usage.output.groups.exists(g, g.name == "")`:   `g is string, which has no fields; "name" was asked of it`,
		`steps["usage"].status`:                               `does not take`,
		`tags["owner"].x`:                                     `tags["owner"] is string, which has no fields`,
		`event.data.?a[?0].?b.orValue(inputs.dais)`:           `inputs has no field "dais"; did you mean "days"?`,
		`steps.usage.output.groups.map(g, g)[0].x`:            `type 'string' does not support field selection`,
		`steps.usage.output.?groups[?0].?x.orValue("")`:       `is string, which has no fields`,
		`[1].map(steps, steps.x).size() + steps.usage.outptu`: `did you mean "output"?`,
	} {
		_, problems := env.Compile(source, expr.Any)
		require.NotEmpty(t, problems, source)
		require.Contains(t, problems[0].Message, says, source)
	}
}

func TestSlip(t *testing.T) {
	known := []string{"aws.guardduty.finding", "github.dependabot_alert"}
	for name, want := range map[string]string{
		"aws.guarduty.finding": known[0], "aws.guardduty.findings": known[0], "aws.guardduty_finding": known[0], "guardduty.finding": known[0],
		"github.dependabot-alert": known[1], "aws.macie.finding": "", "github.push": "", "finding": known[0],
	} {
		got, ok := expr.Slip(name, known)
		require.Equal(t, want, got, name)
		require.Equal(t, want != "", ok)
	}
}

// An event's type has more fields than a message can hold.
func TestTypeOfManyFieldsIsShort(t *testing.T) {
	var fields []expr.Field
	for _, name := range strings.Split("abcdefghijklmnopqrst", "") {
		fields = append(fields, expr.Field{Name: name, Type: expr.String})
	}
	require.Equal(t, "{a, b, c, d, e, f, g, h, i, j, k, l and 8 more}", expr.Object(fields...).String())
	require.Equal(t, "{a, b}", expr.Object(fields[:2]...).String())
}
