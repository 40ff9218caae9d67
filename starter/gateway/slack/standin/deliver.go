package standin

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ack is what the app answered.
type ack struct {
	payload []byte
	status  int // of HTTP
	noRetry bool
}

// Result is what a person has seen of what they did when Slack stopped waiting. More may come later:
// look at [Server.Ephemeral], [Server.View] and [Server.Messages], or [Server.Wait] for it.
type Result struct {
	// Acked says that the app answered in time. Otherwise the person sees a warning, and Slack does not
	// deliver it again.
	Acked bool
	// Status is that of HTTP; 0 over a socket, or where no answer came.
	Status int
	// Answer is the body of the app's answer.
	Answer string
	// Private are messages that came for this person meanwhile.
	Private []Message
	// View is the form that is open then.
	View *View
	// Errors are what a submission was told, by block_id.
	Errors map[string]string
}

// Warning says that the person sees that it did not work.
func (r Result) Warning() bool { return !r.Acked }

// Sign is the signature that Slack puts on a request: HMAC-SHA256 over the version, the time and the
// body as it is sent. https://docs.slack.dev/authentication/verifying-requests-from-slack
func Sign(secret string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	return http.Header{
		"X-Slack-Request-Timestamp": {stamp},
		"X-Slack-Signature":         {"v0=" + hex.EncodeToString(mac.Sum(nil))},
	}
}

// deliver brings a payload to the app: over a socket where one is open, else over HTTP.
func (s *Server) deliver(kind string, payload object, more object) (ack, bool) {
	payload = clone(payload)
	first, second := s.choose()
	if first != nil {
		return s.overSocket(first, second, kind, payload, more)
	}
	if s.o.RequestURL == "" {
		return ack{}, false
	}
	body, contentType := encode(kind, payload)
	header := http.Header{"Content-Type": {contentType}, "User-Agent": {"Slackbot 1.0 (+https://api.slack.com/robots)"}}
	if n, ok := more["retry_attempt"].(int); ok && n > 0 {
		header.Set("X-Slack-Retry-Num", strconv.Itoa(n))
		header.Set("X-Slack-Retry-Reason", text(more["retry_reason"]))
	}
	return s.overHTTP(header, body)
}

// encode writes a payload as Slack sends it over HTTP.
func encode(kind string, payload object) (body []byte, contentType string) {
	const form = "application/x-www-form-urlencoded"
	raw, err := json.Marshal(payload)
	if err != nil {
		panic(err) // it was cloned
	}
	switch kind {
	case "interactive":
		return []byte(url.Values{"payload": {string(raw)}}.Encode()), form
	case "slash_commands":
		values := url.Values{}
		for k, v := range payload {
			values.Set(k, text(v))
		}
		return []byte(values.Encode()), form
	default:
		return raw, "application/json"
	}
}

func (s *Server) overHTTP(header http.Header, body []byte) (ack, bool) {
	ctx, cancel := context.WithTimeout(s.ending, s.o.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.RequestURL, bytes.NewReader(body))
	if err != nil {
		return ack{}, false
	}
	s.mu.Lock()
	secret := s.secret
	s.mu.Unlock()
	for _, h := range []http.Header{header, Sign(secret, s.now(), body)} {
		for k, v := range h {
			req.Header[k] = v
		}
	}
	resp, err := s.o.HTTP.Do(req)
	if err != nil {
		return ack{}, false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxRequest))
	if err != nil {
		return ack{}, false
	}
	a := ack{status: resp.StatusCode, noRetry: resp.Header.Get("X-Slack-No-Retry") == "1"}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind != "application/json" && len(answer) > 0 {
		answer, err = json.Marshal(object{"text": string(answer)})
		if err != nil {
			return a, false
		}
	}
	a.payload = answer
	return a, resp.StatusCode == http.StatusOK
}

// Deliver brings a payload of the caller's making to the app: kind is interactive, slash_commands or
// events_api. It is for what Slack would not send, or somebody who has got hold of a socket would.
func (s *Server) Deliver(kind string, payload map[string]any) Result {
	a, ok := s.deliver(kind, payload, nil)
	return Result{Acked: ok, Status: a.status, Answer: string(a.payload)}
}
