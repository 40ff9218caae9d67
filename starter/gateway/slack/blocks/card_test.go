package blocks_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
)

func TestCardWaits(t *testing.T) {
	t.Parallel()
	m := blocks.Card(waiting(), context(at(2, 0)))
	require.Contains(t, m.Text, "Approval needed: contain: Disable the access key")
	require.NotEmpty(t, m.Blocks)
}
