package control

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/finding"
)

var update = flag.Bool("update", false, "rewrite testdata/controls.golden")

// The catalogue is what people see of the controls, and what operators must grant.
func TestCatalogue(t *testing.T) {
	var b strings.Builder
	ids := map[string]bool{}
	for _, c := range Controls() {
		where := "account"
		if c.Regional {
			where = "region"
		}
		fmt.Fprintf(&b, "%s, %s, %s\n  %s\n  remedy: %s\n", c.ID, c.Severity, where, c.Title, c.Remedy)
		if c.Playbook != "" {
			fmt.Fprintf(&b, "  playbook: %s\n", c.Playbook)
		}
		if len(c.Standards) > 0 {
			fmt.Fprintf(&b, "  standards: %s\n", strings.Join(c.Standards, ", "))
		}
		fmt.Fprintf(&b, "  permissions: %s\n\n", strings.Join(c.Permissions, ", "))
		require.False(t, ids[c.ID], c.ID)
		ids[c.ID] = true
		require.NotEmpty(t, c.Remedy, c.ID)
		require.NotEmpty(t, c.Permissions, c.ID)
		require.NotEqual(t, -1, weight(c.Severity), c.ID)
		if c.Playbook != "" {
			found := false
			for _, stage := range []string{"audit", "run"} {
				_, err := os.Stat("../../../playbooks/" + stage + "/" + c.Playbook + ".yaml")
				found = found || err == nil
			}
			require.True(t, found, "%s names a playbook that does not ship: %s", c.ID, c.Playbook)
		}
	}
	const golden = "testdata/controls.golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "if users should see this change: go test ./activities/aws/control -update")
}

// one is a control in a world that differs from the good one: what it tells, and of the first that does
// not pass the evidence.
type one struct {
	control, name string
	change        func(*standin.Account, *standin.Region)
	want          []string
	evidence      string
}

// none is what a control tells when there is nothing that it is about.
var none = []string{"NOT_APPLICABLE iam::111122223333:root"}

func failsWhole() []string { return []string{"FAIL iam::111122223333:root"} }

func TestControls(t *testing.T) {
	tables := slices.Concat(iamCases, postureCases, bucketCases, networkCases, hostCases)
	covered := map[string]map[finding.Status]bool{}
	for _, tc := range tables {
		t.Run(tc.control+" "+tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.change(tc.change)
			results := w.look(t, of(t, tc.control))
			require.Equal(t, tc.want, told(results))
			for _, r := range results {
				if covered[tc.control] == nil {
					covered[tc.control] = map[finding.Status]bool{}
				}
				covered[tc.control][r.Status] = true
			}
			if at := slices.IndexFunc(results, func(r finding.Result) bool { return r.Status != finding.Pass }); at >= 0 && tc.evidence != "" {
				require.JSONEq(t, tc.evidence, evidence(t, results[at]))
			}
		})
	}
	// Every control is seen to fail here, and to pass and to be an error in the tests of all of them.
	for _, c := range all {
		require.True(t, covered[c.ID][finding.Fail], "%s never failed", c.ID)
	}
}
