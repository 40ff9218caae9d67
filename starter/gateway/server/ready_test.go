package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/server"
)

// Probes need no token, and hear no more than which part is not ready. Routes of others see to
// themselves, and to the host the server sees as ever.
func TestReady(t *testing.T) {
	h := build(t)
	var slack error
	h.Ready = []server.Check{
		{Name: "ledger", Ready: func(context.Context) error { return nil }},
		{Name: "slack", Ready: func(context.Context) error { return slack }},
	}
	h.Routes = []func(*http.ServeMux){func(mux *http.ServeMux) {
		mux.HandleFunc("/slack/events", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	}}
	url := h.serve(t)
	get := func(path, host string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, http.NoBody)
		require.NoError(t, err)
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(raw)
	}
	for name, tc := range map[string]struct {
		path, host string
		slack      error
		status     int
		says       string
	}{
		"it runs":       {"/healthz", "", errors.New("xapp-secret"), 200, "ok\n"},
		"ready":         {"/readyz", "", nil, 200, "ok\n"},
		"not ready":     {"/readyz", "", errors.New("xapp-secret"), 503, "not ready: slack\n"},
		"another host":  {"/readyz", "evil.example.com", nil, 421, ""},
		"its own route": {"/slack/events", "", nil, 418, ""},
		"at its host":   {"/slack/events", "evil.example.com", nil, 421, ""},
		"the API":       {"/v1/switch", "", nil, 401, ""},
	} {
		slack = tc.slack
		status, says := get(tc.path, tc.host)
		require.Equal(t, tc.status, status, name)
		if tc.says != "" {
			require.Equal(t, tc.says, says, name)
		}
	}
}
