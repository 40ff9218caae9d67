package activities

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	type strict struct {
		Lamp string `json:"lamp"`
		Bulb string `json:"bulb"`
	}
	type other struct {
		Lamp int `json:"lamp"`
	}
	type otherOptional struct {
		Lamp     string `json:"lamp"`
		Previous bool   `json:"previous,omitempty"`
	}
	undo := func(effect Effect) Spec {
		s := lampSpec("lamp.light", effect)
		if effect == Change {
			s.Undo = "lamp.douse"
		}
		return s
	}
	for name, tc := range map[string]struct {
		add  func(r *Registry)
		want string
	}{
		"fits":                     {func(r *Registry) { Register(r, undo(Change), noop) }, ""},
		"undo that destroys":       {func(r *Registry) { Register(r, undo(Destroy), noop) }, ""},
		"undo that is not there":   {func(*Registry) {}, "undo of lamp.douse: lamp.light is not registered"},
		"undo that reads":          {func(r *Registry) { Register(r, undo(Read), noop) }, "lamp.light only reads"},
		"undo that needs more":     {func(r *Registry) { Register(r, undo(Destroy), taking[strict]) }, `lamp.light needs "bulb"`},
		"undo of another type":     {func(r *Registry) { Register(r, undo(Destroy), taking[other]) }, `lamp.light takes "lamp" as another type`},
		"option of another type":   {func(r *Registry) { Register(r, undo(Destroy), taking[otherOptional]) }, `lamp.light may take "previous", but as another type`},
		"undo of the undo missing": {func(r *Registry) { s := undo(Change); s.Undo = "lamp.none"; Register(r, s, noop) }, "lamp.none is not registered"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry()
			Register(r, lampSpec("lamp.douse", Change), noop)
			tc.add(r)
			err := r.Validate()
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
}

func taking[In any](context.Context, In) (lampOutput, error) { return lampOutput{}, nil }

func TestUndoInput(t *testing.T) {
	r := NewRegistry()
	Register(r, lampSpec("lamp.light", Change), noop)
	undo, _ := r.Lookup("lamp.light")

	// What the call returned wins over what it was given; what the undo does not know is dropped.
	got, err := UndoInput(undo, json.RawMessage(`{"lamp":"desk","previous":"given","by":"x"}`), json.RawMessage(`{"previous":"lit","changed":true}`))
	require.NoError(t, err)
	require.JSONEq(t, `{"lamp":"desk","previous":"lit"}`, string(got))

	for name, tc := range map[string]struct{ in, out, want string }{
		"needed field missing": {`{}`, `{"previous":"lit"}`, "undo with lamp.light"},
		"wrong type":           {`{"lamp":"desk"}`, `{"previous":1}`, "undo with lamp.light"},
		"input is no JSON":     {`{`, `{}`, "read the input of the call"},
		"output is no object":  {`{}`, `[]`, "read the output of the call"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := UndoInput(undo, json.RawMessage(tc.in), json.RawMessage(tc.out))
			require.ErrorContains(t, err, tc.want)
		})
	}
}
