package devserver

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger hands the server's log to slog. The levels are the caller's business: what the
// handler does not want is dropped before its tags are looked at.
type logger struct {
	slog *slog.Logger
	// stopping is set before the server is stopped, see Fatal. It is shared with all
	// loggers made by With.
	stopping *atomic.Bool
	// troubles is told of errors, also of those that nobody wants logged. It is shared too.
	troubles *troubles
}

var (
	_ log.Logger     = (*logger)(nil)
	_ log.WithLogger = (*logger)(nil)
)

func newLogger(l *slog.Logger, t *troubles) *logger {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	return &logger{slog: l, stopping: new(atomic.Bool), troubles: t}
}

func (l *logger) write(level slog.Level, msg string, tags []tag.Tag) {
	if level >= slog.LevelError && !l.stopping.Load() {
		l.troubles.watch(tags)
	}
	ctx := context.Background()
	if l.slog.Enabled(ctx, level) {
		l.slog.LogAttrs(ctx, level, msg, attrs(tags)...)
	}
}

func attrs(tags []tag.Tag) []slog.Attr {
	out := make([]slog.Attr, len(tags))
	for i, t := range tags {
		out[i] = slog.Any(t.Key(), t.Value())
	}
	return out
}

// With implements log.WithLogger, so that tags are prepared once.
func (l *logger) With(tags ...tag.Tag) log.Logger {
	return &logger{slog: slog.New(l.slog.Handler().WithAttrs(attrs(tags))), stopping: l.stopping, troubles: l.troubles}
}

func (l *logger) Debug(msg string, tags ...tag.Tag) { l.write(slog.LevelDebug, msg, tags) }
func (l *logger) Info(msg string, tags ...tag.Tag)  { l.write(slog.LevelInfo, msg, tags) }
func (l *logger) Warn(msg string, tags ...tag.Tag)  { l.write(slog.LevelWarn, msg, tags) }
func (l *logger) Error(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// DPanic marks what must not happen but can be lived with outside development.
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// Panic logs and panics, as the server expects.
func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	panic(msg)
}

// Fatal must not return. The server's own logger ends the process; that is not ours to end.
// While the server is built this panics, and Start turns the panic into its error. A running
// server that can no longer trust its state still brings the process down, with the reason on
// stderr. When the server is being stopped, only the goroutine ends: what fails then is a
// service that was told to stop before it had begun to serve.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	if l.stopping.Load() {
		runtime.Goexit()
	}
	fatal := &fatalError{msg: msg}
	for _, t := range tags {
		if err := tagError(t); err != nil {
			fatal.cause = err
		} else {
			fatal.msg += fmt.Sprintf(" %s=%v", t.Key(), t.Value())
		}
	}
	panic(fatal)
}

// tagError gets at an error, of which the tag's Value is only the text.
func tagError(t tag.Tag) error {
	zapTag, ok := t.(tag.ZapTag)
	if !ok {
		return nil
	}
	err, _ := zapTag.Field().Interface.(error)
	return err
}

// fatalError is what the server called fatal.
type fatalError struct {
	msg   string
	cause error
}

func (e *fatalError) Error() string {
	if e.cause == nil {
		return e.msg
	}
	return fmt.Sprintf("%s: %v", e.msg, e.cause)
}

func (e *fatalError) Unwrap() error { return e.cause }
