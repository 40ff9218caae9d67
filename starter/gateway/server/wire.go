package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// Start is the body that starts a run: a desk.Start.
type Start struct {
	Playbook string                     `json:"playbook"`
	Digest   digest.Digest              `json:"digest,omitempty"`
	Plan     *playbook.Plan             `json:"plan,omitempty"`
	Event    *event.Event               `json:"event,omitempty"`
	Inputs   map[string]json.RawMessage `json:"inputs,omitempty"`
}

// Reason is a body that says why.
type Reason struct {
	Reason string `json:"reason"`
}

// Done is the answer where there is nothing to say.
type Done struct{}

// Waited is what became of a delivery.
type Waited struct {
	Waited bool `json:"waited"`
}

// Problem is the answer to what was not done.
type Problem struct {
	Error string `json:"error"`
	Code  Code   `json:"code"`
}

// Code says what kind of problem it is.
type Code string

// The codes.
const (
	CodeBad          Code = "bad_request"
	CodeUnauthorized Code = "unauthorized" // no token, or one that does not count
	CodeForbidden    Code = "forbidden"
	CodeRefused      Code = "refused" // it does not count
	CodeNoRun        Code = "no_run"
	CodeNoWorker     Code = "no_worker" // no run answered; it may count all the same
	CodeFailed       Code = "failed"
)

// codes are the kinds of errors that callers act on.
var codes = []struct {
	is     error
	code   Code
	status int
}{
	{errNobody, CodeUnauthorized, http.StatusUnauthorized},
	{grant.ErrToken, CodeUnauthorized, http.StatusUnauthorized},
	{desk.ErrForbidden, CodeForbidden, http.StatusForbidden},
	{approval.ErrRefused, CodeRefused, http.StatusConflict},
	{workflows.ErrTooLarge, CodeRefused, http.StatusConflict},
	{workflows.ErrNoRun, CodeNoRun, http.StatusNotFound},
	{workflows.ErrNoWorker, CodeNoWorker, http.StatusServiceUnavailable},
	{errBody, CodeBad, http.StatusBadRequest},
}

func answer(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"the answer could not be written","code":"failed"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // whoever hung up hears nothing
}

func problem(w http.ResponseWriter, status int, code Code, says string) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="countersign"`)
	}
	answer(w, status, Problem{says, code})
}

// kindOf finds the code of an error.
func kindOf(err error) (Code, int) {
	for _, c := range codes {
		if errors.Is(err, c.is) {
			return c.code, c.status
		}
	}
	return CodeFailed, http.StatusInternalServerError
}

// errBody is what is wrong with a body.
var errBody = errors.New("read the request")

// Bounds on bodies, in bytes.
const (
	maxBody  = 64 << 10
	maxStart = 4 << 20
)

// bodyOf reads a body of JSON, bounded.
func bodyOf(w http.ResponseWriter, r *http.Request, most int64, types ...string) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !contains(types, kind) || params["charset"] != "" && params["charset"] != "utf-8" {
		return nil, fmt.Errorf("%w: its Content-Type is %.80q; want %s", errBody, r.Header.Get("Content-Type"), types[0])
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBody, err)
	}
	return raw, nil
}

func contains(list []string, one string) bool {
	for _, each := range list {
		if each == one {
			return true
		}
	}
	return false
}

// decode reads exactly one value in which nothing is unknown.
func decode(raw []byte, into any) error {
	if _, err := digest.Decode(raw); err != nil {
		return fmt.Errorf("%w: %w", errBody, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errBody, err)
	}
	return nil
}
