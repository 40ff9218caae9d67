package redteam

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	chatstandin "github.com/countersign/countersign/starter/gateway/slack/standin"
)

// strangersClick is everybody who sees a card and is no member of ours, though the directory has them
// among those who may, and everybody in a channel where other companies are.
func strangersClick(t *testing.T) {
	c := newChat(t, overHTTP, "")
	r := c.started()
	m := c.card(r)
	c.slack.ChangeChannel(secops, func(ch *chatstandin.Channel) { ch.Shared = true })
	c.press("U0ALICE", m, blocks.ActApprove)
	c.hears("U0ALICE", "People of another company are in this channel")
	c.undecided()
	c.slack.ChangeChannel(secops, func(ch *chatstandin.Channel) { ch.Shared, ch.Pending = false, true })
	c.restart() // what a channel is counts for a minute
	c.press("U0BOB", m, blocks.ActApprove)
	c.hears("U0BOB", "or are invited")
	c.undecided()
	c.slack.ChangeChannel(secops, func(ch *chatstandin.Channel) { ch.Pending = false })
	c.slack.ChangeUser("U0BOB", func(u *chatstandin.User) { u.Guest = true })
	c.restart()
	for user, says := range map[string]string{
		"U0GUEST": "You are a guest of this workspace", "U0ULTRA": "You are a guest of a single channel", "U0ROBOT": "Bots and apps answer nothing here",
		"U0GONE": "Your Slack account is deactivated", "U0STRANGER": "You are here as a member of another workspace", "U0ZOE": "You are not in the directory",
		"U0BOB": "You are a guest of this workspace", "U0CAROL": "carol is not among those who may",
	} {
		c.press(user, m, blocks.ActApprove)
		c.hears(user, says)
		c.eventually("it is not on record that "+user+" pressed", func() bool {
			for _, rec := range c.records(ledger.Refusal) {
				if strings.Contains(string(rec.Body), user) {
					return true
				}
			}
			return false
		})
		c.press(user, m, blocks.ActReject)
	}
	require.Empty(t, c.records(ledger.Vote, ledger.Decision))
	c.undecided()
	c.press("U0ALICE", m, blocks.ActApprove)
	c.once(1)
}
