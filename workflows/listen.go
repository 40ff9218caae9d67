package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// listen takes votes, answers, events and repeats for as long as the run lives.
func (r *run) listen(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, DecideUpdate,
		func(ctx workflow.Context, v approval.Vote) (VoteResult, error) { return r.vote(ctx, v) },
		workflow.UpdateHandlerOptions{
			Validator:   func(ctx workflow.Context, v approval.Vote) error { return r.admit(ctx, v) },
			Description: "one person's answer to an approval",
		})
	if err != nil {
		return fmt.Errorf("set up the decide update: %w", err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, AnswerUpdate,
		func(ctx workflow.Context, a approval.Answer) (approval.Ending, error) { return r.answer(ctx, a) },
		workflow.UpdateHandlerOptions{
			Validator:   func(_ workflow.Context, a approval.Answer) error { return r.admitAnswer(a) },
			Description: "one person's answer to a question",
		})
	if err != nil {
		return fmt.Errorf("set up the answer update: %w", err)
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		selector := workflow.NewSelector(ctx)
		receive(ctx, selector, DecideSignal, func(v approval.Vote) { r.signalled(ctx, v) })
		receive(ctx, selector, AnswerSignal, func(a approval.Answer) { r.signalledAnswer(ctx, a) })
		receive(ctx, selector, EventSignal, r.offer)
		receive(ctx, selector, FullSignal, r.turnedAway)
		receive(ctx, selector, RepeatSignal, func(EventRef) { r.status.Repeats++ })
		for {
			selector.Select(ctx)
		}
	})
	return nil
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

// forPeople waits until people have done their part, or until a time.
func (r *run) forPeople(ctx workflow.Context, row *StepStatus, until time.Time, done func() bool) error {
	r.mark(row, playbook.StatusWaiting)
	r.status.State = Waiting
	r.status.waiting++
	defer func() {
		if r.status.waiting--; r.status.waiting == 0 {
			r.status.State = Running
		}
	}()
	inTime, err := workflow.AwaitWithTimeout(ctx, until.Sub(workflow.Now(ctx)), done)
	if err == nil && !inTime {
		err = settle(ctx)
	}
	if err == nil {
		r.mark(row, playbook.StatusRunning)
	}
	return err
}

// A run remembers so many refused signals, and so many bytes of each; anybody may send them.
const (
	maxRefused     = 20
	maxRefusedText = 300
)

// remember adds a signal that did not count.
func remember(refused []string, person string, err error) []string {
	if len(refused) < maxRefused {
		refused = append(refused, clip(fmt.Sprintf("%s: %v", person, err)))
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
