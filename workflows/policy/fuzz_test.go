package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/policy"
)

// FuzzParse feeds any bytes: there is no panic and it takes bounded time, and either there are
// problems with a place, or a policy that decides every call.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/err/*.yaml")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add(policy.DefaultFile)
	for _, seed := range []string{
		production, breakers, "policy: a\nrules: [{name: a, then: {approval: {groups: [g]}}}]\n", "policy: a\nrules: [{name: a, then: {}}]\n",
		"policy: a\nrules: [{name: a, if: 'call.input.x.y[0]', then: never}, {name: b, then: manual}]\n", "policy: a\nrules: {}\naccounts: []\nfreeze: [1]\n",
		"policy: a\nrules: [~, 1, [], {}]\nbreakers: [~]\nfreeze: [{name: a, from: [], until: {}}]\n", "policy: a\nbreakers: [{name: a, most: 1, per: 1h, each: account, activities: [" + strings.Repeat("'*a',", 50) + "]}]\nrules: [{name: b, then: manual}]\n",
	} {
		f.Add([]byte(seed))
	}
	call, err := policy.FactsOf("a.b", "change", []string{"t"}, []byte(`{"account":"1","t":["x","y"],"x":{"y":[true]}}`))
	require.NoError(f, err)
	call.Now = thursday
	f.Fuzz(func(t *testing.T, text []byte) {
		began := time.Now()
		p, problems := policy.Parse("f.yaml", text)
		require.Less(t, time.Since(began), 5*time.Second)
		if p == nil {
			require.NotEmpty(t, problems)
			for _, one := range problems {
				require.Positive(t, one.Line)
				require.Positive(t, one.Column)
				require.NotEmpty(t, one.Rule)
				require.NotContains(t, one.Message, "\n")
			}
			return
		}
		require.Empty(t, problems)
		v := p.Judge(call)
		require.Contains(t, []policy.Mode{policy.Automatic, policy.Approval, policy.Manual, policy.Never}, v.Mode)
		require.NotEmpty(t, v.Rule)
		if v.Mode == policy.Approval {
			require.NotEmpty(t, v.Need.Groups)
			require.Positive(t, v.Need.Quorum)
		}
	})
}
