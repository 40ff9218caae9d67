package gateway

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/countersign/countersign/workflows/event"
)

// The event of a run that a person starts without one.
const (
	ManualType   = "countersign.manual"
	ManualSource = "countersign/manual"
)

// Manual makes the event of a run that a person starts. Its id begins with the time, so that runs
// sort, and ends with what nobody guesses, so that no two starts meet.
func Manual(now time.Time) event.Event {
	var unique [8]byte
	_, _ = rand.Read(unique[:]) // it never fails
	return event.Event{
		ID:     "manual-" + now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(unique[:]),
		Source: ManualSource, Type: ManualType, Time: now.UTC(), Data: json.RawMessage("{}"),
	}
}
