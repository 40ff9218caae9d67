package receive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// NotRecorded is what a person hears where it is not certain that what they did counts.
const NotRecorded = "Not recorded, press again. Pressing twice counts once."

// Unsure is what a person hears instead whose command may have been done: what is typed again is another
// command.
const Unsure = "It is not certain that this was done. Look before you send it again."

// Config says what comes in, and how much of it at once. App and Team are needed.
type Config struct {
	App, Team  string // ids; whatever is of another app or workspace is refused
	Enterprise string // id; "" is any, or none

	// Actions, Forms and Commands are the ids that the Handler knows. What has another is acknowledged
	// and not done; nil lets all through.
	Actions, Forms, Commands []string

	// Private tells a person what a Reply to a Click says, and a Reply that is too large for an answer.
	// nil drops it.
	Private Private
	// Seen remembers what came in. nil is a [Memory] of this process.
	Seen Seen

	Budget time.Duration // of one call of the Handler; 0 is 2.5 s
	After  time.Duration // of what goes on when Slack has its answer; 0 is 30 s
	Most   int           // at once; 0 is 64
	Log    *slog.Logger  // nil: none
}

// Private tells a person something that nobody else sees. For what was pressed in a view there is
// neither a channel nor a response URL.
type Private interface {
	Private(ctx context.Context, to From, r Reply) error
}

// Bounds unless Config says otherwise.
const (
	defaultBudget = 2500 * time.Millisecond
	defaultAfter  = 30 * time.Second
	defaultMost   = 64
)

// Intake is what both ways in lead to.
type Intake struct {
	Config

	handler Handler
	slots   chan struct{} // one for each call of the handler that is under way
	running sync.WaitGroup

	mu      sync.Mutex
	strange map[string]bool // what is not known and was told of
}

var idShape = regexp.MustCompile(`^[A-Z0-9]{1,64}$`)

// New checks c.
func New(h Handler, c Config) (*Intake, error) {
	switch {
	case h == nil:
		return nil, errors.New("take what Slack sends: want a handler")
	case !idShape.MatchString(c.App) || !idShape.MatchString(c.Team):
		return nil, fmt.Errorf("take what Slack sends: app %q and workspace %q: want the ids of both, like A0123 and T0123", c.App, c.Team)
	case c.Budget < 0 || c.After < 0 || c.Most < 0:
		return nil, errors.New("take what Slack sends: want a budget, an after and a most of nothing or more")
	}
	if c.Budget == 0 {
		c.Budget = defaultBudget
	}
	if c.After == 0 {
		c.After = defaultAfter
	}
	if c.Most == 0 {
		c.Most = defaultMost
	}
	if c.Seen == nil {
		c.Seen = NewMemory(0)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Intake{Config: c, handler: h, slots: make(chan struct{}, c.Most), strange: map[string]bool{}}, nil
}

// Wait waits for what goes on after answers. Call it when nothing comes in any more.
func (in *Intake) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		in.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for what people did in Slack to be done: %w", context.Cause(ctx))
	}
}

// What keeps something from being handed over.
var (
	errForeign = errors.New("it is of another app or workspace")
	errBusy    = errors.New("too much is under way")
)

// ours checks that it is of our app and workspace.
func (in *Intake) ours(f From) error {
	if f.App != in.App || f.Team != in.Team || in.Enterprise != "" && f.Enterprise != in.Enterprise {
		return fmt.Errorf("%w: app %q, workspace %q, enterprise %q", errForeign, f.App, f.Team, f.Enterprise)
	}
	return nil
}

// knows reports whether the handler knows what came in; what it does not is told of once.
func (in *Intake) knows(ctx context.Context, what incoming) bool {
	var list []string
	switch what.kind {
	case kindClick:
		list = in.Actions
	case kindSubmission:
		list = in.Forms
	case kindCommand:
		list = in.Commands
	case kindOpened:
		return true
	case kindOther:
		if what.name == "app_rate_limited" {
			in.Log.WarnContext(ctx, "Slack holds back events of this app: it sends more than 30,000 an hour")
		}
		list = []string{}
	}
	if list == nil || slices.Contains(list, what.name) {
		return true
	}
	const most = 256
	key := string(what.kind) + " " + what.name
	in.mu.Lock()
	first := !in.strange[key] && len(in.strange) < most
	if first {
		in.strange[key] = true
	}
	in.mu.Unlock()
	if first {
		in.Log.DebugContext(ctx, "Slack sent what nothing here does", "kind", what.kind, "name", what.name)
	}
	return false
}

// take hands over what came in, and returns what Slack is answered. An error is why nothing was
// handed over and nothing is to be acknowledged.
func (in *Intake) take(ctx context.Context, what incoming) (answer, error) {
	if !in.knows(ctx, what) {
		return answer{}, nil
	}
	if err := in.ours(what.from); err != nil {
		return answer{}, err
	}
	select {
	case in.slots <- struct{}{}:
	default:
		in.Log.ErrorContext(ctx, "refused what came from Slack: too much is under way", "kind", what.kind, "name", what.name, "most", in.Most)
		if what.kind == kindOpened {
			return answer{}, errBusy
		}
		return what.notRecorded(), nil
	}
	if what.kind == kindOpened {
		return in.opened(ctx, what)
	}
	return in.call(ctx, what), nil
}

// opened takes an event, which Slack delivers again until it is acknowledged.
func (in *Intake) opened(ctx context.Context, what incoming) (answer, error) {
	again, err := in.Seen.Seen(ctx, "event "+what.opened.EventID, time.Now().Add(eventTime))
	if err != nil || again {
		<-in.slots
		return answer{}, err
	}
	return answer{after: func(ctx context.Context) {
		defer func() { <-in.slots }()
		in.handler.Opened(ctx, *what.opened)
	}}, nil
}

// call calls the handler for as long as Slack waits.
func (in *Intake) call(ctx context.Context, what incoming) answer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), in.Budget)
	result := make(chan answer, 1)
	in.running.Go(func() {
		defer func() {
			if why := recover(); why != nil {
				in.Log.ErrorContext(ctx, "a panic kept from being recorded what was done in Slack", "kind", what.kind, "name", what.name, "panic", why, "stack", string(debug.Stack()))
				result <- what.notRecorded()
			}
			cancel()
			<-in.slots
		}()
		result <- in.ask(ctx, what)
	})
	select {
	case a := <-result:
		return a
	case <-ctx.Done():
	}
	select {
	case a := <-result: // it ended just now
		return a
	default:
	}
	in.Log.ErrorContext(ctx, "what was done in Slack took too long to be recorded", "kind", what.kind, "name", what.name, "budget", in.Budget)
	return what.notRecorded()
}

func (in *Intake) ask(ctx context.Context, what incoming) answer {
	switch {
	case what.click != nil:
		return clicked(in.handler.Click(ctx, *what.click))
	case what.submission != nil:
		return submitted(in.handler.Submit(ctx, *what.submission))
	default:
		return commanded(in.handler.Command(ctx, *what.command))
	}
}

// then does what goes on when Slack has its answer.
func (in *Intake) then(ctx context.Context, what incoming, a answer) {
	if a.private.Private == "" && a.private.Blocks == nil && a.after == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	in.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, in.After)
		defer cancel()
		defer func() {
			if why := recover(); why != nil {
				in.Log.ErrorContext(ctx, "a panic ended what follows something done in Slack", "kind", what.kind, "name", what.name, "panic", why, "stack", string(debug.Stack()))
			}
		}()
		if a.after != nil {
			defer a.after(ctx)
		}
		if in.Private != nil && (a.private.Private != "" || a.private.Blocks != nil) {
			if err := in.Config.Private.Private(ctx, what.from, a.private); err != nil {
				in.Log.WarnContext(ctx, "a person in Slack was not told what came of what they did", "user", what.from.User, "name", what.name, "error", err)
			}
		}
	})
}
