// Package event is the envelope of everything that can start a playbook: CloudEvents 1.0, whatever
// the source sent. starter/gateway turns what providers send into it.
package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// MaxSize bounds an event, as received, in bytes. Temporal refuses payloads over 2 MiB and a run
// keeps its event in its history, so the limit leaves room for the plan beside it.
const MaxSize = 1 << 20

// Event is something that happened. ID is unique within Source; Data is the provider's own JSON,
// kept as it came, and hostile wherever it is shown or used.
type Event struct {
	ID      string          `json:"id"`
	Source  string          `json:"source"`
	Type    string          `json:"type"`
	Subject string          `json:"subject,omitempty"`
	Time    time.Time       `json:"time"`
	Data    json.RawMessage `json:"data"`
}

// Validate reports everything the envelope lacks.
func (e Event) Validate() error {
	var errs []error
	for _, attribute := range []struct{ name, value string }{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}} {
		if attribute.value == "" {
			errs = append(errs, fmt.Errorf("the event has no %s", attribute.name))
		}
	}
	if e.Time.IsZero() {
		errs = append(errs, errors.New("the event has no time"))
	}
	if len(e.Data) > MaxSize {
		errs = append(errs, fmt.Errorf("the event's data is %d bytes; at most %d are taken", len(e.Data), MaxSize))
	}
	if _, err := digest.Decode(e.Data); err != nil {
		errs = append(errs, fmt.Errorf("the event's data: %w", err))
	}
	return errors.Join(errs...)
}
