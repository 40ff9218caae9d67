package standin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// A response_url takes five messages, within half an hour.
func TestResponseURL(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s, c := start(t, standin.Options{Clock: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	a, err := dial(c, ok)
	require.NoError(t, err)
	press := func() (ts, url string) {
		ts = c.post("C0SECOPS", "approve")
		_, err = s.Press("U0ALICE", "C0SECOPS", ts, "approve")
		require.NoError(t, err)
		return ts, (<-a.got)["payload"].(object)["response_url"].(string)
	}
	say := func(url string, said object) (int, string) {
		raw, err := json.Marshal(said)
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(string(raw)))
		require.NoError(t, err)
		resp, err := c.http.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	ts, url := press()
	for _, said := range []object{
		{"text": "alone"},
		{"text": "all", "response_type": "in_channel"},
		{"text": "instead", "replace_original": true},
		{"text": "no blocks", "blocks": []any{actionsBlock("undo")}},
		{"delete_original": true},
	} {
		status, body := say(url, said)
		require.Equal(t, []any{200, "ok"}, []any{status, body})
		if said["replace_original"] == true {
			m, _ := s.Message("C0SECOPS", ts)
			require.Equal(t, "instead", m.Text)
			require.Empty(t, m.Blocks)
		}
	}
	status, body := say(url, object{"text": "once more"})
	require.Equal(t, []any{404, "used_url"}, []any{status, body})
	_, there := s.Message("C0SECOPS", ts)
	require.False(t, there)
	require.Len(t, s.Ephemeral("U0ALICE"), 2)
	require.Equal(t, "all", s.Messages("C0SECOPS")[0].Text)

	// A button in what one person alone sees can be pressed by that person.
	private := s.Ephemeral("U0ALICE")[1]
	_, err = s.Press("U0BOB", "C0SECOPS", private.TS, "undo")
	require.Error(t, err)
	_, err = s.Press("U0ALICE", "C0SECOPS", private.TS, "undo")
	require.NoError(t, err)
	p := (<-a.got)["payload"].(object)
	require.Equal(t, true, p["container"].(object)["is_ephemeral"])

	_, url = press()
	status, _ = say(url, object{"text": "x", "blocks": []any{object{"type": "marquee"}}})
	require.Equal(t, 400, status)
	mu.Lock()
	now = now.Add(30*time.Minute + time.Second)
	mu.Unlock()
	status, body = say(url, object{"text": "late"})
	require.Equal(t, []any{404, "expired_url"}, []any{status, body})
}

// What is uploaded in two steps stands in the channel.
func TestUpload(t *testing.T) {
	s, c := start(t, standin.Options{})
	s.SetScopes("files:write")
	out := c.form("files.getUploadURLExternal", object{"filename": "evidence.txt", "length": "5"})
	upload := func(said string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, out["upload_url"].(string), strings.NewReader(said))
		require.NoError(t, err)
		resp, err := c.http.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	done := object{"channel_id": "C0SECOPS", "files": []any{object{"id": out["file_id"], "title": "Evidence"}}}
	require.Equal(t, "file_not_found", c.form("files.completeUploadExternal", done)["error"])
	require.Equal(t, 400, upload("hello, world"))
	require.Equal(t, 200, upload("hello"))
	require.Equal(t, true, c.form("files.completeUploadExternal", done)["ok"])
	require.Equal(t, "hello", string(s.Files("C0SECOPS")[0].Content))
}
