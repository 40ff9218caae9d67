package redteam

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
)

// poisoned puts hostile text into every field of the sample event, and of what GuardDuty says of it
// itself, that the attacker writes or has influence on.
func (w *world) poisoned(change func(finding map[string]any)) string {
	w.Helper()
	raw, err := os.ReadFile(sampleEvent)
	require.NoError(w, err)
	var ev map[string]any
	require.NoError(w, json.Unmarshal(raw, &ev))
	detail := ev["detail"].(map[string]any)
	poison(detail)
	w.aws.Update(func(s *standin.State) {
		account := s.Accounts[standin.SampleAccount]
		finding := account.Regions[standin.SampleRegion].Detectors[standin.SampleDetector].Findings[standin.SampleFindingAccessKey].Document
		poison(finding)
		if change != nil {
			change(finding)
		}
		user := account.IAM.Users[leakedUser]
		user.Tags = map[string]string{hostile: hostile}
		user.AccessKeys[leakedKey].LastUsed.Service, user.AccessKeys[leakedKey].LastUsed.Region = hostile, hostile
	})
	if change != nil {
		change(detail)
	}
	out, err := json.Marshal(ev)
	require.NoError(w, err)
	return string(out)
}

// free are the fields of a finding that say what somebody else has said.
var free = []string{"title", "description", "userAgent", "isp", "org", "asnOrg", "cityName", "countryName", "threatListName", "value", "AWS::S3::Bucket", "principalId"}

func poison(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range free {
			if _, is := v[name].(string); is {
				v[name] = hostile
			}
		}
		for _, inner := range v {
			poison(inner)
		}
	case []any:
		for _, inner := range v {
			poison(inner)
		}
	}
}

// harmless fails if text could do something to a terminal, or look like another text there.
func harmless(t testing.TB, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029') {
			t.Errorf("%s prints %U:\n%q", what, r, text)
			return
		}
	}
}

// obeyed are the bytes that JSON may not hold as they are. An export is canonical JSON, which escapes
// nothing else, and does not go to a terminal.
func obeyed(r rune) bool { return r < ' ' }

// noFields fails if a line of a terminal begins as one of ours would, with what the attacker wrote.
func noFields(t testing.TB, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " ")
		for _, forged := range []string{"approved by alice", `"level":"forged"`, "egnp", "red"} {
			if strings.HasPrefix(line, forged) {
				t.Errorf("%s has a line of the attacker's: %q", what, line)
			}
		}
	}
}

// inLines fails unless each line is one JSON object without bytes that a terminal would obey.
func inLines(t testing.TB, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), "%s: %q", what, line)
		require.NotEqual(t, "forged", object["level"], what)
		harmless(t, what, line)
	}
}

// harmlessViews looks at everything that shows a run.
func (g *gate) harmlessViews(run string) {
	g.Helper()
	for name, p := range g.views(run) {
		if p.code == 2 {
			g.Errorf("%s: %s", name, p.err)
		}
		harmless(g, name+" (talk)", p.err)
		switch {
		case name == "ledger export":
			for line := range strings.Lines(p.out) {
				require.True(g, json.Valid([]byte(line)))
				require.False(g, strings.ContainsFunc(strings.TrimSuffix(line, "\n"), obeyed), "%s: %q", name, line)
			}
			continue
		case strings.Contains(name, "json"):
			require.True(g, json.Valid([]byte(p.out)), "%s: %s%s", name, p.out, p.err)
		default:
			noFields(g, name, p.out)
		}
		harmless(g, name, p.out)
	}
	for line := range strings.Lines(g.said.String()) {
		require.True(g, json.Valid([]byte(line)), "%q", line)
		require.False(g, strings.ContainsFunc(strings.TrimSuffix(line, "\n"), obeyed), "%q", line)
	}
	inLines(g, "the logs", g.logs.String())
}

// hostileFields sends an event whose free fields are hostile through everything to the approved end.
func hostileFields(t *testing.T) {
	w := newWorld(t)
	g := w.openGate()
	status, answer := g.ask("pipeline", http.MethodPost, "/v1/events", w.poisoned(nil))
	require.Equal(t, http.StatusOK, status, answer)
	r := w.asked(sampleRun)
	require.Contains(t, r.Question, "HYPERLINK", "it does not reach the card")
	g.ask("alice", http.MethodGet, ofRun(r.Run, "approvals"), "")
	g.harmlessViews(sampleRun)
	w.untouched()

	v := vote(r, approval.Approve)
	v.Reason = hostile
	body, err := json.Marshal(v)
	require.NoError(t, err)
	status, answer = g.ask("alice", http.MethodPost, ofRun(r.Run, "votes"), string(body))
	require.Equal(t, http.StatusOK, status, answer)
	w.over(sampleRun)
	require.Len(t, w.records(ledger.Vote), 1)
	g.harmlessViews(sampleRun)
	require.Equal(t, contained, w.changes())
}

// hostileNames puts hostile text where names stand: of the user, of the key, of the event itself, in
// paths of the gateway, and in the directory.
func hostileNames(t *testing.T) {
	w := newWorld(t)
	g := w.openGate()
	raw := w.poisoned(func(finding map[string]any) {
		details := finding["resource"].(map[string]any)["accessKeyDetails"].(map[string]any)
		details["userName"], details["accessKeyId"] = hostile, hostile
	})
	status, answer := g.ask("pipeline", http.MethodPost, "/v1/events", raw)
	if status == http.StatusOK {
		var all []struct {
			Started []struct{ Run string }
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &all))
		for _, s := range all[0].Started {
			w.over(s.Run)
			g.harmlessViews(s.Run)
		}
	}
	for _, path := range []string{ofRun(hostile, "approvals"), ofRun(hostile, "votes"), "/v1/reviews/" + strings.TrimPrefix(ofRun(hostile, "close"), "/v1/runs/")} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, _ := g.ask("alice", method, path, `{"`+"\\u001b[2J"+`":1}`)
			require.NotEqual(t, http.StatusOK, status)
		}
	}
	for _, args := range [][]string{{"show", hostile}, {"evidence", hostile}, {hostile}, {"show", "--" + hostile}, {"approve", hostile, hostile, "--as", hostile}} {
		p := g.starter(args...)
		require.NotZero(t, p.code)
		harmless(t, args[0], p.out+p.err)
	}
	w.untouched()

	// Whoever writes the directory could not lend a person another's name.
	named, err := json.Marshal("Bob " + hostile)
	require.NoError(t, err)
	w.write("people.yaml", replaced(people, "name: Bob", "name: "+string(named)))
	g.ask("bob", http.MethodGet, ofRun(sampleRun, "approvals"), "")
	g.harmlessViews(sampleRun)
	w.untouched()
}
