package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/finding"
)

const (
	// checkTimeout bounds one attempt: an account of thousands of buckets takes minutes. It is longer
	// than what runs inside a workflow task, so the call is an activity of its own, for which the guard
	// beats: a worker that dies in it is noticed within checkHeartbeat.
	checkTimeout   = 20 * time.Minute
	checkHeartbeat = 15 * time.Second
	// patience is how many attempts wait for what may pass. A step has five by itself.
	patience = 3
	// shownFailures bounds what goes into the history of the run; the record has them all.
	shownFailures = 100
)

// ErrNoRecorder is why a worker that keeps no findings refuses to audit.
var errNoRecorder = errors.New("this worker keeps no findings: it has no store for them")

type service struct {
	sessions *session.Sessions
	recorder finding.Recorder
	// entry is the permission that the way into an account takes; "": the worker is in it.
	entry string
	// pause waits for a credential report. Tests count instead.
	pause func(context.Context, time.Duration) error
}

// Register adds the activities of audits to r. It makes no call. Without a recorder they refuse every
// call: an audit that nobody can read is none.
func Register(r *activities.Registry, opts session.Options, recorder finding.Recorder) {
	s := &service{sessions: session.New(opts), recorder: recorder, pause: pause}
	if opts.Accounts != nil {
		s.entry = "sts:AssumeRole"
	}
	s.register(r)
}

func (s *service) register(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.audit.check",
		Title: "Hold an AWS account, or one region of it, against the controls",
		Doc: "Without a region it looks at what belongs to the account as a whole, as IAM does; with one, at what is in that region. " +
			"An audit of an account is a call without a region and one for each region in use. " +
			"Everything found is kept with the findings of the audit; what is returned is counts and the first failures. " +
			"What could not be read is an error of the controls that need it, not a pass.",
		Effect:      activities.Read,
		Permissions: permissions(),
		Timeout:     checkTimeout,
		Heartbeat:   checkHeartbeat,
	}, s.check)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type checkInput struct {
	Audit    string   `json:"audit" jsonschema:"the audit that the findings belong to: ${run.id}"`
	Playbook string   `json:"playbook,omitempty" jsonschema:"whose earlier audits this one is compared with: ${run.playbook}"`
	Account  string   `json:"account" jsonschema:"AWS account of twelve digits to look at"`
	Region   string   `json:"region,omitempty" jsonschema:"region to look at, as eu-west-1; empty for what belongs to the account as a whole"`
	Controls []string `json:"controls,omitempty" jsonschema:"ids of the controls to look at, as IAM.4; all by default. Those that are about the account are left out of a region, and those about regions of the account"`
}

type checkOutput struct {
	Checked       int       `json:"checked" jsonschema:"how many controls were looked at"`
	Passed        int       `json:"passed" jsonschema:"how many resources are as they should be"`
	Failed        int       `json:"failed" jsonschema:"how many are not"`
	Errors        int       `json:"errors" jsonschema:"how many could not be looked at"`
	NotApplicable int       `json:"not_applicable" jsonschema:"how many controls found nothing that they are about"`
	Failures      []failure `json:"failures" jsonschema:"the failures, the worst first"`
	Truncated     bool      `json:"truncated" jsonschema:"true if there are more failures than are listed"`
}

type failure struct {
	Control  string           `json:"control" jsonschema:"id of the control, as IAM.4"`
	Resource string           `json:"resource" jsonschema:"ARN of what failed"`
	Severity finding.Severity `json:"severity" jsonschema:"LOW, MEDIUM, HIGH or CRITICAL"`
}

func (s *service) check(ctx context.Context, in checkInput) (checkOutput, error) {
	what := "audit account " + in.Account
	info := activities.InfoFrom(ctx)
	switch {
	case s.recorder == nil:
		return checkOutput{}, activities.Permanent("NoFindings", fmt.Errorf("%s: %w", what, errNoRecorder))
	case in.Audit == "":
		return checkOutput{}, session.BadInput("%s: audit is empty: want the id of the run", what)
	case info.Scheduled.IsZero():
		return checkOutput{}, activities.Permanent("NoStep", fmt.Errorf("%s: no time: only a step of a run may call it", what))
	}
	chosen, err := choose(in.Controls, in.Region)
	if err != nil {
		return checkOutput{}, err
	}
	f := &facts{
		account: in.Account, region: in.Region, at: info.Scheduled.UTC(), pause: s.pause, kept: map[string]fact{},
		resigned: info.Attempt > patience,
	}
	results, err := s.results(ctx, f, chosen)
	if err != nil {
		return checkOutput{}, err
	}
	part := finding.Part{Audit: in.Audit, Playbook: in.Playbook, Account: in.Account, Region: in.Region, Results: results}
	for _, c := range chosen {
		part.Controls = append(part.Controls, c.ID)
	}
	if err := s.recorder.Record(ctx, part); err != nil {
		return checkOutput{}, fmt.Errorf("%s: keep what was found: %w", what, err)
	}
	return summary(chosen, results), nil
}

// choose are the controls that were asked for, of those that are about what is looked at.
func choose(ids []string, region string) ([]*check, error) {
	want := ofAccount
	if region != "" {
		want = ofRegion
	}
	known := make([]string, 0, len(all))
	for _, c := range all {
		known = append(known, c.ID)
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return nil, session.BadInput("controls: no control %q: there are %s", id, strings.Join(known, ", "))
		}
	}
	var out []*check
	for _, c := range all {
		if c.scope == want && (len(ids) == 0 || slices.Contains(ids, c.ID)) {
			out = append(out, c)
		}
	}
	return out, nil
}

// callersFault are the kinds of errors that are about the call, not about what the account refuses.
var callersFault = []string{"BadInput", "UnknownAccount", "WrongAccount", "Cancelled"}

// results are what the controls saw, by control and resource. Where there is no way into the account at
// all, for good, each of them says so.
func (s *service) results(ctx context.Context, f *facts, chosen []*check) ([]finding.Result, error) {
	var shut error
	if f.region == "" {
		f.c, shut = s.sessions.Global(ctx, f.account)
	} else {
		f.c, shut = s.sessions.In(ctx, f.account, f.region)
	}
	var of *activities.Error
	if errors.As(shut, &of) && slices.Contains(callersFault, of.Kind) || shut != nil && !f.settled(ctx, shut) {
		return nil, shut
	}
	if shut != nil && s.entry != "" {
		shut = &unread{permission: s.entry, err: shut}
	}
	var out []finding.Result
	for _, c := range chosen {
		all, err := []seen(nil), shut
		if err == nil {
			all, err = c.look(ctx, f)
		}
		if err != nil {
			one, err := f.refused(ctx, f.whole(), err)
			if err != nil {
				return nil, err
			}
			all = []seen{one}
		}
		if len(all) == 0 {
			all = []seen{{resource: f.whole(), status: finding.NotApplicable}}
		}
		slices.SortStableFunc(all, func(a, b seen) int { return strings.Compare(a.resource, b.resource) })
		for _, one := range all {
			out = append(out, finding.Result{
				Account: f.account, Region: f.region, Control: c.ID, Resource: one.resource, Status: one.status, Evidence: one.evidence, At: f.at,
			})
		}
	}
	return out, nil
}

// summary counts, and lists the worst failures.
func summary(chosen []*check, results []finding.Result) checkOutput {
	out := checkOutput{Checked: len(chosen), Failures: []failure{}}
	severity := map[string]finding.Severity{}
	for _, c := range chosen {
		severity[c.ID] = c.Severity
	}
	for _, r := range results {
		switch r.Status {
		case finding.Pass:
			out.Passed++
		case finding.Fail:
			out.Failed++
			out.Failures = append(out.Failures, failure{Control: r.Control, Resource: r.Resource, Severity: severity[r.Control]})
		case finding.Error:
			out.Errors++
		case finding.NotApplicable:
			out.NotApplicable++
		}
	}
	slices.SortStableFunc(out.Failures, func(a, b failure) int { return cmp.Compare(weight(b.Severity), weight(a.Severity)) })
	if len(out.Failures) > shownFailures {
		out.Failures, out.Truncated = out.Failures[:shownFailures], true
	}
	return out
}

func weight(s finding.Severity) int {
	return slices.Index([]finding.Severity{finding.Low, finding.Medium, finding.High, finding.Critical}, s)
}
