package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
)

// caller is a request whose sender is known.
type caller struct {
	desk.Principal

	request *http.Request
}

func (c caller) run() string { return c.request.PathValue("run") }

// Handler is the API without a listener.
func Handler(o Options) http.Handler {
	d := o.Desk
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/events", o.events)
	mux.HandleFunc("POST /v1/deliveries", take(o, maxStart, func(ctx context.Context, c caller, ev event.Event) (Waited, error) {
		waited, err := d.Tell(ctx, c.Principal, ev)
		return Waited{waited}, err
	}))
	mux.HandleFunc("POST /v1/runs", take(o, maxStart, func(ctx context.Context, c caller, s Start) (workflows.Started, error) {
		return d.Start(ctx, c.Principal, desk.Start(s))
	}))
	mux.HandleFunc("GET /v1/runs/{run}/approvals", tell(o, func(ctx context.Context, c caller) ([]desk.Waiting, error) {
		return d.Requests(ctx, c.Principal, c.run())
	}))
	mux.HandleFunc("POST /v1/runs/{run}/votes", of(o, d.Vote))
	mux.HandleFunc("POST /v1/runs/{run}/answers", of(o, d.Answer))
	mux.HandleFunc("POST /v1/runs/{run}/delegations", of(o, d.Delegate))
	mux.HandleFunc("POST /v1/runs/{run}/edits", of(o, d.Edit))
	mux.HandleFunc("POST /v1/runs/{run}/undo", of(o, func(ctx context.Context, p desk.Principal, run string, r Reason) (workflows.Started, error) {
		return d.Undo(ctx, p, run, r.Reason)
	}))
	mux.HandleFunc("POST /v1/runs/{run}/keep", of(o, d.Keep))
	mux.HandleFunc("POST /v1/runs/{run}/cancel", of(o, func(ctx context.Context, p desk.Principal, run string, _ Done) (Done, error) {
		return Done{}, d.Cancel(ctx, p, run)
	}))
	mux.HandleFunc("POST /v1/schedules/orders", take(o, maxBody, func(ctx context.Context, c caller, in desk.TickOrder) (desk.Ordered, error) {
		return d.Order(ctx, c.Principal, in)
	}))
	mux.HandleFunc("GET /v1/switch", tell(o, func(ctx context.Context, _ caller) (desk.Switch, error) { return d.Switch(ctx) }))
	mux.HandleFunc("POST /v1/halt", take(o, maxBody, func(ctx context.Context, c caller, r Reason) (desk.Switch, error) {
		return d.Halt(ctx, c.Principal, r.Reason)
	}))
	mux.HandleFunc("POST /v1/resume", take(o, maxBody, func(ctx context.Context, c caller, r Reason) (desk.Switch, error) {
		return d.Resume(ctx, c.Principal, r.Reason)
	}))
	mux.HandleFunc("GET /v1/reviews", tell(o, func(ctx context.Context, _ caller) ([]ledger.ReviewBody, error) { return d.Reviews(ctx) }))
	mux.HandleFunc("POST /v1/reviews/{id}/close", take(o, maxBody, func(ctx context.Context, c caller, r Reason) (Done, error) {
		return Done{}, d.CloseReview(ctx, c.Principal, c.request.PathValue("id"), r.Reason)
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { says(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", o.ready)
	for _, add := range o.Routes {
		add(mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusNotFound, CodeBad, "there is no such request")
	})
	return mux
}

// of is take for what is said to a run.
func of[In, Out any](o Options, do func(context.Context, desk.Principal, string, In) (Out, error)) http.HandlerFunc {
	return take(o, maxBody, func(ctx context.Context, c caller, in In) (Out, error) { return do(ctx, c.Principal, c.run(), in) })
}

// take answers a request with a body.
func take[In, Out any](o Options, most int64, do func(context.Context, caller, In) (Out, error)) http.HandlerFunc {
	return tell(o, func(ctx context.Context, c caller) (Out, error) {
		var in In
		var out Out
		raw, err := bodyOf(nil, c.request, most, "application/json")
		if err == nil {
			err = decode(raw, &in)
		}
		if err != nil {
			return out, err
		}
		return do(ctx, c, in)
	})
}

// tell answers a request. Who sends it is known before anything of it is read.
func tell[Out any](o Options, do func(context.Context, caller) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := o.Auth.principal(r, o.Surface)
		var out Out
		if err == nil {
			out, err = do(r.Context(), caller{p, r})
		}
		if err == nil {
			answer(w, http.StatusOK, out)
			return
		}
		code, status := kindOf(err)
		if code == CodeFailed {
			o.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "person", p.Person, "error", err)
		}
		problem(w, status, code, err.Error())
	}
}

// events takes what a source sends, in whatever shape.
func (o Options) events(w http.ResponseWriter, r *http.Request) {
	tell(o, func(ctx context.Context, c caller) ([]desk.Received, error) {
		raw, err := bodyOf(w, r, event.MaxSize+1, "application/json", "application/cloudevents+json")
		if err != nil {
			return nil, err
		}
		events, err := gateway.NormaliseAll(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBody, err)
		}
		all := []desk.Received{}
		for _, ev := range events {
			got, err := o.Desk.Receive(ctx, c.Principal, ev)
			if err != nil {
				return nil, err
			}
			all = append(all, got)
		}
		return all, nil
	})(w, r)
}
