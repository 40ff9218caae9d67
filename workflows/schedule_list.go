package workflows

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// backfillOverlap has times that are over run one after the other, none left out.
const backfillOverlap = enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL

// Scheduled is a schedule on the cluster, and what became of its times.
type Scheduled struct {
	Playbook string `json:"playbook"`
	ID       string `json:"id"`
	Times    string `json:"times"` // cron, or every
	Zone     string `json:"zone"`
	Jitter   string `json:"jitter"`
	Overlap  string `json:"overlap"`
	CatchUp  string `json:"catch_up"`
	Paused   bool   `json:"paused"`
	Note     string `json:"note,omitempty"` // why it is paused
	// Next are the next times, with jitter; Last what became of the latest, newest first.
	Next []time.Time    `json:"next"`
	Last []ScheduledRun `json:"last"`
	// Started counts all that it started, Missed what was due while nothing was there to start it, Skipped
	// what was due while a run was under way, and Dropped what had no room in the buffer.
	Started int64 `json:"started"`
	Missed  int64 `json:"missed"`
	Skipped int64 `json:"skipped"`
	Dropped int64 `json:"dropped"`
	// Waiting are those that wait for a run to end.
	Waiting int64 `json:"waiting"`
}

// ScheduledRun is what became of one time.
type ScheduledRun struct {
	Scheduled time.Time `json:"scheduled"`
	Began     time.Time `json:"began"`
	Tick      string    `json:"tick"` // the workflow that waits for the run
	Run       string    `json:"run,omitempty"`
	State     TickState `json:"state"`
	Outcome   string    `json:"outcome,omitempty"`
	Error     string    `json:"error,omitempty"`
}

// Schedules lists the schedules that Countersign made, by playbook, each with at most that many of its
// latest times. The list may lag behind by a second or so.
func (c Client) Schedules(ctx context.Context, last int) ([]Scheduled, error) {
	names, err := c.scheduledPlaybooks(ctx)
	if err != nil {
		return nil, err
	}
	all := []Scheduled{}
	for _, name := range names {
		one, err := c.Schedule(ctx, name, last)
		if errors.Is(err, ErrNoSchedule) { // it was deleted meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// Schedule is one of Schedules.
func (c Client) Schedule(ctx context.Context, name string, last int) (Scheduled, error) {
	out := Scheduled{Playbook: name, ID: c.scheduleID(name), Next: []time.Time{}, Last: []ScheduledRun{}}
	found, err := c.handle(ctx, name).Describe(ctx)
	if err == nil {
		if _, ours := c.ours(out.ID, found.Memo); !ours {
			err = ErrNoSchedule
		}
	}
	if gone(err) {
		err = ErrNoSchedule
	}
	if err != nil {
		return out, fmt.Errorf("look at the schedule of %s: %w", name, err)
	}
	f, err := c.factsOf(found.Schedule)
	if err != nil {
		return out, fmt.Errorf("read the schedule of %s: %w", name, err)
	}
	out.Times, out.Zone, out.Jitter, out.Overlap, out.CatchUp = f["times"], f["zone"], f["jitter"], f["overlap"], f["catch_up"]
	if out.Paused = found.Schedule.State.Paused; out.Paused {
		out.Note = strings.TrimPrefix(found.Schedule.State.Note, pauseNote)
	}
	info := found.Info
	out.Next = append(out.Next, info.NextActionTimes...)
	out.Started, out.Missed, out.Skipped = int64(info.NumActions), int64(info.NumActionsMissedCatchupWindow), int64(info.NumActionsSkippedOverlap)
	if c.Namespace != "" { // the SDK does not tell these
		raw, err := c.Temporal.WorkflowService().DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{Namespace: c.Namespace, ScheduleId: out.ID})
		if err != nil {
			return out, fmt.Errorf("look at the schedule of %s: %w", name, err)
		}
		out.Dropped, out.Waiting = raw.GetInfo().GetBufferDropped(), raw.GetInfo().GetBufferSize()
	}
	for _, action := range slices.Backward(info.RecentActions) {
		if len(out.Last) >= last {
			break
		}
		if action.StartWorkflowResult != nil {
			out.Last = append(out.Last, c.becameOf(ctx, name, action))
		}
	}
	return out, nil
}

// tickTime ends the id of a tick.
var tickTime = regexp.MustCompile(`-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$`)

// becameOf asks the cluster what a tick ended with. It needs no worker.
func (c Client) becameOf(ctx context.Context, name string, action client.ScheduleActionResult) ScheduledRun {
	tick := *action.StartWorkflowResult
	out := ScheduledRun{Scheduled: action.ScheduleTime, Began: action.ActualTime, Tick: tick.WorkflowID, State: TickWaiting}
	if m := tickTime.FindStringSubmatch(tick.WorkflowID); m != nil {
		if at, err := time.Parse(time.RFC3339, m[1]); err == nil {
			out.Scheduled = at
		}
	}
	over, err := c.Over(ctx, tick.WorkflowID, "") // the last of its histories
	switch {
	case err != nil:
		out.State, out.Error = "unknown", err.Error()
		return out
	case over.Status == "":
		out.State, out.Run = TickStarted, RunID(name, ScheduledKey(out.Scheduled))
		return out
	}
	var st TickStatus
	err = c.Temporal.GetWorkflow(ctx, tick.WorkflowID, "").Get(ctx, &st)
	var app *temporal.ApplicationError
	switch {
	case err == nil:
	case errors.As(err, &app) && app.HasDetails() && app.Details(&st) == nil:
	case temporal.IsCanceledError(err):
		st.State, st.Run = TickCancelled, RunID(name, ScheduledKey(out.Scheduled))
	default:
		st.State, st.Error = TickFailed, "the tick is "+over.Status
	}
	out.Run, out.State, out.Outcome, out.Error = st.Run, st.State, st.Outcome, st.Error
	return out
}
