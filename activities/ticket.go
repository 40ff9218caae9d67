package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
)

// A run's ticket travels in a header of Temporal, from the client that starts the run to everything
// that the run starts: parts of loops, runs and workflows that it calls, and activities.

const ticketHeader = "countersign-ticket"

type ticketKey struct{}

// WithTicket gives what is started with ctx a ticket.
func WithTicket(ctx context.Context, t *grant.Signed) context.Context {
	return context.WithValue(ctx, ticketKey{}, t)
}

// TicketFrom is the ticket of whoever asks for the activity; nil: it has none.
func TicketFrom(ctx context.Context) *grant.Signed {
	t, _ := ctx.Value(ticketKey{}).(*grant.Signed)
	return t
}

// Tickets carries tickets; every client and worker needs it among its context propagators.
func Tickets() workflow.ContextPropagator { return tickets{} }

type tickets struct{}

func (tickets) Inject(ctx context.Context, w workflow.HeaderWriter) error {
	return inject(TicketFrom(ctx), w)
}

func (tickets) InjectFromWorkflow(ctx workflow.Context, w workflow.HeaderWriter) error {
	t, _ := ctx.Value(ticketKey{}).(*grant.Signed)
	return inject(t, w)
}

func inject(t *grant.Signed, w workflow.HeaderWriter) error {
	if t == nil {
		return nil
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(t)
	if err != nil {
		return fmt.Errorf("hand on the ticket: %w", err)
	}
	w.Set(ticketHeader, payload)
	return nil
}

func (tickets) Extract(ctx context.Context, r workflow.HeaderReader) (context.Context, error) {
	if t := extract(r); t != nil {
		ctx = WithTicket(ctx, t)
	}
	return ctx, nil
}

func (tickets) ExtractToWorkflow(ctx workflow.Context, r workflow.HeaderReader) (workflow.Context, error) {
	if t := extract(r); t != nil {
		ctx = workflow.WithValue(ctx, ticketKey{}, t)
	}
	return ctx, nil
}

// extract reads a ticket; one that cannot be read is none, and permits nothing.
func extract(r workflow.HeaderReader) *grant.Signed {
	payload, ok := r.Get(ticketHeader)
	if !ok {
		return nil
	}
	var t grant.Signed
	if converter.GetDefaultDataConverter().FromPayload(payload, &t) != nil {
		return nil
	}
	return &t
}
