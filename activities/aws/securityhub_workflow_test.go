package aws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const (
	hubCall = `{"account":"111122223333","region":"us-east-1","product_arn":"` + standin.SampleHubProduct + `","status":"SUPPRESSED","note":"case 7: accepted",` +
		`"finding_ids":["` + standin.SampleHubFinding + `","` + standin.SampleHubOther + `"]}`
	noHubFinding = `{"account":"111122223333","region":"us-east-1","product_arn":"` + standin.SampleHubProduct + `","status":"SUPPRESSED","note":"case 7",` +
		`"finding_ids":["` + standin.SampleHubFinding + `","nobody"]`
)

func hubCalls(s *service) calls {
	return calls{
		"aws.securityhub.get_findings": erased(s.getHubFindings), "aws.securityhub.set_workflow": erased(s.setWorkflow),
		"aws.securityhub.restore_workflow": erased(s.restoreWorkflow),
	}
}

var hubChanges = []change{
	{
		name: "aws.securityhub.set_workflow", input: hubCall, acts: []string{"BatchUpdateFindings"},
		service: "securityhub", act: "BatchUpdateFindings", back: "GetFindings", backCall: 1,
		missing: noHubFinding + `}`, kind: "NoSuchFinding", leaves: ownNotes,
	},
	{
		name: "aws.securityhub.restore_workflow", after: []before{{"aws.securityhub.set_workflow", hubCall}},
		acts:    []string{"BatchUpdateFindings", "BatchUpdateFindings"},
		service: "securityhub", act: "BatchUpdateFindings", back: "GetFindings", backCall: 1,
		missing: noHubFinding + `,"previous_workflows":[{"finding_id":"nobody","status":"NEW","note":"","note_by":""}]}`, kind: "NoSuchFinding",
	},
}

// ownNotes takes out the note that cannot be taken away again, and when one was put back.
func ownNotes(s *standin.State) {
	delete(hubFindingAt(s, standin.SampleHubFinding), "Note")
	hubFindingAt(s, standin.SampleHubOther)["Note"].(map[string]any)["UpdatedAt"] = ""
}

func hubFindingAt(s *standin.State, id string) map[string]any { return region(s).Hub.Findings[id] }

func setHubStatus(s *standin.State, id, status string) {
	hubFindingAt(s, id)["Workflow"] = map[string]any{"Status": status}
}

var hubViews = map[string]view{"aws.securityhub.set_workflow": seeWorkflows, "aws.securityhub.restore_workflow": seeWorkflowsBack}

func seeWorkflows(s *standin.State) seen {
	out := seen{}
	for id, f := range region(s).Hub.Findings {
		key := "Security Hub finding " + id + inRegion
		out[key+": workflow status"] = f["Workflow"].(map[string]any)["Status"].(string)
		out[key+": note"] = "none"
		if note, ok := f["Note"].(map[string]any); ok {
			out[key+": note"] = fmt.Sprintf("%q by %q", note["Text"], note["UpdatedBy"])
		}
	}
	return out
}

// seeWorkflowsBack leaves out the note that there was none of before.
func seeWorkflowsBack(s *standin.State) seen {
	out := seeWorkflows(s)
	delete(out, "Security Hub finding "+standin.SampleHubFinding+inRegion+": note")
	return out
}

var hubMeddling = meddlers{
	"aws.securityhub.set_workflow": {
		"one is new again": func(s *standin.State) { setHubStatus(s, standin.SampleHubFinding, "NEW") },
		"one is resolved":  func(s *standin.State) { setHubStatus(s, standin.SampleHubOther, "RESOLVED") },
		"one is gone":      func(s *standin.State) { delete(region(s).Hub.Findings, standin.SampleHubOther) },
		"a note is replaced": func(s *standin.State) {
			hubFindingAt(s, standin.SampleHubOther)["Note"].(map[string]any)["Text"] = "why?"
		},
	},
	"aws.securityhub.restore_workflow": {
		"one is suppressed": func(s *standin.State) { setHubStatus(s, standin.SampleHubFinding, "SUPPRESSED") },
		"one is resolved":   func(s *standin.State) { setHubStatus(s, standin.SampleHubOther, "RESOLVED") },
	},
}

// Security Hub answers 200 although it did not take every finding. The next attempt goes on with the rest,
// and still knows what was there before.
func TestWorkflowUnprocessed(t *testing.T) {
	w := newWorld(t)
	smooth := newWorld(t).run(t, "aws.securityhub.set_workflow", hubCall)
	w.Inject(standin.Fault{Service: "securityhub", Kind: standin.FailItems, Times: 1})
	ctx := step(t.Context())
	_, err := w.attempt(ctx, t, "aws.securityhub.set_workflow", hubCall)
	require.Equal(t, "UnprocessedFindings", kindOf(t, err).Kind)
	require.False(t, kindOf(t, err).Permanent)
	require.ErrorContains(t, err, "did not take 1 of 2 findings: "+standin.SampleHubOther+": ConcurrentUpdateError")
	out, err := w.attempt(ctx, t, "aws.securityhub.set_workflow", hubCall)
	require.NoError(t, err)
	require.JSONEq(t, string(smooth), string(out))
	undo, input := w.undo(t, "aws.securityhub.set_workflow", hubCall, out)
	w.run(t, undo, input)
	state := w.State()
	require.Equal(t, "NOTIFIED", seeWorkflows(&state)["Security Hub finding "+standin.SampleHubOther+inRegion+": workflow status"])
}

// A finding that has the status keeps its note, and is not touched by the undo.
func TestWorkflowThatIsSoAlready(t *testing.T) {
	w := newWorld(t)
	call := strings.Replace(hubCall, "SUPPRESSED", "NOTIFIED", 1)
	start := w.State()
	out := w.run(t, "aws.securityhub.set_workflow", call)
	state := w.State()
	require.Equal(t, `"asked the team" by "ada@example.com"`, seeWorkflows(&state)["Security Hub finding "+standin.SampleHubOther+inRegion+": note"])
	undo, input := w.undo(t, "aws.securityhub.set_workflow", call, out)
	w.run(t, undo, input)
	state = w.State()
	ownNotes(&start)
	ownNotes(&state)
	require.Equal(t, start, state)
}

func TestWorkflowOfAChangedFinding(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.securityhub.set_workflow", hubCall)
	undo, input := w.undo(t, "aws.securityhub.set_workflow", hubCall, out)
	w.Update(func(s *standin.State) { setHubStatus(s, standin.SampleHubFinding, "RESOLVED") })
	already := len(w.effects())
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "ChangedSince", kindOf(t, err).Kind)
	require.Len(t, w.effects(), already, "and the other one neither")
}

func TestWorkflowsThatAreRefused(t *testing.T) {
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf(`"f-%d"`, i)
	}
	both := `["` + standin.SampleHubFinding + `","` + standin.SampleHubOther + `"]`
	for name, tc := range map[string]struct{ old, with, kind string }{
		"a status of no kind": {"SUPPRESSED", "LATER", "BadInput"},
		"no note":             {"case 7: accepted", " ", "BadInput"},
		"a long note":         {"case 7: accepted", strings.Repeat("é", 513), "BadInput"},
		"no finding":          {both, `[]`, "BadInput"},
		"one twice":           {both, `["a","a"]`, "BadInput"},
		"too many":            {both, "[" + strings.Join(many, ",") + "]", "BadInput"},
		"another product":     {"product/aws/securityhub", "product/aws/guardduty", "NoSuchFinding"},
		"not enabled":         {"us-east-1\",\"product", "eu-west-1\",\"product", "InvalidAccessException"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.attempt(step(t.Context()), t, "aws.securityhub.set_workflow", strings.Replace(hubCall, tc.old, tc.with, 1))
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			require.Empty(t, w.Mutations())
		})
	}
}
