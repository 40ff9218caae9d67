package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/workflows"
)

func TestRunID(t *testing.T) {
	hash := func(key string) string {
		t.Helper()
		id := workflows.RunID("p", key)
		require.Regexp(t, `^p/sha256-[0-9a-f]{64}$`, id)
		return id
	}
	require.Equal(t, "p/AKIAIOSFODNN7EXAMPLE", workflows.RunID("p", "AKIAIOSFODNN7EXAMPLE"))
	require.Equal(t, "p/111122223333:us-east-1:i-0abc", workflows.RunID("p", "111122223333:us-east-1:i-0abc"))
	require.Equal(t, "p/"+strings.Repeat("a", 100), workflows.RunID("p", strings.Repeat("a", 100)))
	for _, key := range []string{
		"", " ", "a b", "a/b", "-a", ".", "a\n", "é", "a\x00", strings.Repeat("a", 101), "sha256-", "sha256-" + strings.Repeat("0", 64),
	} {
		hash(key)
	}
}

func TestDifferentKeysHaveDifferentRuns(t *testing.T) {
	key := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[A-Za-z0-9._:/-]{0,110}`),
		rapid.StringMatching(`sha256-[0-9a-f]{0,64}`),
		rapid.Map(rapid.String(), func(s string) string { return strings.TrimPrefix(workflows.RunID("p", s), "p/") }),
	)
	name := rapid.StringMatching(`[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3}){0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		p, q, a, b := name.Draw(t, "p"), name.Draw(t, "q"), key.Draw(t, "a"), key.Draw(t, "b")
		same := workflows.RunID(p, a) == workflows.RunID(q, b)
		require.Equal(t, p == q && a == b, same)
		require.LessOrEqual(t, len(workflows.RunID(p, a)), len(p)+101)
	})
}
