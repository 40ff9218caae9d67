package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/report"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/workflows/expr"
)

// waiversEnv is the variable of the environment in the place of --waivers, as package worker/app has it.
const waiversEnv = "COUNTERSIGN_WAIVERS"

// auditFlags are those of the commands that read what audits found.
type auditFlags struct {
	ledgerFlags

	waivers  string
	playbook string
}

func (f *auditFlags) add(cmd *cobra.Command) {
	f.ledger(cmd)
	cmd.Flags().StringVar(&f.waivers, "waivers", "", "`file` of what audits may find until when (default: $"+waiversEnv+")")
	cmd.Flags().StringVar(&f.playbook, "playbook", "", "without AUDIT: the last one of this playbook")
}

// audited is one audit with what is needed to read it.
type audited struct {
	*store.Store

	audit  finding.Audit
	before finding.Audit
	maker  report.Maker
}

// open finds the audit of the arguments, or the last one.
func (f *auditFlags) open(ctx context.Context, a *app, cmd *cobra.Command, args []string) (*audited, error) {
	waivers, err := f.read(a)
	if err != nil {
		return nil, err
	}
	s, err := f.findings(ctx, a, cmd, store.Existing())
	if err != nil {
		return nil, err
	}
	found := &audited{Store: s, maker: report.Maker{Reader: s, Controls: finding.CatalogueOf(all.Controls()), Waivers: waivers, Now: a.Now()}}
	if err := found.find(ctx, a, f.playbook, args); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return found, nil
}

func (f *auditFlags) read(a *app) (finding.Waivers, error) {
	file := cmp.Or(f.waivers, a.env(waiversEnv))
	if file == "" {
		return nil, nil
	}
	waivers, err := finding.WaiverFile(file, a.Now)()
	if err != nil {
		return nil, refuse(err, "")
	}
	return waivers, nil
}

func (f *audited) find(ctx context.Context, a *app, playbook string, args []string) (err error) {
	list := "list them: " + a.command("audit", "list")
	if len(args) == 1 {
		f.audit, err = f.Audit(ctx, args[0])
	} else {
		var last []finding.Audit
		if last, err = f.Audits(ctx, playbook, 1); err == nil && len(last) == 0 {
			return refuse(fmt.Errorf("no audit of %s has found anything", cmp.Or(playbook, "any playbook")), a.firstAudit())
		} else if err == nil {
			f.audit = last[0]
		}
	}
	if err == nil {
		f.before, _, err = f.Before(ctx, f.audit.ID)
	}
	switch {
	case errors.Is(err, store.ErrNoAudit):
		return refuse(err, list)
	case err != nil:
		return unknown(err, "")
	}
	return nil
}

// firstAudit says how audits come to be, where there are none.
func (a *app) firstAudit() string {
	return "start one: " + a.command("run", "aws-account-audit") + ", or have it start by itself: " + a.command("schedule", "apply")
}

func (a *app) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read what audits found, compare it with the audit before, and export it",
		Long: `Read what audits found, compare it with the audit before, and export it.

What could not be looked at is an ERROR, and never resolves what failed before: nobody knows. Waivers say
what may fail until when; see starter audit waivers.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditList(), a.auditReport(), a.auditExport(), a.auditControls(), a.auditWaivers(), a.auditPrune())
	return cmd
}

func (a *app) auditList() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List audits, the newest first",
		Example: "  starter audit list --ledger ledger.db\n  starter audit list --playbook aws-account-audit -o json",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := f.findings(cmd.Context(), a, cmd, store.Existing())
			if err != nil {
				return err
			}
			defer s.Close()
			found, err := s.Audits(cmd.Context(), f.playbook, maxList)
			if err != nil {
				return unknown(err, "")
			}
			if a.json() {
				if found == nil {
					found = []finding.Audit{}
				}
				return a.printJSON(found)
			}
			if len(found) == 0 {
				a.say("no audits; %s", a.firstAudit())
				return nil
			}
			rows := [][]string{{"AUDIT", "BEGAN", "ACCOUNTS", "FAIL", "ERROR", "PASS"}}
			for _, one := range found {
				rows = append(rows, []string{one.ID, one.Began.Format(time.RFC3339), fmt.Sprint(one.Accounts), fmt.Sprint(one.Failed), fmt.Sprint(one.Errors), fmt.Sprint(one.Passed)})
			}
			return a.table(rows)
		},
	}
	f.ledger(cmd)
	cmd.Flags().StringVar(&f.playbook, "playbook", "", "only those of this playbook")
	return cmd
}

func (a *app) auditReport() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "report [AUDIT]",
		Short: "Say what an audit found: new, resolved, still open, waived, and what could not be looked at",
		Example: "  starter audit report --ledger ledger.db\n" +
			"  starter audit report --playbook aws-account-audit --waivers waivers.yaml -o json",
		Args: arguments("[AUDIT]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := f.open(cmd.Context(), a, cmd, args)
			if err != nil {
				return err
			}
			defer found.Close()
			r, err := found.maker.Make(cmd.Context(), found.audit.ID, nil)
			if err != nil {
				return unknown(err, "")
			}
			if a.json() {
				return a.printJSON(r)
			}
			if err := a.print("%s", r.Text); err != nil {
				return err
			}
			a.say("all of it: %s", a.command("audit", "export", found.audit.ID, "--format", "html", "--to", "audit.html"))
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) auditControls() *cobra.Command {
	return &cobra.Command{
		Use:     "controls",
		Short:   "List what audits look at",
		Example: "  starter audit controls\n  starter audit controls -o json",
		Args:    arguments(),
		RunE: func(*cobra.Command, []string) error {
			controls := all.Controls()
			if a.json() {
				if controls == nil {
					controls = []finding.Control{}
				}
				return a.printJSON(controls)
			}
			rows := [][]string{{"CONTROL", "SEVERITY", "TITLE", "MENDED BY", "STANDARDS"}}
			for _, c := range controls {
				rows = append(rows, []string{c.ID, string(c.Severity), c.Title, c.Playbook, strings.Join(c.Standards, ", ")})
			}
			return a.table(rows)
		},
	}
}

func (a *app) auditWaivers() *cobra.Command {
	return &cobra.Command{
		Use:   "waivers FILE",
		Short: "Check a file of waivers, and list them with those that have expired",
		Long: `Check a file of waivers, and list them with those that have expired.

  waivers:
    - control: S3.8
      resource: "arn:aws:s3:::www-*"   # * is any text, ? one character
      account: "111122223333"          # may be left out
      until: 2027-03-31                # the last day, at most a year ahead
      reason: the public web site
      by: alice@example.com`,
		Example: "  starter audit waivers waivers.yaml",
		Args:    arguments("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			f := auditFlags{waivers: args[0]}
			waivers, err := f.read(a)
			if err != nil {
				return err
			}
			type listed struct {
				finding.Waiver

				Expired bool `json:"expired"`
			}
			var known []string
			for _, c := range all.Controls() {
				known = append(known, c.ID)
			}
			rows, list := [][]string{{"CONTROL", "RESOURCE", "ACCOUNT", "UNTIL", "", "BY", "REASON"}}, []listed{}
			for _, w := range waivers {
				note, expired := "", w.Expired(a.Now())
				switch {
				case expired:
					note = "expired"
				case !slices.Contains(known, w.Control):
					note = "no control that ships" + expr.DidYouMean(w.Control, known)
				}
				list = append(list, listed{w, expired})
				rows = append(rows, []string{w.Control, w.Resource, w.Account, w.Until, note, w.By, w.Reason})
			}
			if a.json() {
				return a.printJSON(list)
			}
			return a.table(rows)
		},
	}
}

func (a *app) auditPrune() *cobra.Command {
	var f ledgerFlags
	var days, keep int
	cmd := &cobra.Command{
		Use:   "prune --older-than DAYS",
		Short: "Delete what old audits found; the last ones of each playbook stay",
		Long: `Delete what old audits found; the last ones of each playbook stay, at least one.

The ledger keeps that they ran, and their reports.`,
		Example: "  starter audit prune --older-than 400 --keep 2 --ledger ledger.db",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || keep < 1 {
				return usagef(cmd, "--older-than is a number of days and --keep of audits, both at least 1")
			}
			s, err := f.findings(cmd.Context(), a, cmd, store.Existing())
			if err != nil {
				return err
			}
			defer s.Close()
			n, err := s.Prune(cmd.Context(), a.Now().AddDate(0, 0, -days), keep)
			if err != nil {
				return unknown(err, "")
			}
			if a.json() {
				return a.printJSON(map[string]int{"deleted": n})
			}
			return a.print("%s deleted", count(n, "audit", "audits"))
		},
	}
	f.ledger(cmd)
	cmd.Flags().IntVar(&days, "older-than", 0, "`days` before now")
	cmd.Flags().IntVar(&keep, "keep", 1, "how many of each playbook stay, however old")
	return cmd
}
