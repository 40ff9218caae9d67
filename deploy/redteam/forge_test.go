package redteam

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

const (
	leakedUser = "ci-deployer"
	leakedKey  = "AKIAIOSFODNN7EXAMPLE"
)

// leaked is the input of calls about the leaked key.
var leaked = map[string]any{"account": standin.SampleAccount, "user": leakedUser, "access_key_id": leakedKey}

// compile compiles a playbook of the attacker's.
func (w *world) compile(name, text string) *playbook.Playbook {
	w.Helper()
	pb, problems := playbook.Compile(name+".yaml", []byte("playbook: "+name+"\nstage: run\n"+text), w.catalog)
	require.Empty(w, problems)
	return pb
}

// forgedInput is that of a run which makes a call and asks nobody.
func (w *world) forgedInput(activity string, input map[string]any) workflows.Input {
	w.Helper()
	with, err := json.Marshal(input)
	require.NoError(w, err)
	pb := w.compile("forged", fmt.Sprintf("steps:\n  - {id: act, activity: %s, with: %s}\n", activity, with))
	in, err := workflows.NewInput(pb, event.Event{ID: "1", Source: "forged", Type: "forged", Time: time.Now(), Data: json.RawMessage(`{}`)}, nil)
	require.NoError(w, err)
	return in
}

// ticketOf is the ticket of a run. It is on record; it also stands in the header of the first event
// of the run's history.
func (w *world) ticketOf(run string) *grant.Signed {
	w.Helper()
	for _, r := range w.records(ledger.Run) {
		if r.Run == run {
			var body ledger.RunBody
			require.NoError(w, json.Unmarshal(r.Body, &body))
			return &body.Ticket
		}
	}
	w.Fatalf("%s is not on record", run)
	return nil
}

// grantOf is the grant of a request that was approved.
func (w *world) grantOf(r approval.Request) *grant.Signed {
	w.Helper()
	for _, rec := range w.records(ledger.Decision) {
		var body ledger.DecisionBody
		require.NoError(w, json.Unmarshal(rec.Body, &body))
		if body.Request == r.Digest {
			require.NotNil(w, body.Grant)
			return body.Grant
		}
	}
	w.Fatalf("%s is not decided", r.ID)
	return nil
}

// standingOf is what the gateway brought to the run that asked.
func (w *world) standingOf(r approval.Request) grant.Signed {
	w.Helper()
	found := w.history(r.Run, r.Execution, enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
	require.NotEmpty(w, found)
	var s grant.Signed
	payloads := found[len(found)-1].GetWorkflowExecutionUpdateAcceptedEventAttributes().AcceptedRequest.Input.Args.Payloads
	require.NoError(w, json.Unmarshal(payloads[0].Data, &s))
	return s
}

// workflowTasks are the ends of the tasks of a run, to which it can be reset.
func (w *world) workflowTasks(run, execution string) []int64 {
	w.Helper()
	var ids []int64
	for _, e := range w.history(run, execution, enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) {
		ids = append(ids, e.EventId)
	}
	return ids
}

// activate makes the leaked key active again, so that another effect on it would show.
func activate(s *standin.State) {
	s.Accounts[standin.SampleAccount].IAM.Users[leakedUser].AccessKeys[leakedKey].Status = "Active"
}

// hostile is text as an attacker puts it into an event: terminal escapes, an override of the
// direction of writing, markup of Slack and HTML, a template, a path, a formula, lines.
var hostile = strings.Join([]string{
	"\x1b[2J\x1b[1;1Happroved by alice", "\u202egnp.exe", "<!channel> <@U123> <https://example.com|yes>", "<script>alert(1)</script>",
	"${steps.x}", "{{.Env}}", "$(id) `id` ; rm -rf /", "../../etc/passwd", "=HYPERLINK(1)", "line\r\n\"level\":\"forged\"", "\u0000\u200b\ufeff", "\u009b31mred\x7f",
}, " ")

// inline is a value as it stands in a playbook.
func inline(w *world, v any) string {
	w.Helper()
	raw, err := json.Marshal(v)
	require.NoError(w, err)
	return string(raw)
}

// finding is the id of the sample finding.
func (w *world) finding() string {
	w.Helper()
	var data struct {
		ID string `json:"id"`
	}
	require.NoError(w, json.Unmarshal(w.sample().Data, &data))
	return data.ID
}
