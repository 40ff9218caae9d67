package redteam

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	chatstandin "github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows/approval"
)

// What somebody can do who reaches the paths that Slack sends to, or has seen what it sent.

// The headers of Slack's signature.
const (
	signature = "X-Slack-Signature"
	timestamp = "X-Slack-Request-Timestamp"
)

// with is a request that is changed.
func (s sent) with(change func(*sent)) sent {
	s.header = s.header.Clone()
	change(&s)
	return s
}

// right is the signature that would have counted.
func (s sent) right() string {
	seconds, _ := strconv.ParseInt(s.header.Get(timestamp), 10, 64) // without a time none would have
	return strings.TrimPrefix(chatstandin.Sign(chatstandin.SampleSecret, time.Unix(seconds, 0), []byte(s.body)).Get(signature), "v0=")
}

// unsigned are requests of somebody who has seen one of Slack's and does not have the secret.
func unsigned(real sent) map[string]sent {
	all := map[string]sent{
		"no signature":     real.with(func(s *sent) { s.header.Del(signature) }),
		"no time":          real.with(func(s *sent) { s.header.Del(timestamp) }),
		"two signatures":   real.with(func(s *sent) { s.header.Add(signature, s.header.Get(signature)) }),
		"capital letters":  real.with(func(s *sent) { s.header.Set(signature, strings.ToUpper(s.header.Get(signature))) }),
		"another version":  real.with(func(s *sent) { s.header.Set(signature, "v1"+s.header.Get(signature)[2:]) }),
		"another secret":   signed("another-secret", "{}").with(func(s *sent) { s.body = real.body }),
		"no secret":        signed("", "{}"),
		"another body":     real.with(func(s *sent) { s.body = strings.ReplaceAll(s.body, "U0ALICE", "U0BOB") }),
		"in the query":     real.with(func(s *sent) { s.path, s.body = s.path+"?"+s.body, "" }),
		"more in the body": real.with(func(s *sent) { s.body += "&a=b" }),
		"no body":          real.with(func(s *sent) { s.body = "" }),
		"too large":        real.with(func(s *sent) { s.body += strings.Repeat(" ", 4<<20) }),
		"another type":     real.with(func(s *sent) { s.header.Set("Content-Type", "application/json") }),
		"of yesterday":     real.with(func(s *sent) { resign(s, time.Now().Add(-24*time.Hour)) }),
		"six minutes ago":  real.with(func(s *sent) { resign(s, time.Now().Add(-6*time.Minute)) }),
		"in six minutes":   real.with(func(s *sent) { resign(s, time.Now().Add(6*time.Minute)) }),
	}
	for name, text := range map[string]func(*sent) *string{
		"the signature": func(s *sent) *string { return &s.header[signature][0] }, "the time": func(s *sent) *string { return &s.header[timestamp][0] },
		"the body": func(s *sent) *string { return &s.body },
	} {
		length := len(*text(&real))
		for i := 0; i < length; i += max(1, length/30) {
			all[name+" changed at "+string(rune('0'+i%10))+strings.Repeat("'", i/10)] = real.with(func(s *sent) {
				was := text(s)
				*was = (*was)[:i] + string(rune((*was)[i]^1)) + (*was)[i+1:]
			})
		}
	}
	return all
}

// resign signs anew, as the holder of the secret would have at another time.
func resign(s *sent, at time.Time) {
	maps.Copy(s.header, chatstandin.Sign(chatstandin.SampleSecret, at, []byte(s.body)))
}

// forgesClick sends what Slack did not sign, and what it signed of something else than what was shown.
func forgesClick(t *testing.T) {
	c := newChat(t, overHTTP, "")
	r := c.started()
	m := c.card(r)
	second := c.asks("second", "")
	m2 := c.card(second)
	real := c.captured("U0ALICE", m, blocks.ActApprove)
	var secret []string // that must be nowhere
	for name, is := range unsigned(real) {
		secret = append(secret, is.right())
		got := c.deliver(c.gate, is)
		require.Contains(t, []int{http.StatusUnauthorized, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge}, got.status, "%s: %s", name, got.body)
	}
	c.undecided()

	said := c.slack.Say("U0CAROL", secops, "nothing")
	value := string(r.Digest)
	for name, tc := range map[string]struct {
		status int
		change func(p map[string]any)
	}{
		"another app":            {http.StatusForbidden, func(p map[string]any) { p["api_app_id"] = "A0EVIL" }},
		"another team":           {http.StatusForbidden, func(p map[string]any) { p["team"] = map[string]any{"id": "T0OTHER"} }},
		"no team":                {http.StatusBadRequest, func(p map[string]any) { delete(p, "team") }},
		"a user of another team": {http.StatusOK, func(p map[string]any) { p["user"] = map[string]any{"id": "U0ALICE", "team_id": "T0OTHER"} }},
		"two channels":           {http.StatusBadRequest, func(p map[string]any) { p["channel"] = map[string]any{"id": other} }},
		"two buttons":            {http.StatusBadRequest, func(p map[string]any) { p["actions"] = []any{p["actions"].([]any)[0], p["actions"].([]any)[0]} }},
		"another channel":        {http.StatusOK, func(p map[string]any) { maps.Copy(p, click("U0ALICE", other, m.TS, blocks.ActApprove, value)) }},
		"another message":        {http.StatusOK, func(p map[string]any) { maps.Copy(p, click("U0ALICE", secops, said, blocks.ActApprove, value)) }},
		"another card":           {http.StatusOK, func(p map[string]any) { maps.Copy(p, click("U0ALICE", secops, m2.TS, blocks.ActApprove, value)) }},
		"of another card": {http.StatusOK, func(p map[string]any) {
			maps.Copy(p, click("U0ALICE", secops, m.TS, blocks.ActApprove, string(second.Digest)))
		}},
		"of nothing": {http.StatusOK, func(p map[string]any) {
			maps.Copy(p, click("U0ALICE", secops, m.TS, blocks.ActApprove, string(r.Plan)))
		}},
		"no value":                {http.StatusOK, func(p map[string]any) { maps.Copy(p, click("U0ALICE", secops, m.TS, blocks.ActApprove, "")) }},
		"a message of one person": {http.StatusBadRequest, func(p map[string]any) { p["container"].(map[string]any)["is_ephemeral"] = true }},
		"a form of another card": {http.StatusOK, func(p map[string]any) {
			delete(p, "channel")
			p["container"] = map[string]any{"type": "view", "view_id": "V1"}
			p["view"] = map[string]any{"id": "V1", "hash": "1", "callback_id": blocks.FormShown, "private_metadata": blocks.Meta{Digest: r.Digest, Channel: secops, Message: m2.TS}.String()}
		}},
		"a form of something else": {http.StatusOK, func(p map[string]any) {
			delete(p, "channel")
			p["container"] = map[string]any{"type": "view", "view_id": "V1"}
			p["view"] = map[string]any{"id": "V1", "hash": "1", "callback_id": blocks.FormShown, "private_metadata": blocks.Meta{Digest: second.Digest, Channel: secops, Message: m.TS}.String()}
		}},
	} {
		p := click("U0ALICE", m.Channel, m.TS, blocks.ActApprove, value)
		tc.change(p)
		is := signed(chatstandin.SampleSecret, inline(c.world, p))
		secret = append(secret, is.right())
		got := c.deliver(c.gate, is)
		require.Equal(t, tc.status, got.status, "%s: %s", name, got.body)
	}
	twice := strings.Replace(inline(c.world, click("U0CAROL", m.Channel, m.TS, blocks.ActApprove, value)), `"user":`, `"user":{"id":"U0ALICE","team_id":"T0TEAM"},"user":`, 1)
	require.Equal(t, http.StatusBadRequest, c.deliver(c.gate, signed(chatstandin.SampleSecret, twice)).status, "two users at once")
	form := signed(chatstandin.SampleSecret, twice).with(func(s *sent) {
		s.body = url.Values{"payload": {inline(c.world, click("U0CAROL", m.Channel, m.TS, blocks.ActApprove, value)), inline(c.world, click("U0ALICE", m.Channel, m.TS, blocks.ActApprove, value))}}.Encode()
		resign(s, time.Now())
	})
	require.Equal(t, http.StatusBadRequest, c.deliver(c.gate, form).status, "two payloads at once")
	c.hears("U0ALICE", "none in which that was asked")
	c.eventually("what was pressed elsewhere is not on record", func() bool { return strings.Contains(c.refusals(), "none in which that was asked") })
	c.undecided()

	require.Equal(t, http.StatusOK, c.deliver(c.gate, real).status, "and the real one counts")
	c.once(1)
	for _, is := range append(secret, real.right()) {
		require.NotContains(t, c.logs.String()+c.answers.String(), is, "a signature that counts is told")
	}
}

// playsAgain sends what Slack has sent, and was taken, to every gateway that there is.
func playsAgain(t *testing.T) {
	c := newChat(t, overHTTP, "")
	second := ledgertest.OpenURL(t, c.url)
	other := c.gateway(c.newDesk(second), second)
	r := c.started()
	real := c.captured("U0ALICE", c.card(r), blocks.ActApprove)
	require.Equal(t, http.StatusOK, c.deliver(c.gate, real).status)
	for range 3 {
		require.Equal(t, http.StatusUnauthorized, c.deliver(c.gate, real).status, "at once")
	}
	c.deliver(other, real) // it has not been there: it is the ledger that knows
	require.Equal(t, http.StatusUnauthorized, c.deliver(other, real).status)
	c.once(1)
	c.aws.Update(func(s *standin.State) { activate(s) }) // another effect would show
	c.restart()
	c.deliver(c.gate, real)
	c.deliver(c.gate, real.with(func(s *sent) { resign(s, time.Now()) })) // by somebody who has the secret, too
	c.eventually("nobody hears that it was said before", func() bool { return len(c.slack.Ephemeral("U0ALICE")) > 1 })
	c.once(1)
	c.startsOnce(r)
	require.Equal(t, "slack", bodies[ledger.VoteBody](c.world, ledger.Vote)[0].Surface)
	require.Contains(t, c.logs.String(), "refused a request of Slack that came before")
}

// startsOnce plays again, at each gateway, what started a playbook by hand.
func (c *chat) startsOnce(r approval.Request) {
	c.Helper()
	second := ledgertest.OpenURL(c, c.url)
	text := "run " + r.Playbook
	pb, err := c.library.Load().ByName(r.Playbook)
	require.NoError(c, err)
	for _, in := range pb.Inputs {
		text += " " + in.Name + "=none"
	}
	is := signed(chatstandin.SampleSecret, "").with(func(s *sent) {
		s.path = receive.PathCommands
		s.body = url.Values{
			"api_app_id": {chatstandin.SampleApp}, "team_id": {chatstandin.SampleTeam}, "user_id": {"U0ALICE"}, "channel_id": {secops},
			"command": {"/playbook"}, "text": {text}, "trigger_id": {"1.2.3"},
		}.Encode()
		resign(s, time.Now())
	})
	for _, gate := range []*replica{c.gate, c.gateway(c.newDesk(second), second)} {
		got := c.deliver(gate, is)
		require.Equal(c, http.StatusOK, got.status)
		require.Contains(c, got.body, "Started "+r.Playbook+"/manual-")
	}
	runs := map[string]bool{}
	for _, rec := range c.records(ledger.Run) {
		runs[rec.Run] = true
	}
	require.Len(c, runs, 2, "the event's, and the one by hand")
}
