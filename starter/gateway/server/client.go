package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
)

// Client speaks to a gateway for one person. Its errors wrap those that the desk would return.
type Client struct {
	URL   string // like http://127.0.0.1:8134
	Token string
	HTTP  *http.Client // nil: one with bounds
}

// ErrUnauthorized is returned where the gateway does not believe the token.
var ErrUnauthorized = errors.New("the gateway does not know you")

// ErrUnreachable is returned where no gateway answers.
var ErrUnreachable = errors.New("the gateway does not answer")

// patience bounds one request: a gateway may itself wait for a worker.
const patience = 45 * time.Second

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 8 << 20

// Events sends what a source sent.
func (c Client) Events(ctx context.Context, raw []byte) ([]desk.Received, error) {
	return call[[]desk.Received](ctx, c, http.MethodPost, "/v1/events", json.RawMessage(raw))
}

// Deliver tells runs that wait of an event.
func (c Client) Deliver(ctx context.Context, ev event.Event) (bool, error) {
	w, err := call[Waited](ctx, c, http.MethodPost, "/v1/deliveries", ev)
	return w.Waited, err
}

// Start starts a run.
func (c Client) Start(ctx context.Context, s Start) (workflows.Started, error) {
	return call[workflows.Started](ctx, c, http.MethodPost, "/v1/runs", s)
}

// Requests are what a run asks.
func (c Client) Requests(ctx context.Context, run string) ([]desk.Waiting, error) {
	return call[[]desk.Waiting](ctx, c, http.MethodGet, of1(run, "approvals"), nil)
}

// Vote answers a request.
func (c Client) Vote(ctx context.Context, run string, v desk.Vote) (desk.VoteResult, error) {
	return call[desk.VoteResult](ctx, c, http.MethodPost, of1(run, "votes"), v)
}

// Answer answers a question.
func (c Client) Answer(ctx context.Context, run string, a desk.Answer) (approval.Ending, error) {
	return call[approval.Ending](ctx, c, http.MethodPost, of1(run, "answers"), a)
}

// Delegate gives a vote away.
func (c Client) Delegate(ctx context.Context, run string, d desk.Delegate) (approval.Delegation, error) {
	return call[approval.Delegation](ctx, c, http.MethodPost, of1(run, "delegations"), d)
}

// Edit changes a call that is asked about.
func (c Client) Edit(ctx context.Context, run string, e desk.Edit) (workflows.EditResult, error) {
	return call[workflows.EditResult](ctx, c, http.MethodPost, of1(run, "edits"), e)
}

// Undo starts the run that takes back what a run did.
func (c Client) Undo(ctx context.Context, run, reason string) (workflows.Started, error) {
	return call[workflows.Started](ctx, c, http.MethodPost, of1(run, "undo"), Reason{reason})
}

// Keep keeps what would be put back by itself.
func (c Client) Keep(ctx context.Context, run string, k desk.Keep) (workflows.ExpiryStatus, error) {
	return call[workflows.ExpiryStatus](ctx, c, http.MethodPost, of1(run, "keep"), k)
}

// Cancel asks a run to stop.
func (c Client) Cancel(ctx context.Context, run string) error {
	_, err := call[Done](ctx, c, http.MethodPost, of1(run, "cancel"), Done{})
	return err
}

// Order has a schedule run now, or for times that are over.
func (c Client) Order(ctx context.Context, in desk.TickOrder) (desk.Ordered, error) {
	return call[desk.Ordered](ctx, c, http.MethodPost, "/v1/schedules/orders", in)
}

// Halt throws the kill switch.
func (c Client) Halt(ctx context.Context, reason string) (desk.Switch, error) {
	return call[desk.Switch](ctx, c, http.MethodPost, "/v1/halt", Reason{reason})
}

// Resume lets effects go on.
func (c Client) Resume(ctx context.Context, reason string) (desk.Switch, error) {
	return call[desk.Switch](ctx, c, http.MethodPost, "/v1/resume", Reason{reason})
}

// Switch says how the kill switch stands.
func (c Client) Switch(ctx context.Context) (desk.Switch, error) {
	return call[desk.Switch](ctx, c, http.MethodGet, "/v1/switch", nil)
}

// Reviews are those that are open.
func (c Client) Reviews(ctx context.Context) ([]ledger.ReviewBody, error) {
	return call[[]ledger.ReviewBody](ctx, c, http.MethodGet, "/v1/reviews", nil)
}

// CloseReview closes one.
func (c Client) CloseReview(ctx context.Context, id, reason string) error {
	_, err := call[Done](ctx, c, http.MethodPost, "/v1/reviews/"+url.PathEscape(id)+"/close", Reason{reason})
	return err
}

func of1(run, what string) string { return "/v1/runs/" + url.PathEscape(run) + "/" + what }

// call makes one request. It follows no redirect, which could carry the token elsewhere.
func call[Out any](ctx context.Context, c Client, method, path string, body any) (out Out, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return out, fmt.Errorf("ask the gateway: %w", err)
		}
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, reader)
	if err != nil {
		return out, fmt.Errorf("ask the gateway at %s: %w", c.URL, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	h := c.HTTP
	if h == nil {
		h = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	response, err := h.Do(request)
	if err != nil {
		return out, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.URL, errors.Unwrap(err))
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return out, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.URL, err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(raw, &out); err != nil {
			return out, fmt.Errorf("read the answer of the gateway at %s: %w", c.URL, err)
		}
		return out, nil
	}
	var p Problem
	if err := json.Unmarshal(raw, &p); err != nil || p.Error == "" {
		return out, fmt.Errorf("the gateway at %s answers %s", c.URL, response.Status)
	}
	return out, p.err()
}

// told is an error of the gateway in its own words.
type told struct {
	says string
	is   error
}

func (t told) Error() string { return t.says }
func (t told) Unwrap() error { return t.is }

func (p Problem) err() error {
	is := map[Code]error{
		CodeUnauthorized: ErrUnauthorized, CodeForbidden: desk.ErrForbidden, CodeRefused: approval.ErrRefused,
		CodeNoRun: workflows.ErrNoRun, CodeNoWorker: workflows.ErrNoWorker,
	}[p.Code]
	return told{p.Error, is}
}
