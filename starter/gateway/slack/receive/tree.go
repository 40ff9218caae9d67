package receive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Bounds on what Slack sends. A view has up to ten levels of its own.
const (
	maxBody  = 1 << 20
	maxDepth = 32
	maxText  = 3000 // characters: what a text input and private_metadata take
	maxID    = 255  // of action_id, block_id and callback_id
)

// object is a JSON object. Its keys are read as they are written: encoding/json would take "TYPE" for
// "type".
type object map[string]any

// decode reads exactly one object. No key in it appears twice, so that no other reader of the same
// bytes can see another one.
func decode(raw []byte) (object, error) {
	if len(raw) > maxBody || !utf8.Valid(raw) {
		return nil, fmt.Errorf("read what Slack sent: want UTF-8 of at most %d bytes", maxBody)
	}
	r := reader{json.NewDecoder(bytes.NewReader(raw))}
	r.UseNumber()
	v, err := r.value(0)
	if err != nil {
		return nil, fmt.Errorf("read what Slack sent: %w", err)
	}
	if _, err := r.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read what Slack sent: more follows the first value")
	}
	o, ok := v.(object)
	if !ok {
		return nil, errors.New("read what Slack sent: it is no object")
	}
	return o, nil
}

type reader struct{ *json.Decoder }

func (r reader) value(depth int) (any, error) {
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for r.More() {
			key, err := r.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if _, twice := o[name]; twice || !ok {
				return nil, fmt.Errorf("the key %.80q appears twice", name)
			}
			if o[name], err = r.value(depth + 1); err != nil {
				return nil, err
			}
		}
		_, err = r.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for r.More() {
			item, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = r.Token()
		return list, err
	}
	return token, nil
}

// picker reads entries of objects, and keeps the first thing that is wrong.
type picker struct{ err error }

func (p *picker) fail(key, want string) {
	if p.err == nil {
		p.err = fmt.Errorf("read what Slack sent: %s: want %s", key, want)
	}
}

// object is an entry that is an object; nil if there is none.
func (p *picker) object(o object, key string) object {
	switch v := o[key].(type) {
	case nil:
	case object:
		return v
	default:
		p.fail(key, "an object")
	}
	return nil
}

// list is an entry that is a list of objects; nil if there is none.
func (p *picker) list(o object, key string) []object {
	switch v := o[key].(type) {
	case nil:
	case []any:
		all := make([]object, 0, len(v))
		for _, item := range v {
			one, ok := item.(object)
			if !ok {
				p.fail(key, "a list of objects")
				return nil
			}
			all = append(all, one)
		}
		return all
	default:
		p.fail(key, "a list")
	}
	return nil
}

// text is an entry that is a text of at most so many characters; "" if there is none.
func (p *picker) text(o object, key string, most int) string {
	switch v := o[key].(type) {
	case nil:
	case string:
		if utf8.RuneCountInString(v) <= most {
			return v
		}
		p.fail(key, fmt.Sprintf("at most %d characters", most))
	default:
		p.fail(key, "a text")
	}
	return ""
}

// texts is an entry that is a list of texts.
func (p *picker) texts(o object, key string) []string {
	switch v := o[key].(type) {
	case nil:
	case []any:
		all := make([]string, 0, len(v))
		for _, item := range v {
			one, ok := item.(string)
			if !ok || len(one) > maxID {
				p.fail(key, "a list of ids")
				return nil
			}
			all = append(all, one)
		}
		return all
	default:
		p.fail(key, "a list")
	}
	return nil
}

// id is an entry that is one of Slack's ids; "" if there is none.
func (p *picker) id(o object, key string) string {
	v := p.text(o, key, maxID)
	if v != "" && !idShape.MatchString(v) {
		p.fail(key, "an id")
		return ""
	}
	return v
}

// must is an id that is there.
func (p *picker) must(o object, key string) string {
	v := p.id(o, key)
	if v == "" {
		p.fail(key, "an id")
	}
	return v
}
