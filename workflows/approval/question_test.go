package approval_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

func form() approval.Form {
	return approval.Form{
		{Name: "verdict", Type: expr.String, OneOf: []json.RawMessage{json.RawMessage(`"expected"`), json.RawMessage(`"hostile"`)}},
		{Name: "at", Type: expr.Timestamp, Optional: true},
		{Name: "day", Type: expr.String, Is: approval.IsDate, Optional: true},
		{Name: "newer", Type: expr.String, Is: "mood", Optional: true},
		{Name: "note", Type: expr.String, Optional: true},
		{Name: "owner", Type: expr.String, Is: approval.IsPerson, Optional: true},
		{Name: "price", Type: expr.Double, Optional: true},
		{Name: "size", Type: expr.Int, OneOf: []json.RawMessage{json.RawMessage(`1`), json.RawMessage(`20`)}, Optional: true},
		{Name: "story", Type: expr.String, Is: approval.IsLines, Optional: true},
		{Name: "sure", Type: expr.Bool, Optional: true},
	}
}

func TestRead(t *testing.T) {
	for _, tc := range []struct{ field, text, want, says string }{
		{"verdict", "expected", `"expected"`, ""},
		{"verdict", "expcted", "", `"expcted" cannot be chosen; did you mean "expected"?`},
		{"verdict", "x", "", `"x" cannot be chosen; want one of expected, hostile`},
		{"verdict", " ", "", "it is empty"},
		{"note", " two words ", `" two words "`, ""},
		{"note", `"quoted"`, `"\"quoted\""`, ""},
		{"note", "", `""`, ""},
		{"note", strings.Repeat("x", approval.MaxText+1), "", "it is 2001 bytes; at most 2000 are kept"},
		{"size", " 20 ", `20`, ""},
		{"size", "2", "", "2 cannot be chosen; want one of 1, 20"},
		{"size", "many", "", `want one of 1, 20, may be left out, got "many"`},
		{"price", "5", `5`, ""},
		{"price", "5.25", `5.25`, ""},
		{"price", "1e999", "", "want double, may be left out"},
		{"sure", "true", `true`, ""},
		{"sure", "yes", "", `want true or false, may be left out, got "yes"`},
		{"at", "2026-11-20T21:14:00+01:00", `"2026-11-20T21:14:00+01:00"`, ""},
		{"day", " 2026-11-20 ", `"2026-11-20"`, ""},
		{"day", "2026-02-29", "", `want a date like 2026-11-20, may be left out, got "2026-02-29"`},
		{"day", "20.11.2026", "", "want a date like"},
		{"day", "2026-11-20T00:00:00Z", "", "want a date like"},
		{"owner", " alice ", `"alice"`, ""},
		{"owner", "zoe@example.com", `"zoe@example.com"`, ""},
		{"owner", "U01ALICE", "", `want the id of a person of the directory, may be left out, got "U01ALICE"`},
		{"owner", "<@alice>", "", "want the id of a person"},
		{"owner", strings.Repeat("a", 250) + "@b.cd", "", "want the id of a person"},
		{"story", "one\ntwo", `"one\ntwo"`, ""},
		{"newer", "x", "", `does not know a string that is a "mood"`},
		{"at", "noon", "", "want a time like 2026-11-20T21:14:00Z, may be left out"},
	} {
		f, ok := form().Field(tc.field)
		require.True(t, ok)
		raw, err := f.Read(tc.text)
		if tc.says != "" {
			require.ErrorContains(t, err, tc.says, tc)
			continue
		}
		require.NoError(t, err, tc)
		require.Equal(t, tc.want, string(raw))
	}
}

func TestPeople(t *testing.T) {
	f := append(form(), approval.Field{Name: "second", Type: expr.String, Is: approval.IsPerson})
	values := map[string]json.RawMessage{"owner": json.RawMessage(`"zoe"`), "second": json.RawMessage(`"bob"`), "note": json.RawMessage(`"dora"`), "size": json.RawMessage(`1`)}
	require.Equal(t, []string{"bob", "zoe"}, f.People(values))
	values["second"] = values["owner"]
	require.Equal(t, []string{"zoe"}, f.People(values))
	require.Empty(t, f.People(map[string]json.RawMessage{"owner": json.RawMessage(`5`)}))
}

// Whatever is typed and taken is an answer.
func TestWhatIsReadFits(t *testing.T) {
	values := map[string]json.RawMessage{}
	for name, text := range map[string]string{"verdict": "hostile", "at": "2026-11-20T21:14:00Z", "price": "1", "size": "20", "sure": "false", "day": "2026-11-20", "owner": "alice", "story": "a\nb"} {
		f, _ := form().Field(name)
		raw, err := f.Read(text)
		require.NoError(t, err)
		values[name] = raw
	}
	require.NoError(t, form().Check(values))
	raw, err := json.Marshal(values)
	require.NoError(t, err)
	_, err = form().Type().Decode(raw)
	require.NoError(t, err)
}

// An answer by a machine may hold anything, and what is said of it stays short.
func TestCheckIsBounded(t *testing.T) {
	values := map[string]json.RawMessage{}
	for range 1000 {
		values[strings.Repeat("y", 30+len(values)/26)+string(rune('a'+len(values)%26))] = json.RawMessage(`1`)
	}
	err := form().Check(values)
	require.ErrorContains(t, err, "the form has no field")
	require.Less(t, len(err.Error()), 10_000)
	require.ErrorContains(t, form().Check(map[string]json.RawMessage{"verdict": json.RawMessage(`{`)}), "verdict: read JSON")
	require.ErrorContains(t, form().Check(map[string]json.RawMessage{"verdict": nil}), "verdict: read JSON")
	require.ErrorContains(t, form().Check(map[string]json.RawMessage{"verdict": json.RawMessage(`null`)}), "verdict: want string, got null")
}

func TestAdmitAnswer(t *testing.T) {
	q := approval.Question{
		ID: "judge", Form: form(), Groups: []string{"oncall"}, People: []string{"alice@example.com", "bob@example.com"},
		Asked: asked, Expires: asked.Add(time.Hour),
	}
	require.NoError(t, q.Seal())
	a := approval.Answer{Question: "judge", Digest: q.Digest, Person: "alice@example.com", Values: map[string]json.RawMessage{"verdict": json.RawMessage(`"hostile"`)}}
	require.NoError(t, q.Admit(a, nil))
	counted := a
	counted.At = asked.Add(time.Minute)
	answered := &approval.Ending{Outcome: approval.Answered, Answer: &counted, At: counted.At}
	require.NoError(t, q.Admit(a, answered), "the same again")

	other := a
	other.Values = map[string]json.RawMessage{"verdict": json.RawMessage(`"expected"`)}
	require.ErrorContains(t, q.Admit(other, answered), "the answer does not count: alice@example.com has already answered something else")
	other.Person = "bob@example.com"
	require.ErrorContains(t, q.Admit(other, answered), "alice@example.com has already answered")
	require.ErrorIs(t, q.Admit(other, answered), approval.ErrRefused)
	expired := q.Expire()
	require.ErrorContains(t, q.Admit(a, &expired), "the question has expired: nobody answered within 1h0m0s")

	// Whatever is asked has its own name.
	changed := q
	changed.Form = changed.Form[1:]
	require.NoError(t, changed.Seal())
	require.NotEqual(t, q.Digest, changed.Digest)
	again := changed
	raw, err := json.Marshal(changed)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &again))
	require.NoError(t, again.Seal())
	require.Equal(t, changed.Digest, again.Digest, "a question survives its journey")
}
