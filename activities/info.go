package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// Info is what an activity may know of the step it serves.
type Info struct {
	// Run is the id of the run: the case that tags and records name.
	Run string
	// Step is the id of the step.
	Step string
	// Attempt counts from 1.
	Attempt int
	// Scheduled is when the step asked for the call. It is the same at every attempt, so it can
	// stand in an idempotent call where "now" cannot.
	Scheduled time.Time
}

type infoKey struct{}

// WithInfo sets what InfoFrom returns; tests of an activity use it.
func WithInfo(ctx context.Context, info Info) context.Context {
	return context.WithValue(ctx, infoKey{}, info)
}

// InfoFrom tells an activity for whom it works. Without a step it is the zero Info.
func InfoFrom(ctx context.Context) Info {
	info, _ := ctx.Value(infoKey{}).(Info)
	return info
}

func withTemporalInfo(ctx context.Context) context.Context {
	info := activity.GetInfo(ctx)
	return WithInfo(ctx, Info{
		Run:       info.WorkflowExecution.ID,
		Step:      info.ActivityID,
		Attempt:   int(info.Attempt),
		Scheduled: info.ScheduledTime,
	})
}
