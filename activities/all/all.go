// Package all is the list of the activities that ship with Countersign.
//
// A worker registers them and nothing else; a new provider is added here, by name. The checker
// and the documentation read the same list, so what it holds is the public surface: its golden
// file in testdata shows every change of it to a reviewer.
package all

import (
	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/aws/control"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/report"
)

// Options says how to reach each provider. The zero value is right in production.
type Options struct {
	AWS aws.Options
	// Directory names the people who approve. A program that only describes activities needs none.
	Directory func() (directory.Directory, error)
	// Findings is what audits found, and Recorder is where they keep it. A program that only describes
	// activities needs neither.
	Findings report.Options
	Recorder finding.Recorder
}

// Register adds every activity that ships to r. It makes no call.
func Register(r *activities.Registry, opts Options) {
	if opts.Findings.Controls == nil {
		opts.Findings.Controls = Controls()
	}
	aws.Register(r, opts.AWS, opts.Findings)
	directory.Register(r, opts.Directory)
	control.Register(r, opts.AWS, opts.Recorder)
	report.Register(r, opts.Findings)
}

// Controls are what audits look at.
func Controls() []finding.Control { return control.Findings() }
