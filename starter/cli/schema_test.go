package cli_test

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/workflows/playbook"
)

// shippedSchema is what starter schema prints.
func shippedSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	r := (&fake{}).starter(t, "schema")
	r.require(t, 0, `"$schema": "https://json-schema.org/draft/2020-12/schema"`, "")
	var s jsonschema.Schema
	require.NoError(t, json.Unmarshal([]byte(r.out), &s))
	return &s
}

// validates holds the text of a playbook against the schema.
func validates(t *testing.T, schema *jsonschema.Resolved, text string) error {
	t.Helper()
	root, problems := playbook.Read("p.yaml", []byte(text))
	require.Empty(t, problems)
	raw, err := playbook.JSON(root)
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(raw, &value))
	return schema.Validate(value)
}

// What ships is admitted, every activity is known, and a slip in with: is not admitted.
func TestSchema(t *testing.T) {
	t.Parallel()
	s := shippedSchema(t)
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	for _, a := range registry.All() {
		require.Contains(t, s.Defs["step_activity"].Properties["activity"].Enum, any(a.Name))
		require.Contains(t, s.Defs["activity_"+a.Name].Description, a.Title)
	}
	schema, err := s.Resolve(nil)
	require.NoError(t, err)
	files, err := fs.Glob(playbooks.Files, "*/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.yaml") {
			continue
		}
		text, err := fs.ReadFile(playbooks.Files, file)
		require.NoError(t, err)
		require.NoError(t, validates(t, schema, string(text)), file)
		if slip := strings.Replace(string(text), "account: ${inputs", "acount: ${inputs", 1); slip != string(text) {
			require.Error(t, validates(t, schema, slip), file)
		}
		require.Error(t, validates(t, schema, strings.Replace(string(text), "activity: aws.", "activity: awss.", 1)), file)
	}
}

// A playbook that calls another has its inputs completed and checked; one that is not known here is
// admitted with anything.
func TestSchemaOfCalledPlaybooks(t *testing.T) {
	t.Parallel()
	schema, err := shippedSchema(t).Resolve(nil)
	require.NoError(t, err)
	for with, ok := range map[string]bool{
		`playbook: aws-compromised-access-key, with: {user: "${event.data.user}", region: eu-west-1}`: true,
		`playbook: aws-compromised-access-key`:                                                        true, // all of it may come from the event
		`playbook: aws-compromised-access-key, with: {usr: x}`:                                        false,
		`playbook: aws-compromised-access-key, with: {user: [x]}`:                                     false,
		`playbook: aws-compromised-access-key, with: "${event.data}"`:                                 true,
		`playbook: of-my-own, with: {anything: [1]}`:                                                  true,
	} {
		err := validates(t, schema, "playbook: p\nstage: run\nsteps: [{"+with+"}]\n")
		require.Equal(t, ok, err == nil, "%s: %v", with, err)
	}
}
