package workflows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// ErrNoSchedule is returned for a playbook whose schedule is not on the cluster.
var ErrNoSchedule = errors.New("its schedule is not on the cluster")

// ScheduleChange is what has to happen to a schedule so that it is as its playbook says.
type ScheduleChange struct {
	Playbook string `json:"playbook"`
	// Do is create, update, delete, keep, or foreign: somebody else made one of that name, and it is
	// left alone.
	Do string `json:"do"`
	// By is why there is something to do: playbook, which says something else than before, or cluster,
	// where somebody has changed it.
	By string `json:"by,omitempty"`
	// Differs are the things that become something else.
	Differs []Differs `json:"differs,omitempty"`
	// Paused is the reason why it is paused, and stays so.
	Paused string `json:"paused,omitempty"`

	want *client.Schedule
}

// What Do of a change is.
const (
	ScheduleCreate  = "create"
	ScheduleUpdate  = "update"
	ScheduleDelete  = "delete"
	ScheduleKeep    = "keep"
	ScheduleForeign = "foreign"
)

// What By of a change is.
const (
	ByPlaybook = "playbook"
	ByCluster  = "cluster"
)

// Differs is one thing that a schedule on the cluster says, and what it is to say. "" is nothing.
type Differs struct {
	What string `json:"what"`
	Is   string `json:"is"`
	Want string `json:"want"`
}

func (d Differs) String() string {
	return fmt.Sprintf("%s %s -> %s", d.What, cmp.Or(d.Is, "none"), cmp.Or(d.Want, "none"))
}

// PlanSchedules says what would make the schedules of the cluster those of these playbooks, by the name
// of the playbook. It changes nothing.
func (c Client) PlanSchedules(ctx context.Context, playbooks []*playbook.Playbook) ([]ScheduleChange, error) {
	wanted := map[string]bool{}
	var changes []ScheduleChange
	for _, pb := range playbooks {
		if pb.Schedule == nil {
			continue
		}
		wanted[pb.Name] = true
		change, err := c.planSchedule(ctx, pb)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	there, err := c.scheduledPlaybooks(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range there {
		if !wanted[name] {
			changes = append(changes, ScheduleChange{Playbook: name, Do: ScheduleDelete, By: ByPlaybook})
		}
	}
	slices.SortFunc(changes, func(a, b ScheduleChange) int { return strings.Compare(a.Playbook, b.Playbook) })
	return changes, nil
}

func (c Client) planSchedule(ctx context.Context, pb *playbook.Playbook) (ScheduleChange, error) {
	change := ScheduleChange{Playbook: pb.Name, Do: ScheduleCreate, By: ByPlaybook}
	want, said, err := c.wanted(pb)
	if err != nil {
		return change, fmt.Errorf("the schedule of %s: %w", pb.Name, err)
	}
	change.want = &want
	found, err := c.handle(ctx, pb.Name).Describe(ctx)
	if gone(err) {
		return change, nil
	}
	if err != nil {
		return change, fmt.Errorf("look at the schedule of %s: %w", pb.Name, err)
	}
	if _, ours := c.ours(c.scheduleID(pb.Name), found.Memo); !ours {
		change.Do, change.By, change.want = ScheduleForeign, "", nil
		return change, nil
	}
	is, err := c.factsOf(found.Schedule)
	if err != nil {
		return change, fmt.Errorf("read the schedule of %s: %w", pb.Name, err)
	}
	if reason, ok := strings.CutPrefix(is["note"], pauseNote); ok && is["paused"] != "" {
		change.Paused = reason
		said["paused"], said["note"] = is["paused"], is["note"]
		want.State.Paused, want.State.Note = true, is["note"]
	}
	for _, name := range expr.Keys(union(is, said)) {
		if is[name] != said[name] {
			change.Differs = append(change.Differs, Differs{What: name, Is: is[name], Want: said[name]})
		}
	}
	live, err := is.digest()
	if err != nil {
		return change, err
	}
	was := c.kept(found.Schedule.Action)
	by := ByPlaybook
	if live != was || is["paused"] != said["paused"] || is["note"] != said["note"] {
		by = ByCluster
	}
	target, err := said.digest()
	switch {
	case err != nil:
		return change, err
	case len(change.Differs) == 0 && was == target:
		change.Do, change.By, change.want = ScheduleKeep, "", nil
	case len(change.Differs) == 0: // only what we keep with it was changed
		change.Do, change.By = ScheduleUpdate, ByCluster
		change.Differs = []Differs{{What: "memo", Is: string(was.Short()), Want: string(target.Short())}}
	default:
		change.Do, change.By = ScheduleUpdate, by
	}
	return change, nil
}

func union(a, b facts) facts {
	all := facts{}
	for _, f := range []facts{a, b} {
		for name, value := range f { //workflowcheck:ignore // it is sorted by whoever reads it
			all[name] = value
		}
	}
	return all
}

// ApplySchedule makes one change.
func (c Client) ApplySchedule(ctx context.Context, change ScheduleChange) error {
	h := c.handle(ctx, change.Playbook)
	var err error
	switch change.Do {
	case ScheduleCreate:
		w := change.want
		_, err = c.Temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
			ID: c.scheduleID(change.Playbook), Spec: *w.Spec, Action: w.Action, Overlap: w.Policy.Overlap, CatchupWindow: w.Policy.CatchupWindow,
			Note: w.State.Note, Memo: map[string]any{scheduleKeeper: c.queue()},
		})
	case ScheduleUpdate:
		err = h.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			return &client.ScheduleUpdate{Schedule: change.want}, nil
		}})
	case ScheduleDelete:
		if err = h.Delete(ctx); gone(err) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s the schedule of %s: %w", change.Do, change.Playbook, err)
	}
	return nil
}

func (c Client) handle(ctx context.Context, name string) client.ScheduleHandle {
	return c.Temporal.ScheduleClient().GetHandle(ctx, c.scheduleID(name))
}

func gone(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// scheduledPlaybooks are those that have a schedule on the cluster which Countersign made.
func (c Client) scheduledPlaybooks(ctx context.Context) ([]string, error) {
	list, err := c.Temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 200})
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	var names []string
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		if name, ours := c.ours(entry.ID, entry.Memo); ours {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// PauseSchedule has a schedule start nothing until it is resumed. Making the cluster as the playbooks
// say does not resume it.
func (c Client) PauseSchedule(ctx context.Context, name, reason string) error {
	return c.say(ctx, name, "pause", func(h client.ScheduleHandle) error {
		return h.Pause(ctx, client.SchedulePauseOptions{Note: pauseNote + reason})
	})
}

// ResumeSchedule has a paused schedule go on. What was due meanwhile is not caught up with.
func (c Client) ResumeSchedule(ctx context.Context, name string) error {
	return c.say(ctx, name, "resume", func(h client.ScheduleHandle) error {
		return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: scheduleNote})
	})
}

// Trigger has a schedule start a tick at once, about at that time. The gateway answers it where a person
// has ordered it there.
func (c Client) Trigger(ctx context.Context, name string, _ time.Time) error {
	return c.say(ctx, name, "trigger", func(h client.ScheduleHandle) error { return h.Trigger(ctx, client.ScheduleTriggerOptions{}) })
}

// Backfill has a schedule start ticks for times that are over, both included.
func (c Client) Backfill(ctx context.Context, name string, from, to time.Time) error {
	return c.say(ctx, name, "backfill", func(h client.ScheduleHandle) error {
		return h.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{Start: from, End: to, Overlap: backfillOverlap}}})
	})
}

func (c Client) say(ctx context.Context, name, what string, do func(client.ScheduleHandle) error) error {
	h := c.handle(ctx, name)
	found, err := h.Describe(ctx)
	if err == nil {
		if _, ours := c.ours(c.scheduleID(name), found.Memo); !ours {
			err = ErrNoSchedule
		} else {
			err = do(h)
		}
	}
	if gone(err) {
		err = ErrNoSchedule
	}
	if err != nil {
		return fmt.Errorf("%s the schedule of %s: %w", what, name, err)
	}
	return nil
}
