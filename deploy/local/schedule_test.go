package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
)

// The playbooks of these tests. Their times are far away: what starts is triggered.
var scheduledPlaybooks = map[string]string{
	"quick":  "schedule: {cron: '0 3 1 * *', zone: Europe/Berlin, jitter: 0s, overlap: skip, inputs: {what: keys}}\ninputs: {what: {type: string}}\nsteps: [{stop: 'looked into ${inputs.what}'}]\n",
	"slow":   "schedule: {every: 30d}\nsteps: [{wait: {event: test.done, expires: 1h}}]\n",
	"turn":   "schedule: {every: 30d, overlap: cancel_other}\nsteps: [{wait: {event: test.done, expires: 1h}}]\n",
	"either": "schedule: {cron: '17 6 13 1-3 FRI', overlap: allow_all, catch_up: 2d}\nsteps: [{stop: done}]\n",
	"plain":  "steps: [{stop: done}]\n",
}

// scheduling is a deployment with those playbooks, and the folder that they are in.
type scheduling struct {
	*testing.T

	d      *deployment
	folder string
}

func newScheduling(t *testing.T) *scheduling {
	t.Helper()
	s := &scheduling{T: t, folder: t.TempDir()}
	for name, text := range scheduledPlaybooks {
		s.write(name, text)
	}
	var err error
	s.d, err = deploy(t.Context(), options{state: t.TempDir(), playbooks: os.DirFS(s.folder)}, nil)
	require.NoError(t, err)
	t.Cleanup(s.d.stop)
	return s
}

func (s *scheduling) write(name, text string) {
	s.Helper()
	require.NoError(s, os.WriteFile(filepath.Join(s.folder, name+".yaml"), []byte("playbook: "+name+"\nstage: audit\n"+text), 0o600))
}

// schedule runs starter schedule.
func (s *scheduling) schedule(args ...string) (out, talk string) {
	s.Helper()
	code, out, talk := starter(s.T, s.d, append([]string{"schedule"}, append(args, "--playbooks", s.folder)...)...)
	require.Zero(s, code, talk)
	return out, talk
}

func (s *scheduling) list(name string) workflows.Scheduled {
	s.Helper()
	out, _ := s.schedule("list", name, "-o", "json")
	var all []workflows.Scheduled
	require.NoError(s, json.Unmarshal([]byte(out), &all))
	require.Len(s, all, 1)
	return all[0]
}

// eventually waits until a schedule is as it should be.
func (s *scheduling) eventually(name string, is func(workflows.Scheduled) bool) workflows.Scheduled {
	s.Helper()
	var last workflows.Scheduled
	require.Eventually(s, func() bool { last = s.list(name); return is(last) }, 60*time.Second, 200*time.Millisecond, "%+v", last)
	return last
}

// trigger has a schedule run now, and returns the run; "" is that it was left out.
func (s *scheduling) trigger(name string) string {
	s.Helper()
	out, _ := s.schedule("trigger", name, "--as", "carol", "-o", "json")
	var got desk.Ordered
	require.NoError(s, json.Unmarshal([]byte(out), &got))
	require.Empty(s, got.Refused)
	if len(got.Runs) == 0 {
		return ""
	}
	return got.Runs[0]
}

func (s *scheduling) handle(name string) client.ScheduleHandle {
	return s.d.runs.Temporal.ScheduleClient().GetHandle(s.Context(), "countersign.schedule/"+name)
}

// The cluster becomes what the playbooks say; a second time there is nothing to do; what somebody
// changed there is put back, and said.
func TestScheduleApply(t *testing.T) {
	s := newScheduling(t)
	_, talk := s.schedule("apply", "--dry-run")
	require.Equal(t, "+ either: 17 6 13 1-3 FRI in UTC\n+ quick: 0 3 1 * * in Europe/Berlin\n+ slow: every 30d\n+ turn: every 30d\n", talk)
	out, _ := s.schedule("apply")
	require.Equal(t, "4 of 4 schedules changed\n", out)
	before, err := s.handle("quick").Describe(t.Context())
	require.NoError(t, err)
	for range 2 {
		out, talk = s.schedule("apply")
		require.Equal(t, "nothing to change: 4 schedules\n", out)
		require.Empty(t, talk)
	}
	after, err := s.handle("quick").Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Info.LastUpdateAt, after.Info.LastUpdateAt, "nothing was written a second time")
	quick := s.list("quick")
	require.Equal(t, "0 3 1 * *", quick.Times)
	require.Equal(t, "Europe/Berlin", quick.Zone)
	require.NotEmpty(t, quick.Next)
	for _, next := range quick.Next {
		require.Contains(t, []int{1, 2}, next.Hour())
	}
	either := s.list("either")
	require.Equal(t, "17 6 * 1-3 5 or 17 6 13 1-3 *", either.Times)

	for _, edit := range []struct {
		change func(*client.Schedule)
		says   string
	}{
		{func(c *client.Schedule) { c.Spec.Jitter = 10 * time.Minute }, "jitter 10m -> 0s"},
		{func(c *client.Schedule) { c.Spec.Calendars[0].Hour[0] = client.ScheduleRange{Start: 4, End: 5} }, "times 0 4-5 1 * * -> 0 3 1 * *"},
		{func(c *client.Schedule) { c.Spec.TimeZoneName = "Asia/Tokyo" }, "zone Asia/Tokyo -> Europe/Berlin"},
		{func(c *client.Schedule) { c.Spec.EndAt = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }, "until 2030-01-01T00:00:00Z -> none"},
		{func(c *client.Schedule) { c.Policy.CatchupWindow = time.Minute }, "catch_up 1m -> 1h"},
		{func(c *client.Schedule) { c.Policy.PauseOnFailure = true }, "pauses when a run fails yes -> none"},
		{func(c *client.Schedule) { c.State.LimitedActions, c.State.RemainingActions = true, 3 }, "limited to 3 more -> none"},
		{func(c *client.Schedule) { c.State.Paused, c.State.Note = true, "too noisy" }, "paused yes -> none"},
		{func(c *client.Schedule) { c.State.Note = "mine" }, "note mine -> kept by starter schedule apply"},
		{func(c *client.Schedule) { c.Action.(*client.ScheduleWorkflowAction).TaskQueue = "elsewhere" }, "on elsewhere -> countersign"},
		{func(c *client.Schedule) { c.Action.(*client.ScheduleWorkflowAction).Workflow = "countersign.run" }, "starts countersign.run -> countersign.tick"},
		{func(c *client.Schedule) {
			c.Action.(*client.ScheduleWorkflowAction).Args = []any{workflows.TickInput{Playbook: "slow"}}
		}, "with playbook slow, catch_up 0s -> playbook quick, catch_up 1h"},
		{func(c *client.Schedule) { c.Action.(*client.ScheduleWorkflowAction).Memo = nil }, "memo "},
	} {
		require.NoError(t, s.handle("quick").Update(t.Context(), client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			edit.change(&in.Description.Schedule)
			return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
		}}))
		out, talk = s.schedule("apply")
		require.Equal(t, "1 of 1 schedule changed\n", out)
		require.Contains(t, talk, "~ quick: was changed on the cluster by somebody\n    ")
		require.Contains(t, talk, "    "+edit.says)
		out, _ = s.schedule("apply")
		require.Equal(t, "nothing to change: 4 schedules\n", out, edit.says)
	}

	s.write("quick", strings.Replace(scheduledPlaybooks["quick"], "skip", "allow_all", 1))
	require.NoError(t, os.Remove(filepath.Join(s.folder, "slow.yaml")))
	_, err = s.d.runs.Temporal.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: "countersign.schedule/foreign", Action: &client.ScheduleWorkflowAction{ID: "x", Workflow: "x", TaskQueue: "x"}, Paused: true,
	})
	require.NoError(t, err)
	_, talk = s.schedule("apply")
	require.Contains(t, talk, "~ quick: the playbook says otherwise\n    overlap skip -> allow_all\n- slow: no playbook says so any more\n")
	_, err = s.handle("foreign").Describe(t.Context())
	require.NoError(t, err, "it is not ours to delete")
	_, err = s.handle("slow").Describe(t.Context())
	require.Error(t, err)
}

// A trigger runs a playbook from the cluster over the gateway to the worker and back.
func TestScheduleTrigger(t *testing.T) {
	s := newScheduling(t)
	s.schedule("apply")
	run := s.trigger("quick")
	require.Regexp(t, `^quick/scheduled-2`, run)
	done := until(t, s.d, run, func(st *workflows.Status) bool { return st.State.Over() })
	require.Equal(t, "looked into keys", done.Outcome, done.Error)
	require.Equal(t, "countersign/schedule", done.Event.Source)
	last := s.eventually("quick", func(l workflows.Scheduled) bool { return len(l.Last) == 1 && l.Last[0].State == workflows.TickDone })
	require.Equal(t, run, last.Last[0].Run)
	require.Equal(t, "looked into keys", last.Last[0].Outcome)
	keepTick(t, s.d, "tick.done", last.Last[0].Tick)
	keepTick(t, s.d, "scheduled.done", run)

	code, _, talk := starter(t, s.d, "schedule", "trigger", "plain", "--as", "carol")
	require.Equal(t, 1, code)
	require.Contains(t, talk, "has no schedule; start it with starter run")

	// What somebody triggers in Temporal alone, nobody has ordered.
	require.NoError(t, s.handle("quick").Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	last = s.eventually("quick", func(l workflows.Scheduled) bool { return len(l.Last) == 2 && l.Last[0].State == workflows.TickRefused })
	require.Contains(t, last.Last[0].Error, "none of the times of the schedule")
	keepTick(t, s.d, "tick.refused", last.Last[0].Tick)
}

func keepTick(t *testing.T, d *deployment, name, workflow string) {
	t.Helper()
	found, err := d.runs.Temporal.DescribeWorkflowExecution(t.Context(), workflow, "")
	require.NoError(t, err)
	keep(t, name, d.runs, workflow, found.GetWorkflowExecutionInfo().GetExecution().GetRunId())
}

// What is due while a run is under way is left out, and counted; or has that run cancelled.
func TestScheduleOverlap(t *testing.T) {
	s := newScheduling(t)
	s.schedule("apply")
	first := s.trigger("slow")
	until(t, s.d, first, func(st *workflows.Status) bool { return !st.State.Over() })
	require.NoError(t, s.handle("slow").Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	s.eventually("slow", func(l workflows.Scheduled) bool { return l.Skipped == 1 && l.Started == 1 })
	code, _, talk := starter(t, s.d, "cancel", first)
	require.Zero(t, code, talk)
	s.eventually("slow", func(l workflows.Scheduled) bool { return l.Last[0].State == workflows.TickCancelled })

	first = s.trigger("turn")
	until(t, s.d, first, func(st *workflows.Status) bool { return !st.State.Over() })
	second := ""
	require.Eventually(t, func() bool { second = s.trigger("turn"); return second != "" }, time.Minute, time.Second)
	until(t, s.d, first, func(st *workflows.Status) bool { return st.State == workflows.Cancelled })
	until(t, s.d, second, func(st *workflows.Status) bool { return !st.State.Over() })
	last := s.eventually("turn", func(l workflows.Scheduled) bool {
		return len(l.Last) >= 2 && l.Last[1].State == workflows.TickCancelled
	})
	keepTick(t, s.d, "tick.cancelled", last.Last[1].Tick)
}

// A pause stays when the schedules are applied; one that somebody made on the cluster does not.
func TestSchedulePause(t *testing.T) {
	s := newScheduling(t)
	s.schedule("apply")
	s.schedule("pause", "quick", "--reason", "AWS is being moved")
	out, talk := s.schedule("apply")
	require.Equal(t, "nothing to change: 4 schedules\n", out)
	require.Contains(t, talk, "quick is paused, and stays so: AWS is being moved")
	out, _ = s.schedule("list", "quick")
	require.Contains(t, out, "quick is paused: AWS is being moved")
	s.write("quick", strings.Replace(scheduledPlaybooks["quick"], "0s", "5m", 1))
	_, talk = s.schedule("apply")
	require.Contains(t, talk, "~ quick: the playbook says otherwise\n    jitter 0s -> 5m\n")
	require.True(t, s.list("quick").Paused)
	s.schedule("resume", "quick")
	require.False(t, s.list("quick").Paused)
	out, _ = s.schedule("apply")
	require.Equal(t, "nothing to change: 4 schedules\n", out)

	require.NoError(t, s.handle("quick").Pause(t.Context(), client.SchedulePauseOptions{Note: "by hand"}))
	_, talk = s.schedule("apply")
	require.Contains(t, talk, "was changed on the cluster by somebody\n    note by hand -> kept")
	require.False(t, s.list("quick").Paused)
}

// Times that are over run one after the other, by the word of a person.
func TestScheduleBackfill(t *testing.T) {
	s := newScheduling(t)
	s.schedule("apply")
	now := time.Now().UTC()
	from, to := now.AddDate(0, -2, -2).Format(time.RFC3339), now.Add(-time.Minute).Format(time.RFC3339)
	times, _ := s.schedule("backfill", "quick", "--from", from, "--to", to, "--dry-run")
	want := strings.Count(times, "\n")
	require.GreaterOrEqual(t, want, 2)
	out, _ := s.schedule("backfill", "quick", "--from", from, "--to", to, "--as", "carol", "-o", "json")
	var got desk.Ordered
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got.Runs, want)
	last := s.eventually("quick", func(l workflows.Scheduled) bool {
		done := 0
		for _, r := range l.Last {
			if r.State == workflows.TickDone {
				done++
			}
		}
		return done == want
	})
	require.Equal(t, got.Runs[want-1], last.Last[0].Run)

	// A backfill that somebody makes on the cluster alone is turned away: it is too late.
	require.NoError(t, s.d.runs.Backfill(context.WithoutCancel(t.Context()), "either", now.AddDate(-1, 0, 0), now.AddDate(0, -6, 0)))
	late := s.eventually("either", func(l workflows.Scheduled) bool { return len(l.Last) > 0 && l.Last[0].State == workflows.TickRefused })
	require.Contains(t, late.Last[0].Error, "late; at most 2d are caught up with")
}
