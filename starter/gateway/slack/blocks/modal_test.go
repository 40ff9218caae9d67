package blocks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

func TestModals(t *testing.T) {
	t.Parallel()
	c := context(at(2, 30))
	c.Channel, c.Message = "C0PAYMENT", "1764000000.000100"
	long := waiting()
	long.Request.Calls[0].Input, _ = json.Marshal(map[string]string{"user": strings.Repeat("x", 20_000)})
	one := waiting()
	one.Request.Calls = one.Request.Calls[:1]
	for name, v := range map[string]any{
		"modal-details":       blocks.Details(waiting(), c),
		"modal-details-long":  blocks.Details(long, c),
		"modal-details-done":  blocks.Details(change(waiting(), approved), c),
		"modal-reject":        blocks.RejectForm(waiting(), c),
		"modal-edit-which":    blocks.EditForm(waiting(), "", c),
		"modal-edit":          blocks.EditForm(one, "", c),
		"modal-edit-purge":    blocks.EditForm(waiting(), "purge", c),
		"modal-answer":        blocks.AnswerForm(questioning(), c),
		"modal-undo":          blocks.UndoForm(change(waiting(), approved), c),
		"modal-keep":          blocks.KeepForm(change(waiting(), func(s *desk.Sight) { s.Expiring = []desk.ExpirySight{{Step: "disable", At: at(240, 0)}} }), "disable", c),
		"modal-loading":       blocks.Loading("Details"),
		"modal-problem":       blocks.Problem("The request is already approved."),
		"modal-details-quest": blocks.Details(questioning(), c),
	} {
		requireNoTags(t, v)
		goldenView(t, name, v.(view))
	}
	m, err := blocks.ReadMeta(blocks.EditForm(waiting(), "purge", c).PrivateMetadata)
	require.NoError(t, err)
	require.Equal(t, blocks.Meta{Digest: asked, Step: "purge", Channel: "C0PAYMENT", Message: "1764000000.000100"}, m)
	_, err = blocks.ReadMeta(strings.Repeat("x", 4000))
	require.ErrorContains(t, err, "read private_metadata: 4000 bytes")
	_, err = blocks.ReadMeta("{")
	require.ErrorContains(t, err, "read private_metadata")
}

// What does not fit a message is decided in the view that shows all of it; what is long, in neither.
func TestReview(t *testing.T) {
	t.Parallel()
	s := waiting()
	s.Request.Calls[0].Input, _ = json.Marshal(map[string]string{"user": strings.Repeat("0123456789", 600)})
	require.False(t, s.Request.Long())
	c := context(at(2, 0))
	require.Empty(t, actions(t, blocks.Card(s, c).Blocks, blocks.ActApprove))
	require.Len(t, actions(t, blocks.Card(s, c).Blocks, blocks.ActReview), 1)
	require.Len(t, actions(t, blocks.Details(s, c).Blocks.BlockSet, blocks.ActApprove, blocks.ActReject), 2)
	s.Request.Calls[0].Input, _ = json.Marshal(map[string]string{"user": strings.Repeat("0123456789", 6000)})
	require.Empty(t, actions(t, blocks.Details(s, c).Blocks.BlockSet, blocks.ActApprove, blocks.ActReject))
}

func TestButtonValue(t *testing.T) {
	t.Parallel()
	d, step := blocks.ReadValue(blocks.Value(asked, "each[2].disable it"))
	require.Equal(t, asked, d)
	require.Equal(t, "each[2].disable it", step)
	d, step = blocks.ReadValue(blocks.Value(asked, ""))
	require.Equal(t, asked, d)
	require.Empty(t, step)
	require.Equal(t, blocks.ActKeep, blocks.Action("keep.3"))
	require.Equal(t, blocks.ActApprove, blocks.Action("approve"))
}

// filled is a form in which these fields were filled in.
func filled(fields map[string]receive.Value) receive.Values {
	v := receive.Values{}
	for name, value := range fields {
		v["field."+name] = map[string]receive.Value{"value": value}
	}
	return v
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	form := questioning().Question.Form
	values, errs := blocks.ReadAnswer(form, filled(map[string]receive.Value{
		"verdict": {Text: "1"}, "seen": {Time: 1_764_000_000}, "hosts": {Text: "3"}, "cost": {Text: "2.5"}, "sure": {Text: "true"}, "note": {Text: " \n"},
	}), nil)
	require.Empty(t, errs)
	require.NoError(t, form.Check(values))
	raw, err := json.Marshal(values)
	require.NoError(t, err)
	require.JSONEq(t, `{"verdict":"hostile","seen":"2025-11-24T16:00:00Z","hosts":3,"cost":2.5,"sure":true}`, string(raw))

	_, errs = blocks.ReadAnswer(form, filled(map[string]receive.Value{"verdict": {Text: "2"}, "hosts": {Text: "many"}, "sure": {Text: "maybe"}}), nil)
	require.Equal(t, map[string]string{
		"field.verdict": "Choose one of expected, hostile.", "field.seen": "This is missing.",
		"field.hosts": `Want int, may be left out, got "many".`, "field.sure": `Want true or false, may be left out, got "maybe".`,
	}, errs)
	_, errs = blocks.ReadAnswer(approval.Form{}, nil, nil)
	require.Empty(t, errs)
}

// A person is chosen among those of Slack, and must be one of the directory.
func TestReadAnswerKinds(t *testing.T) {
	t.Parallel()
	s := questioning()
	s.Question.Form = approval.Form{
		{Name: "owner", Type: expr.String, Is: approval.IsPerson}, {Name: "day", Type: expr.String, Is: approval.IsDate}, {Name: "story", Type: expr.String, Is: approval.IsLines},
	}
	v := blocks.AnswerForm(s, context(at(0, 0)))
	requireView(t, v)
	seen := readable(t, v.Blocks.BlockSet)
	for _, kind := range []string{"owner: <users_select>", "day: <datepicker>", "story: <plain_text_input>"} {
		require.Contains(t, seen, kind)
	}
	who := func(id string) (string, bool) { return "p-bob", id == "U0BOB0000" }
	given := map[string]receive.Value{"owner": {Text: "U0BOB0000"}, "day": {Text: "2026-11-20"}, "story": {Text: "one\ntwo"}}
	values, errs := blocks.ReadAnswer(s.Question.Form, filled(given), who)
	require.Empty(t, errs)
	require.Equal(t, `"p-bob"`, string(values["owner"]))
	require.Equal(t, `"2026-11-20"`, string(values["day"]))
	require.Equal(t, `"one\ntwo"`, string(values["story"]))
	given["owner"] = receive.Value{Text: "U0STRANGER"}
	_, errs = blocks.ReadAnswer(s.Question.Form, filled(given), who)
	require.Contains(t, errs["field.owner"], "This is nobody whom the directory knows")
}

func TestReadEdit(t *testing.T) {
	t.Parallel()
	c := waiting().Request.Calls[1]
	same, errs := blocks.ReadEdit(c, nil)
	require.Empty(t, errs)
	require.JSONEq(t, string(c.Input), string(same))
	changed, errs := blocks.ReadEdit(c, filled(map[string]receive.Value{
		"older_than": {Text: "60"}, "force": {Text: "false"}, "names": {Text: `["three"]`}, "user": {Text: "other"}, "policy": {Text: "{\n}"}, "empty": {Text: `"x"`},
	}))
	require.Empty(t, errs)
	require.JSONEq(t, `{"account":"111122223333","region":"us-east-1","user":"other","older_than":60,"force":false,"tags":{},"names":["three"],"policy":"{\n}","none":null,"empty":"x"}`, string(changed))
	_, errs = blocks.ReadEdit(c, filled(map[string]receive.Value{"older_than": {Text: "soon"}, "force": {Text: "maybe"}, "names": {Text: "three"}}))
	require.Equal(t, `Want a whole number, got "soon".`, errs["field.older_than"])
	require.Equal(t, "Choose yes or no.", errs["field.force"])
	require.Contains(t, errs["field.names"], "Want JSON: ")
	require.Len(t, errs, 3)
}

// A form that nobody touched gives back what was there, whatever that is.
func FuzzEdit(f *testing.F) {
	for _, s := range []string{`{"a":"x"}`, `{"a":"` + "\u202e" + `<!channel>\n"}`, `{"a":{"b":[1,2.50,"\u0000"]},"<":null}`, `{"a":1e400,"b":9007199254740993}`, `{"a":"p` + "\u0430" + `ypal\nx"}`, `[]`, `{"":""}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := waiting()
		s.Request.Calls = []approval.Call{{Step: "a", Effect: "change", Undo: "b", Activity: "c", Input: raw}}
		v := blocks.EditForm(s, "a", context(at(0, 0)))
		requireView(t, v)
		requireNoTags(t, v)
		if v.Submit == nil {
			return
		}
		values := receive.Values{}
		for _, b := range decode(t, v.Blocks.BlockSet).([]any) {
			if e, ok := b.(node)["element"].(node); ok {
				text, _ := e["initial_value"].(string)
				if o, ok := e["initial_option"].(node); ok {
					text = o["value"].(string)
				}
				values[b.(node)["block_id"].(string)] = map[string]receive.Value{"value": {Text: text}}
			}
		}
		got, errs := blocks.ReadEdit(s.Request.Calls[0], values)
		if len(errs) > 0 {
			return // it cannot be told as canonical JSON, and is refused as a whole
		}
		want, err := digest.Canonical(json.RawMessage(raw))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}

func TestReadReason(t *testing.T) {
	t.Parallel()
	says := func(s string) receive.Values {
		return receive.Values{"reason": {"value": receive.Value{Text: s}}}
	}
	why, errs := blocks.ReadReason(says(" it is mine\n"))
	require.Empty(t, errs)
	require.Equal(t, "it is mine", why)
	_, errs = blocks.ReadReason(says(" \n"))
	require.Contains(t, errs["reason"], "Say why")
	_, errs = blocks.ReadReason(says(strings.Repeat("é", 1500)))
	require.Contains(t, errs["reason"], "too long")
}
