package playtest_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

type reportInput struct {
	Lamps []string `json:"lamps"`
}

type reportOutput struct {
	Words string `json:"words"`
}

// runFlow tests a playbook that runs a workflow written in Go.
func runFlow(t *testing.T, test string) ([]playtest.Result, error) {
	t.Helper()
	r, flows := registry(t), workflows.NewRegistry()
	workflows.Register(flows, workflows.Spec{Name: "lamp.report", Title: "Report"}, func(ctx workflow.Context, in reportInput) (reportOutput, error) {
		var out reportOutput
		for _, lamp := range in.Lamps {
			state, err := workflows.Call[lampInput, lampOutput](ctx, "lamp.look", lampInput{Lamp: lamp})
			if err != nil {
				return out, err
			}
			out.Words += lamp + " " + state.State + ";"
		}
		return out, nil
	})
	const text = "playbook: p\nstage: audit\nsteps: [{id: a, workflow: lamp.report, with: {lamps: [desk, hall]}}]\noutcome: steps.a.output.words\n"
	pb, problems := playbook.Compile("p.yaml", []byte(text), workflows.Catalog(r, flows))
	require.Empty(t, problems)
	normalise := func([]byte) (event.Event, error) { return event.Event{}, errors.New("there is no event") }
	lib := fstest.MapFS{"p_test.yaml": {Data: []byte("tests:\n  - name: a\n" + test)}}
	return playtest.Run(lib, "p_test.yaml", pb, playtest.Options{Registry: r, Workflows: flows, Normalise: normalise})
}

func TestWorkflowsRun(t *testing.T) {
	for name, test := range map[string]string{
		"as they are": "    activities: {lamp.look: {output: {state: lit}}}\n    expect: {outcome: 'desk lit;hall lit;', calls: [lamp.look: {lamp: desk}, lamp.look: {lamp: hall}]}\n",
		"and fail":    "    activities: {lamp.look: {error: {kind: Dark, message: too dark, permanent: true}}}\n    expect: {failed: 'step \"a\": too dark'}\n",
		"replaced":    "    workflows: {lamp.report: {output: {words: nothing}}}\n    expect: {outcome: nothing, calls: []}\n",
		"refused":     "    workflows: {lamp.report: {error: {kind: Busy, message: too busy}}}\n    expect: {failed: 'step \"a\": too busy'}\n",
	} {
		results, err := runFlow(t, test)
		require.NoError(t, err, name)
		require.Empty(t, results[0].Failures, name)
	}
}

func TestWorkflowTestsThatAreNone(t *testing.T) {
	for test, want := range map[string]string{
		"    workflows: {lamp.reprot: {output: {words: x}}}\n    expect: {outcome: x}\n": `p_test.yaml:3:17: the playbook p does not run "lamp.reprot"; did you mean "lamp.report"? [test]`,
		"    workflows: {lamp.report: {output: {wrods: x}}}\n    expect: {outcome: x}\n": `p_test.yaml:3:39: lamp.report cannot answer this`,
		"    activities: {lamp.lok: {output: {state: x}}}\n    expect: {outcome: x}\n":   `p_test.yaml:3:18: the playbook p does not call "lamp.lok"; did you mean "lamp.look"? [test]`,
	} {
		_, err := runFlow(t, test)
		require.ErrorContains(t, err, want)
	}
}
