package redteam

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// asProcess makes the test binary be one of the processes below, so that a test can kill it.
const asProcess = "COUNTERSIGN_TEST_PROCESS"

var processes = map[string]func() (exit int){
	"doomed worker": doomed,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(asProcess); name != "" {
		be, ok := processes[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "%s: there is no process %q\n", asProcess, name)
			os.Exit(2)
		}
		os.Exit(be())
	}
	for _, setting := range os.Environ() { // the machine's own
		if key, _, _ := strings.Cut(setting, "="); strings.HasPrefix(key, "AWS_") || strings.HasPrefix(key, "COUNTERSIGN_") {
			_ = os.Unsetenv(key)
		}
	}
	// Tests that run side by side wait for timers and processes more than they compute. Each has some
	// connections to PostgreSQL, which takes a hundred by itself.
	flag.Parse()
	if err := flag.Set("test.parallel", "10"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
