package expr_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
)

// uncertain is an environment of which much may not be there.
func uncertain(t testing.TB) *expr.Env {
	t.Helper()
	key := expr.Object(
		expr.Field{Name: "id", Type: expr.String},
		expr.Field{Name: "owner", Type: expr.String, Optional: true},
	)
	detail := expr.Object(
		expr.Field{Name: "kind", Type: expr.String},
		expr.Field{Name: "key", Type: key, Optional: true},
		expr.Field{Name: "count", Type: expr.Int, Optional: true},
	)
	output := expr.Object(
		expr.Field{Name: "state", Type: expr.String},
		expr.Field{Name: "note", Type: expr.String, Optional: true},
		expr.Field{Name: "tags", Type: expr.Map(expr.String)},
		expr.Field{Name: "items", Type: expr.List(detail)},
	)
	return expr.NewEnv(map[string]*expr.Type{
		"event":  expr.Object(expr.Field{Name: "data", Type: detail}),
		"inputs": expr.Object(expr.Field{Name: "who", Type: expr.String}, expr.Field{Name: "by", Type: expr.Map(expr.String)}),
		"vars":   expr.Object(expr.Field{Name: "x", Type: expr.String, Optional: true}, expr.Field{Name: "m", Type: key, Optional: true}),
		"steps": expr.Object(
			expr.Field{Name: "look", Type: expr.Object(
				expr.Field{Name: "status", Type: expr.OneOf("done", "failed", "skipped")},
				expr.Field{Name: "output", Type: output, Optional: true, Why: "it may be skipped"},
			)},
			expr.Field{Name: "ask", Type: expr.Object(expr.Field{Name: "approved", Type: expr.Bool}, expr.Field{Name: "decision", Type: expr.String})},
		),
	})
}

// lookLaws: the output is there where the step is done, or not skipped, or approved, and where two
// things hold at once.
func lookLaws() *expr.Laws {
	laws := &expr.Laws{}
	output := []string{expr.Path("steps", "look", "output")}
	laws.Add(output, expr.Claim{Path: "steps.look.status", Value: `"done"`})
	laws.Add(output, expr.Claim{Path: "steps.look.status", Value: `"skipped"`, Not: true})
	laws.Add(output, expr.Claim{Path: "steps.ask.approved", Value: "true"})
	laws.Add(output, expr.Claim{Path: "inputs.who", Value: `"a"`}, expr.Claim{Path: "steps.ask.decision", Value: `"late"`})
	return laws
}

func missing(t *testing.T, source string, known expr.Facts) []string {
	t.Helper()
	p, problems := uncertain(t).Compile(source, expr.Any)
	require.Empty(t, problems)
	var got []string
	for _, m := range p.Missing(uncertain(t), known, lookLaws()) {
		got = append(got, m.Path)
		require.Contains(t, ".[", string(source[m.Column-1]), "the place is where the field is taken")
	}
	return got
}

func TestMissing(t *testing.T) {
	for source, want := range map[string][]string{
		`event.data.kind`:                                                                                      nil,
		`event.data.key.id`:                                                                                    {"event.data.key"},
		`event.data.key.owner + event.data.key.id`:                                                             {"event.data.key", "event.data.key.owner"},
		`event.data.?key.owner.orValue("")`:                                                                    nil,
		`event.data.?key.?owner.orValue("")`:                                                                   nil,
		`event.data.?count.orValue(event.data.key.id == "" ? 1 : 2)`:                                           {"event.data.key"},
		`event.data.?key.value().id`:                                                                           {"event.data.?key"},
		`has(event.data.key)`:                                                                                  nil,
		`has(event.data.key.owner)`:                                                                            {"event.data.key"},
		`has(event.data.key) && has(event.data.key.owner)`:                                                     nil,
		`has(event.data.key) && event.data.key.id == "x"`:                                                      nil,
		`event.data.key.id == "x" && has(event.data.key)`:                                                      nil,
		`has(event.data.key) || event.data.key.id == "x"`:                                                      {"event.data.key"},
		`!has(event.data.key) || event.data.key.id == "x"`:                                                     nil,
		`has(event.data.key) ? event.data.key.id : "x"`:                                                        nil,
		`has(event.data.key) ? "x" : event.data.key.id`:                                                        {"event.data.key"},
		`!has(event.data.key) ? "x" : event.data.key.id`:                                                       nil,
		`!(!has(event.data.key) || false) && event.data.key.id == ""`:                                          nil,
		`has(event.data.key) && has(event.data.key.owner) && event.data.key.owner == event.data.key.id`:        nil,
		`has(event.data.?key.owner) && event.data.key.owner == ""`:                                             nil,
		`(has(event.data.key) || has(vars.x)) && vars.x == ""`:                                                 {"vars.x"},
		`(has(event.data.key) && has(vars.x) || has(vars.x)) && vars.x == ""`:                                  nil,
		`(true ? has(vars.x) : false) && vars.x == ""`:                                                         nil,
		`(inputs.who == "a" ? has(vars.x) : false) && vars.x == ""`:                                            nil,
		`event.data.?key.hasValue() && event.data.key.id == ""`:                                                nil,
		`event.data.?key.owner.orValue("") != "" && event.data.key.owner == "x"`:                               nil,
		`event.data.?key.owner.orValue("") == "x" ? event.data.key.owner : ""`:                                 nil,
		`event.data.?key.owner.orValue("") == "" ? event.data.key.owner : ""`:                                  {"event.data.key", "event.data.key.owner"},
		`event.data.?count.orValue(0) in [1, 2] && event.data.count == 1`:                                      {"event.data.count"},
		`event.data.?key != optional.none() && event.data.key.id == ""`:                                        nil,
		`steps.look.output.state`:                                                                              {"steps.look.output"},
		`steps.look.status == "done" && steps.look.output.state == ""`:                                         nil,
		`"done" == steps.look.status && steps.look.output.state == ""`:                                         nil,
		`steps.look.status != "skipped" && steps.look.output.state == ""`:                                      nil,
		`steps.look.status != "done" || steps.look.output.state == ""`:                                         nil,
		`steps.look.status in ["done"] && steps.look.output.state == ""`:                                       nil,
		`steps.look.status in ["done", "failed"] && steps.look.output.state == ""`:                             nil,
		`!(steps.look.status in ["skipped", "failed"]) && steps.look.output.state == ""`:                       nil,
		`steps.ask.approved && steps.look.output.state == ""`:                                                  nil,
		`steps.ask.approved == true && steps.look.output.state == ""`:                                          nil,
		`steps.ask.approved != true && steps.look.output.state == ""`:                                          {"steps.look.output"},
		`!steps.ask.approved || steps.look.output.state == ""`:                                                 nil,
		`inputs.who == "a" && steps.ask.decision == "late" && steps.look.output.state == ""`:                   nil,
		`steps.ask.decision == "late" && steps.look.output.state == ""`:                                        {"steps.look.output"},
		`steps.?look.output.tags.owner.orValue("")`:                                                            nil,
		`steps.ask.approved ? steps.look.output.tags.owner : ""`:                                               {"steps.look.output.tags.owner"},
		`steps.ask.approved ? steps.look.output.tags["owner"] : ""`:                                            {`steps.look.output.tags["owner"]`},
		`steps.ask.approved && "owner" in steps.look.output.tags ? steps.look.output.tags.owner : ""`:          nil,
		`steps.ask.approved ? steps.look.output.tags[inputs.who] : ""`:                                         {`steps.look.output.tags[inputs.who]`},
		`steps.ask.approved && inputs.who in steps.look.output.tags ? steps.look.output.tags[inputs.who] : ""`: nil,
		`steps.ask.approved && steps.look.output.tags.all(k, steps.look.output.tags[k] != "")`:                 nil,
		`steps.ask.approved && steps.look.output.items.exists(i, i.key.id == "")`:                              {"i.key"},
		`steps.ask.approved && steps.look.output.items.exists(i, has(i.key) && i.key.id == "")`:                nil,
		`steps.ask.approved && steps.look.output.items.exists(i, has(i.key)) && event.data.key.id == ""`:       {"event.data.key"},
		`steps.ask.approved && steps.look.output.items[0].key.id == ""`:                                        {"steps.look.output.items[0].key"},
		`steps.ask.approved && has(steps.look.output.items[0].key) && steps.look.output.items[0].key.id == ""`: nil,
		`event.data.?key.optMap(k, k.id).orValue("")`:                                                          nil,
		`event.data.?key.optMap(k, k.owner).orValue("")`:                                                       {"k.owner"},
		`{"a": 1}.a`: nil,
		`{"a": 1}.b`: {"{\"a\": 1}"},
		`[{"a": 1, "b": "x"}].filter(i, i.a == 1).map(i, i.c)`:             {"i"},
		`[{"a": 1, "b": "x"}].map(i, {"z": i.a}).map(j, j.y)`:              {"j"},
		`(inputs.who == "" ? {"a": 1} : {"a": 1, "b": 2}).b`:               {`((inputs.who == "") ? {"a": 1} : {"a": 1, "b": 2}).b`},
		`vars.x == "" || has(vars.x)`:                                      {"vars.x"},
		`false && vars.x == ""`:                                            nil,
		`inputs.who == "a" && inputs.who == "b" && vars.x == ""`:           nil,
		`[1].all(vars, vars > 0) && [1].exists(v, v == 1 && vars.x == "")`: {"vars.x"},
	} {
		t.Run(source, func(t *testing.T) { require.Equal(t, want, missing(t, source, expr.Facts{})) })
	}
}

func TestMissingKnowsWhatHoldsAround(t *testing.T) {
	when := func(source string, gives bool) expr.Facts {
		p, problems := uncertain(t).Compile(source, expr.Bool)
		require.Empty(t, problems)
		return p.When(uncertain(t), gives, expr.Facts{}, lookLaws())
	}
	const read = `steps.look.output.state`
	require.NotEmpty(t, missing(t, read, when(`has(vars.x)`, true)))
	require.Empty(t, missing(t, read, when(`steps.look.status == "done"`, true)))
	require.Empty(t, missing(t, read, when(`steps.look.status == "skipped"`, false)))
	require.Empty(t, missing(t, read, when(`!steps.ask.approved`, false)))
	require.NotEmpty(t, missing(t, read, when(`!steps.ask.approved`, false).Without("steps")))
	require.Empty(t, missing(t, read, when(`inputs.who == "a"`, true).And(when(`steps.ask.decision == "late"`, true))), "two facts of different places")
	require.NotEmpty(t, missing(t, read, when(`inputs.who == "a"`, true).Unclaim("inputs.who").And(when(`steps.ask.decision == "late"`, true))))
	require.False(t, when(`has(vars.x)`, true).Without("vars").And(when(`has(vars.x)`, false)).Never(), "the name is another one")
	const inside = `has(vars.m) && vars.m.owner == ""`
	require.Empty(t, missing(t, inside, when(`has(vars.m) && has(vars.m.owner)`, true)))
	require.Equal(t, []string{"vars.m.owner"}, missing(t, inside, when(`has(vars.m) && has(vars.m.owner)`, true).Unclaim("vars.m")), "the value is another one")
	require.Empty(t, missing(t, `vars.m == vars.m`, when(`has(vars.m)`, true).Unclaim("vars.m")), "but there is one")
	const entry = `event.data.kind == "" || inputs.by[vars.x] == ""`
	require.Empty(t, missing(t, entry, when(`has(vars.x) && vars.x in inputs.by`, true)))
	require.Equal(t, []string{"inputs.by[vars.x]"}, missing(t, entry, when(`has(vars.x) && vars.x in inputs.by`, true).Unclaim("vars.x")), "the key is another one")
	require.Equal(t, []string{"inputs.by[vars.x]"}, missing(t, entry, when(`has(vars.x) && vars.x in inputs.by`, true).Without("vars").There("vars.x")))
	require.NotEmpty(t, missing(t, read, when(`inputs.who == "a"`, true).Or(when(`steps.ask.approved`, true))))
	require.True(t, when(`inputs.who == "a"`, true).And(when(`inputs.who == "b"`, true)).Never())
	require.True(t, when(`inputs.who == "a"`, true).And(when(`inputs.who == "a"`, false)).Never())
	require.True(t, when(`1 > 2`, true).Never())
	require.False(t, when(`1 > 2`, false).Never())
	require.False(t, when(`inputs.who == "a"`, false).And(when(`inputs.who == "b"`, false)).Never())
}

// What follows from a claim wherever it holds is nothing that a set, a loop or a key changes.
func TestLawsLast(t *testing.T) {
	held := expr.Claim{Path: "inputs.who", Value: `"a"`}
	laws := &expr.Laws{}
	laws.Add([]string{"inputs.by[vars.x]", "item.owner", "steps.look.output", "vars.m", "vars.m.owner"}, held)
	require.Equal(t, []string{"steps.look.output", "vars.m"}, laws.Apply(expr.Facts{}.Claims(held)).Paths())
}

// Conditions on one text that no text meets, and some that one does.
func TestTextsThatCannotBe(t *testing.T) {
	for source, never := range map[string]bool{
		`inputs.who.startsWith("a") && inputs.who == "b"`:             true,
		`inputs.who == "b" && inputs.who.startsWith("a")`:             true,
		`inputs.who == "ab" && inputs.who.startsWith("a")`:            false,
		`inputs.who == "ab" && !inputs.who.startsWith("a")`:           true,
		`inputs.who == "ab" && inputs.who.endsWith("a")`:              true,
		`inputs.who == "ab" && inputs.who.contains("c")`:              true,
		`inputs.who == "ab" && !inputs.who.contains("c")`:             false,
		`inputs.who.startsWith("ab") && inputs.who.startsWith("a")`:   false,
		`inputs.who.startsWith("ab") && inputs.who.startsWith("ac")`:  true,
		`inputs.who.startsWith("ab") && !inputs.who.startsWith("ac")`: false,
		`inputs.who.endsWith("ab") && inputs.who.endsWith("cb")`:      true,
		`inputs.who.startsWith("a") || inputs.who == "b"`:             false,
		`inputs.who.startsWith("a\"b") && inputs.who == "a\"bc"`:      false,
		`inputs.who != "a" && inputs.who.startsWith("a")`:             false,
	} {
		p, problems := uncertain(t).Compile(source, expr.Bool)
		require.Empty(t, problems, source)
		require.Equal(t, never, p.When(uncertain(t), true, expr.Facts{}, nil).Never(), source)
	}
}

func TestValuesThatCannotBe(t *testing.T) {
	for source, want := range map[string]string{
		`steps.look.status == "don"`:                                 `"don"; did you mean "done"?`,
		`"stuck" != steps.look.status`:                               `"stuck"; want one of done, failed, skipped`,
		`steps.look.status in ["done", "failde"]`:                    `"failde"; did you mean "failed"?`,
		`steps.look.?status.orValue("none") == "nune"`:               `"nune"; did you mean "none"?`,
		`steps.look.?status.orValue("none") == "none"`:               ``,
		`steps.look.status == "done" || inputs.who == "x"`:           ``,
		`(inputs.who == "" ? steps.look.status : inputs.who) == "x"`: ``,
	} {
		p, problems := uncertain(t).Compile(source, expr.Bool)
		require.Empty(t, problems, source)
		got := ""
		for _, m := range p.Missing(uncertain(t), expr.Facts{}, nil) {
			got += strconv.Quote(m.Value) + m.Near
		}
		require.Equal(t, want, got, source)
	}
}

func TestMissingSaysHowToAsk(t *testing.T) {
	for source, want := range map[string]string{
		`steps.look.output.state.startsWith("x")`:                     `steps.look.?output.state.orValue("")`,
		`steps.look.output.items.size()`:                              `steps.look.?output.items.orValue([])`,
		`steps.look.output.tags["a b"].size()`:                        `steps.look.?output.tags["a b"].orValue("")`,
		`steps.look.output.items[0].kind`:                             `steps.look.?output.items[0].kind.orValue("")`,
		`has(steps.look.output) && steps.look.output.tags["x"] == ""`: `steps.look.output.tags[?"x"].orValue("")`,
		`steps.look.output.items[0]`:                                  ``,
		`event.data.count > 3`:                                        `event.data.?count.orValue(0)`,
	} {
		p, problems := uncertain(t).Compile(source, expr.Any)
		require.Empty(t, problems)
		found := p.Missing(uncertain(t), expr.Facts{}, nil)
		require.NotEmpty(t, found, source)
		require.Equal(t, want, found[0].Instead)
		if want != "" {
			_, problems = uncertain(t).Compile(want, expr.Any)
			require.Empty(t, problems, "what is advised is right itself")
		}
	}
}

func TestClaims(t *testing.T) {
	for source, want := range map[string][]expr.Claim{
		`inputs.who == "a"`:                                    {{Path: "inputs.who", Value: `"a"`}},
		`inputs.who == "a" && !steps.ask.approved`:             {{Path: "inputs.who", Value: `"a"`}, {Path: "steps.ask.approved", Value: "false"}},
		`inputs.who.startsWith("a")`:                           {{Path: `inputs.who.startsWith("a")`, Value: "true"}},
		`has(event.data.key)`:                                  {{Path: "has(event.data.key)", Value: "true"}},
		`inputs.who == "a" || steps.ask.approved`:              nil,
		`has(vars.x) && vars.x == "a"`:                         nil,
		`inputs.who in ["a", "b"]`:                             nil,
		`steps.ask.approved ? inputs.who == "a" : false`:       nil,
		`event.data.?key.owner.orValue("") == "x"`:             {{Path: `event.data.?key.owner.orValue("")`, Value: `"x"`}},
		`steps.look.?output.items.orValue([]).exists(i, true)`: nil,
	} {
		p, problems := uncertain(t).Compile(source, expr.Bool)
		require.Empty(t, problems, source)
		got, ok := p.Claims(uncertain(t))
		require.Equal(t, want != nil, ok, source)
		if ok {
			require.Equal(t, want, got, source)
		}
	}
}

// What is of any type and not true need not be false.
func TestNotTrueOfAnyType(t *testing.T) {
	env := expr.NewEnv(map[string]*expr.Type{"item": expr.Any, "sure": expr.Bool})
	for source, never := range map[string]bool{
		`item != true && item == 5`:     false,
		`item != true && item != false`: false,
		`item != "a" && item == "a"`:    true,
		`sure != true && sure != false`: true,
	} {
		p, problems := env.Compile(source, expr.Bool)
		require.Empty(t, problems, source)
		require.Equal(t, never, p.When(env, true, expr.Facts{}, nil).Never(), source)
	}
}
