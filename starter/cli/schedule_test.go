package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// schedules are those of the fake's cluster.
type schedules struct {
	changes []workflows.ScheduleChange
	listed  []workflows.Scheduled
	planned []string // the playbooks that were to be on it
	ordered desk.Ordered
}

func (f *fake) PlanSchedules(_ context.Context, playbooks []*playbook.Playbook) ([]workflows.ScheduleChange, error) {
	for _, pb := range playbooks {
		if pb.Schedule != nil {
			f.schedules.planned = append(f.schedules.planned, pb.Name+": "+pb.Schedule.String())
		}
	}
	return f.schedules.changes, f.fail("plan", "")
}

func (f *fake) ApplySchedule(_ context.Context, c workflows.ScheduleChange) error {
	f.said = append(f.said, c.Do+" "+c.Playbook)
	return f.fail("apply", c.Playbook)
}

func (f *fake) Schedules(context.Context, int) ([]workflows.Scheduled, error) {
	return f.schedules.listed, f.fail("schedules", "")
}

func (f *fake) Schedule(_ context.Context, name string, _ int) (workflows.Scheduled, error) {
	for _, s := range f.schedules.listed {
		if s.Playbook == name {
			return s, nil
		}
	}
	return workflows.Scheduled{}, fmt.Errorf("look at the schedule of %s: %w", name, workflows.ErrNoSchedule)
}

func (f *fake) PauseSchedule(_ context.Context, name, reason string) error {
	f.said = append(f.said, "pause "+name+": "+reason)
	return f.fail("pause", name)
}

func (f *fake) ResumeSchedule(_ context.Context, name string) error {
	f.said = append(f.said, "resume "+name)
	return f.fail("resume", name)
}

func (f *fake) Order(_ context.Context, in desk.TickOrder) (desk.Ordered, error) {
	f.said = append(f.said, fmt.Sprintf("order %s %s %s", in.Playbook, in.From.Format(time.RFC3339), in.To.Format(time.RFC3339)))
	return f.schedules.ordered, f.fail("order", "")
}

// daily is a folder with one playbook that has a schedule.
func daily(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := "playbook: keys\nstage: audit\nschedule: {cron: 0 6 * * *, zone: Europe/Berlin}\nsteps: [{stop: done}]\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte(text), 0o600))
	return dir
}

func TestScheduleApply(t *testing.T) {
	changes := []workflows.ScheduleChange{
		{Playbook: "keys", Do: workflows.ScheduleCreate, By: workflows.ByPlaybook},
		{Playbook: "left", Do: workflows.ScheduleKeep, Paused: "AWS is " + evil},
		{Playbook: "old", Do: workflows.ScheduleDelete, By: workflows.ByPlaybook},
		{Playbook: "ports", Do: workflows.ScheduleUpdate, By: workflows.ByCluster, Differs: []workflows.Differs{{What: "jitter", Is: "10m", Want: "0s"}, {What: "limited to", Is: "3 more"}}},
		{Playbook: "root", Do: workflows.ScheduleUpdate, By: workflows.ByPlaybook, Differs: []workflows.Differs{{What: "times", Is: "0 6 * * *", Want: "0 7 * * *"}}},
	}
	const said = `+ keys: 0 6 * * * in Europe/Berlin
  left is paused, and stays so: AWS is ciedoc Approved
- old: no playbook says so any more
~ ports: was changed on the cluster by somebody
    jitter 10m -> 0s
    limited to 3 more -> none
~ root: the playbook says otherwise
    times 0 6 * * * -> 0 7 * * *
`
	dir := daily(t)
	f := &fake{schedules: schedules{changes: changes}}
	r := f.starter(t, "schedule", "apply", "--dry-run", "--playbooks", dir)
	require.Zero(t, r.code, r.err)
	require.Equal(t, said, r.err)
	require.Equal(t, "4 schedules would change\n", r.out)
	require.Empty(t, f.said, "nothing was changed")
	require.Equal(t, []string{"keys: 0 6 * * * in Europe/Berlin"}, f.schedules.planned)

	r = f.starter(t, "schedule", "apply", "--playbooks", dir)
	require.Zero(t, r.code, r.err)
	require.Equal(t, said+"created keys (1 of 4)\ndeleted old (2 of 4)\nupdated ports (3 of 4)\nupdated root (4 of 4)\n", r.err)
	require.Equal(t, "4 of 4 schedules changed\n", r.out)
	require.Equal(t, []string{"create keys", "delete old", "update ports", "update root"}, f.said)

	f = &fake{schedules: schedules{changes: changes}, fails: map[string]error{"apply old": fmt.Errorf("the cluster is away")}}
	r = f.starter(t, "schedule", "apply", "-o", "json", "--playbooks", dir)
	require.Equal(t, 3, r.code)
	require.Contains(t, r.out, `"error": "the cluster is away"`)
	require.Contains(t, r.out, `"applied": true`)
	require.Len(t, f.said, 4, "what can be done is done")

	f = &fake{schedules: schedules{changes: changes[1:2]}}
	r = f.starter(t, "schedule", "apply", "--playbooks", dir)
	require.Zero(t, r.code)
	require.Equal(t, "nothing to change: 1 schedule\n", r.out)

	f = &fake{schedules: schedules{changes: []workflows.ScheduleChange{{Playbook: "keys", Do: workflows.ScheduleForeign}}}}
	r = f.starter(t, "schedule", "apply", "--playbooks", dir)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.err, "! keys: there is a schedule of that name that Countersign has not made")
	require.Empty(t, f.said)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.yaml"), []byte("playbook: b\n"), 0o600))
	f = &fake{schedules: schedules{changes: changes}}
	require.Equal(t, 1, f.starter(t, "schedule", "apply", "--playbooks", dir).code)
	require.Empty(t, f.said, "a playbook that cannot be read does not lose its schedule")
}

func TestScheduleList(t *testing.T) {
	f := &fake{schedules: schedules{listed: []workflows.Scheduled{
		{
			Playbook: "keys", Times: "0 6 * * *", Zone: "Europe/Berlin", Next: []time.Time{at(60)}, Started: 12, Missed: 1, Skipped: 2, Dropped: 1, Waiting: 1,
			Last: []workflows.ScheduledRun{
				{Scheduled: at(0), Run: "keys/scheduled-2026-11-20T21:25:05Z", State: workflows.TickDone, Outcome: "done " + evil},
				{Scheduled: at(-60), State: workflows.TickMissed, Error: "missed: no gateway took it"},
			},
		},
		{Playbook: "ports", Times: "every 6h", Zone: "UTC", Paused: true, Note: "AWS is being moved"},
	}}}
	r := f.starter(t, "schedule", "list")
	require.Zero(t, r.code, r.err)
	require.Equal(t, `PLAYBOOK  TIMES                       NEXT                     STARTED  MISSED  SKIPPED  WAITING
keys      0 6 * * * in Europe/Berlin  2026-11-20 22:25:05 UTC  12       1       3        1
ports     every 6h                    paused                   0        0       0        0
ports is paused: AWS is being moved

DUE                      STATE   RUN                                  OUTCOME
2026-11-20 21:25:05 UTC  done    keys/scheduled-2026-11-20T21:25:05Z  done ciedoc Approved
2026-11-20 20:25:05 UTC  missed  keys                                 missed: no gateway took it
`, r.out)
	r = f.starter(t, "schedule", "list", "-o", "json", "ports")
	require.Contains(t, r.out, `"note": "AWS is being moved"`)
	require.NotContains(t, r.out, "keys")
	r = f.starter(t, "schedule", "list", "nobody")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.err, "its schedule is not on the cluster")
	require.Equal(t, 2, f.starter(t, "schedule", "list", "--last", "99").code)
	require.Contains(t, (&fake{}).starter(t, "schedule", "list").err, "starter schedule apply")
}

func TestSchedulePauseAndResume(t *testing.T) {
	f := &fake{}
	require.Equal(t, 2, f.starter(t, "schedule", "pause", "keys").code, "it takes a reason")
	require.Equal(t, "paused  keys\n", f.starter(t, "schedule", "pause", "keys", "--reason", "a move").out)
	require.Equal(t, "{\n  \"did\": \"resumed\",\n  \"playbook\": \"keys\"\n}\n", f.starter(t, "schedule", "resume", "keys", "-o", "json").out)
	require.Equal(t, []string{"pause keys: a move", "resume keys"}, f.said)
	f.fails = map[string]error{"pause": fmt.Errorf("pause: %w", workflows.ErrNoSchedule)}
	require.Equal(t, 1, f.starter(t, "schedule", "pause", "keys", "--reason", "a move").code)
}

func TestScheduleOrders(t *testing.T) {
	f := &fake{schedules: schedules{ordered: desk.Ordered{Times: []time.Time{at(0)}, Runs: []string{"keys/scheduled-1"}}}}
	r := f.starter(t, "schedule", "trigger", "keys", "--as", "alice@example.com")
	require.Zero(t, r.code, r.err)
	require.Equal(t, "ordered  keys/scheduled-1\n", r.out)
	r = f.starter(t, "schedule", "backfill", "keys", "--as", "alice@example.com", "--from", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z")
	require.Zero(t, r.code, r.err)
	require.Equal(t, []string{"order keys 0001-01-01T00:00:00Z 0001-01-01T00:00:00Z", "order keys 2026-11-01T00:00:00Z 2026-11-02T00:00:00Z"}, f.said)

	f.schedules.ordered = desk.Ordered{}
	r = f.starter(t, "schedule", "trigger", "keys", "--as", "alice@example.com")
	require.Zero(t, r.code)
	require.Contains(t, r.err, "nothing was started so far")
	f.schedules.ordered.Refused = "the playbook has no schedule here"
	require.Equal(t, 1, f.starter(t, "schedule", "trigger", "keys", "--as", "alice@example.com").code)
	f.fails = map[string]error{"order": desk.ErrForbidden}
	require.Equal(t, 1, f.starter(t, "schedule", "trigger", "keys", "--as", "alice@example.com").code)
	require.Equal(t, 2, f.starter(t, "schedule", "backfill", "keys", "--from", "yesterday").code)

	said := len(f.said)
	dir := daily(t)
	r = f.starter(t, "schedule", "backfill", "keys", "--playbooks", dir, "--dry-run", "--from", "2026-11-18T00:00:00Z", "--to", "2026-11-20T00:00:00Z")
	require.Zero(t, r.code, r.err)
	require.Equal(t, "2026-11-18 05:00:00 UTC\n2026-11-19 05:00:00 UTC\n", r.out)
	r = f.starter(t, "schedule", "backfill", "keys", "--playbooks", dir, "--dry-run", "--from", "2026-01-18T00:00:00Z", "--to", "2026-11-20T00:00:00Z")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.err, "more than 100 times")
	require.Len(t, f.said, said)
}
