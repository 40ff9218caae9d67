package blocks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows/playbook"
)

// runnable is a playbook with an input of every type.
func runnable(t *testing.T, inputs string) *playbook.Playbook {
	t.Helper()
	pb, problems := playbook.Compile("p.yaml", []byte("playbook: block-address\ntitle: Block an address\nstage: run\ninputs:\n"+inputs+"steps:\n  - id: x\n    set: {a: 1}\n"), playbook.Catalog{})
	require.Empty(t, problems)
	return pb
}

const inputs = `  address: {type: string, title: Which address}
  count: {type: int, default: 3}
  since: {type: timestamp}
  ratio: {type: double}
  hard: {type: bool}
  span: {type: duration, default: 4h}
  tags: {type: "list(string)"}
`

func TestRunForm(t *testing.T) {
	t.Parallel()
	pb := runnable(t, inputs)
	v := blocks.RunForm(pb, context(at(0, 0)))
	requireNoTags(t, v)
	goldenView(t, "modal-run", v)
	m, err := blocks.ReadMeta(v.PrivateMetadata)
	require.NoError(t, err)
	require.Equal(t, "block-address", m.Playbook)

	given, errs := blocks.ReadRun(pb, filled(map[string]receive.Value{
		"address": {Text: "203.0.113.7"}, "since": {Time: 1_764_000_000}, "ratio": {Text: "0.5"}, "hard": {Text: "true"}, "tags": {Text: `["a"]`},
	}))
	require.Empty(t, errs)
	raw, err := json.Marshal(given)
	require.NoError(t, err)
	require.JSONEq(t, `{"address":"203.0.113.7","since":"2025-11-24T16:00:00Z","ratio":0.5,"hard":true,"tags":["a"]}`, string(raw))

	_, errs = blocks.ReadRun(pb, filled(map[string]receive.Value{"count": {Text: "three"}, "ratio": {Text: "half"}, "hard": {Text: "maybe"}, "span": {Text: "long"}, "tags": {Text: `[1]`}}))
	require.Equal(t, "This is missing.", errs["field.address"])
	require.Equal(t, "This is missing.", errs["field.since"])
	require.Equal(t, `Want a whole number, got "three".`, errs["field.count"])
	require.Equal(t, `Want a number, got "half".`, errs["field.ratio"])
	require.Equal(t, "Choose yes or no.", errs["field.hard"])
	require.NotEmpty(t, errs["field.span"])
	require.NotEmpty(t, errs["field.tags"])
}

// A playbook with more inputs than a form takes is started elsewhere.
func TestRunFormTooLong(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 41 {
		fmt.Fprintf(&many, "  i%d: {type: int}\n", i)
	}
	v := blocks.RunForm(runnable(t, many.String()), context(at(0, 0)))
	requireView(t, v)
	require.Nil(t, v.Submit)
	require.Contains(t, readable(t, v.Blocks.BlockSet), "`starter run block-address`")
}
