package blocks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Whatever a sight holds: Slack takes what comes of it, nothing in it is a mention or a link, and who can
// approve has every target and every parameter before the eyes.
func TestAnySight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySight(t)
		c := context(at(rapid.IntRange(-5, 60).Draw(t, "now"), 0))
		c.People = rapid.SliceOfN(anyText(), 0, 3).Draw(t, "called")
		m := blocks.Card(s, c)
		requireMessage(t, m)
		requireNoTags(t, m)
		requireShown(t, s, m.Blocks)
		v := blocks.Details(s, c)
		requireView(t, v)
		requireNoTags(t, v)
		requireShown(t, s, v.Blocks.BlockSet)
		folded := blocks.Fold([]desk.Sight{s, waiting(), s}, c)
		requireMessage(t, folded)
		requireNoTags(t, folded)
		for _, form := range []any{blocks.RejectForm(s, c), blocks.UndoForm(s, c), blocks.KeepForm(s, "x", c), blocks.EditForm(s, "", c)} {
			requireNoTags(t, form)
		}
		requireView(t, blocks.EditForm(s, "", c))
		requireMessage(t, blocks.Reminder(s, true, c))
	})
}

// requireShown holds that what can be approved is shown: each value of each input, every before and after.
func requireShown(t require.TestingT, s desk.Sight, all any) {
	if len(actions(t, all, blocks.ActApprove)) == 0 {
		return
	}
	require.True(t, s.Open())
	require.False(t, s.Request.Long())
	seen := squeeze(readableAny(t, all))
	for _, call := range s.Request.Calls {
		var inputs map[string]any
		require.NoError(t, json.Unmarshal(call.Input, &inputs))
		for name, value := range inputs {
			for _, part := range leaves(name, value) {
				require.Contains(t, seen, squeeze(part))
			}
		}
		if call.Preview != nil {
			for _, one := range call.Preview.Changes {
				require.Contains(t, seen, squeeze(one.Target))
				require.Contains(t, seen, squeeze(one.After))
			}
		}
	}
}

func leaves(name string, value any) []string {
	switch v := value.(type) {
	case string:
		return []string{name, v}
	case map[string]any:
		parts := []string{name}
		for key, one := range v {
			parts = append(parts, leaves(key, one)...)
		}
		return parts
	case []any:
		parts := []string{name}
		for _, one := range v {
			parts = append(parts, leaves(name, one)...)
		}
		return parts
	case nil:
		return []string{name, "null"}
	default:
		return []string{name, fmt.Sprint(v)}
	}
}

// squeeze leaves what every way of showing a text has in common: its letters and digits.
func squeeze(s string) string {
	return rest.ReplaceAllString(escaped.ReplaceAllString(s, ""), "")
}

var (
	escaped = regexp.MustCompile(`\\+(?:u[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2}|n|t)`)
	rest    = regexp.MustCompile(`[^a-z0-9]+`)
)

func readableAny(t require.TestingT, all any) string {
	var out strings.Builder
	for _, b := range decode(t, all).([]any) {
		if n, ok := b.(node); ok && n["type"] == "rich_text" {
			out.WriteString(seen(n))
		}
	}
	return out.String()
}

var tag = regexp.MustCompile(`(?i)<(?:[!@#]|http|mailto)`)

// requireNoTags holds that what goes to Slack has no mention, date or link but ours.
func requireNoTags(t require.TestingT, v any) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(v))
	require.Empty(t, tag.FindString(ours.ReplaceAllString(out.String(), "")))
}

// anyText is text as events bring it: mostly short, with all that is odd in it.
func anyText() *rapid.Generator[string] {
	odd := rapid.SampledFrom([]string{
		"<!channel>", "<@U0ADMIN>", "<#C0|x>", "<http://evil.example|ok>", "<HTTPS://x>", "&lt;", "&", "`", "```", "\n", "\r\n", "\t", "   ", "|", "\"", "\\u0060",
		"\u202e", "\u200b", "\x1b[2K", "\x00", "\u05d0\u05d1", "\u0430dmin", "*", "_", "~", "\ufe0f", "\U000e0041", "日本語", "ci", "…[+3]", ":tada:", "\xff",
	})
	return rapid.OneOf(
		rapid.StringMatching(`[a-z0-9-]{1,12}`),
		rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(odd, 0, 6).Draw(t, "odd"), "") }),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(odd.Draw(t, "part")+"x", rapid.IntRange(1, 1200).Draw(t, "times"))
		}),
		rapid.String(),
	)
}

func anyJSON() *rapid.Generator[json.RawMessage] {
	return rapid.Custom(func(t *rapid.T) json.RawMessage {
		fields := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			name, value := anyText().Draw(t, "name"), anyText().Draw(t, "value")
			fields[name] = rapid.SampledFrom([]any{value, []any{value, 1, true}, map[string]any{name: value}, 7, true, nil}).Draw(t, "as")
		}
		raw, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	})
}

func anySight(t *rapid.T) desk.Sight {
	text, few := anyText(), func(name string) []string { return rapid.SliceOfN(anyText(), 0, 12).Draw(t, name) }
	s := waiting()
	r := s.Request
	s.Title, s.Stage, s.Severity, s.Account = text.Draw(t, "title"), text.Draw(t, "stage"), text.Draw(t, "severity"), text.Draw(t, "account")
	s.Event.Subject, s.Event.Type, s.Run, s.StartedBy = text.Draw(t, "subject"), text.Draw(t, "type"), text.Draw(t, "run"), few("starters")
	r.ID, r.Question, r.Groups, r.People, r.Calls = text.Draw(t, "id"), text.Draw(t, "question"), few("groups"), few("people"), nil
	for i := range rapid.IntRange(0, 8).Draw(t, "calls") {
		input := anyJSON().Draw(t, "input")
		var names []string
		if o, ok := decodeRaw(input); ok {
			for name := range o {
				names = append(names, name)
			}
		}
		c := approval.Call{
			Step: fmt.Sprint(i, text.Draw(t, "step")), Title: text.Draw(t, "call"), Activity: text.Draw(t, "activity"), Version: 1, Input: input, Targets: names,
			Effect: rapid.SampledFrom([]string{"read", "change", "destroy", "<!x>"}).Draw(t, "effect"), Undo: text.Draw(t, "undo"),
			Rule: text.Draw(t, "rule"), Why: text.Draw(t, "why"),
		}
		if rapid.Bool().Draw(t, "previewed") {
			c.Preview = &preview.Preview{}
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				c.Preview.Changes = append(c.Preview.Changes, preview.Change{Target: text.Draw(t, "target"), What: text.Draw(t, "what"), Before: text.Draw(t, "before"), After: text.Draw(t, "after")})
			}
		}
		r.Calls = append(r.Calls, c)
	}
	s.Votes, s.Tally = nil, nil
	for range rapid.IntRange(0, 12).Draw(t, "votes") {
		s.Votes = append(s.Votes, approval.Vote{Person: text.Draw(t, "voter"), Verdict: approval.Approve, Reason: text.Draw(t, "reason"), At: at(1, 0)})
		r.Policies = append(r.Policies, grant.Need{Groups: few("policy"), Quorum: 2})
		r.Edits = append(r.Edits, approval.Edit{By: text.Draw(t, "editor"), Step: text.Draw(t, "edited"), At: at(1, 0)})
		s.Tally = append(s.Tally, approval.Tally{Need: grant.Need{Groups: few("tally"), Quorum: 3}})
		s.Steps = append(s.Steps, desk.StepSight{Step: text.Draw(t, "done"), State: desk.StepFailed, Error: text.Draw(t, "error"), At: at(3, 0)})
		s.Expiring = append(s.Expiring, desk.ExpirySight{Step: text.Draw(t, "expiring"), At: at(90, 0)})
	}
	if rapid.Bool().Draw(t, "again") {
		r.Again = &approval.Again{Of: digest.Digest(text.Draw(t, "of")), Why: text.Draw(t, "again why"), Steps: few("changed")}
	}
	switch rapid.IntRange(0, 3).Draw(t, "ends") {
	case 1:
		s.Decision = &approval.Decision{Outcome: approval.Outcome(rapid.SampledFrom([]string{"approved", "rejected", "expired", "withdrawn", "<!x>"}).Draw(t, "outcome")), By: few("by"), Reason: text.Draw(t, "because"), At: at(5, 0)}
		s.State, s.Outcome, s.Error = rapid.SampledFrom([]workflows.State{"done", "failed", "cancelled", "running"}).Draw(t, "state"), text.Draw(t, "said"), text.Draw(t, "failed")
		s.Undoable, s.Known = rapid.Bool().Draw(t, "undoable"), rapid.Bool().Draw(t, "known")
	case 2:
		s.Edited = edited
	}
	return s
}

func decodeRaw(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var o map[string]json.RawMessage
	return o, json.Unmarshal(raw, &o) == nil
}
