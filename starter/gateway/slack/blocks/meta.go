package blocks

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/countersign/countersign/activities/digest"
)

// Meta is what a view remembers: ids, which say nothing that is believed.
type Meta struct {
	Digest   digest.Digest `json:"d,omitempty"`
	Step     string        `json:"s,omitempty"`
	Playbook string        `json:"p,omitempty"`
	Channel  string        `json:"c,omitempty"` // where the view was opened from
	Message  string        `json:"m,omitempty"`
}

// String is the private_metadata of a view.
func (m Meta) String() string {
	raw, err := json.Marshal(m)
	if err != nil || len(raw) > maxMeta {
		return "" // none of its ids is that long; without them nothing can be sent
	}
	return string(raw)
}

// ReadMeta reads the private_metadata of a view.
func ReadMeta(s string) (Meta, error) {
	var m Meta
	if len(s) > maxMeta {
		return m, fmt.Errorf("read private_metadata: %d bytes, at most %d", len(s), maxMeta)
	}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return Meta{}, fmt.Errorf("read private_metadata: %w", err)
	}
	return m, nil
}

// Value is the value of a button: what is asked, and of [ActEdit] and [ActKeep] the step.
func Value(d digest.Digest, step string) string {
	if step == "" {
		return string(d)
	}
	return string(d) + " " + step
}

// ReadValue reads the value of a button.
func ReadValue(value string) (d digest.Digest, step string) {
	name, step, _ := strings.Cut(value, " ")
	return digest.Digest(name), step
}

// maxValue bounds the value of a button; Slack takes 2000.
const maxValue = 2000

// pressable reports ids that fit a button's value and a view's memory, and that print. All of ours do.
func pressable(d digest.Digest, step string) bool {
	return d != "" && !strings.Contains(string(d), " ") && len(Value(d, step)) <= maxValue/2 &&
		exact(string(d)) == string(d) && (step == "" || exact(step) == step)
}
