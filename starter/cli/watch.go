package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
)

// patience is how long a watched run may be without a worker.
const patience = 30 * time.Second

// watch follows runs side by side until all are over, and fills in how they ended. Those that had
// ended before are left as they are. However short the wait, each run is asked once.
func (a *app) watch(ctx context.Context, runs Runs, started []*startedJSON, wait time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	errs := make([]error, len(started))
	for i, s := range started {
		if s.State != "" {
			continue
		}
		to := a.err
		if len(started) > 1 {
			to = &prefixed{w: a.err, prefix: s.Playbook + "  ", mu: &mu}
		}
		all.Go(func() {
			last, err := a.follow(ctx, bounded, runs, s.Run, to)
			switch {
			case err == nil:
				s.end(last)
			case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
				errs[i] = unknown(fmt.Errorf("the run %s is not over after %s", s.Run, wait), "it goes on: "+a.command("show", s.Run))
			default:
				errs[i] = a.ofRun(err, s.Run)
			}
		})
	}
	all.Wait()
	err := a.ended(started)
	unknown := errors.Join(errs...)
	if err == nil || unknown == nil {
		return errors.Join(err, unknown)
	}
	a.exit(unknown) // prints it; that another run failed is certain, and weighs more
	return err
}

// ended says how runs ended. Its error is nil if all that are over are done.
func (a *app) ended(started []*startedJSON) error {
	code := exitDone
	for _, s := range started {
		if s.State == "" {
			continue
		}
		if s.State != string(workflows.Done) {
			code = exitRefused
		}
		if !a.json() {
			if err := a.print("%-7s %s  %s", s.State, s.Run, cleaned(s.Outcome+s.Error)); err != nil {
				return err
			}
		}
	}
	if code != exitDone {
		return told(code)
	}
	return nil
}

// follow tells one run, with those that it calls, until it is over or bounded, which is part of ctx,
// ends; and shows each approval and question when it is asked.
func (a *app) follow(ctx, bounded context.Context, runs Runs, run string, to io.Writer) (*workflows.Status, error) {
	var mu sync.Mutex // held by whoever writes to to
	var called sync.WaitGroup
	defer called.Wait()
	followed := map[string]bool{}
	progress := card.NewProgress(to)
	shown := map[string]bool{}
	var last *workflows.Status
	see := func(st *workflows.Status) bool {
		mu.Lock()
		defer mu.Unlock()
		last = st
		progress.See(st)
		for _, asking := range st.Asking() {
			if !shown[asking.ID] {
				shown[asking.ID] = true
				a.ask(to, st, asking)
			}
		}
		for _, other := range st.Called {
			if !followed[other] {
				followed[other] = true
				name := card.Exact(strings.TrimPrefix(other, st.Run+"/"))
				called.Go(func() {
					// It tells; how it ended the step that called it says.
					_, _ = a.follow(ctx, bounded, runs, other, &prefixed{w: to, prefix: name + "  ", mu: &mu})
				})
			}
		}
		for _, q := range st.Unanswered() {
			if !shown[q.ID] {
				shown[q.ID] = true
				_, _ = io.WriteString(to, "\n")
				_ = card.Question(to, st, q, a.Now())
				_, _ = fmt.Fprintf(to, "\n  answer:   %s\n\n", a.fillCommand(st, q))
			}
		}
		return true
	}
	err := runs.Watch(bounded, run, patience, see)
	if last == nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		first, askErr := runs.Status(ctx, run)
		if askErr != nil {
			return nil, askErr
		}
		if see(first); first.State.Over() {
			err = nil
		}
	}
	if err == nil && (last == nil || !last.State.Over()) {
		err = errors.New("the watch ended before the run")
	}
	return last, err
}

// ask shows an approval and how to answer it.
func (a *app) ask(to io.Writer, st *workflows.Status, asking *workflows.ApprovalStatus) {
	_, _ = io.WriteString(to, "\n")
	_ = card.Request(to, st, asking, a.Now()) // talk, as all of Err
	_, _ = fmt.Fprintf(to, "\n  approve:  %s\n  reject:   %s\n\n", a.answerCommand("approve", st, asking), a.answerCommand("reject", st, asking))
}

func (a *app) answerCommand(verb string, st *workflows.Status, asking *workflows.ApprovalStatus) string {
	return a.command(verb, st.Run, asking.ID, "--as", "you@example.com", "--digest", asking.Digest.Short())
}

// prefixed says before each line of which run it is. One Write is one piece: runs do not mix.
type prefixed struct {
	w      io.Writer
	prefix string
	mu     *sync.Mutex
}

func (p *prefixed) Write(b []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(b) {
		if len(bytes.TrimSpace(line)) > 0 {
			out.WriteString(p.prefix)
		}
		out.Write(line)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}
