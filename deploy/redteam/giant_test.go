package redteam

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// giants says more than anybody can read to the gateway, and to the run by Temporal. Each is refused
// with a code, and the run can be approved as if nothing had been said.
func giants(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	g := w.openGate()
	giant := strings.Repeat("x", 3<<20)
	v := vote(r, approval.Approve)
	v.Reason = giant
	input, err := json.Marshal(map[string]string{"account": giant})
	require.NoError(t, err)
	for name, said := range map[string]struct{ person, path, body string }{
		"an event":      {"pipeline", "/v1/events", strings.Replace(w.poisoned(nil), `"version":"0"`, `"version":"0","x":"`+giant+`"`, 1)},
		"a delivery":    {"pipeline", "/v1/deliveries", `{"id":"1","source":"s","type":"t","time":"2026-11-20T21:14:00Z","data":{"x":"` + giant + `"}}`},
		"a start":       {"alice", "/v1/runs", `{"playbook":"aws-compromised-access-key","inputs":{"user":"` + giant + `"}}`},
		"a vote":        {"alice", ofRun(r.Run, "votes"), inline(w, v)},
		"an edit":       {"alice", ofRun(r.Run, "edits"), inline(w, desk.Edit{Approval: r.ID, Digest: r.Digest, Step: r.Calls[0].Step, Input: input})},
		"an answer":     {"alice", ofRun(r.Run, "answers"), `{"question":"x","digest":"x","values":{"x":"` + giant + `"}}`},
		"a halt":        {"alice", "/v1/halt", `{"reason":"` + giant + `"}`},
		"a long name":   {"alice", ofRun(strings.Repeat("x", 20<<10), "votes"), inline(w, vote(r, approval.Approve))},
		"a deep answer": {"alice", ofRun(r.Run, "answers"), `{"values":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`},
	} {
		status, answer := g.ask(said.person, http.MethodPost, said.path, said.body)
		var p server.Problem
		require.NoError(t, json.Unmarshal([]byte(answer), &p), name)
		require.NotEqual(t, http.StatusOK, status, name)
		require.NotEqual(t, server.CodeFailed, p.Code, "%s: %s", name, p.Error)
		require.Less(t, len(answer), 64<<10, "%s is answered at length", name)
	}
	require.Error(t, w.update(sampleRun, workflows.DecideUpdate, giant))
	require.Error(t, w.mallory.SignalWorkflow(t.Context(), sampleRun, "", workflows.DecideSignal, giant))
	w.until(sampleRun, func(s *workflows.Status) bool { // the task that met it may have to be made again
		return len(s.Asking()) == 1 && s.Asking()[0].Digest == r.Digest
	})
	w.untouched()
	w.approve("alice", r)
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
}
