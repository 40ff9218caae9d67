package cli_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/cli"
)

// What the commands know of Temporal reads.
func TestRunsOnlyRead(t *testing.T) {
	t.Parallel()
	runs := reflect.TypeFor[cli.Runs]()
	var methods []string
	for i := range runs.NumMethod() {
		methods = append(methods, runs.Method(i).Name)
	}
	slices.Sort(methods)
	require.Equal(t, []string{"AskExpiring", "Runs", "Status", "Watch"}, methods)
}
