package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/export"
	"github.com/countersign/countersign/activities/finding/page"
)

// trendOf is how many audits the page compares.
const trendOf = 12

var anAccount = regexp.MustCompile(`^[0-9]{12}$`)

func (a *app) auditExport() *cobra.Command {
	var f auditFlags
	var format, to, account, region string
	cmd := &cobra.Command{
		Use:   "export [AUDIT] --format ocsf|asff|csv|html",
		Short: "Write what an audit found for other programs, or as a page",
		Long: `Write what an audit found for other programs, or as a page.

  ocsf  compliance findings of OCSF, one a line
  asff  findings for AWS Security Hub of one account and region (--account, --region), in batches as
        BatchImportFindings takes them; those of the account as a whole are among them
  csv   a table; no cell is a formula to a spreadsheet
  html  one page with charts that needs nothing else`,
		Example: `  starter audit export --format html --to audit.html
  starter audit export --format asff --account 111122223333 --region eu-west-1 --to findings.jsonl`,
		Args: arguments("[AUDIT]"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			switch {
			case !slices.Contains([]string{"ocsf", "asff", "csv", "html"}, format):
				return usagef(cmd, "--format %q: want ocsf, asff, csv or html", format)
			case format == "asff" && (!anAccount.MatchString(account) || region == ""):
				return usagef(cmd, "findings for Security Hub are those of one account and region: give --account and --region")
			case a.json() && to == "":
				return usagef(cmd, "an export is no JSON document: leave -o json out, or write it with --to FILE")
			case to == "" && terminal(a.Out):
				return usagef(cmd, "an export holds what others have named, and a terminal may obey it: write it with --to FILE, or to a pipe")
			}
			found, err := f.open(cmd.Context(), a, cmd, args)
			if err != nil {
				return err
			}
			defer found.Close()
			var out io.Writer = a.Out
			if to != "" {
				file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if errors.Is(err, fs.ErrExist) {
					return refuse(fmt.Errorf("%s is there already", to), "choose another name")
				}
				if err != nil {
					return fmt.Errorf("write the export: %w", err)
				}
				defer func() { err = errors.Join(err, file.Sync(), file.Close()) }()
				out = file
			}
			buffered := bufio.NewWriterSize(out, 64<<10)
			w, err := a.exporter(cmd, found, buffered, format, region)
			if err != nil {
				return err
			}
			n := 0
			err = found.Items(cmd.Context(), found.audit.ID, found.before.ID, found.maker.Waivers, finding.Filter{Account: account}, func(i finding.Item) error {
				if region != "" && cmp.Or(i.Result.Region, region) != region {
					return nil
				}
				n++
				return w.Write(i)
			})
			if err := errors.Join(err, w.Close(), buffered.Flush()); err != nil {
				return unknown(err, "what was written is not whole")
			}
			switch {
			case to == "":
				return nil
			case a.json():
				return a.printJSON(map[string]any{"results": n, "file": to, "audit": found.audit.ID})
			}
			return a.print("%s of %s in %s", count(n, "result", "results"), cleaned(found.audit.ID), to)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&format, "format", "", "ocsf, asff, csv or html")
	cmd.Flags().StringVar(&to, "to", "", "a new `file` to write (default: the standard output)")
	cmd.Flags().StringVar(&account, "account", "", "only what was found in this account")
	cmd.Flags().StringVar(&region, "region", "", "only what was found in this region, or belongs to an account as a whole")
	return cmd
}

func (a *app) exporter(cmd *cobra.Command, found *audited, out io.Writer, format, region string) (export.Writer, error) {
	meta := finding.Meta{Audit: found.audit, Controls: found.maker.Controls}
	switch format {
	case "ocsf":
		return export.OCSF(out, meta), nil
	case "asff":
		return export.ASFF(out, meta, region), nil
	case "csv":
		return export.CSV(out, meta), nil
	}
	p := page.Page{Meta: meta, Made: a.Now()}
	var err error
	if p.Report, err = found.maker.Make(cmd.Context(), found.audit.ID, nil); err != nil {
		return nil, unknown(err, "")
	}
	accounts, err := found.maker.Accounts(cmd.Context(), found.audit.ID, 20)
	if err != nil {
		return nil, unknown(err, "")
	}
	for _, one := range accounts {
		p.Accounts = append(p.Accounts, page.Bar{Label: one.Account, N: one.Failed, More: one.Errors})
	}
	last, err := found.Audits(cmd.Context(), found.audit.Playbook, 0)
	if err != nil {
		return nil, unknown(err, "")
	}
	for _, one := range last { // the newest first, up to this one
		if !one.Began.After(found.audit.Began) && len(p.Trend) < trendOf {
			p.Trend = append(p.Trend, one)
		}
	}
	slices.Reverse(p.Trend)
	return page.HTML(out, p)
}
