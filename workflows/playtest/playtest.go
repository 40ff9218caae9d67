package playtest

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// Options are what a test needs of the rest of the program.
type Options struct {
	// Registry holds the real activities: their schemas and the guard are used, their functions
	// are not called.
	Registry *activities.Registry
	// Workflows holds those that are written in Go; they run, with what the test says their calls
	// answer. nil: there are none.
	Workflows *workflows.Registry
	// Normalise makes an event of a file, as the gateway does of what it receives.
	Normalise func(raw []byte) (event.Event, error)
	// Only says by its name whether a test is run; nil runs all.
	Only func(name string) bool
}

// Result is what became of one test.
type Result struct {
	Name string `json:"name"`
	File string `json:"file"`
	Line int    `json:"line"`
	// Failures are where the run differed from what was expected; none: the test passed.
	Failures playbook.Problems `json:"failures,omitempty"`
	// Steps are the ids of the steps that the run took, and did not skip.
	Steps []string `json:"steps,omitempty"`
	// Branches are the ways that the run went where it could have gone another.
	Branches []Branch `json:"branches,omitempty"`
	// Status is the story of the run; nil if it did not start.
	Status *workflows.Status `json:"-"`
}

// Passed reports whether the run did all that was expected.
func (r Result) Passed() bool { return len(r.Failures) == 0 }

// File returns the name of the test file of a playbook's file.
func File(playbookFile string) string {
	return strings.TrimSuffix(playbookFile, ".yaml") + "_test.yaml"
}

// Run runs the tests of a file in lib against a playbook. A file that cannot be read as tests is
// an error, of type playbook.Problems where it has places; a test that fails is not.
func Run(lib fs.FS, file string, pb *playbook.Playbook, opts Options) ([]Result, error) {
	text, err := fs.ReadFile(lib, file)
	if err != nil {
		return nil, fmt.Errorf("read the tests of the playbook %s: %w", pb.Name, err)
	}
	root, problems := playbook.Read(file, text)
	if root == nil {
		return nil, problems
	}
	p := &parser{file: file, registry: opts.Registry, flows: opts.Workflows, pb: pb}
	if p.family, err = familyOf(pb); err != nil {
		return nil, fmt.Errorf("test the playbook %s: %w", pb.Name, err)
	}
	s := p.suite(root)
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	results := make([]Result, 0, len(s.tests))
	for _, t := range s.tests {
		if opts.Only != nil && !opts.Only(t.name) {
			continue
		}
		r := &rehearsal{file: file, lib: lib, family: p.family, pb: pb, opts: opts, test: t}
		r.run()
		slices.SortStableFunc(r.failures, func(a, b playbook.Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		result := Result{Name: t.name, File: file, Line: t.at.node.Line, Failures: r.failures, Steps: r.taken(), Status: r.status}
		if r.status != nil {
			w := &ways{status: r.status}
			w.block(pb.Steps)
			result.Branches = w.taken
		}
		results = append(results, result)
	}
	return results, nil
}
