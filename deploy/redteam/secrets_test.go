package redteam

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/event"
)

// marker stands in the event and in an input: with payloads encrypted, Temporal does not have it.
const marker = "m4rk3r-of-the-event"

// tattling is a playbook that has each secret told in each way, by reads and by approved effects.
func tattling() string {
	var text strings.Builder
	text.WriteString("inputs: {to: {type: string}}\nsteps:\n")
	for _, name := range []string{"env", "file", "aws"} {
		for i, how := range []string{"answer", "fail", "fail for good", "panic"} {
			with := fmt.Sprintf("{to: '${inputs.to}', token: 'secret://from-%s', how: %s}", name, how)
			fmt.Fprintf(&text, "  - {id: read_%s%d, activity: acme.page.read, on_error: continue, retry: {times: 2, every: 1s}, with: %s}\n", name, i, with)
		}
		fmt.Fprintf(&text, "  - id: ask_%s\n    approve: Send it?\n    approvers: [secops-oncall]\n    quorum: 2\n    expires: 10m\n    steps:\n", name)
		for i, how := range []string{"answer", "fail", "fail for good", "panic", "remember"} {
			with := fmt.Sprintf("{to: '${inputs.to}', token: 'secret://from-%s', how: %s}", name, how)
			fmt.Fprintf(&text, "      - {id: send_%s%d, activity: acme.page.send, on_error: continue, retry: {times: 2, every: 1s}, with: %s}\n", name, i, with)
		}
	}
	return text.String()
}

// secretWorld is a deployment with a secret in every provider.
func secretWorld(t *testing.T) (*gate, *tattler) {
	t.Helper()
	told := &tattler{}
	told.listen(t)
	folder := t.TempDir()
	file := func(name, text string) string {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
		return filepath.Join(folder, name)
	}
	t.Setenv("ACME_TOKEN", canaries["from-env"])
	list := file("secrets.yaml", fmt.Sprintf(`secrets:
  from-env: {env: ACME_TOKEN, for: ["acme.page.*"]}
  from-file: {file: %q, for: ["acme.page.*"]}
  from-aws: {aws: prod/acme, key: token, account: "%s", region: %s, for: ["acme.page.*"]}
`, file("token", canaries["from-file"]+"\n"), standin.SampleAccount, standin.SampleRegion))
	w := newWorldWith(t, setting{extensions: []workflows.Extension{told.register}, worker: []string{"--secrets", list}})
	w.aws.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Secrets = map[string]*standin.StoredSecret{
			"prod/acme": {Suffix: "AbCdEf", Value: inline(w, map[string]string{"token": canaries["from-aws"]})},
		}
	})
	return w.openGate(), told
}

// keepsSecrets lets everything that can be told be told, and looks for it everywhere.
func keepsSecrets(t *testing.T) {
	g, told := secretWorld(t)
	pb := g.compile("tattling", tattling())
	ev := event.Event{ID: "1", Source: "acme", Type: "custom.page", Time: time.Now(), Data: json.RawMessage(`{"said":"` + marker + `"}`)}
	started, err := g.desk.Start(t.Context(), by("carol"), desk.Start{Plan: &pb.Plan, Event: &ev, Inputs: map[string]json.RawMessage{"to": json.RawMessage(`"` + marker + `"`)}})
	require.NoError(t, err)
	for _, name := range []string{"env", "file", "aws"} {
		var r approval.Request
		g.until(started.Run, func(s *workflows.Status) bool {
			for _, a := range s.Asking() {
				r = a.Request
			}
			return s.State.Over() || r.ID == "ask_"+name
		})
		require.Equal(t, "ask_"+name, r.ID, g.logs.String())
		g.views(started.Run)
		for _, person := range []string{"alice", "bob"} {
			g.ask(person, http.MethodGet, ofRun(r.Run, "approvals"), "")
			status, answer := g.ask(person, http.MethodPost, ofRun(r.Run, "votes"), inline(g.world, vote(r, approval.Approve)))
			require.Equal(t, http.StatusOK, status, answer)
		}
	}
	g.over(started.Run)
	g.ask("mallory", http.MethodGet, ofRun(started.Run, "approvals"), "")
	// Reads, effects and previews did use it, each of them.
	require.GreaterOrEqual(t, told.heard.Load(), int64(3*8))
	require.Contains(t, g.logs.String(), `"token":"<secret>"`)

	places := g.everywhere(started.Run)
	private, err := os.ReadFile(g.file("gateway.key"))
	require.NoError(t, err)
	never := map[string]string{"the credentials of AWS": standin.SampleSecretKey, "the gateway's key": strings.Split(string(private), "\n")[1]}
	for person, token := range g.tokens {
		never["the token of "+person] = token
	}
	for name, value := range canaries {
		never[name] = value
	}
	for place, text := range places {
		for name, value := range never {
			for _, form := range forms(value) {
				if at := strings.Index(text, form); at >= 0 {
					t.Errorf("%s is in %s: ...%.300q", name, place, text[max(0, at-150):min(len(text), at+150)])
					break
				}
			}
		}
	}
	if os.Getenv("COUNTERSIGN_PAYLOAD_KEY") != "" {
		require.NotContains(t, places["history"], marker, "Temporal has the event in clear")
		for _, in := range g.inClear(started.Run, "provider says") {
			t.Errorf("Temporal has an error in clear: %.900s", in)
		}
	} else {
		require.Contains(t, places["history"], marker, "the search finds nothing")
	}
	g.untouched()
}

// keepsSecretsEncrypted is the same with payloads encrypted.
func keepsSecretsEncrypted(t *testing.T) {
	key, err := connect.NewKey("k1")
	require.NoError(t, err)
	t.Setenv("COUNTERSIGN_PAYLOAD_KEY", key)
	keepsSecrets(t)
}

// everywhere is all that is kept or shown of a run, by place.
func (g *gate) everywhere(run string) map[string]string {
	g.Helper()
	places := map[string]string{"the logs": g.logs.String(), "the answers of the gateway": g.said.String()}
	for name, p := range g.views(run) {
		places[name] = p.out + p.err
	}
	// As Temporal keeps it: with payloads as bytes, and as they are shown in its UI, in base64.
	var all strings.Builder
	for _, e := range g.history(run, "", enums.EVENT_TYPE_UNSPECIFIED) {
		raw, err := protojson.Marshal(e)
		require.NoError(g, err)
		all.Write(raw)
		all.WriteString(e.String() + "\n")
		wire, err := proto.Marshal(e)
		require.NoError(g, err)
		all.Write(wire)
	}
	described, err := g.mallory.DescribeWorkflowExecution(g.Context(), run, "")
	require.NoError(g, err)
	all.WriteString(described.String())
	places["history"] = all.String()
	places["the database of the ledger"] = g.dump()
	return places
}

// inClear are the events in the history of a run that hold a text.
func (g *gate) inClear(run, text string) (found []string) {
	g.Helper()
	for _, e := range g.history(run, "", enums.EVENT_TYPE_UNSPECIFIED) {
		if strings.Contains(e.String(), text) {
			found = append(found, e.String())
		}
	}
	return found
}

// dump is the ledger's table as it is kept, and its file.
func (g *gate) dump() string {
	g.Helper()
	rows, err := g.database().QueryContext(g.Context(), "SELECT * FROM records")
	require.NoError(g, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(g, err)
	var out strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new([]byte)
		}
		require.NoError(g, rows.Scan(cells...))
		for _, c := range cells {
			out.Write(*c.(*[]byte))
			out.WriteByte('\n')
		}
	}
	require.NoError(g, rows.Err())
	if file, ok := strings.CutPrefix(g.url, "sqlite:"); ok {
		for _, name := range slices.Compact([]string{file, file + "-wal"}) {
			raw, _ := os.ReadFile(name) // the second may not be there
			out.Write(raw)
		}
	}
	return out.String()
}
