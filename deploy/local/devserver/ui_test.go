package devserver

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testUI asks the UI of a running server.
func testUI(t *testing.T, s *Server) {
	do := func(t *testing.T, method, path string, change func(*http.Request)) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.UIURL()+path, nil)
		require.NoError(t, err)
		if change != nil {
			change(req)
		}
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res, string(body)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)

	t.Run("UI shows a run", func(t *testing.T) {
		link := s.RunURL("a/b c", "run")
		require.Equal(t, s.UIURL()+"/namespaces/default/workflows/a%2Fb%20c/run/history", link)
		require.Equal(t, s.UIURL()+"/namespaces/default/workflows/a%2Fb%20c", s.RunURL("a/b c", ""))
		res, body := do(t, http.MethodGet, strings.TrimPrefix(link, s.UIURL()), nil)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Contains(t, body, "<!doctype html>")
	})
	t.Run("UI reaches the frontend", func(t *testing.T) {
		res, body := do(t, http.MethodGet, "/api/v1/namespaces/default", nil)
		require.Equal(t, http.StatusOK, res.StatusCode, body)
		require.Contains(t, body, `"name": "default"`)
	})
	t.Run("UI asks nobody else", func(t *testing.T) {
		_, body := do(t, http.MethodGet, "/api/v1/settings", nil)
		require.Contains(t, body, `"DisableNewsFetch":true`)
	})
	for _, host := range []string{"localhost:8233", "127.0.0.1", "[::1]:8233", "localhost"} {
		t.Run("UI answers to "+host, func(t *testing.T) {
			res, _ := do(t, http.MethodGet, "/api/v1/settings", func(r *http.Request) { r.Host = host })
			require.Equal(t, http.StatusOK, res.StatusCode)
		})
	}
	for _, host := range []string{"evil.example", "evil.example:8233", "localhost.evil.example", "127.0.0.1.evil.example:80", "0.0.0.0:8233"} {
		t.Run("UI does not answer to "+host, func(t *testing.T) {
			res, body := do(t, http.MethodGet, "/api/v1/settings", func(r *http.Request) { r.Host = host })
			require.Equal(t, http.StatusMisdirectedRequest, res.StatusCode)
			require.NotContains(t, body, "Version")
		})
	}
	t.Run("UI lets no other origin in", func(t *testing.T) {
		from := func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			res, _ := do(t, method, "/api/v1/settings", from)
			require.Empty(t, res.Header.Values("Access-Control-Allow-Origin"))
		}
		res, _ := do(t, http.MethodPost, "/api/v1/namespaces/default/workflows/evil", from)
		require.Equal(t, http.StatusForbidden, res.StatusCode)
	})
	t.Run("UI wants its token for a change", func(t *testing.T) {
		res, _ := do(t, http.MethodPost, "/api/v1/namespaces/default/workflows/evil", nil)
		require.GreaterOrEqual(t, res.StatusCode, http.StatusBadRequest)
		require.Less(t, res.StatusCode, http.StatusInternalServerError)
	})
}
