package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/clean"
	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/ledger"
)

// Options say what the activities read. A program that only describes them needs none.
type Options struct {
	// Reader is where findings are; nil: this program has none.
	Reader Reader
	// Controls are those that audits know.
	Controls []finding.Control
	// Waivers are asked anew each time; nil: there are none.
	Waivers func() (finding.Waivers, error)
	// Teller puts a report on record for people to be told; nil: they are not.
	Teller Teller
	Now    func() time.Time // nil is time.Now
}

// Teller puts the report of the run that calls on record, once.
type Teller interface {
	Report(ctx context.Context, body ledger.ReportBody) error
}

// Register adds the activities.
func Register(r *activities.Registry, o Options) {
	activities.Register(r, activities.Spec{
		Name:  "audit.report",
		Title: "Report what an audit found",
		Doc: "Compares with the audit of the same playbook before, and tells the channel to which Slack's routes send the playbook, once a run. " +
			"Give the targets that were to be looked at: what nothing was recorded of is then said loudly.",
		Effect:  activities.Read,
		Targets: []string{"audit"},
		Timeout: 5 * time.Minute,
	}, o.report)
	activities.Register(r, activities.Spec{
		Name:  "audit.failures",
		Title: "List what fails a control",
		Doc: "For a playbook that starts a remedy for each: behind an approval, as names of resources are whatever somebody called them. " +
			"What is waived is left out.",
		Effect:  activities.Read,
		Targets: []string{"audit", "control"},
		Timeout: 5 * time.Minute,
	}, o.failures)
}

// ReportInput names an audit.
type ReportInput struct {
	Audit    string   `json:"audit" jsonschema:"run that audited, as ${run.id}"`
	Playbook string   `json:"playbook,omitempty" jsonschema:"playbook of the audit; that of another is refused"`
	Targets  []Target `json:"targets,omitempty" jsonschema:"what was to be looked at"`
}

func (o Options) report(ctx context.Context, in ReportInput) (Report, error) {
	what := fmt.Sprintf("report the audit %s", in.Audit)
	m, err := o.maker(what)
	if err != nil {
		return Report{}, err
	}
	r, err := m.Make(ctx, in.Audit, in.Targets)
	if err != nil {
		return Report{}, o.failed(what, err)
	}
	if in.Playbook != "" && in.Playbook != r.Playbook {
		return Report{}, activities.Permanent("BadInput", fmt.Errorf("%s: it is one of %s, not of %s", what, r.Playbook, in.Playbook))
	}
	if o.Teller != nil {
		// A run that the gateway did not start reads, and nobody is told.
		if err := o.Teller.Report(ctx, r.Body()); err != nil && !refused(err) {
			return Report{}, fmt.Errorf("%s: %w", what, err)
		}
	}
	return r, nil
}

func refused(err error) bool {
	var e *temporal.ApplicationError
	return errors.As(err, &e) && e.Type() == activities.NotPermitted
}

// Body is a report as the record has it.
func (r Report) Body() ledger.ReportBody {
	body := ledger.ReportBody{
		Playbook: r.Playbook, Audit: r.Audit, Title: clean.Line("Audit "+r.Playbook+" of "+day(r.Began), 140), Before: r.Before,
		Counts: map[string]int{
			"passed": r.Counts.Passed, "failed": r.Counts.Failed, "errors": r.Counts.Errors, "new": r.Counts.New, "open": r.Counts.Open,
			"waived": r.Counts.Waived, "resolved": r.Counts.Resolved, "unseen": r.Counts.Unseen, "accounts": r.Accounts,
			"unreached": r.Counts.Unreached, "missing": r.Counts.Missing, "critical": r.Counts.Critical, "high": r.Counts.High,
		},
	}
	for _, line := range r.Brief() {
		body.Lines = append(body.Lines, clean.Line(line, 300))
	}
	return body
}

// FailuresInput says which failures.
type FailuresInput struct {
	Audit   string `json:"audit" jsonschema:"run that audited, as ${run.id}"`
	Control string `json:"control" jsonschema:"id of the control, as S3.8"`
	AtMost  int    `json:"at_most,omitempty" jsonschema:"how many to list, up to 1000; 0 is 100"`
}

// Failure is one resource that fails.
type Failure struct {
	Account  string            `json:"account" jsonschema:"account"`
	Region   string            `json:"region" jsonschema:"region; empty for what has none"`
	Resource string            `json:"resource" jsonschema:"name of the resource, as the provider has it"`
	Evidence map[string]string `json:"evidence" jsonschema:"what was seen, by name"`
}

// FailuresOutput are the failures.
type FailuresOutput struct {
	Failures []Failure `json:"failures" jsonschema:"what fails, by account and region"`
	Failed   int       `json:"failed" jsonschema:"how many fail, without what is waived"`
	Waived   int       `json:"waived" jsonschema:"how many more fail and are waived"`
	Errors   int       `json:"errors" jsonschema:"how many could not be looked at: whether they fail nobody knows"`
}

func (o Options) failures(ctx context.Context, in FailuresInput) (FailuresOutput, error) {
	what := fmt.Sprintf("list what fails %s in the audit %s", in.Control, in.Audit)
	m, err := o.maker(what)
	if err != nil {
		return FailuresOutput{}, err
	}
	most := in.AtMost
	if most == 0 {
		most = 100
	}
	if most < 0 || most > 1000 {
		return FailuresOutput{}, activities.Permanent("BadInput", fmt.Errorf("%s: at_most is %d; want 1 to 1000", what, most))
	}
	out, waiver := FailuresOutput{Failures: []Failure{}}, m.Waivers.Matcher(m.Now)
	err = m.Reader.Results(ctx, in.Audit, finding.Filter{Control: in.Control, Status: finding.Fail}, func(r finding.Result) error {
		if waiver(r) != nil {
			out.Waived++
		} else if out.Failed++; len(out.Failures) < most {
			out.Failures = append(out.Failures, Failure{r.Account, r.Region, r.Resource, r.Evidence})
		}
		return nil
	})
	if err == nil {
		err = m.Reader.Results(ctx, in.Audit, finding.Filter{Control: in.Control, Status: finding.Error}, func(finding.Result) error { out.Errors++; return nil })
	}
	if err != nil {
		return FailuresOutput{}, o.failed(what, err)
	}
	return out, nil
}

// Items hands out what an audit found in an account, for what sends it elsewhere.
func (o Options) Items(ctx context.Context, audit, account string, each func(finding.Meta, finding.Item) error) error {
	what := fmt.Sprintf("read what the audit %s found", audit)
	m, err := o.maker(what)
	if err != nil {
		return err
	}
	a, err := m.Reader.Audit(ctx, audit)
	if err != nil {
		return o.failed(what, err)
	}
	before, _, err := m.Reader.Before(ctx, audit)
	if err != nil {
		return o.failed(what, err)
	}
	meta := finding.Meta{Audit: a, Controls: m.Controls}
	return m.Reader.Items(ctx, audit, before.ID, m.Waivers, finding.Filter{Account: account}, func(i finding.Item) error { return each(meta, i) })
}

func (o Options) maker(what string) (Maker, error) {
	if o.Reader == nil {
		return Maker{}, activities.Permanent("NoFindings", fmt.Errorf("%s: this program keeps no findings", what))
	}
	m := Maker{Reader: o.Reader, Controls: finding.CatalogueOf(o.Controls), Now: time.Now()}
	if o.Now != nil {
		m.Now = o.Now()
	}
	if o.Waivers == nil {
		return m, nil
	}
	var err error
	if m.Waivers, err = o.Waivers(); err != nil {
		return Maker{}, fmt.Errorf("%s: %w", what, err)
	}
	return m, nil
}

func (Options) failed(what string, err error) error {
	err = fmt.Errorf("%s: %w", what, err)
	if errors.Is(err, store.ErrNoAudit) {
		return activities.Permanent("NoAudit", err)
	}
	return err
}
