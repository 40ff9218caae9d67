package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// signed is a line of a file of checkpoints.
func signed(t testing.TB, by grant.Signer, c ledger.Checkpoint) string {
	t.Helper()
	s, err := ledger.SignCheckpoint(by, c)
	require.NoError(t, err)
	line, err := json.Marshal(s)
	require.NoError(t, err)
	return string(line) + "\n"
}

func TestReadCheckpoints(t *testing.T) {
	records := chain(4)
	good := signed(t, signer, over(records[1])) + signed(t, signer, over(records[3]))
	read, err := ledger.ReadCheckpoints(strings.NewReader(good), signer.Keys())
	require.NoError(t, err)
	require.Equal(t, []ledger.Checkpoint{over(records[1]), over(records[3])}, ledger.Over(read))
	report, err := ledger.Verify(bytes.NewReader(export(records)), ledger.Over(read))
	require.NoError(t, err)
	require.EqualValues(t, 4, report.Sealed)

	other := grant.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)))
	ticket, err := signer.Sign(grant.KindTicket, over(records[1]))
	require.NoError(t, err)
	ticketLine, err := json.Marshal(ticket)
	require.NoError(t, err)
	for name, tc := range map[string]struct{ file, want string }{
		"another's key":    {good + signed(t, other, over(records[1])), "line 3 of the checkpoints: the checkpoint is signed with the key"},
		"a ticket":         {string(ticketLine) + "\n", "line 1 of the checkpoints: a ticket stands where a checkpoint should"},
		"cut off":          {good[:len(good)-1], "line 2 of the checkpoints: it does not end"},
		"nonsense":         {"nonsense\n", "it is no signed checkpoint"},
		"two on a line":    {strings.Replace(good, "\n", " ", 1), "more follows it"},
		"a field more":     {strings.Replace(good, `{"kind"`, `{"x":1,"kind"`, 1), "it is no signed checkpoint"},
		"a long line":      {strings.Repeat(" ", 5000) + good, "longer than 4096 bytes"},
		"of record 0":      {signed(t, signer, ledger.Checkpoint{Hash: records[0].Hash}), "over record 0, and the first is 1"},
		"a changed number": {strings.Replace(good, `"body":"ey`, `"body":"eX`, 1), "the signature of the checkpoint does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.ReadCheckpoints(strings.NewReader(tc.file), signer.Keys())
			require.ErrorContains(t, err, tc.want)
		})
	}
}
