package app

import (
	"context"
	"time"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/report"
)

// waiversEnv is the variable of the environment in the place of --waivers.
const waiversEnv = "COUNTERSIGN_WAIVERS"

// openWaivers reads a file of waivers, which is then read anew for each report. What is wrong with it
// is told now, not when the first audit is over.
func openWaivers(file string) (func() (finding.Waivers, error), error) {
	if file == "" {
		return nil, nil
	}
	waivers := finding.WaiverFile(file, time.Now)
	if _, err := waivers(); err != nil {
		return nil, err
	}
	return waivers, nil
}

// findings are what the activities of audits read. Reports are told by who stands behind the guard, as
// it puts on record what runs say.
func (opts Options) findings() report.Options {
	o := report.Options{Waivers: opts.Waivers}
	if opts.Findings != nil {
		o.Reader = opts.Findings
	}
	if teller, ok := opts.Authority.(report.Teller); ok {
		o.Teller = teller
	}
	return o
}

// recorder is where audits keep what they find; nil: they refuse to look. Where somebody stands behind
// the guard, a run keeps it as its own audit and as no other.
func (opts Options) recorder() finding.Recorder {
	if opts.Findings == nil {
		return nil // and no interface that holds nothing
	}
	if by, ok := opts.Authority.(auditors); ok {
		return own{opts.Findings, by}
	}
	return opts.Findings
}

// auditors knows which audit is the calling run's, and of which playbook it is.
type auditors interface {
	Audited(ctx context.Context, audit, playbook string) (of string, err error)
}

// own keeps of a run what that run itself has found.
type own struct {
	finding.Recorder

	by auditors
}

func (o own) Record(ctx context.Context, part finding.Part) (err error) {
	if part.Playbook, err = o.by.Audited(ctx, part.Audit, part.Playbook); err != nil {
		return err
	}
	return o.Recorder.Record(ctx, part)
}
