package aws

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// plain reports whether a JSON document says one thing to every reader: no object of it has a key twice,
// nor in another case. Of such a one we would compare what one of them says, and AWS may go by the other:
// before a document that somebody hands us is written or run, that is looked at.
func plain(document string) bool {
	dec := json.NewDecoder(strings.NewReader(document))
	if !plainValue(dec) {
		return false
	}
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

func plainValue(dec *json.Decoder) bool {
	token, err := dec.Token()
	if err != nil {
		return false
	}
	open, nested := token.(json.Delim)
	if !nested {
		return true
	}
	var keys []string
	for dec.More() {
		if open == '{' {
			key, err := dec.Token()
			name, ok := key.(string)
			if err != nil || !ok || slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, name) }) {
				return false
			}
			keys = append(keys, name)
		}
		if !plainValue(dec) {
			return false
		}
	}
	_, err = dec.Token() // its end
	return err == nil
}
