package playtest_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

// A test sees what a run did for a while. What is put back after the run has ended is no call of the
// run; what is put back while it waits is one.
func TestDoneForAWhile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ steps, activities, calls string }{
		"after the run":  {"[{activity: lamp.off, with: {lamp: desk}, undo: {after: 4h}}]", "{lamp.off: {output: {state: lit}}}", "[lamp.off: {lamp: desk}]"},
		"while it waits": {"[{activity: lamp.off, with: {lamp: desk}, undo: {after: 4h}}, {wait: 1d}]", "{lamp.off: {output: {state: lit}}, lamp.on: {output: {state: out}}}", "[lamp.off: null, lamp.on: {lamp: desk}]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := activities.NewRegistry()
			touch := func(context.Context, lampInput) (lampOutput, error) {
				require.Fail(t, "a test must not touch the world")
				return lampOutput{}, nil
			}
			activities.Register(r, activities.Spec{Name: "lamp.off", Title: "Off", Effect: activities.Change, Undo: "lamp.on", Targets: []string{"lamp"}}, touch)
			activities.Register(r, activities.Spec{Name: "lamp.on", Title: "On", Effect: activities.Change, Undo: "lamp.off", Targets: []string{"lamp"}}, touch)
			pb, problems := playbook.Compile("run/p.yaml", []byte("playbook: p\nstage: run\ntriggers: [{event: lamp.broken}]\nsteps: "+tc.steps), workflows.Catalog(r))
			require.Empty(t, problems)
			lib := fstest.MapFS{
				"run/p_test.yaml":  {Data: []byte("tests:\n  - name: a\n    event: events/lamp.json\n    activities: " + tc.activities + "\n    expect: {outcome: done, calls: " + tc.calls + "}\n")},
				"events/lamp.json": {Data: []byte(`{}`)},
			}
			results, err := playtest.Run(lib, playtest.File("run/p.yaml"), pb, playtest.Options{Registry: r, Normalise: func(raw []byte) (event.Event, error) {
				return event.Event{ID: "e1", Source: "hall", Type: "lamp.broken", Data: raw}, nil
			}})
			require.NoError(t, err)
			require.Len(t, results, 1)
			require.Empty(t, results[0].Failures)
		})
	}
}
