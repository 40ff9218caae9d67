package standin

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fill is what a person fills in, by block_id and action_id: a string (text, the value of an option, an
// id, a date), a []string for several, an int for a date with time.
type Fill map[string]map[string]any

// entry is the value of an element of a form, as Slack writes it, of what was filled in.
func entry(e object, filled any) (object, error) {
	kind := text(e["type"])
	one, several := "", []string(nil)
	switch v := filled.(type) {
	case string:
		one = v
	case []string:
		several = v
	case int:
		return object{"type": kind, "selected_date_time": v}, nil
	default:
		return nil, fmt.Errorf("%T cannot be filled in", filled)
	}
	value := object{"type": kind}
	switch kind {
	case "plain_text_input", "number_input", "email_text_input", "url_text_input":
		n := utf8.RuneCountInString(one)
		if least, ok := e["min_length"].(float64); ok && n < int(least) {
			return nil, fmt.Errorf("%d characters are too few", n)
		}
		if most, ok := e["max_length"].(float64); n > maxInput || ok && n > int(most) {
			return nil, fmt.Errorf("%d characters are too many", n)
		}
		value["value"] = one
	case "datepicker":
		value["selected_date"] = one
	case "timepicker":
		value["selected_time"] = one
	case "users_select":
		value["selected_user"] = one
	case "channels_select":
		value["selected_channel"] = one
	case "conversations_select":
		value["selected_conversation"] = one
	case "multi_users_select":
		value["selected_users"] = several
	case "multi_channels_select":
		value["selected_channels"] = several
	case "multi_conversations_select":
		value["selected_conversations"] = several
	case "static_select", "radio_buttons", "overflow":
		o, err := option(e, one)
		if err != nil {
			return nil, err
		}
		value["selected_option"] = o
	case "multi_static_select", "checkboxes":
		chosen := []any{}
		for _, v := range several {
			o, err := option(e, v)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, o)
		}
		value["selected_options"] = chosen
	default:
		return nil, fmt.Errorf("a %s cannot be filled in", kind)
	}
	return value, nil
}

// option is the option of that value that really is there.
func option(e object, value string) (object, error) {
	all := list(e["options"])
	for _, g := range list(e["option_groups"]) {
		all = append(all, list(at(g, "options"))...)
	}
	var there []string
	for _, o := range all {
		if text(at(o, "value")) == value {
			return o.(object), nil
		}
		there = append(there, text(at(o, "value")))
	}
	return nil, fmt.Errorf("no option %q among %s", value, strings.Join(there, ", "))
}

// empty is the value of an element that nobody filled in.
func empty(e object) object {
	kind := text(e["type"])
	value := object{"type": kind}
	names := map[string]string{
		"datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time",
		"users_select": "selected_user", "channels_select": "selected_channel", "conversations_select": "selected_conversation",
		"static_select": "selected_option", "radio_buttons": "selected_option", "external_select": "selected_option",
	}
	several := map[string]string{
		"multi_users_select": "selected_users", "multi_channels_select": "selected_channels",
		"multi_conversations_select": "selected_conversations", "multi_static_select": "selected_options", "checkboxes": "selected_options",
	}
	switch {
	case several[kind] != "":
		value[several[kind]] = []any{}
	case names[kind] != "":
		value[names[kind]] = nil
	default:
		value["value"] = nil
	}
	for name, v := range e {
		if to, ok := initials[name]; ok {
			value[to] = v
		}
	}
	return value
}

// initials are the properties that fill an element in beforehand, and what they become.
var initials = map[string]string{
	"initial_value": "value", "initial_date": "selected_date", "initial_time": "selected_time", "initial_date_time": "selected_date_time",
	"initial_user": "selected_user", "initial_users": "selected_users", "initial_channel": "selected_channel", "initial_channels": "selected_channels",
	"initial_conversation": "selected_conversation", "initial_conversations": "selected_conversations",
	"initial_option": "selected_option", "initial_options": "selected_options",
}

// fillable says that an element keeps a value; buttons do not.
func fillable(e object) bool {
	kind := text(e["type"])
	return strings.HasSuffix(kind, "_input") || strings.HasSuffix(kind, "_select") || strings.HasSuffix(kind, "picker") ||
		slices.Contains([]string{"checkboxes", "radio_buttons"}, kind)
}

// initial is what stands in a view before anybody fills anything in.
func initial(v *View) map[string]map[string]object {
	out := map[string]map[string]object{}
	for _, b := range v.Blocks {
		for _, e := range elements(b) {
			if fillable(e) {
				id := text(b["block_id"])
				if out[id] == nil {
					out[id] = map[string]object{}
				}
				out[id][text(e["action_id"])] = empty(e)
			}
		}
	}
	return out
}

// blank says that nothing was filled in.
func blank(value object) bool {
	for name, v := range value {
		if name == "type" || v == nil || v == "" {
			continue
		}
		switch l := v.(type) {
		case []any:
			if len(l) == 0 {
				continue
			}
		case []string:
			if len(l) == 0 {
				continue
			}
		}
		return false
	}
	return true
}

// fill writes into a view what a person fills in. Slack's client refuses what does not fit, and what is
// left out that must be there, before the app hears of it.
func (v *View) fill(values Fill) error {
	for block, actions := range values {
		for action, filled := range actions {
			e := v.element(block, action)
			if e == nil || !fillable(e) {
				return fmt.Errorf("nothing to fill in at %s/%s of the form %s", block, action, v.Callback)
			}
			value, err := entry(e, filled)
			if err != nil {
				return fmt.Errorf("fill in %s/%s of the form %s: %w", block, action, v.Callback, err)
			}
			v.values[block][action] = value
		}
	}
	for _, b := range v.Blocks {
		if b["type"] != "input" || b["optional"] == true {
			continue
		}
		for _, e := range elements(b) {
			if blank(v.values[text(b["block_id"])][text(e["action_id"])]) {
				return fmt.Errorf("%s of the form %s must be filled in", text(b["block_id"]), v.Callback)
			}
		}
	}
	return nil
}

func (v *View) element(block, action string) object {
	for _, b := range v.Blocks {
		if text(b["block_id"]) != block {
			continue
		}
		for _, e := range elements(b) {
			if text(e["action_id"]) == action {
				return e
			}
		}
	}
	return nil
}
