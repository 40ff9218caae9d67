package policy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

var update = flag.Bool("update", false, "write the messages as they are into testdata")

// thursday is a time in winter: 12:30 in Berlin.
var thursday = time.Date(2026, 1, 1, 11, 30, 0, 0, time.UTC)

const production = `policy: production
timezone: Europe/Berlin
accounts:
  "111122223333": {env: production}
  Acme: {env: sandbox}
never_touch: ["*break-glass*", "arn:aws:iam::*:role/audit", "999900001111", "vault-?"]
freeze:
  - {name: launch, from: 2026-02-01T00:00:00Z, until: 2026-02-02T00:00:00Z, activities: ["aws.ec2.*"]}
break_glass: {groups: [secops-leads]}
rules:
  - {name: own, if: call.undo == "run", then: automatic}
  - {name: nights, if: 'now.hour < 6 || now.weekday in ["saturday", "sunday"]', then: {manual: {groups: [secops-oncall]}}}
  - {name: forced, if: call.input.force, then: never, reason: nobody forces}
  - {name: sandbox, if: 'account.tags.?env.orValue("") == "sandbox"', then: automatic}
  - {name: many, if: 'call.count > 2 && call.targets.exists(t, t.startsWith("i-"))', then: never}
  - {name: drill, if: 'run.playbook == "drill" && run.started_by != ""', then: automatic}
  - {name: production, if: 'has(account.tags.env) && account.tags.env == "production"', then: {approval: {groups: [secops-oncall], quorum: 2, expires: 1h}}, reason: it earns the money}
  - {name: rest, then: manual}
`

func parse(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, problems := policy.Parse("policy.yaml", []byte(text))
	require.Empty(t, problems)
	return p
}

func facts(t testing.TB, activity, input string) policy.Facts {
	t.Helper()
	f, err := policy.FactsOf(activity, "change", []string{"instance_id", "targets"}, json.RawMessage(input))
	require.NoError(t, err)
	f.Now = thursday
	return f
}

func TestJudge(t *testing.T) {
	p := parse(t, production)
	for name, tc := range map[string]struct {
		activity, input string
		change          func(*policy.Facts)
		mode            policy.Mode
		rule, reason    string
	}{
		"the tags of the account": {input: `{"account":"111122223333","force":false}`, mode: policy.Approval, rule: "production", reason: "it earns the money"},
		"another spelling of it":  {input: `{"account":"ACME","force":false}`, mode: policy.Automatic, rule: "sandbox"},
		"nothing else decides":    {input: `{"account":"222233334444","force":false}`, mode: policy.Manual, rule: "rest"},
		"a part of the input":     {input: `{"account":"acme","force":true}`, mode: policy.Never, rule: "forced", reason: "nobody forces"},
		"what the input lacks":    {input: `{"account":"acme"}`, mode: policy.Never, rule: "forced", reason: "could not be judged"},
		"what is of another type": {input: `{"account":"acme","force":"yes"}`, mode: policy.Never, rule: "forced", reason: "could not be judged"},
		"targets":                 {input: `{"account":"b","force":false,"targets":["i-1",{"a":"x"},3]}`, mode: policy.Never, rule: "many"},
		"who started it": {input: `{"account":"b","force":false}`, mode: policy.Automatic, rule: "drill", change: func(f *policy.Facts) {
			f.Playbook, f.StartedBy = "drill", "alice"
		}},
		"the hour where we are": {input: `{}`, mode: policy.Manual, rule: "nights", change: func(f *policy.Facts) {
			f.Now = time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC) // 0:30 in Berlin
		}},
		"the day where we are": {input: `{}`, mode: policy.Manual, rule: "nights", change: func(f *policy.Facts) {
			f.Now = time.Date(2026, 1, 2, 23, 30, 0, 0, time.UTC) // Saturday in Berlin
		}},
		"the last moment of a freeze": {activity: "aws.ec2.isolate_instance", input: `{"account":"acme","force":false}`, mode: policy.Never, rule: "launch", reason: "frozen until 2026-02-02T01:00:00+01:00", change: func(f *policy.Facts) {
			f.Now = time.Date(2026, 2, 1, 23, 59, 59, 0, time.UTC)
		}},
		"the moment after it": {activity: "aws.ec2.isolate_instance", input: `{"account":"acme","force":false}`, mode: policy.Automatic, rule: "sandbox", change: func(f *policy.Facts) {
			f.Now = time.Date(2026, 2, 2, 11, 0, 0, 0, time.UTC)
		}},
		"a freeze of other activities": {activity: "aws.iam.x", input: `{"account":"acme","force":false}`, mode: policy.Manual, rule: "nights", change: func(f *policy.Facts) {
			f.Now = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
		}},
		"an undo in a freeze": {activity: "aws.ec2.isolate_instance", input: `{}`, mode: policy.Automatic, rule: "own", change: func(f *policy.Facts) {
			f.Undo, f.Now = policy.UndoByRun, time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
		}},
		"never, even to undo": {input: `{"account":"acme","instance_id":"the-Break-Glass-role"}`, mode: policy.Never, rule: policy.NeverTouchRule, reason: `"*break-glass*"`, change: func(f *policy.Facts) {
			f.Undo = policy.UndoByRun
		}},
		"no input at all": {mode: policy.Never, rule: "forced", change: func(f *policy.Facts) { f.Input = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.input == "" {
				tc.input = "{}"
			}
			f := facts(t, "aws.x.y", tc.input)
			if tc.activity != "" {
				f.Activity = tc.activity
			}
			if tc.change != nil {
				tc.change(&f)
			}
			v := p.Judge(f)
			require.Equal(t, tc.mode, v.Mode, v)
			require.Equal(t, tc.rule, v.Rule)
			require.Contains(t, v.Reason, tc.reason)
			require.LessOrEqual(t, len(v.Reason), 503)
		})
	}
	v := p.Judge(facts(t, "a.b", `{"account":"111122223333","force":false}`))
	require.Equal(t, policy.Verdict{Mode: policy.Approval, Rule: "production", Reason: "it earns the money", Expires: time.Hour, Need: need(2, "secops-oncall")}, v)
	v.Need.Groups[0] = "anybody"
	require.Equal(t, "secops-oncall", p.Judge(facts(t, "a.b", `{"account":"111122223333","force":false}`)).Need.Groups[0], "nobody else's list")
	require.Equal(t, []string{"secops-leads"}, p.BreakGlass())
	require.Equal(t, "production", p.Name())
}

func TestNeverTouch(t *testing.T) {
	p := parse(t, production)
	for input, want := range map[string]string{
		`{"account":"999900001111"}`:                                       "999900001111",
		`{"instance_id":"my-BREAK-glass"}`:                                 "*break-glass*",
		`{"instance_id":"brea\u212a-glass"}`:                               "*break-glass*", // the sign of Kelvin is a K
		`{"targets":["i-1",{"deep":["ARN:aws:iam::5:role/audit"]}]}`:       "arn:aws:iam::*:role/audit",
		`{"targets":["arn:aws:iam::5:role/audit/2"]}`:                      "",
		`{"instance_id":"vault-1"}`:                                        "vault-?",
		`{"instance_id":"vault-"}`:                                         "",
		`{"instance_id":"vault-12"}`:                                       "",
		`{"targets":[999900001111]}`:                                       "999900001111",
		`{"other":"break-glass"}`:                                          "", // it is no target
		`{"instance_id":"i-1","account":"111122223333"}`:                   "",
		`{"instance_id":"` + strings.Repeat("break-glas", 20_000) + `"}`:   "", // and quickly so
		`{"instance_id":"` + strings.Repeat("x", 20_000) + `break-glass"}`: "*break-glass*",
	} {
		pattern, hit := p.NeverTouch(facts(t, "a.b", input))
		require.Equal(t, want, pattern, "%.100s", input)
		require.Equal(t, want != "", hit)
	}
}

func TestFactsOf(t *testing.T) {
	f, err := policy.FactsOf("a.b", "destroy", []string{"b", "a", "none"}, json.RawMessage(`{"account":"1","region":"eu","a":{"z":"last","y":["first",true,null,1.5]},"b":"it"}`))
	require.NoError(t, err)
	require.Equal(t, []string{"it", "first", "1.5", "last"}, f.Targets)
	require.Equal(t, []string{"1", "eu", "a.b", "destroy"}, []string{f.Account, f.Region, f.Activity, f.Effect})
	for _, bad := range []string{``, `5`, `null`, `{"a":1}{}`, `{`} {
		_, err := policy.FactsOf("a.b", "destroy", nil, json.RawMessage(bad))
		require.ErrorContains(t, err, "a.b", bad)
	}
	f, err = policy.FactsOf("a.b", "change", nil, json.RawMessage(`{"account":5,"region":null}`))
	require.NoError(t, err)
	require.Empty(t, f.Account)
}

// The digest names what a policy says, not how it is laid out.
func TestDigest(t *testing.T) {
	one := parse(t, "policy: a\nrules: [{name: a, then: manual}]\n")
	require.Equal(t, one.Digest(), parse(t, "# why\nrules:\n  - name: a\n    then: manual\npolicy: 'a'\n").Digest())
	require.NotEqual(t, one.Digest(), parse(t, "policy: a\nrules: [{name: a, then: never}]\n").Digest())
}

func TestConcurrently(t *testing.T) {
	p := parse(t, production)
	f := facts(t, "a.b", `{"account":"111122223333","force":false}`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if v := p.Judge(f); v.Rule != "production" {
					panic(fmt.Sprint(v))
				}
			}
		})
	}
	all.Wait()
}

// Each file of testdata/err is a policy with mistakes, and the file .out beside it what its author is told.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/err/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var known []policy.Known
			if filepath.Base(file) == "known.yaml" {
				known = []policy.Known{{
					Activities: []string{"aws.iam.disable_access_key", "aws.guardduty.archive_finding"},
					Groups:     playbook.Table[[]string]{"secops-oncall": {"alice", "bob"}, "secops-leads": {"carol"}},
				}}
			}
			p, problems := policy.Parse(filepath.Base(file), text, known...)
			require.Nil(t, p)
			golden(t, strings.TrimSuffix(file, ".yaml")+".out", problems)
		})
	}
	_, problems := policy.Parse("large.yaml", []byte("policy: a # "+strings.Repeat("x", playbook.MaxSize)))
	require.ErrorContains(t, problems, "large.yaml:1:1: the file is")
}

func golden(t *testing.T, file string, problems policy.Problems) {
	t.Helper()
	require.NotEmpty(t, problems)
	got := problems.Error() + "\n"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// BenchmarkJudge is what every effect costs.
func BenchmarkJudge(b *testing.B) {
	p := parse(b, production)
	f := facts(b, "a.b", `{"account":"111122223333","force":false,"instance_id":"i-0123456789abcdef0"}`)
	for b.Loop() {
		p.Judge(f)
	}
}
