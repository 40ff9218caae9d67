package all_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws"
)

var update = flag.Bool("update", false, "rewrite testdata/activities.golden")

func register() *activities.Registry {
	r := activities.NewRegistry()
	all.Register(r, all.Options{AWS: aws.Options{Endpoint: "http://nobody.example.com:1"}})
	return r
}

func TestRegister(t *testing.T) {
	r := register()
	require.NoError(t, r.Validate())
	require.NotEmpty(t, r.All())
	for _, a := range r.All() {
		if strings.HasPrefix(a.Name, "aws.") { // the directory is a file: no provider, no permission
			require.NotEmpty(t, a.Permissions, a.Name)
		}
		described(t, a.Name+" input", a.Input.Schema)
		described(t, a.Name+" output", a.Output.Schema)
	}
}

// described holds that an author can read what every field means.
func described(t *testing.T, where string, s *jsonschema.Schema) {
	t.Helper()
	for name, p := range s.Properties {
		require.NotEmpty(t, p.Description, "%s: %s", where, name)
		described(t, where+"."+name, p)
		if p.Items != nil {
			described(t, where+"."+name, p.Items)
		}
	}
}

// The golden file is the public surface: what playbooks may call, with what, and what operators
// must grant. A change of it is a change for users.
func TestSurface(t *testing.T) {
	var b strings.Builder
	for _, a := range register().All() {
		fmt.Fprintf(&b, "%s\n  %s\n", a.Name, a.Title)
		fmt.Fprintf(&b, "  %s, version %d, timeout %s", a.Effect, a.Version, a.Timeout)
		if a.Heartbeat != 0 {
			fmt.Fprintf(&b, ", heartbeat %s", a.Heartbeat)
		}
		if a.Undo != "" {
			fmt.Fprintf(&b, ", undo %s", a.Undo)
		}
		b.WriteString("\n")
		if len(a.Targets) > 0 {
			fmt.Fprintf(&b, "  targets %s\n", strings.Join(a.Targets, ", "))
		}
		fmt.Fprintf(&b, "  permissions %s\n", strings.Join(a.Permissions, ", "))
		b.WriteString("  input\n")
		fields(&b, "    ", a.Input.Schema)
		b.WriteString("  output\n")
		fields(&b, "    ", a.Output.Schema)
		b.WriteString("\n")
	}
	const golden = "testdata/activities.golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "if users should see this change: go test ./activities/all -update")
}

// fields lists a struct's fields in their order, nested ones below; "?" marks what may be absent.
func fields(b *strings.Builder, indent string, s *jsonschema.Schema) {
	for _, name := range s.PropertyOrder {
		p := s.Properties[name]
		optional := "?"
		if slices.Contains(s.Required, name) {
			optional = ""
		}
		fmt.Fprintf(b, "%s%s%s %s\n", indent, name, optional, typeOf(p))
		if p.Items != nil {
			p = p.Items
		}
		fields(b, indent+"  ", p)
	}
}

func typeOf(s *jsonschema.Schema) string {
	kinds := slices.DeleteFunc(append(slices.Clone(s.Types), s.Type), func(kind string) bool { return kind == "" || kind == "null" })
	kind := strings.Join(kinds, "|")
	switch {
	case s.Format != "":
		return s.Format
	case s.Items != nil:
		return "list of " + typeOf(s.Items)
	case kind == "object" && len(s.Properties) == 0 && s.AdditionalProperties != nil:
		return "map of " + typeOf(s.AdditionalProperties)
	default:
		return kind
	}
}
