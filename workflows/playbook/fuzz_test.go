package playbook_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
)

// FuzzCompile feeds any bytes: there is no panic, it takes bounded time and memory, and either there are problems with a place in
// the file or the playbook's plan gives it back.
func FuzzCompile(f *testing.F) {
	for _, pattern := range []string{"testdata/ok/*.yaml", "testdata/err/*.yaml", "../../playbooks/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(f, err)
			if len(text) < 4096 {
				f.Add(text)
			}
		}
	}
	for _, seed := range []string{
		"a0: &a0 [x]\na1: &a1 [*a0,*a0,*a0]\na2: &a2 [*a1,*a1,*a1]\na3: [*a2,*a2,*a2]\n", // a billion laughs, shortened
		head + "steps: &a [*a]\n", "<<: {a: b}\n", head + "steps: [{stop: !!str x}]\n", "\ufeff" + head, head + "---\n" + head,
		strings.Repeat("[", 100), head + "labels: {? [a] : b}\n", head + "title: \x00\n", "\xff", "~", "- - - -\n",
		head + "steps: [{set: {x: [0x1f, 1_0.0, .5, 1e400, -0, 012, .nan, 2026-11-20, ~]}}]\n",
		head + "steps:\n  - stop: >\n      a ${inputz}\n\n        b ${\"é\" + y}\n",
	} {
		f.Add([]byte(seed))
	}
	catalog := lamps()
	f.Fuzz(func(t *testing.T, text []byte) {
		began, before := time.Now(), allocated()
		pb, problems := playbook.Compile("f.yaml", text, catalog)
		require.Less(t, time.Since(began), 5*time.Second)
		require.Less(t, allocated()-before, uint64(256<<20))
		if pb != nil {
			require.Empty(t, problems)
			requireFixedPoint(t, pb)
			return
		}
		require.NotEmpty(t, problems)
		lines := strings.Count(strings.ReplaceAll(string(text), "\r", "\n"), "\n") + 1
		for _, p := range problems {
			require.NotEmpty(t, p.Rule)
			require.NotEmpty(t, p.Message)
			require.NotContains(t, p.Message, "\n")
			require.Positive(t, p.Column)
			require.True(t, p.Line > 0 && p.Line <= lines+1, "line %d of %d", p.Line, lines)
		}
	})
}

// allocated is how many bytes the process has asked for so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// FuzzLoad feeds plans that somebody else made: whoever may start a run may send one.
func FuzzLoad(f *testing.F) {
	catalog := lamps()
	files, err := filepath.Glob("testdata/ok/*.yaml")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		pb, problems := playbook.Compile(file, text, catalog)
		require.Empty(f, problems)
		raw, err := json.Marshal(pb.Plan)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte(`{"format":1,"document":{},"activities":{"a.b":{"input":null}}}`))
	f.Add([]byte(`{"format":1,"document":{"playbook":"p","stage":"run","steps":[{"activity":"a.b"}]},"activities":{"a.b":{"effect":"read","version":1,"timeout":1,"input":{"object":{}},"output":{"list":null}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var plan playbook.Plan
		if json.Unmarshal(raw, &plan) != nil {
			return
		}
		if pb, err := plan.Load(); err == nil {
			requireFixedPoint(t, pb)
		}
	})
}
