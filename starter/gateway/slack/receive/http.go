package receive

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// The paths that Slack sends to, as the app's manifest names them.
const (
	PathInteractions = "/slack/interactions"
	PathCommands     = "/slack/commands"
	PathEvents       = "/slack/events"
)

// HTTPOptions configure the way in over HTTP.
type HTTPOptions struct {
	// Secrets are the app's signing secret and, while it is being changed, the old one. Empty ones are
	// left out.
	Secrets []string
}

// HTTP takes what Slack sends over HTTP. Before it reads a word of a body it has checked the signature
// over all of it. A request counts once; one whose time is before this process began does not count,
// because a process before this one, whose memory is gone, may have taken it.
type HTTP struct {
	in       *Intake
	verify   verifier
	began    time.Time
	unsigned rate.Sometimes // how often it is logged that anybody sends anything
}

// HTTP is a way in.
func (in *Intake) HTTP(o HTTPOptions) (*HTTP, error) {
	verify, err := newVerifier(o.Secrets)
	if err != nil {
		return nil, err
	}
	return &HTTP{in: in, verify: verify, began: time.Now().Truncate(time.Second), unsigned: rate.Sometimes{Interval: time.Minute}}, nil
}

// Mount adds the paths.
func (h *HTTP) Mount(mux *http.ServeMux) {
	mux.Handle(PathInteractions, h.take("application/x-www-form-urlencoded", h.interaction))
	mux.Handle(PathCommands, h.take("application/x-www-form-urlencoded", h.command))
	mux.Handle(PathEvents, h.take("application/json", h.event))
}

// refusals are all that a sender hears who is not answered. Nothing of a request is in them.
var refusals = map[int]string{
	http.StatusBadRequest:            "not understood\n",
	http.StatusUnauthorized:          "not signed\n",
	http.StatusForbidden:             "not for this app\n",
	http.StatusMethodNotAllowed:      "want POST\n",
	http.StatusRequestEntityTooLarge: "too large\n",
	http.StatusUnsupportedMediaType:  "want another Content-Type\n",
	http.StatusServiceUnavailable:    "not taken, send again\n",
}

func refuse(w http.ResponseWriter, status int) {
	if status == http.StatusBadRequest || status == http.StatusForbidden {
		w.Header().Set("X-Slack-No-Retry", "1") // the same event would be refused again
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	respond(w, status, []byte(refusals[status]))
}

func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever hung up hears nothing
	_ = http.NewResponseController(w).Flush()
}

// read is what a verified body says: something that came in, or what Slack is to hear.
type read func(body []byte) (what incoming, answer []byte, err error)

// take does what is the same for all that Slack sends.
func (h *HTTP) take(kind string, read read) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuse(w, http.StatusMethodNotAllowed)
			return
		}
		if !isType(r.Header, kind) {
			refuse(w, http.StatusUnsupportedMediaType)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			status := http.StatusBadRequest
			if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
				status = http.StatusRequestEntityTooLarge
			}
			refuse(w, status)
			return
		}
		if status := h.counts(ctx, r.Header, body); status != http.StatusOK {
			refuse(w, status)
			return
		}
		what, says, err := read(body)
		if err != nil {
			h.in.Log.WarnContext(ctx, "Slack sent what is not understood", "path", r.URL.Path, "error", err)
			refuse(w, http.StatusBadRequest)
			return
		}
		if says != nil || what.kind == "" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			respond(w, http.StatusOK, says)
			return
		}
		h.answer(ctx, w, what)
	})
}

// counts checks the signature, and that the request did not count before.
func (h *HTTP) counts(ctx context.Context, header http.Header, body []byte) int {
	if err := h.verify(header, body); err != nil {
		h.unsigned.Do(func() {
			h.in.Log.WarnContext(ctx, "refused what was sent to the paths of Slack (told once a minute)", "error", err)
		})
		return http.StatusUnauthorized
	}
	at, err := strconv.ParseInt(header.Get(headerTimestamp), 10, 64)
	if err != nil || time.Unix(at, 0).Before(h.began) {
		h.in.Log.WarnContext(ctx, "refused a request that Slack signed before this gateway began")
		return http.StatusUnauthorized
	}
	again, err := h.in.Seen.Seen(ctx, "request "+header.Get(headerSignature), time.Now().Add(requestTime))
	switch {
	case err != nil:
		h.in.Log.ErrorContext(ctx, "refused what Slack sent: it cannot be told whether it came before", "error", err)
		return http.StatusServiceUnavailable
	case again:
		h.in.Log.WarnContext(ctx, "refused a request of Slack that came before: somebody sends it again")
		return http.StatusUnauthorized
	}
	return http.StatusOK
}

// answer hands over what came in, and answers.
func (h *HTTP) answer(ctx context.Context, w http.ResponseWriter, what incoming) {
	a, err := h.in.take(ctx, what)
	switch {
	case errors.Is(err, errForeign):
		h.in.Log.WarnContext(ctx, "refused what came from Slack", "kind", what.kind, "name", what.name, "error", err)
		refuse(w, http.StatusForbidden)
		return
	case err != nil:
		h.in.Log.ErrorContext(ctx, "did not take what came from Slack", "kind", what.kind, "name", what.name, "error", err)
		refuse(w, http.StatusServiceUnavailable)
		return
	}
	if a.body != nil {
		w.Header().Set("Content-Type", "application/json")
	}
	respond(w, http.StatusOK, a.body)
	h.in.then(ctx, what, a)
}

// interaction reads the form of an interaction: one payload, and nothing of the query.
func (h *HTTP) interaction(body []byte) (incoming, []byte, error) {
	form, err := formOf(body)
	if err != nil {
		return incoming{}, nil, err
	}
	payload, _ := form["payload"].(string)
	o, err := decode([]byte(payload))
	if err != nil {
		return incoming{}, nil, err
	}
	what, err := interaction(o)
	return what, nil, err
}

// command reads the form of a slash command. Slack also asks, signed and now and then, whether the
// certificate is good.
func (h *HTTP) command(body []byte) (incoming, []byte, error) {
	form, err := formOf(body)
	if err != nil {
		return incoming{}, nil, err
	}
	if form["ssl_check"] == "1" {
		return incoming{}, []byte{}, nil
	}
	what, err := commandOf(form)
	return what, nil, err
}

// event reads an event, or the handshake that comes when the address is set.
func (h *HTTP) event(body []byte) (incoming, []byte, error) {
	o, err := decode(body)
	if err != nil {
		return incoming{}, nil, err
	}
	var p picker
	if p.text(o, "type", maxID) == "url_verification" {
		says := p.text(o, "challenge", maxID)
		return incoming{}, []byte(says), p.err
	}
	what, err := eventOf(o)
	return what, nil, err
}

// formOf reads a form in which nothing is given twice.
func formOf(body []byte) (object, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("read what Slack sent: it is no form")
	}
	o := object{}
	for key, all := range values {
		if len(all) != 1 {
			return nil, errors.New("read what Slack sent: an entry of the form is given twice")
		}
		o[key] = all[0]
	}
	return o, nil
}

func isType(h http.Header, want string) bool {
	all := h.Values("Content-Type")
	if len(all) != 1 || h.Get("Content-Encoding") != "" {
		return false
	}
	kind, params, err := mime.ParseMediaType(all[0])
	if err != nil || kind != want {
		return false
	}
	charset, ok := params["charset"]
	return len(params) == 0 || len(params) == 1 && ok && strings.EqualFold(charset, "utf-8")
}
