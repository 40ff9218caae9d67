package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
)

// listen takes what people say, events and repeats for as long as the run lives.
func (r *run) listen(ctx workflow.Context) error {
	if err := listenFor(ctx, DecideUpdate, "how an approval stands, signed by the gateway", r.stands, r.admitSigned); err != nil {
		return err
	}
	if err := listenFor(ctx, EditUpdate, "another input of a call that is asked about, signed by the gateway", r.edit, r.admitEditSigned); err != nil {
		return err
	}
	if err := listenFor(ctx, AnswerUpdate, "one person's answer to a question, signed by the gateway", r.answer,
		func(_ workflow.Context, s grant.Signed) error { return r.admitAnswerSigned(s) }); err != nil {
		return err
	}
	oneByOne(ctx, DecideSignal, r.signalled)
	oneByOne(ctx, AnswerSignal, r.signalledAnswer)
	workflow.Go(ctx, func(ctx workflow.Context) {
		selector := workflow.NewSelector(ctx)
		receive(ctx, selector, EventSignal, r.offer)
		receive(ctx, selector, FullSignal, r.turnedAway)
		receive(ctx, selector, RepeatSignal, func(EventRef) { r.status.Repeats++ })
		for {
			selector.Select(ctx)
		}
	})
	return nil
}

// listenFor takes something signed by update.
func listenFor[T any](ctx workflow.Context, name, what string, take func(workflow.Context, grant.Signed) (T, error), admit func(workflow.Context, grant.Signed) error) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, name,
		func(ctx workflow.Context, s grant.Signed) (T, error) {
			result, err := take(ctx, s)
			return result, refusedAs(err)
		},
		workflow.UpdateHandlerOptions{
			Validator:        func(ctx workflow.Context, s grant.Signed) error { return refusedAs(admit(ctx, s)) },
			UnfinishedPolicy: workflow.HandlerUnfinishedPolicyAbandon, // the run's end answers it as well
			Description:      what,
		})
	if err != nil {
		return fmt.Errorf("set up the %s update: %w", name, err)
	}
	return nil
}

// oneByOne takes something signed by signal. However many anybody sends, one is checked at a time.
func oneByOne(ctx workflow.Context, name string, take func(workflow.Context, grant.Signed)) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var s grant.Signed
			workflow.GetSignalChannel(ctx, name).Receive(ctx, &s)
			take(ctx, s)
		}
	})
}

// receive calls take for every signal of a name that can be read.
func receive[T any](ctx workflow.Context, s workflow.Selector, name string, take func(T)) {
	s.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
		// Receive would wait for the next signal when this one is something else.
		var v T
		if c.ReceiveAsync(&v) {
			take(v)
		}
	})
}

// settle lets everything else that is ready go first: what a task brings together with the end of
// a time counts as before it.
func settle(ctx workflow.Context) error {
	last := false
	workflow.Go(ctx, func(workflow.Context) { last = true })
	return workflow.Await(ctx, func() bool { return last })
}

// A run remembers so many refused signals, and so many bytes of each; anybody may send them.
const (
	maxRefused     = 20
	maxRefusedText = 300
)

// remember adds a signal that did not count.
func remember(refused []string, err error) []string {
	if len(refused) < maxRefused {
		refused = append(refused, clip(err.Error()))
	}
	return refused
}

func clip(s string) string {
	if len(s) <= maxRefusedText {
		return s
	}
	return strings.ToValidUTF8(s[:maxRefusedText], "") + "…"
}

// maxListed is how many approvals a status lists, and how many questions, and maxListedBytes how
// large they are together, unless more are open: a loop may ask hundreds, and Temporal refuses
// answers over 2 MiB.
const (
	maxListed      = 200
	maxListedBytes = 256 << 10
)

// prune takes what is over off a list, the oldest first, and says how much that was.
func prune[T interface {
	Open() bool
	weight() int
}](list []T) (kept []T, gone int) {
	bytes := 0
	for _, one := range list {
		bytes += one.weight()
	}
	most := len(list) - maxListed
	kept = slices.DeleteFunc(list, func(one T) bool {
		if gone >= most && bytes <= maxListedBytes || one.Open() {
			return false
		}
		gone++
		bytes -= one.weight()
		return true
	})
	return kept, gone
}

// weigh says how many bytes something takes in a status.
func weigh(v any) int {
	raw, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return len(raw)
}

// withdraw closes what nobody will decide any more.
func (r *run) withdraw(now time.Time) {
	for _, a := range r.status.Approvals {
		a.withdraw("the run ended first", now)
	}
	for _, q := range r.status.Questions {
		q.withdraw("the run ended first", now)
	}
}
