package main

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
)

// front is the terminal: it shows every run's steps as they happen, shows what is asked (see
// question.go) and what came of it. One goroutine follows each run and tells of it; everything else
// happens in one, so lines never mix.
type front struct {
	o    options
	s    Streams
	d    *deployment
	news chan news
	runs map[string]*followed
	// queue holds what waits for an answer, the oldest first.
	queue []*question
	lines chan string // what is typed; nil without a terminal
	said  map[string]bool
	done  int // changes of the stand-in that were shown
}

// followed is one run that the front shows.
type followed struct {
	link     string
	progress *card.Progress
	last     *workflows.Status
}

// news is what a follower has to tell.
type news struct {
	run    string
	status *workflows.Status
	err    error
}

func newFront(o options, s Streams, d *deployment) *front {
	f := &front{o: o, s: s, d: d, news: make(chan news), runs: map[string]*followed{}, said: map[string]bool{}}
	if d.aws != nil {
		f.done = len(d.aws.Mutations())
	}
	if s.Terminal {
		f.lines = make(chan string)
		go f.readLines()
	}
	return f
}

// readLines ends with the process: a read from a terminal cannot be interrupted.
func (f *front) readLines() {
	lines := bufio.NewScanner(f.s.In)
	for lines.Scan() {
		f.lines <- lines.Text()
	}
	close(f.lines)
}

// patience is how long a run may be without an answer; the worker is in this process.
const patience = 30 * time.Second

// follow watches a run and tells the front of every change.
func (f *front) follow(ctx context.Context, run, execution string) {
	if _, known := f.runs[run]; known {
		return
	}
	f.runs[run] = &followed{link: f.d.server.RunURL(run, execution), progress: card.NewProgress(f.s.Out)}
	tell := func(n news) bool {
		select {
		case f.news <- n:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		err := f.d.runs.Watch(ctx, run, patience, func(status *workflows.Status) bool {
			return tell(news{run: run, status: status})
		})
		if err != nil && ctx.Err() == nil {
			tell(news{run: run, err: err})
		}
	}()
}

// wait shows all runs until each is over, and returns how they ended.
func (f *front) wait(ctx context.Context) ([]*workflows.Status, error) {
	for {
		over := make([]*workflows.Status, 0, len(f.runs))
		for _, run := range expr.Keys(f.runs) {
			if last := f.runs[run].last; last != nil && last.State.Over() {
				over = append(over, last)
			}
		}
		if len(over) == len(f.runs) {
			return over, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case n := <-f.news:
			if err := f.show(ctx, n); err != nil {
				return nil, err
			}
		case line, open := <-f.lines:
			f.heard(ctx, line, open)
		}
	}
}

// serve shows runs, also those that others start, until it is told to stop. Nothing that befalls
// one run ends it.
func (f *front) serve(ctx context.Context) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(f.s.Err, "\nstopping")
			if len(f.queue) > 0 {
				fmt.Fprintln(f.s.Err, "the next start carries on with what waits for an answer")
			}
			return
		case n := <-f.news:
			if err := f.show(ctx, n); err != nil {
				f.complain(n.run, err)
			}
		case line, open := <-f.lines:
			f.heard(ctx, line, open)
		case <-look.C:
			open, err := f.d.runs.Runs(ctx, true, 100)
			if err != nil && ctx.Err() == nil {
				f.complain("", err)
			}
			for _, run := range open {
				f.follow(ctx, run.Run, run.Execution)
			}
		}
	}
}

// complain says what went wrong, once. A run that could not be followed is tried again at the next
// look.
func (f *front) complain(run string, err error) {
	delete(f.runs, run)
	text := card.Clean(err.Error(), maxError)
	if !f.said[run+text] {
		f.said[run+text] = true
		fmt.Fprintln(f.s.Err, "local:", text)
	}
}

// maxError bounds an error that is shown, in runes.
const maxError = 500

// show prints what changed in a run, asks what it asks, and closes it when it is over.
func (f *front) show(ctx context.Context, n news) error {
	if n.err != nil {
		return fmt.Errorf("follow the run %s: %w", n.run, n.err)
	}
	run := f.runs[n.run]
	before := run.last
	run.last = n.status
	run.progress.See(n.status)
	for _, called := range n.status.Called {
		f.follow(ctx, called, "")
	}
	if err := f.ask(ctx, n.status); err != nil {
		return err
	}
	if n.status.State.Over() && (before == nil || !before.State.Over()) {
		f.closeRun(run)
	}
	return nil
}

// closeRun prints what a run came to, what changed in the stand-in, and where to read on.
func (f *front) closeRun(run *followed) {
	fmt.Fprintln(f.s.Out)
	if f.d.aws != nil {
		all := f.d.aws.Mutations()
		changes := []string{}
		for _, m := range all[f.done:] {
			if m.Changed {
				changes = append(changes, m.Service+":"+m.Action)
			}
		}
		f.done = len(all)
		fmt.Fprintf(f.s.Out, "changes in AWS (the stand-in): %d\n", len(changes))
		for _, change := range changes {
			fmt.Fprintf(f.s.Out, "  %s\n", change)
		}
	}
	fmt.Fprintf(f.s.Out, "the run in Temporal's UI: %s\n", run.link)
	fmt.Fprintf(f.s.Out, "the whole story:          %s\n", f.command("show", run.last.Run))
	switch {
	case f.o.once: // neither answers when this process has ended
		fmt.Fprintf(f.s.Err, "both answer while this is up; after --once start it again: %s\n", f.again())
	case len(f.queue) == 0:
		fmt.Fprintln(f.s.Err, "\nstill up; Ctrl-C ends")
	}
}

// again is how to start this deployment and have it stay up.
func (f *front) again() string {
	line := "go run ./deploy/local"
	if filepath.Clean(f.d.gateFile) != server.LocalFile {
		line += " --state " + filepath.Dir(f.d.gateFile)
	}
	if f.o.event != "" {
		line += " --event " + f.o.event
	}
	return line
}

// command is how to say something to this deployment from elsewhere.
func (f *front) command(verb, run string) string {
	line := fmt.Sprintf("go run ./starter %s %s --address %s", verb, run, f.d.server.Address())
	if verb != "show" && filepath.Clean(f.d.gateFile) != server.LocalFile {
		line += " --gateway " + f.d.gateFile
	}
	return line
}
