package receive

import (
	"encoding/json"
	"net"
)

// maxEntries bounds the entries of a form; a view has at most a hundred blocks.
const maxEntries = 200

// viewOf reads a view, and the block_id of its first entry.
func viewOf(p *picker, view object) (v View, first string) {
	v = View{
		ID: p.must(view, "id"), Hash: p.text(view, "hash", maxID), Callback: p.text(view, "callback_id", maxID),
		Meta: p.text(view, "private_metadata", maxText), Values: Values{},
	}
	for _, block := range p.list(view, "blocks") {
		if p.text(block, "type", maxID) == "input" {
			first = p.text(block, "block_id", maxID)
			break
		}
	}
	entries := 0
	values := p.object(p.object(view, "state"), "values")
	for block := range values {
		v.Values[block] = map[string]Value{}
		for action := range p.object(values, block) {
			if entries++; entries > maxEntries || len(block) > maxID || len(action) > maxID {
				p.fail("values", "a form with fewer entries")
				return v, first
			}
			v.Values[block][action] = valueOf(p, p.object(p.object(values, block), action))
		}
	}
	return v, first
}

// valueOf reads an entry of a form, or an action, by its type. Of a type that is not known it reads
// nothing.
func valueOf(p *picker, o object) Value {
	v := Value{Type: p.text(o, "type", maxID)}
	switch v.Type {
	case "button", "plain_text_input", "number_input", "email_text_input", "url_text_input":
		v.Text = p.text(o, "value", maxText)
	case "static_select", "external_select", "radio_buttons", "overflow":
		v.Text = p.text(p.object(o, "selected_option"), "value", maxText)
	case "users_select":
		v.Text = p.id(o, "selected_user")
	case "conversations_select":
		v.Text = p.id(o, "selected_conversation")
	case "channels_select":
		v.Text = p.id(o, "selected_channel")
	case "datepicker":
		v.Text = p.text(o, "selected_date", maxID)
	case "timepicker":
		v.Text = p.text(o, "selected_time", maxID)
	case "datetimepicker":
		if n, ok := o["selected_date_time"].(json.Number); ok {
			seconds, err := n.Int64()
			if err != nil {
				p.fail("selected_date_time", "seconds")
			}
			v.Time = seconds
		} else if o["selected_date_time"] != nil {
			p.fail("selected_date_time", "seconds")
		}
	case "multi_static_select", "multi_external_select", "checkboxes":
		for _, option := range p.list(o, "selected_options") {
			v.Chosen = append(v.Chosen, p.text(option, "value", maxText))
		}
	case "multi_users_select":
		v.Chosen = p.texts(o, "selected_users")
	case "multi_conversations_select":
		v.Chosen = p.texts(o, "selected_conversations")
	case "multi_channels_select":
		v.Chosen = p.texts(o, "selected_channels")
	case "file_input":
		for _, file := range p.list(o, "files") {
			v.Chosen = append(v.Chosen, p.id(file, "id"))
		}
	}
	return v
}

// onThisMachine reports whether a host is a loopback address.
func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
