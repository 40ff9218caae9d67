package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
	"github.com/countersign/countersign/workflows/takeback"
)

// What takes back a run is a run like any other: people are asked once about all of it, what cannot
// be taken back keeps nothing else from it, and it says how it went.
func TestTakeBack(t *testing.T) {
	for name, tc := range map[string]struct {
		verdict policy.Verdict
		yes     bool
		outcome string
		calls   []string
	}{
		"by itself": {
			policy.Verdict{Mode: policy.Automatic}, false, "took back 1 of 2 changes; left 1 because the world has changed since",
			[]string{`lamp.douse {"lamp":"hall"}`, wasLit},
		},
		"approved": {
			policy.Verdict{Mode: policy.Approval, Need: grant.Need{Groups: []string{"oncall"}, Quorum: 1}}, true, "took back 1 of 2 changes; left 1 because the world has changed since",
			[]string{`lamp.douse {"lamp":"hall"}`, wasLit},
		},
		"not approved": {
			policy.Verdict{Mode: policy.Approval, Need: grant.Need{Groups: []string{"oncall"}, Quorum: 1}}, false,
			"took back 0 of 2 changes; left 0 because the world has changed since; not approved: nobody decided within 30m0s", []string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.do["lamp.light"] = func(context.Context, lampInput) (lampOutput, error) {
				return lampOutput{}, activities.Permanent(activities.NotPermitted, errors.New("lamp.light: not permitted: the world has changed since the run left it"))
			}
			catalog := workflows.Catalog(h.registry)
			var done []takeback.Done
			for _, call := range []takeback.Call{{Activity: "lamp.light", Version: 1, Input: json.RawMessage(`{"lamp":"desk"}`)}, {Activity: "lamp.douse", Version: 1, Input: json.RawMessage(`{"lamp":"hall"}`)}} {
				done = append(done, takeback.Done{Step: string(call.Input[9:10]), Undo: &call, Signature: catalog.Activities[call.Activity]})
			}
			document, err := takeback.Document("p/1", done, []policy.Verdict{tc.verdict, tc.verdict})
			require.NoError(t, err)
			pb, problems := playbook.Compile("undo-p.yaml", document, catalog)
			require.Empty(t, problems)
			in, err := workflows.NewInput(pb, h.event, nil)
			require.NoError(t, err)
			h.at(time.Minute, func() {
				if tc.yes {
					h.approve(alice)
				}
			})
			outcome, err := h.start(in)
			require.NoError(t, err)
			require.Equal(t, tc.outcome, outcome)
			require.Equal(t, tc.calls, append([]string{}, h.calls()...))
		})
	}
}
