package library_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/library"
)

const (
	orders  = `{"type":"object","required":["total"],"properties":{"total":{"type":"number"}}}`
	spender = "playbook: a\nstage: run\ntriggers: [{event: shop.order, if: event.data.totl > 5.0}]\nsteps: [{stop: x}]\n"
	told    = `a.yaml:3:46: event.data has no field "totl"; did you mean "total"? [expression]`
)

// Sources of one's own are described beside the playbooks.
func TestSchemasOfOnesOwn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files    map[string]string
		problems []string
	}{
		"none":              {files: map[string]string{"run/a.yaml": spender}},
		"read before":       {files: map[string]string{"events/shop.order.schema.json": orders, "deploy/a.yaml": spender}, problems: []string{"deploy/" + told}},
		"deeper":            {files: map[string]string{"team/events/shop.order.schema.json": orders, "a.yaml": spender}, problems: []string{told}},
		"elsewhere is none": {files: map[string]string{"run/shop.order.schema.json": orders, ".git/events/shop.order.schema.json": orders, "run/a.yaml": spender}},
		"no schema": {
			files:    map[string]string{"events/shop.order.schema.json": `[]`},
			problems: []string{"events/shop.order.schema.json:1:1: it is no JSON Schema: it, or the value of one of its keys, is of the wrong type [event-schema]"},
		},
		"instead of what ships": {
			files:    map[string]string{"events/aws.guardduty.finding.schema.json": orders, "a.yaml": "playbook: a\nstage: run\ntriggers: [{event: aws.guardduty.finding, if: event.data.total > 5.0}]\nsteps: [{stop: x}]\n"},
			problems: nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{}
			for file, text := range tc.files {
				fsys[file] = &fstest.MapFile{Data: []byte(text)}
			}
			_, problems, err := library.Load(fsys, catalog())
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tc.problems, lines(problems)))
		})
	}
	require.NotContains(t, catalog().Events.Names(), "shop.order", "one library's schemas stay in it")
}

func TestSchemasBesideANamedFileOrFolder(t *testing.T) {
	t.Parallel()
	for _, beside := range []string{"events", "run/events"} {
		dir := t.TempDir()
		for file, text := range map[string]string{filepath.Join(beside, "shop.order.schema.json"): orders, "run/a.yaml": spender} {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
		}
		for _, named := range []string{"run", "run/a.yaml"} {
			_, problems, err := library.Open(catalog(), filepath.Join(dir, named))
			require.NoError(t, err)
			require.Equal(t, []string{filepath.Join(dir, "run", told)}, lines(problems))
		}
	}
}

func TestShippedSchemas(t *testing.T) {
	t.Parallel()
	require.Contains(t, catalog().Events.Names(), "aws.guardduty.finding")
}
