package cli_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
)

// Runs that wait are told of an event, whether or not a playbook answers it.
func TestDeliver(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "other.json")
	require.NoError(t, os.WriteFile(other, []byte(`{"specversion":"1.0","id":"o-1","source":"shop/eu","type":"shop.other","time":"2026-11-20T09:25:04Z","data":{}}`), 0o600))
	for name, tc := range map[string]struct {
		args      []string
		waited    bool
		fails     error
		code      int
		says      string
		started   int
		delivered int
	}{
		"nobody waits":                 {[]string{"--event", keyEvent}, false, nil, 0, "follow it", 1, 0},
		"answered, and waited for":     {[]string{"--event", keyEvent}, true, nil, 0, "runs that wait for aws.guardduty.finding were told of the event", 1, 1},
		"only waited for":              {[]string{"--event", other}, true, nil, 0, "runs that wait for shop.other were told of the event", 0, 1},
		"neither":                      {[]string{"--event", other}, false, nil, 1, "no playbook answers the event, and no run waits for it", 0, 0},
		"a playbook by its name":       {[]string{"aws-compromised-access-key", "--event", keyEvent}, true, nil, 0, "follow it", 1, 0},
		"a dry run tells nobody":       {[]string{"--dry-run", "--event", keyEvent}, true, nil, 0, "nothing was started", 0, 0},
		"too large for those who wait": {[]string{"--event", keyEvent}, true, fmt.Errorf("deliver: %w", workflows.ErrTooLarge), 1, "too large for the runs that wait", 1, 0},
		"no answer":                    {[]string{"--event", other}, true, errors.New("deadline exceeded"), 3, "to send the event again is safe", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{waited: tc.waited, fails: map[string]error{"deliver": tc.fails}}
			f.starter(t, append([]string{"run"}, tc.args...)...).require(t, tc.code, "", tc.says)
			require.Len(t, f.started, tc.started)
			require.Len(t, f.delivered, tc.delivered)
		})
	}
}
