package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/cli"
)

// What others have said goes to no terminal as they said it.
func TestExportToTerminal(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	defer tty.Close()
	var said bytes.Buffer
	code := cli.Main(t.Context(), []string{"ledger", "export", "--ledger", filepath.Join(t.TempDir(), "none.db")}, cli.Streams{Out: tty, Err: &said})
	require.Equal(t, 2, code)
	require.Contains(t, said.String(), "a terminal may obey it: write it with --to FILE")
}
