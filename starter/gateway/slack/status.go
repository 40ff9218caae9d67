package slack

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Status is how a front and its ways in are, for an operator.
type Status struct {
	Leads bool // this gateway is the one that writes
	// Behind is how many cards and messages wait to be written.
	Behind int
	// Trouble is what an operator must mend, sorted.
	Trouble []string

	// Socket says whether there is Socket Mode. The others are nothing without it.
	Socket     bool
	Sockets    int // that are up
	Reconnects int
	Strangers  bool // the app has more sockets than this gateway opened
}

// Status is how a front is now.
func (f *Front) Status() Status {
	s := Status{Trouble: f.Trouble()}
	if t := f.leading(); t != nil {
		s.Leads, s.Behind = true, t.behind()
	}
	return s
}

func (t *term) behind() int {
	t.queue.Lock()
	defer t.queue.Unlock()
	n := len(t.urgent) + len(t.lazy)
	for _, l := range t.lanes {
		n += len(l.cards)
	}
	return n
}

// Status is how it is now.
func (s *Slack) Status() Status {
	out := s.Front.Status()
	if s.socket != nil {
		is := s.socket.Status()
		out.Socket, out.Sockets, out.Reconnects, out.Strangers = true, is.Connected, is.Reconnects, is.Strangers
	}
	return out
}

// wants reports that somebody should look at it.
func (s Status) wants() bool {
	return len(s.Trouble) > 0 || s.Strangers || s.Socket && s.Sockets == 0
}

// same reports that nothing has changed that is worth a line. Sockets are opened anew all the time.
func (s Status) same(as Status) bool {
	return s.Leads == as.Leads && (s.Behind > 0) == (as.Behind > 0) && slices.Equal(s.Trouble, as.Trouble) &&
		s.Sockets == as.Sockets && s.Strangers == as.Strangers
}

// statusEvery is how often it is looked whether there is something to say: what passes within is not said.
const statusEvery = 10 * time.Second

// watch logs a line whenever something has changed, until ctx ends.
func watch(ctx context.Context, log *slog.Logger, now func() Status) {
	look := time.NewTicker(statusEvery)
	defer look.Stop()
	last := Status{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		is := now()
		if is.same(last) {
			continue
		}
		last = is
		level := slog.LevelInfo
		if is.wants() {
			level = slog.LevelWarn
		}
		log.Log(ctx, level, "how Slack is", "leads", is.Leads, "behind", is.Behind, "sockets", is.Sockets, "reconnects", is.Reconnects,
			"strangers", is.Strangers, "trouble", strings.Join(is.Trouble, "; "))
	}
}

// Part is a part of the front that may be missing. Its error says why; Ready does not wait.
type Part struct {
	Name  string
	Ready func(context.Context) error
}

// Parts are what it takes for clicks to arrive and cards to be written.
func (s *Slack) Parts() []Part {
	parts := []Part{
		{"slack app", func(context.Context) error { return s.mistaken() }},
		{"slack posting", func(context.Context) error { return s.Front.trouble.grave() }},
	}
	if s.socket != nil {
		parts = append(parts, Part{"slack socket", s.socket.Check})
	}
	return parts
}

// Ready says what is missing of all parts; nil is nothing.
func (s *Slack) Ready(ctx context.Context) error {
	var errs []error
	for _, p := range s.Parts() {
		errs = append(errs, p.Ready(ctx))
	}
	return errors.Join(errs...)
}

// mistaken is why the app is not the one of the file.
func (s *Slack) mistaken() error {
	s.state.Lock()
	defer s.state.Unlock()
	return s.wrong
}
