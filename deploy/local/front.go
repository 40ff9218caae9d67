package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// front is the terminal: it shows every run's steps as they happen, shows what is asked, and takes
// the answer. One goroutine follows each run; all printing happens in one, so lines never mix.
type front struct {
	o        options
	s        Streams
	d        *deployment
	seen     chan seen
	lines    chan string
	progress map[string]*card.Progress
	links    map[string]string
	last     map[string]*workflows.Status
	asked    []*question // shown and not yet decided, the oldest first
	done     int         // changes of the stand-in that were shown
}

// seen is what a follower has to tell.
type seen struct {
	run    string
	status *workflows.Status
	err    error
}

// question is a request that was shown.
type question struct {
	run string
	ask *workflows.ApprovalStatus
}

func newFront(o options, s Streams, d *deployment) *front {
	f := &front{
		o: o, s: s, d: d,
		seen: make(chan seen), progress: map[string]*card.Progress{}, links: map[string]string{}, last: map[string]*workflows.Status{},
	}
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
	if _, known := f.links[run]; known {
		return
	}
	f.links[run] = f.d.server.RunURL(run, execution)
	f.progress[run] = card.NewProgress(f.s.Out)
	tell := func(s seen) bool {
		select {
		case f.seen <- s:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		err := f.d.runs.Watch(ctx, run, patience, func(status *workflows.Status) bool {
			return tell(seen{run: run, status: status})
		})
		if err != nil && ctx.Err() == nil {
			tell(seen{run: run, err: err})
		}
	}()
}

// wait shows all runs until each is over, and returns how they ended.
func (f *front) wait(ctx context.Context) ([]*workflows.Status, error) {
	for {
		over := make([]*workflows.Status, 0, len(f.links))
		for _, run := range f.runs() {
			if status := f.last[run]; status != nil && status.State.Over() {
				over = append(over, status)
			}
		}
		if len(over) == len(f.links) {
			return over, nil
		}
		if err := f.next(ctx, nil); err != nil {
			return nil, err
		}
	}
}

// serve shows runs, also those that others start, until it is told to stop.
func (f *front) serve(ctx context.Context) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		if err := f.next(ctx, look.C); err != nil {
			if ctx.Err() != nil {
				fmt.Fprintln(f.s.Err, "\nstopping; the next start carries on with runs that wait")
				return nil
			}
			return err
		}
	}
}

// next handles one thing that happens.
func (f *front) next(ctx context.Context, look <-chan time.Time) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case s := <-f.seen:
		if s.err != nil {
			return fmt.Errorf("follow the run %s: %w", s.run, s.err)
		}
		return f.show(ctx, s.status)
	case line, open := <-f.lines:
		if !open {
			f.lines = nil
			return nil
		}
		f.heard(ctx, line)
		return nil
	case <-look:
		open, err := f.d.runs.Runs(ctx, true, 100)
		if err != nil {
			return err
		}
		for _, run := range open {
			f.follow(ctx, run.Run, run.Execution)
		}
		return nil
	}
}

func (f *front) runs() []string {
	runs := make([]string, 0, len(f.links))
	for run := range f.links {
		runs = append(runs, run)
	}
	slices.Sort(runs)
	return runs
}

// show prints what changed in a run, asks what it asks, and closes it when it is over.
func (f *front) show(ctx context.Context, status *workflows.Status) error {
	before := f.last[status.Run]
	f.last[status.Run] = status
	f.progress[status.Run].See(status)
	f.asked = slices.DeleteFunc(f.asked, func(q *question) bool {
		return q.run == status.Run && !slices.ContainsFunc(status.Asking(), func(a *workflows.ApprovalStatus) bool { return a.ID == q.ask.ID })
	})
	for _, a := range status.Asking() {
		if slices.ContainsFunc(f.asked, func(q *question) bool { return q.run == status.Run && q.ask.ID == a.ID }) {
			continue
		}
		if err := f.ask(ctx, status, a); err != nil {
			return err
		}
	}
	if status.State.Over() && (before == nil || !before.State.Over()) {
		f.closeRun(status)
	}
	return nil
}

// ask shows a card. With --approve-as or --reject-as the answer follows at once.
func (f *front) ask(ctx context.Context, status *workflows.Status, a *workflows.ApprovalStatus) error {
	fmt.Fprintln(f.s.Out)
	if err := card.Request(f.s.Out, status, a, time.Now()); err != nil {
		return err
	}
	fmt.Fprintln(f.s.Out)
	f.asked = append(f.asked, &question{status.Run, a})
	if person, verdict, ok := f.o.answer(); ok {
		return f.vote(ctx, status.Run, a, person, verdict, f.o.reason)
	}
	elsewhere := fmt.Sprintf("go run ./starter approve %s %s --as %s --address %s", status.Run, a.ID, f.o.as, f.d.server.Address())
	if f.s.Terminal {
		f.prompt()
	} else {
		fmt.Fprintf(f.s.Err, "waiting for an answer; give it with\n  %s\n  %s\n", elsewhere, strings.Replace(elsewhere, "approve", "reject", 1))
	}
	return nil
}

func (f *front) prompt() {
	fmt.Fprintf(f.s.Err, "As %s: approve, or reject [reason]? ", f.o.as)
}

// heard takes a line from the terminal as the answer to the oldest question.
func (f *front) heard(ctx context.Context, line string) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	var verdict approval.Verdict
	switch strings.ToLower(word) {
	case "a", "approve":
		verdict = approval.Approve
	case "r", "reject":
		verdict = approval.Reject
	}
	switch {
	case len(f.asked) == 0:
		if word != "" {
			fmt.Fprintln(f.s.Err, "nothing is being asked; Ctrl-C ends")
		}
		return
	case verdict == "":
		f.prompt()
		return
	}
	q := f.asked[0]
	if err := f.vote(ctx, q.run, q.ask, f.o.as, verdict, strings.TrimSpace(rest)); err != nil {
		fmt.Fprintln(f.s.Err, "not recorded:", card.Clean(err.Error(), maxError))
		f.prompt()
	}
}

// maxError bounds an error that is shown, in runes.
const maxError = 500

func (f *front) vote(ctx context.Context, run string, a *workflows.ApprovalStatus, person string, verdict approval.Verdict, reason string) error {
	_, err := f.d.runs.Vote(ctx, run, approval.Vote{
		Approval: a.ID, Digest: a.Digest, Person: person, Verdict: verdict, Reason: reason,
	})
	return err
}

// closeRun prints what a run came to, what changed in the stand-in, and where to read on.
func (f *front) closeRun(status *workflows.Status) {
	fmt.Fprintln(f.s.Out)
	if f.d.aws != nil {
		all := f.d.aws.Mutations()
		changed := slices.DeleteFunc(slices.Clone(all[f.done:]), func(m standin.Mutation) bool { return !m.Changed })
		f.done = len(all)
		fmt.Fprintf(f.s.Out, "changes in AWS (the stand-in): %d\n", len(changed))
		for _, m := range changed {
			fmt.Fprintf(f.s.Out, "  %s:%s\n", m.Service, m.Action)
		}
	}
	fmt.Fprintf(f.s.Out, "the run in Temporal's UI: %s\n", f.links[status.Run])
	fmt.Fprintf(f.s.Out, "the whole story:          go run ./starter show %s --address %s\n", status.Run, f.d.server.Address())
	if !f.o.once {
		fmt.Fprintln(f.s.Err, "\nstill up; Ctrl-C ends")
	}
}
