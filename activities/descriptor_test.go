package activities_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"github.com/countersign/countersign/activities"
)

const badgeDescriptor = `name: acme.badge.disable
title: Disable a badge
doc: Takes a minute to reach all doors.
effect: change
undo: acme.badge.enable
targets: [badge]
permissions: [badges.write]
timeout: 1m
version: 3
task_queue: acme-badges
input:
  type: object
  properties: {badge: {type: string, pattern: "^[0-9]+$"}, why: {type: string}}
  required: [badge]
output:
  type: object
  properties: {badge: {type: string, pattern: "^[0-9]+$"}}
  required: [badge]
`

func enabling() string {
	return strings.NewReplacer("acme.badge.disable", "acme.badge.enable", "acme.badge.enable", "acme.badge.disable").Replace(badgeDescriptor)
}

func load(texts map[string]string) (*activities.Registry, error) {
	r := activities.NewRegistry()
	fsys := fstest.MapFS{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return r, activities.LoadDescriptors(r, fsys)
}

func TestDescriptors(t *testing.T) {
	r, err := load(map[string]string{"disable.yaml": badgeDescriptor, "enable.yaml": enabling(), "README.md": "x", ".hidden.yaml": "x"})
	require.NoError(t, err)
	require.NoError(t, r.Validate())
	require.Len(t, r.All(), 2)
	a, ok := r.Lookup("acme.badge.disable")
	require.True(t, ok)
	require.Equal(t, activities.Spec{
		Name: "acme.badge.disable", Title: "Disable a badge", Doc: "Takes a minute to reach all doors.", Effect: activities.Change,
		Version: 3, Undo: "acme.badge.enable", Targets: []string{"badge"}, Permissions: []string{"badges.write"}, Timeout: time.Minute,
	}, a.Spec)
	require.Equal(t, "acme-badges", a.TaskQueue)
	require.NoError(t, a.Input.Validate(json.RawMessage(`{"badge":"7"}`)))
	require.Error(t, a.Input.Validate(json.RawMessage(`{"badge":""}`)))
	require.Error(t, a.Input.Validate(json.RawMessage(`{"badge":"7","wyh":"x"}`)), "what is not described is not admitted")
}

// registrar counts what a worker would run.
type registrar struct{ names []string }

func (r *registrar) RegisterActivityWithOptions(_ any, o activity.RegisterOptions) {
	r.names = append(r.names, o.Name)
}

func TestDescribedEffectsAreOurs(t *testing.T) {
	r, err := load(map[string]string{"a.yaml": badgeDescriptor})
	require.NoError(t, err)
	w := &registrar{}
	r.Bind(w)
	require.Equal(t, []string{"acme.badge.disable"}, w.names, "an effect passes our guard, and is handed on")
	w.names = nil
	r.Stub(nil).Bind(w)
	require.Equal(t, []string{"acme.badge.disable"}, w.names, "a rehearsal needs no other worker")
	require.ErrorContains(t, r.Validate(), "acme.badge.enable is not registered")
}

func TestDescriptorMistakes(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, says string }{
		"a key that is none":      {"title:", "titel:", "field titel not found"},
		"a key twice":             {"title:", "title: x\ntitle:", "already defined"},
		"no name":                 {"name: acme.badge.disable\n", "", "want dotted lower case"},
		"no queue":                {"task_queue: acme-badges\n", "", "task_queue is missing"},
		"no undo":                 {"undo: acme.badge.enable\n", "", "a change names the activity that undoes it"},
		"another effect":          {"effect: change", "effect: alter", `effect "alter"`},
		"no targets":              {"targets: [badge]\n", "", "names the input fields that are its targets"},
		"a target that may lack":  {"targets: [badge]", "targets: [why]", `target "why" is not a required field`},
		"no such sink":            {"targets: [badge]", "targets: [badge]\nsinks: {why: shell}", `sink "why" is "shell"`},
		"a sink that is nowhere":  {"targets: [badge]", "targets: [badge]\nsinks: {who: query}", `sink "who" is not a field`},
		"no such time":            {"timeout: 1m", "timeout: soon", `timeout "soon"`},
		"too long":                {"timeout: 1m", "timeout: 25h", "at most 24h0m0s"},
		"no object":               {"input:\n  type: object", "input:\n  type: string", "want a schema with type: object"},
		"no input":                {"input:\n  type: object\n", "inputs:\n  type: object\n", "field inputs not found"},
		"a misspelt word":         {"required: [badge]\noutput", "requird: [badge]\noutput", `input: "requird" is no word of JSON Schema`},
		"a misspelt word, inside": {"pattern:", "patern:", `input: badge: "patern" is no word of JSON Schema`},
		"required, not described": {"required: [badge]\noutput", "required: [badge, room]\noutput", `"room" is required, but no property`},
		"a reference elsewhere":   {"why: {type: string}", "why: {$ref: 'https://example.com/x'}", "input: "},
		"two documents":           {"name:", "---\nname: x\n---\nname:", "more than one document"},
		"nothing":                 {badgeDescriptor, "", "EOF"},
		"too large":               {"doc:", "doc: " + strings.Repeat("x", 300<<10), "more than 262144 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, badgeDescriptor, tc.from)
			_, err := load(map[string]string{"a.yaml": strings.Replace(badgeDescriptor, tc.from, tc.to, 1)})
			require.ErrorContains(t, err, "a.yaml: ")
			require.ErrorContains(t, err, tc.says)
		})
	}
	_, err := load(map[string]string{"a.yaml": badgeDescriptor, "b.yaml": badgeDescriptor})
	require.EqualError(t, err, `b.yaml: the name "acme.badge.disable" is taken`)
}
