package playbooks_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
)

// schemas are the shipped ones, by type of event.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	files, err := fs.Glob(playbooks.Events, "events/*.schema.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]*jsonschema.Schema{}
	for _, file := range files {
		raw, err := fs.ReadFile(playbooks.Events, file)
		require.NoError(t, err)
		var s jsonschema.Schema
		require.NoError(t, json.Unmarshal(raw, &s), file)
		require.NotEmpty(t, s.Title, file)
		all[strings.TrimSuffix(path.Base(file), ".schema.json")] = &s
	}
	return all
}

// sent are the events that ship, by file and place in it.
func sent(t *testing.T) map[string]event.Event {
	t.Helper()
	files, err := fs.Glob(playbooks.Events, "events/*.json")
	require.NoError(t, err)
	all := map[string]event.Event{}
	for _, file := range files {
		if strings.HasSuffix(file, ".schema.json") {
			continue
		}
		raw, err := fs.ReadFile(playbooks.Events, file)
		require.NoError(t, err)
		events, err := gateway.NormaliseAll(raw)
		require.NoError(t, err, file)
		for i, ev := range events {
			all[fmt.Sprintf("%s %d", file, i+1)] = ev
		}
	}
	return all
}

// Every event that ships is as its schema says, and the type made of the schema reads all of it;
// every schema that ships has an event.
func TestEventsAreAsTheirSchemasSay(t *testing.T) {
	known, seen := schemas(t), map[string]bool{}
	for file, ev := range sent(t) {
		t.Run(file, func(t *testing.T) {
			s := known[ev.Type]
			if s == nil { // an event that has no schema may be anything
				require.NoError(t, ev.Validate())
				return
			}
			seen[ev.Type] = true
			resolved, err := s.Resolve(nil)
			require.NoError(t, err)
			var data any
			require.NoError(t, json.Unmarshal(ev.Data, &data))
			require.NoError(t, resolved.Validate(data))
			_, err = expr.FromSchema(s).Decode(ev.Data)
			require.NoError(t, err)
			require.Empty(t, undescribed("data", s, s, data), "fields that the schema does not know")
		})
	}
	require.Equal(t, expr.Keys(known), expr.Keys(seen))
}

// undescribed lists the fields of a value that its schema says nothing about.
func undescribed(at string, root, s *jsonschema.Schema, v any) []string {
	if len(s.AnyOf) > 0 { // or null
		s = s.AnyOf[0]
	}
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		s = root.Defs[name]
	}
	var found []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range expr.Keys(v) {
			switch p := s.Properties[name]; {
			case p != nil:
				found = append(found, undescribed(at+"."+name, root, p, v[name])...)
			case len(s.Properties) > 0:
				found = append(found, at+"."+name)
			}
		}
	case []any:
		for _, item := range v {
			if s.Items != nil {
				found = append(found, undescribed(at+"[]", root, s.Items, item)...)
			}
		}
	}
	return found
}
