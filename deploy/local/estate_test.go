package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An estate of many accounts can be audited by whoever starts a run, and nothing is sent to it unasked.
func TestEstate(t *testing.T) {
	o := options{state: filepath.Join(t.TempDir(), "state"), estate: 3}
	d, err := deploy(t.Context(), o, func(string) {})
	require.NoError(t, err)
	defer d.stop()
	var said bytes.Buffer
	started, err := o.begin(t.Context(), Streams{Err: &said}, d, sending{})
	require.NoError(t, err)
	require.Empty(t, started)
	require.Contains(t, said.String(), "3 sample accounts")
	require.Contains(t, said.String(), "starter run aws-account-audit --watch --address "+d.server.Address())

	code, _, talk := starter(t, d, "run", "aws-account-audit", "--watch", "--input", `regions=["us-east-1"]`)
	require.Zero(t, code, talk)
	code, out, talk := starter(t, d, "audit", "report", "--ledger", filepath.Join(o.state, ledgerFile))
	require.Zero(t, code, talk)
	require.Contains(t, out, "0 could not be looked at")
	require.Contains(t, out, "in 3 accounts")
}

func TestEstateFlags(t *testing.T) {
	for says, args := range map[string]string{
		"--estate 501: want a number of accounts, at most 500": "--estate 501",
		"--estate -1: want":            "--estate -1",
		"--once wants --event with it": "--estate 2 --once",
	} {
		code, _, talk := local(t, strings.Fields(args)...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, talk, says)
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	code, _, talk := local(t, "--estate", "2", "--state", filepath.Join(t.TempDir(), "state"))
	require.Equal(t, exitNot, code)
	require.Contains(t, talk, "AWS_ENDPOINT_URL names another AWS, so unset it")
}
