package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
)

// appliedJSON is a change, and whether it was made.
type appliedJSON struct {
	workflows.ScheduleChange

	Applied bool   `json:"applied"`
	Error   string `json:"error,omitempty"`
}

func (a *app) scheduleApply() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Make the schedules of the cluster those of the playbooks",
		Long: `Make the schedules of the cluster those of the playbooks: the ones of --playbooks, or the library that ships.

What will change is printed first. A schedule that somebody has changed on the cluster is put back, and said
so; one that is paused with starter schedule pause stays paused. Deleted are only schedules that this command
has made, for this task queue. A gateway starts what its own playbooks have scheduled: give it the same ones.`,
		Example: `  starter schedule apply --dry-run
  starter schedule apply --playbooks playbooks`,
		Args: arguments(),
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would change, and change nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		lib, err := a.library()
		if err != nil {
			return err
		}
		runs, end, err := a.schedules(cmd.Context())
		if err != nil {
			return err
		}
		defer end()
		changes, err := runs.PlanSchedules(cmd.Context(), lib.Playbooks())
		if err != nil {
			return unknown(err, "")
		}
		todo, foreign := a.sayChanges(changes, lib)
		results := make([]appliedJSON, len(changes))
		var errs []error
		made := 0
		for i, change := range changes {
			results[i].ScheduleChange = change
			if dry || change.Do == workflows.ScheduleKeep || change.Do == workflows.ScheduleForeign {
				continue
			}
			if err := runs.ApplySchedule(cmd.Context(), change); err != nil {
				results[i].Error = err.Error()
				errs = append(errs, err)
				continue
			}
			results[i].Applied = true
			made++
			a.say("%sd %s (%d of %d)", change.Do, card.Exact(change.Playbook), made, todo)
		}
		if a.json() {
			if err := a.printJSON(results); err != nil {
				return err
			}
		} else if err := a.printApplied(dry, todo, made, len(changes)); err != nil {
			return err
		}
		switch {
		case len(errs) > 0:
			return unknown(errors.Join(errs...), "what was done stays done; do the rest: "+a.command("schedule", "apply"))
		case foreign > 0:
			return refuse(fmt.Errorf("%s of these names that Countersign has not made, and left alone", count(foreign, "schedule is", "schedules are")), "rename the playbook, or delete the schedule with the temporal command")
		}
		return nil
	}
	return cmd
}

// sayChanges prints what there is to do, one schedule a line and below it what differs.
func (a *app) sayChanges(changes []workflows.ScheduleChange, lib *library.Library) (todo, foreign int) {
	for _, c := range changes {
		name := card.Exact(c.Playbook)
		switch c.Do {
		case workflows.ScheduleCreate:
			a.say("+ %s: %s", name, times(lib, c.Playbook))
		case workflows.ScheduleDelete:
			a.say("- %s: no playbook says so any more", name)
		case workflows.ScheduleForeign:
			foreign++
			a.say("! %s: there is a schedule of that name that Countersign has not made", name)
			continue
		case workflows.ScheduleUpdate:
			why := "the playbook says otherwise"
			if c.By == workflows.ByCluster {
				why = "was changed on the cluster by somebody"
			}
			a.say("~ %s: %s", name, why)
			for _, d := range c.Differs {
				a.say("    %s", cleaned(d.String()))
			}
		}
		if c.Paused != "" {
			a.say("  %s is paused, and stays so: %s", name, cleaned(c.Paused))
		}
		if c.Do != workflows.ScheduleKeep {
			todo++
		}
	}
	return todo, foreign
}

// times are those at which a playbook of the library starts.
func times(lib *library.Library, name string) string {
	if pb, err := lib.ByName(name); err == nil && pb.Schedule != nil {
		return pb.Schedule.String()
	}
	return ""
}

func (a *app) printApplied(dry bool, todo, made, all int) error {
	switch {
	case todo == 0:
		return a.print("nothing to change: %s", count(all, "schedule", "schedules"))
	case dry:
		return a.print("%s would change", count(todo, "schedule", "schedules"))
	default:
		return a.print("%d of %s changed", made, count(todo, "schedule", "schedules"))
	}
}
