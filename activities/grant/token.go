package grant

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Token says who is calling the gateway: whoever holds one acts as its person. It is issued by the
// operator, who holds the key, and lasts for days at most. That it was not revoked, and that the
// person is still in the directory, is for the gateway to see.
type Token struct {
	ID      string    `json:"id"`     // random
	Person  string    `json:"person"` // stable id, or that of a source
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	// Audience is which gateway it is for: a local one takes no token of production.
	Audience string `json:"audience"`
}

// The audiences.
const (
	Gateway      = "gateway"
	LocalGateway = "gateway.local"
)

// MaxTokenLife is the longest that a token lasts.
const MaxTokenLife = 30 * 24 * time.Hour

// clockSkew is how far the clock of whoever issued may be ahead.
const clockSkew = time.Minute

// tokenPrefix lets secret scanners and people know a token when they see one.
const tokenPrefix = "cst_"

// maxToken bounds the text of a token.
const maxToken = 4096

// ErrToken is why a token is not believed.
var ErrToken = errors.New("the token is not valid")

// NewToken returns a token for a person.
func NewToken(person, audience string, now time.Time, life time.Duration) Token {
	return Token{ID: NewID(), Person: person, Audience: audience, Issued: now.UTC(), Expires: now.Add(life).UTC()}
}

// Token signs a token and writes it as text: the secret itself.
func (s Signer) Token(t Token) (string, error) {
	if err := t.check(t.Audience, t.Issued); err != nil {
		return "", err
	}
	signed, err := s.Sign(KindToken, t)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(signed)
	if err != nil {
		return "", fmt.Errorf("write a token: %w", err)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(raw), nil
}

// Token reads a token and checks signature, audience and time. What fails wraps ErrToken and repeats
// nothing of the text, which may be a secret.
func (k Keys) Token(text, audience string, now time.Time) (Token, error) {
	signed, err := parseToken(text)
	if err != nil {
		return Token{}, err
	}
	var t Token
	if err := k.Open(signed, KindToken, &t); err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return t, t.check(audience, now)
}

func parseToken(text string) (*Signed, error) {
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok || len(text) > maxToken {
		return nil, fmt.Errorf("%w: it does not look like one (%s...)", ErrToken, tokenPrefix)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not base64url", ErrToken)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var signed Signed
	if err := decoder.Decode(&signed); err != nil || decoder.More() {
		return nil, fmt.Errorf("%w: it has not the form of one", ErrToken)
	}
	return &signed, nil
}

func (t Token) check(audience string, now time.Time) error {
	switch {
	case t.ID == "" || t.Person == "":
		return fmt.Errorf("%w: it names nobody", ErrToken)
	case t.Audience != audience || audience == "":
		return fmt.Errorf("%w: it is for %q, and this is %q", ErrToken, clip(t.Audience), audience)
	case !t.Issued.Before(t.Expires):
		return fmt.Errorf("%w: it ends before it begins", ErrToken)
	case t.Expires.Sub(t.Issued) > MaxTokenLife:
		return fmt.Errorf("%w: it lasts %s; at most %s", ErrToken, t.Expires.Sub(t.Issued), MaxTokenLife)
	case now.Add(clockSkew).Before(t.Issued):
		return fmt.Errorf("%w: it is issued at %s, and now it is %s", ErrToken, t.Issued.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case !now.Before(t.Expires):
		return fmt.Errorf("%w: it expired at %s; ask the operator for another", ErrToken, t.Expires.Format(time.RFC3339))
	}
	return nil
}

// Peek reads whom a token says it is for, without a look at its signature: for whoever holds a token
// and wants to know which it is. Nobody else believes it.
func Peek(text string) (Token, error) {
	signed, err := parseToken(text)
	if err != nil {
		return Token{}, err
	}
	var t Token
	if err := json.Unmarshal(signed.Body, &t); err != nil {
		return Token{}, fmt.Errorf("%w: it has not the form of one", ErrToken)
	}
	return t, nil
}
