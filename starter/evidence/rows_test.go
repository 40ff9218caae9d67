package evidence

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
)

// What runs and chats put on record reads as a sentence; what is not known is shown as it is.
func TestOthers(t *testing.T) {
	for body, want := range map[string]struct {
		kind       ledger.Kind
		what, text string
	}{
		`{"digest":"sha256:2e8181a8678a00","id":"contain","expires":"2026-11-28T08:00:00Z"}`:                {ledger.Asked, "asks", "2e8181a8678a: contain, until 2026-11-28T08:00:00Z"},
		`{"state":"done","outcome":"contained"}`:                                                            {ledger.Ended, "ended", "done: contained"},
		`{"state":"failed","error":"the key is gone"}`:                                                      {ledger.Ended, "ended", "failed: the key is gone"},
		`{"digest":"sha256:2e8181a8678a00","surface":"slack","channel":"C01","ts":"17.1","state":"posted"}`: {ledger.Message, "message", "2e8181a8678a: posted in slack, channel C01: 17.1"},
		`{"state": 1}`: {ledger.Ended, "ended", `{"state":1}`},
		`{"a": 1}`:     {"later", "later", `{"a":1}`},
	} {
		what, text := Other{Kind: want.kind, Body: json.RawMessage(body)}.says()
		require.Equal(t, []string{want.what, want.text}, []string{what, text})
	}
}
