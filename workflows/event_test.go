package workflows_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// A run reads its event with the types that its plan carries.
func TestEventDataIsTyped(t *testing.T) {
	for name, tc := range map[string]struct {
		data, steps   string
		outcome, says string
	}{
		"numbers and times": {
			data:    `{"lamp":"desk","watts":60,"at":"2026-11-20T21:14:00Z"}`,
			steps:   `  - stop: "${event.data.watts / 8.0} at ${event.data.at + duration('1h')}"`,
			outcome: "7.5 at 2026-11-20T22:14:00Z",
		},
		"null is absent": {
			data:    `{"lamp":"desk","watts":60,"at":"2026-11-20T21:14:00Z","rooms":null,"maker":null}`,
			steps:   `  - stop: "${event.data.?maker.orValue('nobody')} ${event.data.rooms.size()}"`,
			outcome: "nobody 0",
		},
		"what deviates and is not read": {
			data:    `{"lamp":"desk","watts":"sixty","at":5}`,
			steps:   `  - stop: "${event.data.lamp}"`,
			outcome: "desk",
		},
		"what deviates and is read": {
			data:  `{"lamp":"desk","watts":"sixty","at":5}`,
			steps: "  - {id: look, activity: lamp.look, with: {lamp: desk}}\n" + `  - {id: tell, set: {half: "${event.data.watts / 2.0}"}}`,
			says:  `step "tell": half: evaluate "event.data.watts / 2.0": event.data.watts: want double, got the string "sixty"`,
		},
		"what deviates and may fail": {
			data:    `{"lamp":"desk","watts":"sixty","at":5}`,
			steps:   `  - {id: tell, on_error: continue, set: {half: "${event.data.watts / 2.0}"}}` + "\n" + `  - stop: "${steps.tell.?error.orValue('')}"`,
			outcome: `half: evaluate "event.data.watts / 2.0": event.data.watts: want double, got the string "sixty"`,
		},
		"a map where a list was": { // which would be walked in another order at every replay
			data:  `{"lamp":"desk","watts":60,"at":"2026-11-20T21:14:00Z","rooms":{"hall":1,"attic":2}}`,
			steps: `  - stop: "${string(event.data.rooms.map(r, r).size())}"`,
			says:  `event.data.rooms: want list(string), got a map`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.types = playbook.Table[*expr.Type]{"lamp.broken": expr.Object(
				expr.Field{Name: "lamp", Type: expr.String},
				expr.Field{Name: "watts", Type: expr.Double},
				expr.Field{Name: "at", Type: expr.Timestamp},
				expr.Field{Name: "rooms", Type: expr.List(expr.String)},
				expr.Field{Name: "maker", Type: expr.String, Optional: true},
			)}
			h.event.Data = json.RawMessage(tc.data)
			outcome, err := h.run(tc.steps + "\n")
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.outcome, outcome)
		})
	}
}
