package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// What is printed for each activity that ships is a playbook without problems, for the checker and
// for editors, in its layout, and asks before it changes anything.
func TestNewForEveryActivity(t *testing.T) {
	t.Parallel()
	schema, err := shippedSchema(t).Resolve(nil)
	require.NoError(t, err)
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	for _, one := range registry.All() {
		r := (&fake{}).starter(t, "new", "--activity", one.Name)
		r.require(t, 0, "activity: "+one.Name, "starter validate ")
		pb, problems := playbook.Compile("p.yaml", []byte(r.out), library.Catalog(registry))
		require.Empty(t, problems, r.out)
		require.NoError(t, validates(t, schema, r.out))
		formatted, _ := playbook.Format("p.yaml", []byte(r.out))
		require.Equal(t, string(formatted), r.out)
		_, asks := pb.Steps[0].Verb.(*playbook.Approve)
		require.Equal(t, one.Effect != activities.Read, asks)
	}
}

// What is printed for each event that ships is a playbook that answers the event, and finds its
// inputs in it; of a known type, under a key of its matter.
func TestNewForEveryEvent(t *testing.T) {
	t.Parallel()
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	catalog := library.Catalog(registry)
	files, err := filepath.Glob("../../playbooks/events/*.json")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, ".schema.json") {
			continue
		}
		r := (&fake{}).starter(t, "new", "--event", file)
		r.require(t, 0, "triggers:", "starter validate ")
		pb, problems := playbook.Compile("p.yaml", []byte(r.out), catalog)
		require.Empty(t, problems, r.out)
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		events, err := gateway.NormaliseAll(raw)
		require.NoError(t, err)
		_, ok, err := pb.Match(events[0])
		require.NoError(t, err)
		require.True(t, ok, r.out)
		_, err = pb.ResolveInputs(events[0], nil)
		require.NoError(t, err)
		if events[0].Type == "countersign.schedule" {
			continue // it is about nothing but its time
		}
		if known, free := catalog.Events[events[0].Type], expr.Any; known != nil && known != free {
			require.NotNil(t, pb.Triggers[0].Dedupe, r.out)
			require.NotEmpty(t, pb.Inputs, r.out)
		}
	}
}

// Nothing that an event holds gets into the playbook but its type and the fields asked for.
func TestNewForHostileEvent(t *testing.T) {
	t.Parallel()
	write := func(kind string, data any) string {
		raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": "e", "source": "s", "type": kind, "time": "2026-11-20T21:14:00Z", "data": data})
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "event.json")
		require.NoError(t, os.WriteFile(file, raw, 0o600))
		return file
	}
	file := write("shop.order", map[string]any{evil: "x", `a"b\`: "x\nstage: run", "no": "yes", "list": []any{map[string]any{"a b": 1.5}}, "gone": nil})
	r := (&fake{}).starter(t, "new", "--event", file)
	r.require(t, 0, "- event: shop.order\n", "data.list.0.a b\n")
	r = (&fake{}).starter(t, "new", "--event", file, "--input", `a=data.a"b\`, "--input", "no=data.no", "--input", "b=event.data.list.0.a b", "--input", "c=data."+evil)
	r.require(t, 0, "type: double\n    from: event.data.list[0][\"a b\"]\n", "")
	registry := activities.NewRegistry()
	pb, problems := playbook.Compile("p.yaml", []byte(r.out), library.Catalog(registry))
	require.Empty(t, problems, r.out)
	require.Len(t, pb.Inputs, 4)
	require.NotContains(t, r.out, "yes")

	(&fake{}).starter(t, "new", "--event", file, "--input", "a=data.nn", "--input", "b=data.list.7", "--input", "c=data.gone", "--input", "d=data.list", "--input", "e=id.x").
		require(t, 1, "", `--input b: event.data.list is a list of 1; want the number of an item, from 0, not "7"`)
	r = (&fake{}).starter(t, "new", "--event", write("Shop Order", map[string]any{}))
	r.require(t, 1, "", `"Shop Order" cannot be the type of an event`)
	require.Empty(t, r.out)
	require.Equal(t, 1, strings.Count(r.err, "\n"), r.err)
}
