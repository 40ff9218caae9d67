package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// Schedules is what the commands do with the schedules of the cluster. They are an operator's, with a
// Temporal profile, and permit nothing: what they have due, the gateway starts.
type Schedules interface {
	PlanSchedules(ctx context.Context, playbooks []*playbook.Playbook) ([]workflows.ScheduleChange, error)
	ApplySchedule(ctx context.Context, change workflows.ScheduleChange) error
	Schedules(ctx context.Context, last int) ([]workflows.Scheduled, error)
	Schedule(ctx context.Context, name string, last int) (workflows.Scheduled, error)
	PauseSchedule(ctx context.Context, name, reason string) error
	ResumeSchedule(ctx context.Context, name string) error
}

// schedules reaches those of the cluster.
func (a *app) schedules(ctx context.Context) (Schedules, func(), error) {
	runs, end, err := a.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	all, ok := runs.(Schedules)
	if !ok {
		end()
		return nil, nil, fmt.Errorf("%T has no schedules", runs)
	}
	return all, end, nil
}

func (a *app) schedule() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "When playbooks start by themselves: apply, list, trigger, pause, resume, backfill",
		Long: `When playbooks start by themselves. A playbook says so under schedule:; apply puts it on the cluster.

apply, list, pause and resume speak to Temporal, with its profile: they are for operators. trigger and
backfill go to the gateway, with your token: they start runs, and whoever starts a run has no vote in it.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.scheduleApply(), a.scheduleList(), a.scheduleTrigger(), a.schedulePause(), a.scheduleResume(), a.scheduleBackfill())
	return cmd
}

func (a *app) scheduleList() *cobra.Command {
	var last int
	cmd := &cobra.Command{
		Use:   "list [PLAYBOOK]",
		Short: "List the schedules of the cluster, with their next times and what became of the last",
		Example: `  starter schedule list
  starter schedule list --last 10 -o json aws-stale-access-keys`,
		Args: arguments("[PLAYBOOK]"),
	}
	cmd.Flags().IntVar(&last, "last", 3, "how many of the latest times of each; 0 to 10")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if last < 0 || last > 10 {
			return usagef(cmd, "--last %d: want 0 to 10", last)
		}
		runs, end, err := a.schedules(cmd.Context())
		if err != nil {
			return err
		}
		defer end()
		var all []workflows.Scheduled
		if len(args) == 1 {
			one, err := runs.Schedule(cmd.Context(), args[0], last)
			if err != nil {
				return a.ofSchedule(err)
			}
			all = []workflows.Scheduled{one}
		} else if all, err = runs.Schedules(cmd.Context(), last); err != nil {
			return a.ofSchedule(err)
		}
		if a.json() {
			return a.printJSON(append([]workflows.Scheduled{}, all...))
		}
		if len(all) == 0 {
			a.say("no schedules; put those of the playbooks on the cluster: %s", a.command("schedule", "apply"))
			return nil
		}
		return a.printSchedules(all)
	}
	return cmd
}

func (a *app) printSchedules(all []workflows.Scheduled) error {
	rows := [][]string{{"PLAYBOOK", "TIMES", "NEXT", "STARTED", "MISSED", "SKIPPED", "WAITING"}}
	for _, s := range all {
		next := "paused"
		if !s.Paused {
			next = "never"
			if len(s.Next) > 0 {
				next = stamp(s.Next[0])
			}
		}
		times := s.Times
		if s.Zone != "UTC" {
			times += " in " + s.Zone
		}
		rows = append(rows, []string{s.Playbook, times, next, fmt.Sprint(s.Started), fmt.Sprint(s.Missed), fmt.Sprint(s.Skipped + s.Dropped), fmt.Sprint(s.Waiting)})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	for _, s := range all {
		if s.Paused {
			if err := a.print("%s is paused: %s", card.Exact(s.Playbook), cleaned(cmp.Or(s.Note, "nobody says why"))); err != nil {
				return err
			}
		}
	}
	rows = [][]string{}
	for _, s := range all {
		for _, r := range s.Last {
			rows = append(rows, []string{stamp(r.Scheduled), string(r.State), cmp.Or(r.Run, s.Playbook), cmp.Or(r.Outcome, r.Error)})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := a.print(""); err != nil {
		return err
	}
	return a.table(append([][]string{{"DUE", "STATE", "RUN", "OUTCOME"}}, rows...))
}

func (a *app) schedulePause() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "pause PLAYBOOK --reason WHY",
		Short:   "Have a schedule start nothing until it is resumed",
		Example: `  starter schedule pause aws-stale-access-keys --reason "AWS is being moved"`,
		Args:    arguments("PLAYBOOK"),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who wonder (required)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(reason) == "" || len(reason) > 500 {
			return usagef(cmd, "want --reason WHY, of at most 500 bytes")
		}
		return a.toSchedule(cmd, args[0], "paused", func(runs Schedules) error { return runs.PauseSchedule(cmd.Context(), args[0], reason) })
	}
	return cmd
}

func (a *app) scheduleResume() *cobra.Command {
	return &cobra.Command{
		Use:     "resume PLAYBOOK",
		Short:   "Have a paused schedule go on",
		Long:    "Have a paused schedule go on. What was due meanwhile is left out: starter schedule backfill runs it.",
		Example: `  starter schedule resume aws-stale-access-keys`,
		Args:    arguments("PLAYBOOK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.toSchedule(cmd, args[0], "resumed", func(runs Schedules) error { return runs.ResumeSchedule(cmd.Context(), args[0]) })
		},
	}
}

// toSchedule says something to one schedule of the cluster.
func (a *app) toSchedule(cmd *cobra.Command, name, done string, say func(Schedules) error) error {
	runs, end, err := a.schedules(cmd.Context())
	if err != nil {
		return err
	}
	defer end()
	if err := say(runs); err != nil {
		return a.ofSchedule(err)
	}
	if a.json() {
		return a.printJSON(map[string]string{"playbook": name, "did": done})
	}
	return a.print("%s  %s", done, card.Exact(name))
}

// ofSchedule gives an error about a schedule its exit code and hint.
func (a *app) ofSchedule(err error) error {
	if errors.Is(err, workflows.ErrNoSchedule) {
		return refuse(err, "list them: "+a.command("schedule", "list")+", or put them there: "+a.command("schedule", "apply"))
	}
	return a.ofRun(err, "")
}

func (a *app) scheduleTrigger() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "trigger PLAYBOOK",
		Short: "Run what a schedule starts now, by your word",
		Long: `Run what a schedule starts now, with the inputs that the schedule gives. The gateway puts it on record; you
have no vote in the run. If a run of the schedule is under way, its overlap says what happens.`,
		Example: `  starter schedule trigger aws-stale-access-keys --as alice@example.com`,
		Args:    arguments("PLAYBOOK"),
	}
	a.asFlag(cmd, &as)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.order(cmd, as, desk.TickOrder{Playbook: args[0]})
	}
	return cmd
}

func (a *app) scheduleBackfill() *cobra.Command {
	var as, from, to string
	var dry bool
	cmd := &cobra.Command{
		Use:   "backfill PLAYBOOK --from TIME --to TIME",
		Short: "Run a schedule for times that are over, by your word",
		Long: fmt.Sprintf(`Run what a schedule would have started between two times, both included, one run after the other.

At most %d times at once. --dry-run names them, by the playbook that is read here, and starts nothing.`, desk.MostTicks),
		Example: `  starter schedule backfill aws-stale-access-keys --from 2026-11-20T00:00:00Z --to 2026-11-22T00:00:00Z --as alice@example.com`,
		Args:    arguments("PLAYBOOK"),
	}
	a.asFlag(cmd, &as)
	cmd.Flags().StringVar(&from, "from", "", "the first `time`, like 2026-11-20T00:00:00Z (required)")
	cmd.Flags().StringVar(&to, "to", "", "the last `time` (required)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say which times, and start nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in := desk.TickOrder{Playbook: args[0]}
		for _, one := range []struct {
			flag, text string
			into       *time.Time
		}{{"--from", from, &in.From}, {"--to", to, &in.To}} {
			at, err := time.Parse(time.RFC3339, one.text)
			if err != nil {
				return usagef(cmd, "%s %q: want a time like 2026-11-20T00:00:00Z", one.flag, one.text)
			}
			*one.into = at
		}
		if dry {
			return a.wouldBackfill(in)
		}
		return a.order(cmd, as, in)
	}
	return cmd
}

// wouldBackfill names the times that would be run.
func (a *app) wouldBackfill(in desk.TickOrder) error {
	lib, err := a.library()
	if err != nil {
		return err
	}
	pb, err := lib.ByName(in.Playbook)
	if err == nil && pb.Schedule == nil {
		err = fmt.Errorf("the playbook %s has no schedule", pb.Name)
	}
	if err != nil {
		return refuse(err, "")
	}
	times, err := desk.Within(pb.Schedule, in.From, in.To, a.Now())
	if err != nil {
		return refuse(err, "")
	}
	if a.json() {
		return a.printJSON(desk.Ordered{Times: times, Runs: []string{}})
	}
	a.say("%s would be started", count(len(times), "run", "runs"))
	for _, at := range times {
		if err := a.print("%s", stamp(at)); err != nil {
			return err
		}
	}
	return nil
}

// order has the gateway order a schedule to run.
func (a *app) order(cmd *cobra.Command, as string, in desk.TickOrder) error {
	g, _, err := a.acting(cmd, as)
	if err != nil {
		return err
	}
	got, err := g.Order(cmd.Context(), in)
	if err != nil {
		return a.ofGate(err, "")
	}
	if a.json() {
		return a.printJSON(got)
	}
	switch {
	case got.Refused != "":
		return refuse(errors.New(got.Refused), "")
	case len(got.Runs) == 0:
		a.say("nothing was started so far: a run of the schedule may be under way, and its overlap says what happens then: %s", a.command("schedule", "list", in.Playbook))
		return nil
	}
	a.say("%s: %s", count(len(got.Times), "run is started", "runs are started, one after the other"), a.command("schedule", "list", in.Playbook))
	for _, run := range got.Runs {
		if err := a.print("ordered  %s", card.Exact(run)); err != nil {
			return err
		}
	}
	return nil
}

var _ Schedules = workflows.Client{}
