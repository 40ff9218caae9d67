package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// checkTime bounds all checks of one request.
const checkTime = 2 * time.Second

// ready answers probes. Anybody may ask, so it names the parts that are not ready and not why.
func (o Options) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	var parts []string
	for _, c := range o.Ready {
		if c.Ready(ctx) != nil {
			parts = append(parts, c.Name)
		}
	}
	if len(parts) > 0 {
		says(w, http.StatusServiceUnavailable, "not ready: "+strings.Join(parts, ", ")+"\n")
		return
	}
	says(w, http.StatusOK, "ok\n")
}

// says answers in plain text.
func says(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // whoever hung up hears nothing
}
