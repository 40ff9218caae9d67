package playbook_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
)

func TestEveryRuleIsDescribed(t *testing.T) {
	source, err := os.ReadFile("problem.go")
	require.NoError(t, err)
	var want, got []string
	for _, rule := range regexp.MustCompile(`(?m)^\trule\w+\s+= "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, rule[1])
	}
	for _, rule := range playbook.Rules() {
		got = append(got, rule.ID)
		require.Regexp(t, `^[A-Z].*\.$`, rule.Description)
	}
	require.ElementsMatch(t, want, got)
}
