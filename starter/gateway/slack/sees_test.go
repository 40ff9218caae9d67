package slack_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// until waits for something to be so.
func (o *office) until(so func() bool, says ...any) {
	o.t.Helper()
	require.Eventually(o.t, so, 15*time.Second, 10*time.Millisecond, says...)
}

// card waits for the only message in the channel.
func (o *office) card(channel string) standin.Message {
	o.t.Helper()
	o.until(func() bool { return len(o.slack.Messages(channel)) > 0 && o.recorded() }, "no card")
	all := o.slack.Messages(channel)
	return all[len(all)-1]
}

// recorded reports that all that was begun to be posted is on record as posted.
func (o *office) recorded() bool {
	open := map[digest.Digest]bool{}
	for _, b := range records[ledger.MessageBody](o, ledger.Message) {
		open[b.Digest] = b.State == ledger.Posting
	}
	for _, still := range open {
		if still {
			return false
		}
	}
	return true
}

// told reports that a line is on record as said.
func (o *office) told(name string) bool {
	return slices.ContainsFunc(records[ledger.MessageBody](o, ledger.Message), func(b ledger.MessageBody) bool { return slices.Contains(b.Told, name) })
}

// final waits until nothing of a message changes any more.
func (o *office) final(m standin.Message) {
	o.t.Helper()
	o.until(func() bool {
		all := records[ledger.MessageBody](o, ledger.Message)
		last := all[len(all)-1]
		return last.State == ledger.Final && last.TS == m.TS
	}, "never final")
}

// reads waits until a message reads so.
func (o *office) reads(m standin.Message, want string) {
	o.t.Helper()
	o.until(func() bool {
		now, ok := o.slack.Message(m.Channel, m.TS)
		return ok && strings.Contains(o.slack.Plain(now), want)
	}, "never reads "+want)
}

// buttons are the actions of a message as it is now.
func (o *office) buttons(m standin.Message) []string {
	now, _ := o.slack.Message(m.Channel, m.TS)
	var all []string
	for _, b := range now.Buttons() {
		all = append(all, b.Action)
	}
	return all
}

// threadReads waits for a line below a message.
func (o *office) threadReads(m standin.Message, want string) standin.Message {
	o.t.Helper()
	var found standin.Message
	o.until(func() bool {
		for _, line := range o.slack.Thread(m.Channel, m.TS) {
			if strings.Contains(o.slack.Plain(line), want) {
				found = line
				return true
			}
		}
		return false
	}, "no line "+want)
	return found
}

// hears waits until a person alone has been told something.
func (o *office) hears(user, want string) {
	o.t.Helper()
	o.until(func() bool {
		return slices.ContainsFunc(o.slack.Ephemeral(user), func(m standin.Message) bool {
			return strings.Contains(m.Text, want) || strings.Contains(o.slack.Plain(m), want)
		})
	}, "never heard "+want)
}

// press presses a button, and asks that Slack has its answer in time.
func (o *office) press(user string, m standin.Message, action string) standin.Result {
	o.t.Helper()
	r, err := o.slack.Press(user, m.Channel, m.TS, action)
	require.NoError(o.t, err)
	require.True(o.t, r.Acked)
	return r
}

func containsText(s, want string) bool { return strings.Contains(s, want) }
