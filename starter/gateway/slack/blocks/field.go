package blocks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/slack-go/slack"
)

// kind is what somebody fills a field with.
type kind string

const (
	asText   kind = "text"
	asLines  kind = "lines"
	asJSON   kind = "json"
	asInt    kind = "int"
	asDouble kind = "double"
	asBool   kind = "bool"
	asChoice kind = "choice"
	asTime   kind = "time"
	asDate   kind = "date"
	asPerson kind = "person"
)

// field is one entry of any form.
type field struct {
	name, title, hint string
	kind              kind
	optional          bool
	choices           []string // as people read them
	initial           string   // "" is none
	max               int      // of a text, in runes
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,200}$`)

// blockID is the id of the block of the i-th field.
func blockID(i int, name string) string {
	if harmless.MatchString(name) {
		return "field." + name
	}
	return "field#" + strconv.Itoa(i)
}

// fields writes the fields of a form.
func (p *page) fields(all []field) {
	for i, f := range all {
		label := exact(f.name)
		if title := first(f.title); title != "" {
			label = title + " (" + label + ")"
		}
		b := &slack.InputBlock{Type: slack.MBTInput, BlockID: blockID(i, f.name), Label: plain(label, maxHeader), Optional: f.optional, Element: f.element()}
		if f.hint != "" {
			b.Hint = plain(f.hint, maxHeader)
		}
		p.add(length(b.Label.Text), b)
	}
}

func (f field) element() slack.BlockElement {
	switch f.kind {
	case asInt, asDouble:
		return &slack.NumberInputBlockElement{Type: slack.METNumber, ActionID: valueAction, IsDecimalAllowed: f.kind == asDouble, InitialValue: f.initial}
	case asBool:
		return choose([]string{"true", "false"}, []string{"yes", "no"}, f.initial)
	case asChoice:
		values := make([]string, len(f.choices))
		for i := range f.choices {
			values[i] = strconv.Itoa(i)
		}
		return choose(values, f.choices, f.initial)
	case asTime:
		at, _ := strconv.ParseInt(f.initial, 10, 64)
		return &slack.DateTimePickerBlockElement{Type: slack.METDatetimepicker, ActionID: valueAction, InitialDateTime: at}
	case asDate:
		return &slack.DatePickerBlockElement{Type: slack.METDatepicker, ActionID: valueAction, InitialDate: f.initial}
	case asPerson:
		return &slack.SelectBlockElement{Type: slack.OptTypeUser, ActionID: valueAction}
	default:
		return &slack.PlainTextInputBlockElement{
			Type: slack.METPlainTextInput, ActionID: valueAction, Multiline: f.kind != asText, MaxLength: min(max(f.max, 1), maxInput), InitialValue: f.initial,
		}
	}
}

// choose is a list of which one is chosen. The values are ours: what people read may be longer.
func choose(values, shown []string, initial string) *slack.SelectBlockElement {
	s := &slack.SelectBlockElement{Type: slack.OptTypeStatic, ActionID: valueAction, Placeholder: plain("Choose", maxButton)}
	for i, value := range values[:min(len(values), maxOptions)] {
		o := &slack.OptionBlockObject{Text: plain(exact(shown[i]), maxOption), Value: value}
		s.Options = append(s.Options, o)
		if value == initial {
			s.InitialOption = o
		}
	}
	return s
}

// chosen is what of the choices was chosen.
func (f field) chosen(value string) (string, error) {
	i, err := strconv.Atoi(value)
	if err != nil || i < 0 || i >= len(f.choices) {
		return "", fmt.Errorf("choose one of %s", cut(strings.Join(f.choices, ", "), 200))
	}
	return f.choices[i], nil
}

// quote is a text as JSON.
func quote(s string) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil { // cannot be: it is a string
		return json.RawMessage(`""`)
	}
	return raw
}
