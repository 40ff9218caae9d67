package slack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// reportsFor puts a report on record, as the worker does.
func (o *office) reportsFor(run string) {
	o.t.Helper()
	o.append(ledger.Entry{Kind: ledger.Reported, Run: run, Key: ledger.ReportKey(run), Topic: run, Body: ledger.ReportBody{
		Playbook: "aws-compromised-access-key", Audit: run, Title: "Audit of <!channel> 2026-11-20",
		Counts: map[string]int{"new": 2, "resolved": 1, "errors": 3, "accounts": 200, "high": 2},
		Lines:  []string{"S3.8 HIGH 111122223333 <!here> *bold* <https://evil.example.com|ok>", strings.Repeat("x", 399)},
	}})
}

// posted are the reports that are on record as posted.
func (o *office) posted() (n int) {
	for _, b := range records[ledger.MessageBody](o, ledger.Message) {
		if b.Surface == "slack-report" && b.State == ledger.Posted {
			n++
		}
	}
	return n
}

func TestReport(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.reportsFor("audit/before")
	o.serve()
	o.until(func() bool { return o.posted() == 1 }, "what was reported before it led")
	o.reportsFor("audit/now")
	o.until(func() bool { return o.posted() == 2 })
	all := o.slack.Messages(secops)
	require.Len(t, all, 2, "where the routes send the playbook")
	says := o.slack.Plain(all[1])
	for _, want := range []string{"3 could not be looked at.", "0 waived", "2 new", "1 resolved", "200 accounts", "S3.8 HIGH 111122223333", "starter audit report audit/now"} {
		require.Contains(t, says, want)
	}
	for _, m := range all {
		require.NotContains(t, m.Text, "<!")
		require.NotContains(t, o.slack.Plain(m), "<!here>")
		require.Empty(t, o.buttons(m))
	}
	o.stop()
	o.serve() // another gateway, or this one again
	o.reportsFor("audit/later")
	o.until(func() bool { return o.posted() == 3 })
	require.Len(t, o.slack.Messages(secops), 3, "each is told once")
}

// Whatever Slack answers, a report is there once when Slack is well again.
func TestReportFails(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]standin.Fault{
		"429":            {Kind: standin.Throttle, After: time.Second, Times: 1},
		"500":            {Kind: standin.ServerError, Times: 2},
		"lost":           {Kind: standin.LoseAnswer, Times: 1},
		"hangs":          {Kind: standin.HangAfter, Times: 1},
		"does not parse": {Kind: standin.Refuse, Code: "invalid_blocks", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			f.Method = "chat.postMessage"
			o.impatient(f)
			o.slack.Inject(f)
			o.serve()
			o.reportsFor("audit/now")
			o.until(func() bool { return o.posted() == 1 })
			require.Len(t, o.slack.Messages(secops), 1)
			require.Contains(t, o.slack.Plain(o.slack.Messages(secops)[0]), "2 new")
		})
	}
}

func TestReportOfAnArchivedChannel(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.slack.ChangeChannel(secops, func(c *standin.Channel) { c.Archived = true })
	o.serve()
	o.reportsFor("audit/now")
	o.until(func() bool { return o.posted() == 1 })
	require.Len(t, o.slack.Messages(other), 1)
}
