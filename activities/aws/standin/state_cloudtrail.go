package standin

import (
	"encoding/json"
	"time"
)

// Trail is a CloudTrail trail, in its home region.
type Trail struct {
	Bucket         string     `json:"bucket"`
	MultiRegion    bool       `json:"multi_region,omitempty"`
	Organization   bool       `json:"organization,omitempty"`
	Validated      bool       `json:"validated,omitempty"` // digest files are written beside the logs
	Logging        bool       `json:"logging,omitempty"`
	Started        *time.Time `json:"started,omitempty"`
	Stopped        *time.Time `json:"stopped,omitempty"`
	Delivered      *time.Time `json:"delivered,omitempty"`
	DeliveryFailed string     `json:"delivery_failed,omitempty"` // the error of S3, as NoSuchBucket
	Key            string     `json:"key,omitempty"`             // ARN of the KMS key; "" is none
	// Selectors say which events it takes, or Advanced; without either, all management events.
	Selectors []EventSelector    `json:"selectors,omitempty"`
	Advanced  []AdvancedSelector `json:"advanced,omitempty"`
}

// EventSelector is a basic selector of a trail.
type EventSelector struct {
	ReadWrite  string `json:"read_write"` // All, ReadOnly, WriteOnly
	Management bool   `json:"management"`
	// Excluded are the event sources of which it takes no management events, as kms.amazonaws.com.
	Excluded []string `json:"excluded,omitempty"`
}

// AdvancedSelector is an advanced selector: all its fields must fit.
type AdvancedSelector struct {
	Name   string          `json:"name,omitempty"`
	Fields []FieldSelector `json:"fields"`
}

// FieldSelector is what one field of an event must be, or must not.
type FieldSelector struct {
	Field     string   `json:"field"`
	Equals    []string `json:"equals,omitempty"`
	NotEquals []string `json:"not_equals,omitempty"`
}

// Event is one CloudTrail management event.
type Event struct {
	ID          string          `json:"id"`
	Time        time.Time       `json:"time"`
	Name        string          `json:"name"`
	Source      string          `json:"source"`
	Username    string          `json:"username,omitempty"`
	AccessKeyID string          `json:"access_key_id,omitempty"`
	ReadOnly    bool            `json:"read_only,omitempty"`
	Resources   []EventResource `json:"resources,omitempty"`
	// Document is the full record (CloudTrailEvent); without one it is made from the fields above.
	Document json.RawMessage `json:"document,omitempty"`
}

// EventResource is a resource that an event names.
type EventResource struct {
	Type string `json:"type"`
	Name string `json:"name"`
}
