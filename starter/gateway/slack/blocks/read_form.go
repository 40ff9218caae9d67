package blocks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errNobody = errors.New("this is nobody whom the directory knows by the Slack id; choose somebody else or have it added")

// maxError bounds what is said below a field.
const maxError = 300

// sentence makes a sentence of an error.
func sentence(err error) string {
	says := strings.TrimSpace(Plain(err.Error(), maxError))
	r, size := utf8.DecodeRuneInString(says)
	says = string(unicode.ToUpper(r)) + says[size:]
	if !strings.HasSuffix(says, ".") && !strings.HasSuffix(says, "?") {
		says += "."
	}
	return says
}

// json makes JSON of the kind's shape of what was filled in.
func (f field) json(given string) (json.RawMessage, error) {
	switch f.kind {
	case asInt:
		n, err := strconv.ParseInt(strings.TrimSpace(given), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("want a whole number, got %.40q", given)
		}
		return json.RawMessage(strconv.FormatInt(n, 10)), nil
	case asDouble:
		raw := json.RawMessage(strings.TrimSpace(given))
		var n float64
		if json.Unmarshal(raw, &n) != nil {
			return nil, fmt.Errorf("want a number, got %.40q", given)
		}
		return raw, nil
	case asBool:
		if given != "true" && given != "false" {
			return nil, errors.New("choose yes or no")
		}
		return json.RawMessage(given), nil
	case asJSON:
		return readJSON(given)
	default:
		return quote(given), nil
	}
}

// readJSON reads one value of JSON.
func readJSON(given string) (json.RawMessage, error) {
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(given)); err != nil {
		return nil, fmt.Errorf("want JSON: %w", err)
	}
	return out.Bytes(), nil
}
