package standin

import (
	"fmt"
	"regexp"
	"slices"
)

// place is where an element may stand.
type place int

const (
	inActions place = 1 << iota // an actions block, or beside a section
	inInput
)

// shape is what Slack takes of a kind of element.
type shape struct {
	places place
	names  []string // properties, beside type, action_id, confirm and focus_on_load
	most   int      // options; 0 has none
}

var choosing = []string{"placeholder", "options", "option_groups", "initial_option"}

var shapes = map[string]shape{
	"button":                     {inActions, []string{"text", "url", "value", "style", "accessibility_label", "visible_to_user_ids"}, 0},
	"overflow":                   {inActions, []string{"options"}, maxOverflow},
	"static_select":              {inActions | inInput, choosing, maxOptions},
	"multi_static_select":        {inActions | inInput, []string{"placeholder", "options", "option_groups", "initial_options", "max_selected_items"}, maxOptions},
	"radio_buttons":              {inActions | inInput, []string{"options", "initial_option"}, maxFewOptions},
	"checkboxes":                 {inActions | inInput, []string{"options", "initial_options"}, maxFewOptions},
	"users_select":               {inActions | inInput, []string{"placeholder", "initial_user"}, 0},
	"multi_users_select":         {inActions | inInput, []string{"placeholder", "initial_users", "max_selected_items"}, 0},
	"channels_select":            {inActions | inInput, []string{"placeholder", "initial_channel", "response_url_enabled"}, 0},
	"multi_channels_select":      {inActions | inInput, []string{"placeholder", "initial_channels", "max_selected_items"}, 0},
	"conversations_select":       {inActions | inInput, []string{"placeholder", "initial_conversation", "default_to_current_conversation", "filter", "response_url_enabled"}, 0},
	"multi_conversations_select": {inActions | inInput, []string{"placeholder", "initial_conversations", "default_to_current_conversation", "filter", "max_selected_items"}, 0},
	"datepicker":                 {inActions | inInput, []string{"placeholder", "initial_date"}, 0},
	"timepicker":                 {inActions | inInput, []string{"placeholder", "initial_time", "timezone"}, 0},
	"datetimepicker":             {inActions | inInput, []string{"initial_date_time"}, 0},
	"plain_text_input":           {inInput, []string{"placeholder", "initial_value", "multiline", "min_length", "max_length", "dispatch_action_config"}, 0},
	"email_text_input":           {inInput, []string{"placeholder", "initial_value", "dispatch_action_config"}, 0},
	"url_text_input":             {inInput, []string{"placeholder", "initial_value", "dispatch_action_config"}, 0},
	"number_input":               {inInput, []string{"placeholder", "initial_value", "is_decimal_allowed", "min_value", "max_value", "dispatch_action_config"}, 0},
}

// elements checks a list of elements; an action_id stands in a block once.
func (k *checker) elements(where string, b object, most int, in place) {
	ids := map[string]bool{}
	for i, e := range k.list(where+"/elements", b["elements"], most) {
		at := fmt.Sprintf("%s/elements/%d", where, i)
		id := text(e["action_id"])
		if id != "" && ids[id] {
			k.say(at+"/action_id", "action_id already exists")
		}
		ids[id] = true
		k.element(at, e, in)
	}
}

var (
	dateShape = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	timeShape = regexp.MustCompile(`^\d{2}:\d{2}$`)
)

func (k *checker) element(where string, e object, in place) {
	kind := text(e["type"])
	s, ok := shapes[kind]
	if !ok || s.places&in == 0 {
		k.say(where+"/type", "unsupported type: %s", kind)
		return
	}
	k.only(where, e, append(slices.Clone(s.names), "type", "action_id", "confirm", "focus_on_load")...)
	k.length(where+"/action_id", e["action_id"], 0, maxID)
	k.text(where+"/placeholder", e["placeholder"], maxPlaceholder, true, false)
	k.confirm(where+"/confirm", e["confirm"])
	if s.most > 0 {
		k.options(where, e, s.most)
	}
	switch kind {
	case "button":
		k.text(where+"/text", e["text"], maxButton, true, true)
		k.length(where+"/value", e["value"], 0, maxValue)
		k.length(where+"/url", e["url"], 0, maxURL)
		k.length(where+"/accessibility_label", e["accessibility_label"], 0, maxButton)
		k.style(where, e)
	case "plain_text_input":
		k.between(where+"/max_length", e["max_length"], 1, maxInput)
		k.between(where+"/min_length", e["min_length"], 0, maxInput)
		most := maxInput
		if n, ok := e["max_length"].(float64); ok {
			most = int(n)
		}
		k.length(where+"/initial_value", e["initial_value"], 0, most)
	case "number_input":
		if _, ok := e["is_decimal_allowed"].(bool); !ok {
			k.say(where, "missing required field: is_decimal_allowed")
		}
	case "datepicker":
		k.like(where+"/initial_date", e["initial_date"], dateShape)
	case "timepicker":
		k.like(where+"/initial_time", e["initial_time"], timeShape)
	}
}

func (k *checker) style(where string, o object) {
	if style, ok := o["style"]; ok && style != "primary" && style != "danger" {
		k.say(where+"/style", "must be primary or danger")
	}
}

func (k *checker) like(where string, v any, shape *regexp.Regexp) {
	if v != nil && !shape.MatchString(text(v)) {
		k.say(where, "must match %s", shape)
	}
}

func (k *checker) between(where string, v any, least, most int) {
	n, ok := v.(float64)
	if v != nil && (!ok || int(n) < least || int(n) > most) {
		k.say(where, "must be between %d and %d", least, most)
	}
}

func (k *checker) confirm(where string, v any) {
	if v == nil {
		return
	}
	o, ok := v.(object)
	if !ok {
		k.say(where, "must be an object")
		return
	}
	k.only(where, o, "title", "text", "confirm", "deny", "style")
	k.text(where+"/title", o["title"], maxConfirmTitle, true, true)
	k.text(where+"/text", o["text"], maxConfirmText, false, true)
	k.text(where+"/confirm", o["confirm"], maxConfirmButton, true, true)
	k.text(where+"/deny", o["deny"], maxConfirmButton, true, true)
	k.style(where, o)
}

// options checks what there is to choose from, and that what is chosen beforehand is of it.
func (k *checker) options(where string, e object, most int) {
	var all []object
	if e["option_groups"] != nil {
		for i, g := range k.list(where+"/option_groups", e["option_groups"], maxOptions) {
			at := fmt.Sprintf("%s/option_groups/%d", where, i)
			k.text(at+"/label", g["label"], maxOption, true, true)
			all = append(all, k.list(at+"/options", g["options"], most)...)
		}
	} else {
		all = k.list(where+"/options", e["options"], most)
	}
	values := map[string]bool{}
	for i, o := range all {
		at := fmt.Sprintf("%s/options/%d", where, i)
		k.only(at, o, "text", "value", "description", "url")
		k.text(at+"/text", o["text"], maxOption, !slices.Contains([]string{"radio_buttons", "checkboxes"}, text(e["type"])), true)
		k.length(at+"/value", o["value"], 1, maxOption)
		k.text(at+"/description", o["description"], maxOption, false, false)
		if values[text(o["value"])] {
			k.say(at+"/value", "the value stands there twice")
		}
		values[text(o["value"])] = true
	}
	chosen := list(e["initial_options"])
	if one := e["initial_option"]; one != nil {
		chosen = append(chosen, one)
	}
	for _, c := range chosen {
		if !slices.ContainsFunc(all, func(o object) bool { return same(o, c) }) {
			k.say(where+"/initial_option", "must be one of the options")
		}
	}
}
