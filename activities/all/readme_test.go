package all_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
)

var quoted = regexp.MustCompile("`(aws\\.[a-z0-9_.]+)`")

// The page of the AWS activities names all of them and no other, and beside an effect what undoes it.
func TestReadmeOfAWS(t *testing.T) {
	raw, err := os.ReadFile("../aws/README.md")
	require.NoError(t, err)
	r := activities.NewRegistry()
	all.Register(r, all.Options{})
	named, rows := map[string]bool{}, map[string]string{}
	for line := range strings.Lines(string(raw)) {
		for _, name := range quoted.FindAllStringSubmatch(line, -1) {
			_, ok := r.Lookup(name[1])
			require.True(t, ok, "the page names %s, which there is not", name[1])
			named[name[1]] = true
			rows[name[1]] += line
		}
	}
	for _, a := range r.All() {
		if !strings.HasPrefix(a.Name, "aws.") {
			continue
		}
		require.True(t, named[a.Name], "activities/aws/README.md lacks %s", a.Name)
		if a.Undo != "" {
			require.Contains(t, rows[a.Name], "`"+a.Undo+"`", a.Name)
		}
	}
}
