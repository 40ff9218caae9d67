package approval

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows/expr"
)

// Form is what an answer to a question says: its fields, those that are required first.
type Form []Field

// Field is one entry of a form.
type Field struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	// Type is string, bool, int, double or timestamp.
	Type *expr.Type `json:"type"`
	// Is says more of a string: IsLines, IsDate or IsPerson; "" is a text of one line.
	Is string `json:"is,omitempty"`
	// OneOf are the values that it may have, as JSON; none: any of its type.
	OneOf    []json.RawMessage `json:"one_of,omitempty"`
	Optional bool              `json:"optional,omitempty"`
}

// Bounds on a form and on what fills it, in bytes where it is text. The choices and the titles are
// as long as chats show them in full.
const (
	MaxFields     = 20
	MaxChoices    = 50
	MaxChoice     = 75
	MaxFieldTitle = 150
	MaxText       = 2000
	maxAnswer     = 64 << 10 // all values of an answer, as JSON
)

// What a string of a form is.
const (
	IsLines = "lines" // a text of several lines
	IsDate  = "date"  // a day, like 2026-11-20
	// IsPerson is the stable id of a person. Whether the directory has somebody of that id is for
	// whoever takes the answer to say.
	IsPerson = "person"
)

// Kinds are all that a string may be.
var Kinds = []string{IsLines, IsDate, IsPerson}

// person is the id of a person, or a mail address that is one.
var person = regexp.MustCompile(`^([a-z0-9][a-z0-9._-]{0,62}|[^\s@]+@[^\s@]+\.[^\s@]+)$`)

// FieldTypes are the types that a field may have.
var FieldTypes = []string{"string", "bool", "int", "double", "timestamp"}

// Type is what expressions see of an answer.
func (f Form) Type() *expr.Type {
	fields := make([]expr.Field, len(f))
	for i, one := range f {
		fields[i] = expr.Field{Name: one.Name, Type: one.values(), Optional: one.Optional}
	}
	return expr.Object(fields...)
}

// values is the type of the field with the values that it can have.
func (f Field) values() *expr.Type {
	var choices []string
	for _, raw := range f.OneOf {
		var choice string
		if f.Type.Kind() != expr.KindString || json.Unmarshal(raw, &choice) != nil {
			return f.Type
		}
		choices = append(choices, choice)
	}
	if len(choices) == 0 {
		return f.Type
	}
	return expr.OneOf(choices...)
}

// Field finds a field by its name.
func (f Form) Field(name string) (Field, bool) {
	i := slices.IndexFunc(f, func(one Field) bool { return one.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return f[i], true
}

func (f Form) names() []string {
	names := make([]string, len(f))
	for i, one := range f {
		names[i] = one.Name
	}
	return names
}

// Missing are the required fields that have no value.
func (f Form) Missing(values map[string]json.RawMessage) []Field {
	var missing []Field
	for _, one := range f {
		if _, ok := values[one.Name]; !ok && !one.Optional {
			missing = append(missing, one)
		}
	}
	return missing
}

// Check says everything that keeps values from being an answer.
func (f Form) Check(values map[string]json.RawMessage) error {
	size := 0
	for _, name := range expr.Keys(values) {
		size += len(name) + len(values[name])
	}
	if size > maxAnswer {
		return fmt.Errorf("it has %d bytes; at most %d are kept", size, maxAnswer)
	}
	var errs []error
	for _, name := range expr.Keys(values) {
		field, ok := f.Field(name)
		if !ok {
			errs = append(errs, fmt.Errorf("the form has no field %.80q%s", name, expr.DidYouMean(name, f.names())))
		} else if err := field.check(values[name]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		if len(errs) > MaxFields {
			break
		}
	}
	return joined(append(errs, f.missing(values)...))
}

func (f Form) missing(values map[string]json.RawMessage) []error {
	var errs []error
	for _, one := range f.Missing(values) {
		errs = append(errs, fmt.Errorf("%s is missing: %s", one.Name, one.Wants()))
	}
	return errs
}

// joined says several things in one line.
func joined(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	says := make([]string, len(errs))
	for i, err := range errs {
		says[i] = err.Error()
	}
	return errors.New(strings.Join(says, "; "))
}

func (f Field) check(raw json.RawMessage) error {
	value, err := f.Type.Decode(raw)
	if err != nil {
		return err
	}
	if s, ok := value.(string); ok {
		switch {
		case len(s) > MaxText:
			return fmt.Errorf("it is %d bytes; at most %d are kept", len(s), MaxText)
		case strings.TrimSpace(s) == "" && !f.Optional:
			return errors.New("it is empty")
		}
		if err := f.is(s); err != nil {
			return err
		}
	}
	if len(f.OneOf) == 0 {
		return nil
	}
	for _, choice := range f.OneOf {
		if known, err := f.Type.Decode(choice); err == nil && known == value {
			return nil
		}
	}
	if f.Type.Kind() != expr.KindString { // no number is a slip for another
		return fmt.Errorf("%s cannot be chosen; want one of %s", clip(raw), strings.Join(f.Choices(), ", "))
	}
	return fmt.Errorf("%s cannot be chosen%s", clip(raw), expr.DidYouMean(plain(raw), f.Choices()))
}

// is holds a string against what it is.
func (f Field) is(s string) error {
	good := true
	switch f.Is {
	case "", IsLines:
	case IsDate:
		_, err := time.Parse(time.DateOnly, s)
		good = err == nil
	case IsPerson:
		good = len(s) <= MaxPerson && person.MatchString(s)
	default:
		return fmt.Errorf("this program does not know a string that is a %.40q; use a newer one", f.Is)
	}
	if !good {
		return fmt.Errorf("want %s, got %.40q", f.Wants(), s)
	}
	return nil
}

// People are the ids of persons among values, sorted, each once.
func (f Form) People(values map[string]json.RawMessage) []string {
	var people []string
	for _, one := range f {
		var id string
		if one.Is == IsPerson && json.Unmarshal(values[one.Name], &id) == nil {
			people = append(people, id)
		}
	}
	slices.Sort(people)
	return slices.Compact(people)
}

func clip(raw json.RawMessage) string { return fmt.Sprintf("%.80s", raw) }

// Choices are the values of one_of as people read and type them.
func (f Field) Choices() []string {
	choices := make([]string, len(f.OneOf))
	for i, raw := range f.OneOf {
		choices[i] = plain(raw)
	}
	return choices
}

// plain is a value as people read it.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// Wants says what goes into a field: "one of expected, hostile", "int, may be left out".
func (f Field) Wants() string {
	wants := f.Type.String()
	switch {
	case len(f.OneOf) > 0:
		wants = "one of " + strings.Join(f.Choices(), ", ")
	case f.Is == IsLines:
		wants = "a text, of several lines"
	case f.Is == IsDate:
		wants = "a date like 2026-11-20"
	case f.Is == IsPerson:
		wants = "the id of a person of the directory"
	case f.Type.Kind() == expr.KindBool:
		wants = "true or false"
	case f.Type.Kind() == expr.KindTimestamp:
		wants = "a time like 2026-11-20T21:14:00Z"
	}
	if f.Optional {
		wants += ", may be left out"
	}
	return wants
}

// Read makes the values of an answer of what somebody typed into the fields, and says everything
// that is missing or wrong.
func (f Form) Read(given map[string]string) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	var errs []error
	for _, name := range expr.Keys(given) {
		field, ok := f.Field(name)
		if !ok {
			errs = append(errs, fmt.Errorf("the form has no field %.80q%s", name, expr.DidYouMean(name, f.names())))
			continue
		}
		raw, err := field.Read(given[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		values[name] = raw
	}
	return values, joined(append(errs, f.missing(values)...))
}

// Read makes a value of what somebody typed into a field.
func (f Field) Read(text string) (json.RawMessage, error) {
	raw := json.RawMessage(strings.TrimSpace(text))
	switch f.Type.Kind() {
	case expr.KindString:
		if f.Is == IsDate || f.Is == IsPerson {
			text = strings.TrimSpace(text)
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		raw = quoted
	case expr.KindTimestamp:
		at, err := time.Parse(time.RFC3339Nano, string(raw))
		if err != nil {
			return nil, fmt.Errorf("want %s, got %.40q", f.Wants(), text)
		}
		raw = json.RawMessage(at.Format(`"` + time.RFC3339Nano + `"`))
	default:
		if _, err := f.Type.Decode(raw); err != nil {
			return nil, fmt.Errorf("want %s, got %.40q", f.Wants(), text)
		}
	}
	return raw, f.check(raw)
}
