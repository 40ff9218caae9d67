package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth bounds nesting: of the event in its envelope, the outermost object included. Findings
// come with about ten levels.
const maxDepth = 64

// scan accepts exactly one JSON object without a key that appears twice, in valid UTF-8.
//
// encoding/json is more lenient: it takes the last of two equal keys and replaces bytes that are
// not UTF-8. Another reader of the same bytes, the one that approves or the one that signs, could
// then see another event. A \u escape for half a surrogate pair stays allowed in values, and reads
// as U+FFFD everywhere in Countersign.
func scan(raw []byte) error {
	if len(bytes.TrimLeft(raw, " \t\r\n")) == 0 {
		return errors.New("it is empty")
	}
	if !utf8.Valid(raw) {
		return fmt.Errorf("it is not valid UTF-8, from byte %d on", validPrefix(raw))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // else a number that no float64 holds is an error
	var open levels
	for first := true; ; first = false {
		token, err := dec.Token()
		switch {
		case err != nil:
			return notJSON(raw, err)
		case first && token != json.Delim('{'):
			return fmt.Errorf("it is %s; one JSON object is expected", kindOf(raw))
		}
		if err := open.add(token); err != nil {
			return err
		}
		if len(open) == 0 {
			break
		}
	}
	end := dec.InputOffset()
	switch _, err := dec.Token(); {
	case err == nil:
		return fmt.Errorf("more JSON follows the object, which ends at byte %d; send one event at a time", end)
	case !errors.Is(err, io.EOF):
		return notJSON(raw, err)
	}
	return nil
}

// notJSON says where and why raw is not JSON. The offsets of a Decoder's own errors count from
// different places, so the text is read once more.
func notJSON(raw []byte, err error) error {
	var whole json.RawMessage
	if syntax := (*json.SyntaxError)(nil); errors.As(json.Unmarshal(raw, &whole), &syntax) {
		return fmt.Errorf("it is not JSON, at byte %d: %w", syntax.Offset, syntax)
	}
	return fmt.Errorf("it is not JSON: %w", err)
}

func validPrefix(raw []byte) int {
	n := 0
	for n < len(raw) {
		r, size := utf8.DecodeRune(raw[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// levels are the objects and arrays that are open at a token, from the outside in.
type levels []*level

type level struct {
	keys    map[string]struct{} // nil for an array
	key     string              // of the member being read
	wantKey bool
}

// add takes the next token.
func (l *levels) add(token json.Token) error {
	if top := l.top(); top != nil && top.wantKey {
		if key, ok := token.(string); ok {
			if _, twice := top.keys[key]; twice {
				return fmt.Errorf("the key %s appears twice in %s", quote(key), l.path())
			}
			top.keys[key] = struct{}{}
			top.key, top.wantKey = key, false
			return nil
		}
	}
	switch token {
	case json.Delim('{'), json.Delim('['):
		if len(*l) == maxDepth {
			return fmt.Errorf("it is nested deeper than %d levels", maxDepth)
		}
		opened := &level{}
		if token == json.Delim('{') {
			opened.keys, opened.wantKey = map[string]struct{}{}, true
		}
		*l = append(*l, opened)
		return nil
	case json.Delim('}'), json.Delim(']'):
		*l = (*l)[:len(*l)-1]
	}
	if top := l.top(); top != nil { // a value ended, so an object's next token is a key
		top.wantKey = top.keys != nil
	}
	return nil
}

func (l levels) top() *level {
	if len(l) == 0 {
		return nil
	}
	return l[len(l)-1]
}

// path names the innermost open object, by its last few keys.
func (l levels) path() string {
	if len(l) == 1 {
		return "the outermost object"
	}
	const shown = 3
	outer, path := l[:len(l)-1], "the object in "
	if len(outer) > shown {
		outer, path = outer[len(outer)-shown:], path+"…"
	}
	for i, level := range outer {
		switch {
		case level.keys == nil:
			path += "[]"
		case i == 0:
			path += quote(level.key)
		default:
			path += "." + quote(level.key)
		}
	}
	return path
}
