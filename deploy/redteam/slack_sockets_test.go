package redteam

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	chatstandin "github.com/countersign/countersign/starter/gateway/slack/standin"
)

// thief has the app's token, and opens a socket of his own: a part of what people press goes to him.
type thief struct {
	conn *websocket.Conn
	got  atomic.Int32 // how much has come
	acks atomic.Bool  // he says that it was taken
}

func (c *chat) thief(t *testing.T) *thief {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.api+"apps.connections.open", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+chatstandin.SampleAppToken)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var open struct{ URL string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&open))
	conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), open.URL, nil)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	th := &thief{conn: conn}
	th.acks.Store(true)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			var e struct {
				Type string `json:"type"`
				ID   string `json:"envelope_id"`
			}
			if conn.ReadJSON(&e) != nil {
				return
			}
			if e.ID == "" {
				continue
			}
			th.got.Add(1)
			if th.acks.Load() && conn.WriteJSON(map[string]any{"envelope_id": e.ID}) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		th.leaves()
		<-read
	})
	return th
}

func (th *thief) leaves() { _ = th.conn.Close() } // a second time it is closed already

// stealsClicks takes what people press, loses it, and has it come twice. What counts is what is on
// record; the person sees what is not.
func stealsClicks(t *testing.T) {
	var th *thief
	c := newChat(t, overSocket, changing("quorum: 2"), func(c *chat) { th = c.thief(t) })
	r := c.started()
	m := c.card(r)
	c.eventually("there are no sockets", func() bool { return c.slack.Sockets() == 3 })
	c.eventually("nobody is told of a socket that is not ours", func() bool {
		return strings.Contains(c.logs.String(), "somebody else may hold SLACK_APP_TOKEN")
	})
	for _, acks := range []bool{true, false} {
		th.acks.Store(acks)
		for taken := th.got.Load(); th.got.Load() == taken; {
			votes := len(c.records(ledger.Vote))
			got, err := c.slack.Press("U0ALICE", m.Channel, m.TS, blocks.ActApprove)
			require.NoError(t, err)
			if th.got.Load() > taken {
				require.Equal(t, acks, got.Acked, "what was taken away and not answered looks as if it counted")
				require.Empty(t, got.Private, "nobody else says that it is recorded")
				require.Len(t, c.records(ledger.Vote), votes)
			}
		}
	}
	th.leaves()
	c.eventually("he is still there", func() bool { return c.slack.Sockets() == 2 })
	c.press("U0ALICE", m, blocks.ActApprove)
	require.Len(t, c.records(ledger.Vote), 1)
	require.Empty(t, c.records(ledger.Decision))
	c.untouched()

	c.slack.Inject(chatstandin.Fault{Method: "socket", Kind: chatstandin.DropBefore, Times: 1})
	got, err := c.slack.Press("U0BOB", m.Channel, m.TS, blocks.ActApprove)
	require.NoError(t, err)
	require.True(t, got.Warning())
	require.Len(t, c.records(ledger.Vote), 1, "it did not arrive")
	c.eventually("there are no sockets", func() bool { return c.slack.Sockets() == 2 })
	c.slack.Inject(chatstandin.Fault{Method: "socket", Kind: chatstandin.DropAfter, Times: 1})
	got, err = c.slack.Press("U0ALICE", m.Channel, m.TS, blocks.ActApprove) // and once more, though it is there
	require.NoError(t, err)
	require.True(t, got.Warning())
	c.slack.Inject(chatstandin.Fault{Method: "socket", Kind: chatstandin.Twice, Times: 1})
	c.eventually("there are no sockets", func() bool { return c.slack.Sockets() == 2 })
	c.press("U0BOB", m, blocks.ActApprove)
	c.once(2)
}
