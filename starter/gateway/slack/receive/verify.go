package receive

import (
	"errors"
	"net/http"
	"strings"

	"github.com/slack-go/slack"
)

// The headers that Slack signs with.
const (
	headerSignature = "X-Slack-Signature"
	headerTimestamp = "X-Slack-Request-Timestamp"
)

// errUnsigned says that a request does not carry Slack's signature. It does not say how that would
// read: whoever hears an error of slack-go's verifier may hear the signature that would have counted.
var errUnsigned = errors.New("it does not carry Slack's signature, made within five minutes")

// verifier checks signatures by one of several secrets. It is a function, so that nothing prints the
// secrets.
type verifier func(h http.Header, body []byte) error

// newVerifier takes the secrets that count: the current one, and while it is being changed the old one.
func newVerifier(secrets []string) (verifier, error) {
	var all []string
	for _, s := range secrets {
		if s != "" {
			all = append(all, s)
		}
	}
	if len(all) == 0 || len(all) > 2 {
		return nil, errors.New("check signatures of Slack: want the signing secret of the app, and while it is being changed the old one")
	}
	return func(h http.Header, body []byte) error {
		if len(h.Values(headerSignature)) != 1 || len(h.Values(headerTimestamp)) != 1 {
			return errUnsigned
		}
		if sent := h.Get(headerSignature); sent != strings.ToLower(sent) {
			return errUnsigned // Slack writes small letters; with others the same request would look like another
		}
		counts := false
		for _, s := range all { // each, so that time does not tell which
			v, err := slack.NewSecretsVerifier(h, s)
			if err != nil {
				continue
			}
			if _, err := v.Write(body); err == nil && v.Ensure() == nil {
				counts = true
			}
		}
		if !counts {
			return errUnsigned
		}
		return nil
	}, nil
}
