package standin

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A mutation copies the account it is made in, and none of the others.
func TestFork(t *testing.T) {
	st, err := cloned(Sample())
	require.NoError(t, err)
	st.Accounts["222233334444"] = &Account{IAM: IAM{Users: map[string]*User{"bob": {}}}}
	st.Organization = &Organization{Members: map[string]*Member{}}
	fork, err := st.fork(SampleAccount, "iam")
	require.NoError(t, err)
	require.Equal(t, st, fork)
	require.NotSame(t, st.Accounts[SampleAccount], fork.Accounts[SampleAccount])
	require.Same(t, st.Accounts["222233334444"], fork.Accounts["222233334444"])
	require.Same(t, st.Organization, fork.Organization)

	require.NoError(t, fork.open("222233334444"))
	fork.Accounts["222233334444"].IAM.Users["bob"].Path = "/staff/"
	require.Empty(t, st.Accounts["222233334444"].IAM.Users["bob"].Path)

	fork, err = st.fork("999900001111", "organizations")
	require.NoError(t, err)
	require.NotSame(t, st.Organization, fork.Organization)
	require.Len(t, fork.Accounts, 2)
}
