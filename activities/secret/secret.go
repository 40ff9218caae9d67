// Package secret keeps passwords, tokens and keys out of everything that is kept or shown.
//
// A playbook names a secret, secret://pagerduty-token, and never holds one. The reference travels
// through plans, histories and cards as the text that it is. An activity takes it as a [Ref] and
// asks for the value when it needs it:
//
//	type postInput struct {
//		URL   string     `json:"url"`
//		Token secret.Ref `json:"token"`
//	}
//
//	token, err := in.Token.Resolve(ctx)
//	...
//	request.Header.Set("Authorization", "Bearer "+token.Reveal())
//
// What comes is a [Secret], which prints <secret> wherever it is printed, logged or written as JSON;
// [Secret.Reveal] is the only way to its value, and easy to look for in a review.
//
// A file of the operator's says where each secret is and which activities may use it, see [Parse].
// An event that smuggles the name of another secret into a step therefore gets nowhere.
//
// Should a value reach an error all the same, [Clean] takes it out before the error leaves the
// worker. That is the second line of defence: it knows what was resolved, in the usual encodings,
// and nothing else.
package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Shown is what stands in the place of a secret.
const Shown = "<secret>"

// Secret is a value that does not show. The zero value is an empty one.
//
// It holds a function, not a text: printers that look behind methods, as they do at fields that are
// not exported, find an address.
type Secret struct{ reveal func() string }

// New makes a secret of a value.
func New(value string) Secret { return Secret{func() string { return value }} }

// Reveal returns the value. Put it where it is sent and nowhere else.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares two secrets in a time that does not tell where they differ.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, verb rune) {
	shown := Shown
	if verb == 'q' {
		shown = `"` + Shown + `"`
	}
	_, _ = io.WriteString(f, shown)
}

// String implements fmt.Stringer.
func (Secret) String() string { return Shown }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return Shown }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(Shown) }

// MarshalText implements encoding.TextMarshaler, for everything that writes texts.
func (Secret) MarshalText() ([]byte, error) { return []byte(Shown), nil }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Shown + `"`), nil }

// MarshalYAML implements the yaml package's Marshaler.
func (Secret) MarshalYAML() (any, error) { return Shown, nil }

// GobEncode implements gob.GobEncoder.
func (Secret) GobEncode() ([]byte, error) { return []byte(Shown), nil }

// errNotRead is why a secret is not read from anything: what travels is a reference.
var errNotRead = errors.New("a secret cannot be read from a document; take a secret.Ref, as secret://name")

// UnmarshalText refuses.
func (*Secret) UnmarshalText([]byte) error { return errNotRead }

// UnmarshalJSON refuses.
func (*Secret) UnmarshalJSON([]byte) error { return errNotRead }

// GobDecode refuses.
func (*Secret) GobDecode([]byte) error { return errNotRead }
