package policy_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// shipped are the activities that ship.
func shipped() map[string]policy.Signature {
	r := activities.NewRegistry()
	all.Register(r, all.Options{})
	known := map[string]policy.Signature{}
	for _, a := range r.All() {
		known[a.Name] = policy.Signature{Effect: string(a.Effect), Targets: a.Targets}
	}
	return known
}

// The policy that ships does what its tests say, and names activities that there are.
func TestDefault(t *testing.T) {
	known := shipped()
	results, problems := policy.Default().Test("default_test.yaml", policy.DefaultTests, known)
	require.Empty(t, problems)
	require.NotEmpty(t, results)
	for _, r := range results {
		require.Empty(t, r.Failures, r.Name)
	}
	_, problems = policy.Parse("default.yaml", policy.DefaultFile, policy.Known{
		Activities: slices.Sorted(maps.Keys(known)), Groups: playbook.Table[[]string]{"secops-oncall": {"alice", "bob"}},
	})
	require.Empty(t, problems)

	// What nobody has thought of is asked about, or by two if it is final.
	for name, s := range known {
		v := policy.Default().Judge(policy.Facts{Activity: name, Effect: s.Effect, Targets: []string{"x"}, Now: thursday})
		switch {
		case s.Effect == "destroy":
			require.Equal(t, need(2, "secops-oncall"), v.Need, name)
		case s.Effect == "change" && v.Rule == "change":
			require.Equal(t, need(1, "secops-oncall"), v.Need, name)
		}
	}
}

func TestCases(t *testing.T) {
	p := parse(t, production)
	results, problems := p.Test("x_test.yaml", []byte(`cases:
  - name: as expected
    call: {activity: acme.stop, effect: change, targets: [host], input: {account: acme, force: false, host: h}}
    expect: {mode: automatic}
  - name: not at all
    calls:
      - {activity: acme.stop, effect: change, targets: [host], input: {account: "111122223333", force: false, host: h}}
      - {activity: acme.stop, effect: change, targets: [host], input: {account: acme, force: true, host: h}}
    playbook: p
    started_by: alice
    now: 2026-01-01T11:30:00Z
    expect: {mode: automatic, rule: sandbox, groups: [b, a], quorum: 1, expires: 2h, surfaces: [slack, cli], breaker: hourly}
`), nil)
	require.Empty(t, problems)
	require.Equal(t, []policy.Result{
		{Name: "as expected", Line: 2, Failures: []string{}},
		{Name: "not at all", Line: 5, Failures: []string{
			`call 1: expected the mode "automatic", got "approval"`,
			`call 1: expected the rule "sandbox", got "production"`,
			`call 1: expected the groups "a, b", got "secops-oncall"`,
			`call 1: expected the surfaces "cli, slack", got ""`,
			`call 1: expected the quorum "1", got "2"`,
			`call 1: expected the time to decide "2h0m0s", got "1h0m0s"`,
			`call 1: expected the breaker "hourly", got "": it earns the money`,
			`call 2: expected the mode "automatic", got "never"`,
			`call 2: expected the rule "sandbox", got "forced"`,
			`call 2: expected the groups "a, b", got ""`,
			`call 2: expected the surfaces "cli, slack", got ""`,
			`call 2: expected the quorum "1", got "0"`,
			`call 2: expected the time to decide "2h0m0s", got "0s"`,
			`call 2: expected the breaker "hourly", got "": nobody forces`,
		}},
	}, results)
}

func TestWrongCases(t *testing.T) {
	file := filepath.Join("testdata", "cases", "wrong.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	results, problems := policy.Default().Test("wrong.yaml", text, map[string]policy.Signature{
		"aws.iam.disable_access_key": {Effect: "change", Targets: []string{"access_key_id"}}, "aws.iam.get_user": {Effect: "read"},
	})
	require.Empty(t, results)
	golden(t, "testdata/cases/wrong.out", problems)
	_, problems = policy.Default().Test("empty.yaml", nil, nil)
	require.EqualError(t, problems, "empty.yaml:1:1: the file is empty; want a file of tests of a policy [syntax]")
}
