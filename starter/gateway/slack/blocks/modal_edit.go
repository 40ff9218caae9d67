package blocks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows/approval"
)

// maxEdited is how many parameters of a call can be edited in a form.
const maxEdited = 40

// EditForm changes the parameters of a call before it is decided. Without a step, and where there are
// several calls to choose from, it lets people choose: that view has a button [ActEdit] for each.
func EditForm(s desk.Sight, step string, c Context) slack.ModalViewRequest {
	all := editable(s.Request)
	if step == "" && len(all) == 1 {
		step = all[0].Step
	}
	for _, call := range all {
		if call.Step == step {
			return editForm(s, call, c)
		}
	}
	p := &page{Context: c, room: short}
	p.markup("Which call?")
	for i, call := range all[:min(len(all), maxFolded)] {
		b := &slack.SectionBlock{Type: slack.MBTSection, Text: markup(fmt.Sprintf("%d. %s  %s", i+1, codeOf(name(call.Step, maxName)), codeOf(name(call.Activity, maxName))))}
		b.Accessory = slack.NewAccessory(button(ActEdit, "Edit…", Value(s.Digest(), call.Step), slack.StyleDefault, "Edit "+call.Step))
		p.add(length(b.Text.Text), b)
	}
	if len(all) == 0 {
		p.markup("Nothing in it can be changed here.")
	}
	return p.view("Edit", FormShown, Meta{Digest: s.Digest()})
}

func editForm(s desk.Sight, call approval.Call, c Context) slack.ModalViewRequest {
	p := &page{Context: c, room: short}
	p.markup("A change makes another request of it: all votes are void, and whoever changed it has no vote on it.")
	p.under([]el{code(name(call.Step, maxName)), text("  " + name(call.Activity, maxName))}, nil)
	p.fields(editFields(call))
	return p.form("Edit", "Change", FormEdit, Meta{Digest: s.Digest(), Step: call.Step})
}

// editFields are the parameters of a call as fields; none: they do not fit a form.
func editFields(c approval.Call) []field {
	inputs, ok := object(c.Input)
	if !ok || len(inputs) > maxEdited {
		return nil
	}
	var all []field
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		f := editField(name, inputs[name])
		if length(f.initial) > maxInput {
			return nil
		}
		all = append(all, f)
	}
	return all
}

// editField is one parameter. A text that does not print as it is stands there as JSON, so that
// what is seen is what is sent.
func editField(name string, raw json.RawMessage) field {
	f := field{name: name, kind: asJSON, initial: string(raw), max: maxInput, hint: "JSON"}
	switch v, _ := digest.Decode(raw); v := v.(type) {
	case bool:
		f.kind, f.hint = asBool, ""
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil && n > -1<<53 && n < 1<<53 && strconv.FormatInt(n, 10) == v.String() {
			f.kind, f.hint = asInt, ""
		}
	case string:
		switch {
		case v != "" && exact(v) == v:
			f.kind, f.initial, f.hint = asText, v, ""
		case printable(v):
			f.kind, f.initial, f.hint = asLines, v, ""
		default:
			f.initial = ascii(raw)
		}
	default:
		f.initial = indented(ascii(raw))
	}
	return f
}

// printable reports text of several lines of which each prints as it is.
func printable(s string) bool {
	if strings.TrimSpace(s) != s || !strings.Contains(s, "\n") {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if tag.MatchString(line) || mixed(line) || card.Clean(line, 1<<30) != line {
			return false
		}
	}
	return true
}

// ascii is JSON with escapes for all that is not ASCII, or could begin a tag.
func ascii(raw json.RawMessage) string {
	var out strings.Builder
	for _, r := range string(raw) {
		switch {
		case r >= ' ' && r < 0x7f && r != '<':
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func indented(s string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(s), "", "  ") != nil {
		return s
	}
	return out.String()
}

// ReadEdit makes the input of a call of what was filled into [EditForm]; what nobody changed stays as it
// was, to the byte. What is wrong is said by block.
func ReadEdit(c approval.Call, v receive.Values) (json.RawMessage, map[string]string) {
	inputs, _ := object(c.Input)
	errs := map[string]string{}
	for i, f := range editFields(c) {
		block := blockID(i, f.name)
		given, there := v[block][valueAction]
		if !there || given.Text == f.initial {
			continue
		}
		raw, err := f.json(given.Text)
		if err != nil {
			errs[block] = sentence(err)
			continue
		}
		inputs[f.name] = raw
	}
	if len(errs) > 0 {
		return nil, errs
	}
	raw, err := digest.Canonical(inputs)
	if err != nil {
		return nil, map[string]string{reasonBlock: sentence(err)}
	}
	return raw, nil
}

// object are the fields of JSON, if it is an object.
func object(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || len(fields) == 0 {
		return nil, false
	}
	return fields, true
}
