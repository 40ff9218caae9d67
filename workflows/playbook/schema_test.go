package playbook_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/playbook"
)

// Whoever adds a verb, a modifier or a key describes it in schema.go.
func TestEveryKeyIsDescribed(t *testing.T) {
	known, described := playbook.Tables()
	for name, keys := range known {
		require.ElementsMatch(t, keys, described[name], "the keys of %s in schema.go", name)
	}
	require.Len(t, described, len(known))
}

// Whatever reads a mapping takes its keys from a table, so that the test above sees them.
func TestEveryMappingHasATable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	call := regexp.MustCompile(`\.object\(.*`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range call.FindAllString(string(text), -1) {
			require.NotContains(t, found, "[]string{\"", "%s: give the keys a name beside playbookKeys, and describe them in schema.go", file)
		}
	}
}

// lampSchema is the schema with the activities of these tests.
func lampSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	r := activities.NewRegistry()
	noop := func(context.Context, lampInput) (lampOutput, error) { return lampOutput{}, nil }
	var docs []playbook.CallDoc
	for _, name := range lamps().Activities.Names() {
		activities.Register(r, activities.Spec{Name: name, Title: "Do a thing to a lamp", Effect: activities.Read}, noop)
		a, _ := r.Lookup(name)
		docs = append(docs, playbook.CallDoc{Name: name, Title: a.Title, Doc: "Mind the bulb.", Input: a.Input.Schema})
	}
	flow, err := activities.InputSchema[struct {
		Lamps []string  `json:"lamps"`
		Since time.Time `json:"since,omitzero"`
	}]()
	require.NoError(t, err)
	raw, err := json.Marshal(playbook.Schema(docs, []playbook.CallDoc{{Name: "lamp.report", Title: "Report on lamps", Input: flow.Schema}}, nil)) // as an editor gets it
	require.NoError(t, err)
	var s jsonschema.Schema
	require.NoError(t, json.Unmarshal(raw, &s))
	resolved, err := s.Resolve(nil)
	require.NoError(t, err)
	return resolved
}

// admits holds a file against the schema as an editor does: as JSON.
func admits(t *testing.T, schema *jsonschema.Resolved, file string) error {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	root, problems := playbook.Read(file, text)
	require.Empty(t, problems)
	raw, err := playbook.JSON(root)
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(raw, &value))
	return schema.Validate(value)
}

func TestSchemaAdmits(t *testing.T) {
	schema := lampSchema(t)
	files, err := filepath.Glob("testdata/ok/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.NoError(t, admits(t, schema, file), file)
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := lampSchema(t)
	files, err := filepath.Glob("testdata/err/*.yaml")
	require.NoError(t, err)
	refused := 0
	for _, file := range files {
		// What the schema can see: not what depends on another place of the file, nor on YAML itself.
		rule := slices.IndexFunc([]string{
			"unknown-key", "missing-key", "unknown-activity", "unknown-input", "missing-input", "one-verb",
		}, func(rule string) bool { return strings.HasPrefix(filepath.Base(file), rule) })
		elsewhere := strings.HasSuffix(file, "-playbook.yaml") || strings.HasSuffix(file, "put-schedule.yaml")
		if rule >= 0 && !elsewhere { // nor which inputs another file has, or the schedule must give
			require.Error(t, admits(t, schema, file), file)
			refused++
		}
	}
	require.Greater(t, refused, 15)
}

func TestSchemaOfSteps(t *testing.T) {
	schema := lampSchema(t)
	for step, ok := range map[string]bool{
		`{"activity":"lamp.look","with":{"lamp":"desk"}}`:                                                       true,
		`{"activity":"lamp.look","with":{"lamp":"${inputs.lamp}","levels":"${vars.l}"}}`:                        true,
		`{"activity":"lamp.look","with":{"lamp":"desk","levels":[1,"${vars.n}"],"tags":{"a":"${vars.n}"}}}`:     true,
		`{"activity":"lamp.look","with":{"lamp":"desk","where":{"room":"hall","floor":"${vars.n}"}}}`:           true,
		`{"activity":"lamp.look","with":"${vars.all}"}`:                                                         true,
		`{"activity":"lamp.look","with":{"lamp":"desk","levels":[1,"two"]}}`:                                    false,
		`{"activity":"lamp.look","with":{"lamp":"desk","where":{"room":"hall","flor":1}}}`:                      false,
		`{"activity":"lamp.look","with":{"lamp":1}}`:                                                            false,
		`{"activity":"lamp.look","with":{"lamp":"desk"},"timeout":"5m","retry":{"times":3}}`:                    true,
		`{"activity":"lamp.look","with":{"lamp":"desk"},"timeout":"5"}`:                                         false,
		`{"activity":"lamp.look","with":{"lamp":"desk"},"retry":{"times":0}}`:                                   false,
		`{"stop":"x","if":"${true}"}`:                                                                           false,
		`{"stop":"x","id":"null"}`:                                                                              false,
		`{"stop":"x","id":"Big"}`:                                                                               false,
		`{"stop":" "}`:                                                                                          false,
		`{"set":{}}`:                                                                                            false,
		`{"approve":"?","approvers":["a"],"steps":[{"activity":"lamp.smash","with":{"lamp":"a"}}]}`:             true,
		`{"approve":"?","approvers":["a"],"steps":[{"activity":"lamp.smash","with":{"lamp":"a"},"if":"true"}]}`: false,
		`{"approve":"?","approvers":["a"],"steps":[{"stop":"x"}]}`:                                              false,
		`{"approve":"?","approvers":["a"],"quorum":11}`:                                                         false,
	} {
		var value any
		require.NoError(t, json.Unmarshal([]byte(`{"playbook":"p","stage":"run","steps":[`+step+`]}`), &value))
		if err := schema.Validate(value); ok {
			require.NoError(t, err, step)
		} else {
			require.Error(t, err, step)
		}
	}
}
