package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows"
)

func (a *app) runs() *cobra.Command {
	var open bool
	var limit int
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the newest runs",
		Example: `  starter runs
  starter runs --open --limit 100 -o json`,
		Args: arguments(),
	}
	cmd.Flags().BoolVar(&open, "open", false, "only runs that are not over")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, at most")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 1 || limit > maxList {
			return usagef(cmd, "--limit %d: want 1 to %d", limit, maxList)
		}
		runs, end, err := a.connect(cmd.Context())
		if err != nil {
			return err
		}
		defer end()
		listed, err := runs.Runs(cmd.Context(), open, limit)
		if err != nil {
			return a.ofRun(err, "")
		}
		if a.json() {
			return a.printJSON(append([]workflows.Listed{}, listed...))
		}
		if len(listed) == 0 {
			a.say("no runs")
			return nil
		}
		rows := [][]string{{"STATUS", "STARTED", "ENDED", "RUN"}}
		for _, r := range listed {
			ended := ""
			if r.Ended != nil {
				ended = stamp(*r.Ended)
			}
			rows = append(rows, []string{r.Status, stamp(r.Started), ended, r.Run})
		}
		if len(listed) == limit {
			a.say("these are the newest %d; more with --limit", limit)
		}
		return a.table(rows)
	}
	return cmd
}

// maxList bounds a list of runs.
const maxList = 1000

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
