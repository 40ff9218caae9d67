package activities

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
)

// A lamp is the world of these tests: something to read, to change and to break.
type lampInput struct {
	Lamp     string   `json:"lamp" jsonschema:"which lamp"`
	Rooms    []string `json:"rooms,omitempty" jsonschema:"rooms to look in"`
	Previous string   `json:"previous,omitempty" jsonschema:"state that the call to undo had found"`
}

type lampOutput struct {
	Previous string `json:"previous" jsonschema:"state found before"`
	Changed  bool   `json:"changed" jsonschema:"false if it was so"`
}

func lampSpec(name string, effect Effect) Spec {
	spec := Spec{Name: name, Title: "Do a thing to a lamp", Effect: effect, Targets: []string{"lamp"}}
	if effect == Change {
		spec.Undo = "lamp.light"
	}
	return spec
}

func noop(context.Context, lampInput) (lampOutput, error) {
	return lampOutput{Previous: "lit", Changed: true}, nil
}

// covering permits exactly one call.
func covering(t *testing.T, name, input string, p Permit) *Permit {
	t.Helper()
	d, err := Call{Activity: name, Version: 1, Input: json.RawMessage(input)}.Digest()
	require.NoError(t, err)
	p.Covers = []digest.Digest{d}
	return &p
}

// allow is an authority that admits everything.
type allow struct{}

func (allow) Begin(context.Context, Attempt) (Turn, error) { return allow{}, nil }
func (allow) Earlier() (json.RawMessage, bool)             { return nil, false }
func (allow) Behind() (string, []string)                   { return "", nil }
func (allow) End(context.Context, Outcome) error           { return nil }
