package ledger

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign/activities/digest"
)

// Bounds on the names of a record, in bytes. PostgreSQL indexes at most 2,700.
const (
	maxRun   = 1000 // the longest workflow id
	maxKey   = 2500
	maxTopic = 500
)

// origin is the Prev of the first record.
var origin = digest.Digest("sha256:" + strings.Repeat("0", 64))

var kindName = regexp.MustCompile(`^[a-z][a-z_]{0,39}$`)

// Content is the digest of what a record says, whatever its place in the chain.
func (r Record) Content() (digest.Digest, error) {
	content, err := digest.Of(struct {
		Seq   int64           `json:"seq"`
		At    time.Time       `json:"at"`
		Kind  Kind            `json:"kind"`
		Run   string          `json:"run,omitempty"`
		Key   string          `json:"key,omitempty"`
		Topic string          `json:"topic,omitempty"`
		Body  json.RawMessage `json:"body"`
	}{r.Seq, r.At, r.Kind, r.Run, r.Key, r.Topic, r.Body})
	if err != nil {
		return "", fmt.Errorf("hash record %d: %w", r.Seq, err)
	}
	return content, nil
}

// Sum is the hash that a record ought to have.
func (r Record) Sum() (digest.Digest, error) {
	content, err := r.Content()
	if err != nil {
		return "", err
	}
	return link(r.Prev, content)
}

// link is the hash of a record with that content which follows another. Only the digest of the
// content is in it, so that a chain can be walked by those who may not read what it says.
func link(prev, content digest.Digest) (digest.Digest, error) {
	hash, err := digest.Of(map[string]any{"content": string(content), "prev": string(prev)})
	if err != nil {
		return "", fmt.Errorf("chain a record: %w", err)
	}
	return hash, nil
}

// Read reads the body of a record into one of the types of bodies.
func (r Record) Read(into any) error {
	if err := json.Unmarshal(r.Body, into); err != nil {
		return fmt.Errorf("read the %s in record %d: %w", r.Kind, r.Seq, err)
	}
	return nil
}

// unsealed checks an entry and makes a record of it that lacks its place in the chain.
func unsealed(e Entry) (Record, error) {
	r := Record{Kind: e.Kind, Run: e.Run, Key: e.Key, Topic: e.Topic}
	if !kindName.MatchString(string(e.Kind)) {
		return r, fmt.Errorf("a record needs a kind of lower-case letters; %q is none", e.Kind)
	}
	for _, name := range []struct {
		what, is string
		most     int
	}{{"run", e.Run, maxRun}, {"key", e.Key, maxKey}, {"topic", e.Topic, maxTopic}} {
		if len(name.is) > name.most {
			return r, fmt.Errorf("the %s of the %s is %d bytes; at most %d are kept", name.what, e.Kind, len(name.is), name.most)
		}
		if !utf8.ValidString(name.is) || strings.ContainsRune(name.is, 0) {
			return r, fmt.Errorf("the %s of the %s is no text: %q", name.what, e.Kind, name.is)
		}
	}
	body, err := digest.Canonical(e.Body)
	if err != nil {
		return r, fmt.Errorf("write the body of the %s: %w", e.Kind, err)
	}
	if len(body) > MaxBody {
		return r, fmt.Errorf("the body of the %s is %d bytes; at most %d are kept", e.Kind, len(body), MaxBody)
	}
	r.Body = body
	return r, nil
}
