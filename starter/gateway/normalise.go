package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows/event"
)

const (
	// maxAttribute bounds the id, source, type and subject, in bytes. The longest real ones are ARNs
	// of a few hundred.
	maxAttribute = 1024
	// maxError bounds an error's text, in characters.
	maxError = 1000
)

// NormaliseAll reads what a source sent, and returns the events in it: one, but for notifications
// that carry a list of matters, of which each is an event. The package comment has the table of what
// is read and what becomes of it. Every event that it returns is valid, and one that is not is a
// reason to return none: a part that got lost would be missed by nobody.
func NormaliseAll(raw []byte) ([]event.Event, error) {
	events, err := normalise(raw)
	for _, e := range events {
		err = errors.Join(err, e.Validate())
	}
	if err != nil {
		// Nothing is wrapped: causes can quote what was sent, and nobody acts on their kind.
		text := strings.ReplaceAll(err.Error(), "\n", "; ")
		return nil, errors.New(card.Clean("read event: "+text, maxError))
	}
	return events, nil
}

// Normalise is NormaliseAll for whoever can use just one event.
func Normalise(raw []byte) (event.Event, error) {
	events, err := NormaliseAll(raw)
	switch {
	case err != nil:
		return event.Event{}, err
	case len(events) != 1:
		return event.Event{}, fmt.Errorf("read event: there are %d events in it; want one", len(events))
	}
	return events[0], nil
}

// shape is one way in which events are sent.
type shape struct {
	name  string   // for messages
	marks []string // the top-level keys by which it is known
	read  func(raw json.RawMessage, top map[string]json.RawMessage) ([]event.Event, error)
}

// shapes begin with the envelopes: what is in one may have any keys.
var shapes = []shape{
	{"an EventBridge event", []string{"detail-type"}, fromEventBridge},
	{"a CloudEvents 1.0 event in structured JSON", []string{"specversion"}, fromCloudEvent},
	{"a notification of Alertmanager", []string{"alerts", "groupKey"}, fromAlertmanager},
	{"a GitHub webhook about an alert", []string{"alert", "repository"}, fromGitHub},
}

func (s shape) is(top map[string]json.RawMessage) bool { return hasAll(top, s.marks...) }

func hasAll(members map[string]json.RawMessage, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, ok := members[name]
		return !ok
	})
}

func normalise(raw []byte) ([]event.Event, error) {
	if len(raw) > event.MaxSize {
		return nil, fmt.Errorf("it is %d bytes; at most %d are taken", len(raw), event.MaxSize)
	}
	if err := scan(raw); err != nil {
		return nil, err
	}
	top, err := object(raw)
	if err != nil {
		return nil, err
	}
	if shapes[0].is(top) && shapes[1].is(top) {
		return nil, errors.New("it has both a detail-type, as EventBridge events have, and a specversion, as CloudEvents have; send one of the two")
	}
	for _, s := range shapes {
		if s.is(top) {
			return s.read(bytes.TrimSpace(raw), top)
		}
	}
	return nil, unknown(top)
}

// unknown says what was looked for and what was found instead.
func unknown(top map[string]json.RawMessage) error {
	const most = 10
	keys := slices.Sorted(maps.Keys(top))
	found := "it has no keys"
	if len(keys) > 0 {
		found = "its top-level keys are " + quoteAll(keys[:min(len(keys), most)])
	}
	if len(keys) > most {
		found += fmt.Sprintf(" and %d more", len(keys)-most)
	}
	hint := ""
	switch {
	case hasAll(top, "action", "sender"):
		hint = "; it looks like a webhook of GitHub about something else: send it as the data of a CloudEvents event"
	case hasAll(top, "TopicArn"):
		hint = "; it looks like an SNS notification: turn on raw message delivery, or send the event that its Message holds"
	case hasAll(top, "Body"), hasAll(top, "Records"):
		hint = "; it looks like an SQS message or a batch of records: send the event that each body holds"
	}
	looked := make([]string, len(shapes))
	for i, s := range shapes {
		looked[i] = fmt.Sprintf("%s (has %s)", s.name, strings.Join(s.marks, " and "))
	}
	return fmt.Errorf("unknown shape: looked for %s; %s%s", strings.Join(looked, "; "), found, hint)
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// fields reads the members of one object and remembers everything that is wrong with them, so that
// a sender learns it all at once. Names are matched exactly, unlike encoding/json's struct fields.
type fields struct {
	of       string // what the object is, for messages
	members  map[string]json.RawMessage
	problems []string
}

func (f *fields) problem(format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

func (f *fields) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s", f.of, strings.Join(f.problems, "; "))
}

// has reports whether the member is there; null counts as absent.
func (f *fields) has(name string) bool {
	value, ok := f.members[name]
	return ok && string(value) != "null"
}

// text returns a member that must be there and be usable as an attribute.
func (f *fields) text(name string) string {
	if !f.has(name) {
		f.problem("%s is missing", name)
		return ""
	}
	return f.optionalText(name)
}

func (f *fields) optionalText(name string) string {
	if !f.has(name) {
		return ""
	}
	var s string
	if err := json.Unmarshal(f.members[name], &s); err != nil {
		f.problem("%s is %s; a string is expected", name, kindOf(f.members[name]))
		return ""
	}
	if why := unusable(s); why != "" {
		f.problem("%s %s", name, why)
		return ""
	}
	return s
}

// time returns a member that must be there and be an RFC 3339 time.
func (f *fields) time(name, ifMissing string) time.Time {
	if !f.has(name) {
		f.problem("%s is missing%s", name, ifMissing)
		return time.Time{}
	}
	s := f.optionalText(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !rfc3339.MatchString(s) { // time.Parse alone takes 9:00:00, a comma, and an offset of +24:60
		f.problem("%s is %s; an RFC 3339 time like 2026-11-20T09:25:04Z is expected", name, quote(s))
		return time.Time{}
	}
	// An offset can move a time at the ends of the calendar out of what RFC 3339 can write.
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		f.problem("%s is %s; a year from 1 to 9999 is expected", name, quote(s))
		return time.Time{}
	}
	return t
}

// unusable says why s cannot be an attribute, or "". Attributes are compared, logged and shown, so
// two that look the same must be the same.
func unusable(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxAttribute:
		return fmt.Sprintf("is %d bytes long; at most %d are taken", len(s), maxAttribute)
	}
	for _, r := range s {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return fmt.Sprintf("holds %U, which does not print", r)
		}
	}
	return ""
}

// object returns the members of a JSON object that scan has passed.
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, fmt.Errorf("it is %s; an object is expected", kindOf(raw))
	}
	return members, nil
}

// kindOf names the kind of a JSON value by how it begins.
func kindOf(value []byte) string {
	value = bytes.TrimLeft(value, " \t\r\n")
	if len(value) == 0 {
		return "empty"
	}
	switch c := value[0]; {
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == '"':
		return "a string"
	case c == 't', c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	case c == '-', c >= '0' && c <= '9':
		return "a number"
	}
	return "not JSON"
}

// quote makes what was sent fit for a message.
func quote(s string) string { return strconv.Quote(card.Clean(s, 60)) }

func quoteAll(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, ", ")
}
