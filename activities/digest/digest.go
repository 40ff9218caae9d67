// Package digest gives one name to one meaning: the SHA-256 of the canonical JSON of a value.
//
// Plans, resolved calls and approvals are bound to each other by these names, so the rules are
// few: object keys sorted by their bytes, no white space, no HTML escaping, and numbers kept as
// they were written. Keeping the digits (where RFC 8785 rounds to a double) means that two
// integers above 2^53 never share a digest.
//
// For those who write it in another language: UTF-8; keys of an object in the order of their bytes;
// nothing between tokens; in texts a quote and a backslash behind a backslash, \b \f \n \r \t for
// those, \u00 and two lower-case digits for other characters below U+0020, \u2028 and \u2029 for
// those two, and every other character as itself; numbers as the digits that they came with.
package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const prefix = "sha256:"

// Digest is "sha256:" followed by 64 lower-case hex digits.
type Digest string

// Of returns the digest of the canonical JSON of v.
func Of(v any) (Digest, error) {
	canonical, err := Canonical(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return Digest(prefix + hex.EncodeToString(sum[:])), nil
}

// Short returns the first twelve hex digits, enough for a person to compare two cards.
func (d Digest) Short() string {
	s := strings.TrimPrefix(string(d), prefix)
	return s[:min(len(s), 12)]
}

// Canonical returns the canonical JSON of v, which may be a json.RawMessage.
func Canonical(v any) ([]byte, error) {
	if !isTree(v) {
		raw, err := write(v)
		if err != nil {
			return nil, fmt.Errorf("write canonical JSON: %w", err)
		}
		if v, err = Decode(raw); err != nil {
			return nil, fmt.Errorf("write canonical JSON: %w", err)
		}
	}
	raw, err := write(v)
	if err != nil {
		return nil, fmt.Errorf("write canonical JSON: %w", err)
	}
	return raw, nil
}

func write(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// isTree reports whether v is what Decode returns, or the like: written as it is, it is canonical.
func isTree(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		// All are looked at, in whatever order.
		//workflowcheck:ignore
		for _, entry := range v {
			if !isTree(entry) {
				return false
			}
		}
		return true
	case []any:
		for _, item := range v {
			if !isTree(item) {
				return false
			}
		}
		return true
	case nil, bool, string, int64, json.Number:
		return true
	default:
		return false
	}
}

// Decode reads exactly one JSON value, keeping each number as a json.Number.
func Decode(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read JSON: more than one value")
	}
	return v, nil
}
