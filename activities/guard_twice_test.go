package activities

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a key says twice readers would make different things of, and one of them people have not seen.
func TestSaidTwice(t *testing.T) {
	type shelf struct {
		Lamp string            `json:"lamp" jsonschema:"which lamp"`
		Tags map[string]string `json:"tags,omitempty" jsonschema:"tags to set"`
	}
	r := NewRegistry()
	r.Guard(allow{})
	var got shelf
	Register(r, Spec{Name: "lamp.tag", Title: "Tag a lamp", Effect: Destroy, Targets: []string{"lamp"}}, func(_ context.Context, in shelf) (lampOutput, error) {
		got = in
		return lampOutput{}, nil
	})
	const shown = `{"lamp":"desk","tags":{"owner":"alice"}}`
	const sent = `{"lamp":"hall","lamp":"desk","tags":{"admin":"mallory"},"tags":{"owner":"alice"}}`
	permit := covering(t, "lamp.tag", shown, Permit{Approval: "ap-1", By: []string{"ada@example.com"}})
	_, err := temporalEnv(r).ExecuteActivity("lamp.tag", json.RawMessage(sent), permit)
	require.NoError(t, err)
	require.Equal(t, shelf{Lamp: "desk", Tags: map[string]string{"owner": "alice"}}, got)
}
