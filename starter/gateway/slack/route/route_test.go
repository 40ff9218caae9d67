package route_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/workflows/playbook"
)

var update = flag.Bool("update", false, "write the messages as they are into testdata")

const file = `
workspace: T0123ABC
app: A0123ABC
fallback: C0FALLBACK
accounts:
  "111122223333": {owner: payments, env: production}
  "222233334444": {team: platform}
on_call:
  payments: {timezone: Europe/Berlin, start: 2026-01-05T09:00, every: 7d, people: [alice, bob]}
  nights: {timezone: Europe/Berlin, start: 2026-03-01T08:00, every: 12h, people: [alice, bob]}
  launch:
    shifts:
      - {from: 2026-06-01T00:00, to: 2026-06-02T00:00, people: [alice, bob]}
      - {from: 2026-06-02T00:00, to: 2026-06-03T00:00, people: [carol]}
    overrides:
      - {from: 2026-06-01T12:00, to: 2026-06-01T13:00, people: [dora]}
routes:
  - {name: payments, owner: payments, channel: C01PAY, mention: [payments-oncall], on_call: [payments, nights]}
  - {name: keys, playbook: "aws-*-key", severity: high, channel: C01KEYS}
  - {name: cloud, stage: [run, audit], labels: {cloud: aws}, account: ["999900001111", ACME], channel: C01CLOUD}
  - {name: odd, if: 'int(playbook) > 1', channel: C01ODD}
  - {name: grave, if: 'severity in ["high", "critical"] && tags.?env.orValue("") != "test"', channel: G01GRAVE}
`

var known = route.Known{
	People: func(id string) bool { return id != "mallory" },
	Groups: playbook.Table[[]string]{"payments-oncall": {"alice"}, "secops-oncall": {"alice"}},
}

func parse(t *testing.T, text string) *route.Routes {
	t.Helper()
	r, err := route.Parse("slack.yaml", []byte(text), known)
	require.NoError(t, err)
	return r
}

func TestFor(t *testing.T) {
	r := parse(t, file)
	at := time.Date(2026, 1, 6, 20, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		of   route.Subject
		want route.Place
	}{
		"nothing fits":             {route.Subject{}, route.Place{Channel: "C0FALLBACK", Rule: "fallback"}},
		"owner by the file":        {route.Subject{Account: "111122223333"}, route.Place{Channel: "C01PAY", Groups: []string{"payments-oncall"}, People: []string{"alice", "bob"}, Rule: "payments"}},
		"owner by the policy":      {route.Subject{Account: "5", Tags: map[string]string{"owner": "payments"}}, route.Place{Channel: "C01PAY", Groups: []string{"payments-oncall"}, People: []string{"alice", "bob"}, Rule: "payments"}},
		"team stands in":           {route.Subject{Account: "5", Tags: map[string]string{"team": "payments"}}, route.Place{Channel: "C01PAY", Groups: []string{"payments-oncall"}, People: []string{"alice", "bob"}, Rule: "payments"}},
		"the file comes before":    {route.Subject{Account: "222233334444", Tags: map[string]string{"team": "payments"}}, route.Place{Channel: "C0FALLBACK", Rule: "fallback"}},
		"a pattern and a severity": {route.Subject{Playbook: "aws-compromised-access-key", Severity: "critical"}, route.Place{Channel: "C01KEYS", Rule: "keys"}},
		"too mild":                 {route.Subject{Playbook: "aws-compromised-access-key", Severity: "medium"}, route.Place{Channel: "C0FALLBACK", Rule: "fallback"}},
		"severity is not known":    {route.Subject{Playbook: "aws-compromised-access-key"}, route.Place{Channel: "C0FALLBACK", Rule: "fallback"}},
		"all that it names":        {route.Subject{Stage: "audit", Labels: map[string]string{"cloud": "aws", "x": "y"}, Account: "acme"}, route.Place{Channel: "C01CLOUD", Rule: "cloud"}},
		"another label":            {route.Subject{Stage: "audit", Labels: map[string]string{"cloud": "gcp"}, Account: "acme"}, route.Place{Channel: "C0FALLBACK", Rule: "fallback"}},
		"another stage":            {route.Subject{Stage: "code", Labels: map[string]string{"cloud": "aws"}, Account: "acme"}, route.Place{Channel: "C0FALLBACK", Rule: "fallback"}},
		"an expression":            {route.Subject{Severity: "high"}, route.Place{Channel: "G01GRAVE", Rule: "grave"}},
		"a tag keeps it away":      {route.Subject{Severity: "high", Tags: map[string]string{"env": "test"}}, route.Place{Channel: "C0FALLBACK", Rule: "fallback"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, r.For(tc.of, at)) })
	}
	require.Equal(t, []string{"C01CLOUD", "C01KEYS", "C01ODD", "C01PAY", "C0FALLBACK", "G01GRAVE"}, r.Channels())
	_, tried := r.Explain(route.Subject{Severity: "high"}, at)
	require.Len(t, tried, 5)
	require.Contains(t, tried[3].Why, "cannot be judged")
	require.True(t, tried[4].Fits)
}

// In Berlin the clocks go forward on 29 March 2026 at 2:00 and back on 25 October at 3:00.
func TestOnCall(t *testing.T) {
	r := parse(t, file)
	for _, tc := range []struct{ name, at, want, until string }{
		{"payments", "2026-01-05T09:00:00+01:00", "alice", "2026-01-12T09:00:00+01:00"},
		{"payments", "2026-01-12T08:59:59+01:00", "alice", "2026-01-12T09:00:00+01:00"},
		{"payments", "2026-01-12T09:00:00+01:00", "bob", "2026-01-19T09:00:00+01:00"},
		{"payments", "2026-01-05T08:59:59+01:00", "bob", "2026-01-05T09:00:00+01:00"}, // before start, as ever
		{"payments", "2025-12-29T08:59:00+01:00", "alice", "2025-12-29T09:00:00+01:00"},
		{"payments", "2026-03-30T08:59:59+02:00", "bob", "2026-03-30T09:00:00+02:00"}, // nine is nine
		{"payments", "2026-03-30T09:00:00+02:00", "alice", "2026-04-06T09:00:00+02:00"},
		{"payments", "2026-10-26T08:59:59+01:00", "bob", "2026-10-26T09:00:00+01:00"},
		{"payments", "2026-10-26T09:00:00+01:00", "alice", "2026-11-02T09:00:00+01:00"},
		{"nights", "2026-03-28T20:00:00+01:00", "bob", "2026-03-29T08:00:00+02:00"}, // a night of eleven hours
		{"nights", "2026-03-29T07:59:00+02:00", "bob", "2026-03-29T08:00:00+02:00"},
		{"nights", "2026-03-29T08:00:00+02:00", "alice", "2026-03-29T20:00:00+02:00"},
		{"nights", "2026-10-25T07:59:00+01:00", "bob", "2026-10-25T08:00:00+01:00"}, // and one of thirteen
		{"nights", "2026-10-25T08:00:00+01:00", "alice", "2026-10-25T20:00:00+01:00"},
		{"launch", "2026-05-31T23:59:59Z", "", ""},
		{"launch", "2026-06-01T00:00:00Z", "alice bob", "2026-06-01T12:00:00Z"},
		{"launch", "2026-06-01T12:30:00Z", "dora", "2026-06-01T13:00:00Z"},
		{"launch", "2026-06-01T13:00:00Z", "alice bob", "2026-06-02T00:00:00Z"},
		{"launch", "2026-06-02T23:00:00Z", "carol", "2026-06-03T00:00:00Z"},
		{"launch", "2026-06-03T00:00:00Z", "", ""},
		{"absent", "2026-06-03T00:00:00Z", "", ""},
	} {
		t.Run(tc.name+" "+tc.at, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tc.at)
			require.NoError(t, err)
			require.Equal(t, tc.want, strings.Join(r.OnCall(tc.name, at), " "))
			until := r.Until(tc.name, at)
			if len(tc.want) == 0 {
				return
			}
			end, err := time.Parse(time.RFC3339, tc.until)
			require.NoError(t, err)
			require.True(t, end.Equal(until), until)
		})
	}
	require.Equal(t, []string{"launch", "nights", "payments"}, r.Rosters())
}

// Each file of testdata/err has mistakes, and the file .out beside it what its author is told.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/err/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			r, err := route.Parse(filepath.Base(name), text, known)
			require.Nil(t, r)
			require.Error(t, err)
			got := strings.TrimSpace(err.Error()) + "\n"
			golden := strings.TrimSuffix(name, ".yaml") + ".out"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// FuzzParse feeds any bytes: there is no panic, and either there are problems with a place, or routes
// that send everything somewhere.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/err/*.yaml")
	require.NoError(f, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(file))
	at := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := route.Parse("f.yaml", text, known)
		if err != nil {
			var problems playbook.Problems
			require.ErrorAs(t, err, &problems)
			require.NotEmpty(t, problems)
			return
		}
		require.NotEmpty(t, r.For(route.Subject{Stage: "run", Severity: "high"}, at).Channel)
		for _, name := range r.Rosters() {
			if people := r.OnCall(name, at); len(people) > 0 {
				require.True(t, r.Until(name, at).After(at))
			}
		}
	})
}
