package redteam

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write deploy/THREATS.md")

// threat is one row of the table.
type threat struct {
	number  int
	name    string
	against string
	// attacks are what is tried, by name; none: elsewhere says where it is tried, or that the surface is not there yet.
	attacks   map[string]func(*testing.T)
	elsewhere string
}

const threatsFile = "../THREATS.md"

// TestThreats makes every attack and holds the table against what came of them.
func TestThreats(t *testing.T) {
	var table strings.Builder
	table.WriteString(threatsHead)
	tried, all := 0, 0
	for _, threat := range threats {
		all += len(threat.attacks)
		names := make([]string, 0, len(threat.attacks))
		for name := range threat.attacks {
			names = append(names, name)
		}
		slices.Sort(names)
		held := 0
		t.Run(fmt.Sprintf("T%02d", threat.number), func(t *testing.T) {
			for _, name := range names {
				if t.Run(name, func(t *testing.T) {
					tried++
					threat.attacks[name](t)
				}) {
					held++
				}
			}
		})
		result := threat.elsewhere
		if len(names) > 0 {
			result = fmt.Sprintf("%s: %s", map[bool]string{true: "held", false: "BROKEN"}[held == len(names)], strings.Join(names, "; "))
		}
		fmt.Fprintf(&table, "| %d | %s | %s | %s |\n", threat.number, threat.name, threat.against, result)
	}
	if tried < all {
		t.Logf("%d of %d attacks were made: the table is not looked at", tried, all)
		return
	}
	if *update {
		require.NoError(t, os.WriteFile(threatsFile, []byte(table.String()), 0o600))
	}
	want, err := os.ReadFile(threatsFile)
	require.NoError(t, err)
	require.Equal(t, string(want), table.String(), "run with -update, and read what changed")
}

const threatsHead = `# What was tried against Countersign

This table is written by the tests of [redteam](redteam): what stands in it was tried against the real processes, and ended without a
change that nobody approved. Write it anew with ` + "`go test ./deploy/redteam -run TestThreats -update`" + `.

| # | threat | what stands against it | what was tried |
| --- | --- | --- | --- |
`
