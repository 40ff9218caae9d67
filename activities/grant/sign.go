package grant

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/countersign/countersign/activities/digest"
)

// Kind says what a signed body is, so that one never passes for another.
type Kind string

// The kinds.
const (
	KindTicket     Kind = "ticket"
	KindGrant      Kind = "grant"
	KindStanding   Kind = "standing" // of an approval: its votes, and the decision
	KindToken      Kind = "token"    // of a person
	KindCheckpoint Kind = "checkpoint"
	KindEdit       Kind = "edit"   // of a call that is asked about
	KindAnswer     Kind = "answer" // to a question
	KindKeep       Kind = "keep"   // of an effect that would be put back by itself
)

// ForRuns reports the kinds that the gateway sends to runs.
func ForRuns(k Kind) bool {
	return k == KindStanding || k == KindEdit || k == KindAnswer || k == KindKeep
}

// Signed is a body with its signature. The body is bytes, not JSON in JSON: no encoder on the way
// may change it.
type Signed struct {
	Kind      Kind   `json:"kind"`
	Key       string `json:"key"` // KeyID of the key that signed
	Body      []byte `json:"body"`
	Signature []byte `json:"signature"`
}

// ErrForged is why a signed body is not believed.
var ErrForged = errors.New("not signed by a key that is trusted here")

// domain separates these signatures from every other use of the key.
func message(kind Kind, body []byte) []byte {
	return append([]byte("countersign/"+string(kind)+"/1\n"), body...)
}

// Signer signs. The zero Signer signs nothing.
type Signer struct {
	key ed25519.PrivateKey
	id  string
	dev bool
}

// NewSigner returns a signer with the key.
func NewSigner(key ed25519.PrivateKey) Signer {
	return Signer{key: key, id: KeyID(key.Public().(ed25519.PublicKey))}
}

// Sign signs the canonical JSON of v.
func (s Signer) Sign(kind Kind, v any) (Signed, error) {
	if s.key == nil {
		return Signed{}, fmt.Errorf("sign a %s: no key", kind)
	}
	body, err := digest.Canonical(v)
	if err != nil {
		return Signed{}, fmt.Errorf("sign a %s: %w", kind, err)
	}
	return Signed{Kind: kind, Key: s.id, Body: body, Signature: ed25519.Sign(s.key, message(kind, body))}, nil
}

// Keys returns the keys that verify what s signs: its own.
func (s Signer) Keys() Keys {
	if s.key == nil {
		return Keys{}
	}
	return Keys{byID: map[string]ed25519.PublicKey{s.id: s.key.Public().(ed25519.PublicKey)}}
}

// Keys are the public keys that are trusted, by id. While keys are rotated there are two.
type Keys struct{ byID map[string]ed25519.PublicKey }

// NewKeys trusts the keys.
func NewKeys(keys ...ed25519.PublicKey) Keys {
	k := Keys{byID: map[string]ed25519.PublicKey{}}
	for _, key := range keys {
		k.byID[KeyID(key)] = key
	}
	return k
}

// Open checks a signed body and reads it into v, of which it must have no unknown field. What fails
// wraps ErrForged; its text names the kind and the key and repeats nothing of the body.
func (k Keys) Open(s *Signed, kind Kind, v any) error {
	if s == nil {
		return fmt.Errorf("there is no %s: %w", kind, ErrForged)
	}
	if s.Kind != kind {
		return fmt.Errorf("a %s stands where a %s should: %w", clip(string(s.Kind)), kind, ErrForged)
	}
	key, ok := k.byID[s.Key]
	if !ok {
		return fmt.Errorf("the %s is signed with the key %q: %w", kind, clip(s.Key), ErrForged)
	}
	if !ed25519.Verify(key, message(kind, s.Body), s.Signature) {
		return fmt.Errorf("the signature of the %s does not fit: %w", kind, ErrForged)
	}
	if err := json.Unmarshal(s.Body, v); err != nil {
		return fmt.Errorf("read the %s: %w", kind, err)
	}
	return nil
}

// With trusts the other keys too.
func (k Keys) With(other Keys) Keys {
	all := Keys{byID: map[string]ed25519.PublicKey{}}
	maps.Copy(all.byID, k.byID)
	maps.Copy(all.byID, other.byID)
	return all
}

// Empty reports keys that trust nobody.
func (k Keys) Empty() bool { return len(k.byID) == 0 }

// KeyID names a public key: the first 16 hex digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// NewID returns 128 random bits as hex.
func NewID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func clip(s string) string { return s[:min(len(s), 40)] }
