//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/cli"
)

// benchPlaybooks is what the command is measured with: a second of CPU is the most they may take.
//
//	GOMAXPROCS=1 go test ./starter/cli -run '^$' -bench Validate -benchtime 5x
const benchPlaybooks = 1000

// BenchmarkValidate checks the shipped playbooks a thousand times: as copies under other names, and
// as strangers, which share no step, no input and no expression with each other. What it tells as
// cpu-ms is the processor's time for all of them; on a busy machine the clock says little.
func BenchmarkValidate(b *testing.B) {
	for name, variant := range map[string]func(text string, n int) string{"copies": renamed, "strangers": stranger} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			shipped := shippedTexts(b)
			for n := range benchPlaybooks {
				file := filepath.Join(dir, fmt.Sprintf("p%04d.yaml", n))
				require.NoError(b, os.WriteFile(file, []byte(variant(shipped[n%len(shipped)], n)), 0o600))
			}
			var used time.Duration
			for b.Loop() {
				var out bytes.Buffer
				before := cpu(b)
				code := cli.Main(context.Background(), []string{"validate", dir}, cli.Streams{Out: &out, Err: &out})
				used += cpu(b) - before
				require.Zero(b, code, "%.2000s", &out)
			}
			b.ReportMetric(float64(used.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpu is the processor's time that the process has taken so far.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func shippedTexts(tb testing.TB) []string {
	var texts []string
	require.NoError(tb, fs.WalkDir(playbooks.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, "_test.yaml") {
			var text []byte
			text, err = fs.ReadFile(playbooks.Files, name)
			texts = append(texts, string(text))
		}
		return err
	}))
	return texts
}

var playbookName = regexp.MustCompile(`(?m)^playbook: .*$`)

func renamed(text string, n int) string {
	return playbookName.ReplaceAllString(text, fmt.Sprintf("playbook: p-%d", n))
}

var (
	stepID     = regexp.MustCompile(`\bid: ([a-z_0-9]+)`)
	inputNames = regexp.MustCompile(`(?ms)^inputs:\n(.*?)^steps:`)
	inputName  = regexp.MustCompile(`(?m)^  ([a-z_0-9]+):`)
)

// stranger gives a playbook ids and inputs of its own, and so expressions of its own but for those
// that read the event alone.
func stranger(text string, n int) string {
	own := fmt.Sprintf("_%d", n)
	for _, m := range stepID.FindAllStringSubmatch(text, -1) {
		text = regexp.MustCompile(`(\bid: |\bsteps\.\??)`+m[1]+`\b`).ReplaceAllString(text, "${1}"+m[1]+own)
	}
	text = inputNames.ReplaceAllStringFunc(text, func(inputs string) string {
		return inputName.ReplaceAllString(inputs, "  ${1}"+own+":")
	})
	text = regexp.MustCompile(`\b(inputs\.\??[a-z_0-9]+)\b`).ReplaceAllString(text, "${1}"+own)
	return renamed(text, n)
}
