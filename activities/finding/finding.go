// Package finding is what audits report: for each control, account, region and resource whether it
// is as it should be, and how we know.
package finding

import (
	"context"
	"time"
)

// Status is what a control says of a resource.
type Status string

// The statuses. What could not be looked at is an Error, whatever the reason: nobody may read a
// refusal as a pass.
const (
	Pass          Status = "PASS"
	Fail          Status = "FAIL"
	Error         Status = "ERROR"
	NotApplicable Status = "NOT_APPLICABLE" // there is nothing here that the control is about
)

// Severity says how bad a Fail is.
type Severity string

// The severities, as Security Hub has them.
const (
	Low      Severity = "LOW"
	Medium   Severity = "MEDIUM"
	High     Severity = "HIGH"
	Critical Severity = "CRITICAL"
)

// Control is one thing that an audit looks at.
type Control struct {
	// ID is that of AWS Security Hub where it has one: IAM.4, EC2.53.
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Severity Severity `json:"severity"`
	// Remedy says what to do about a Fail, for people to read, and Playbook which playbook does it;
	// "" is none.
	Remedy   string `json:"remedy"`
	Playbook string `json:"playbook,omitempty"`
	// Standards are where it comes from: "CIS AWS Foundations 3.0.0 1.4".
	Standards []string `json:"standards,omitempty"`
}

// Result is what a control said of one resource.
type Result struct {
	Account string `json:"account"`
	Region  string `json:"region"` // "" for what has none
	Control string `json:"control"`
	// Resource is the ARN of what was looked at; of a control about an account as a whole, the
	// account's: arn:aws:iam::111122223333:root.
	Resource string `json:"resource"`
	Status   Status `json:"status"`
	// Evidence is what was seen, in the provider's words: names and values, by name. Never a secret.
	Evidence map[string]string `json:"evidence,omitempty"`
	At       time.Time         `json:"at"`
}

// Part is what an audit found in one account and region.
type Part struct {
	// Audit is the run that audits, and Playbook what it runs: the one before is that of the same
	// playbook.
	Audit, Playbook string
	Account, Region string
	// Controls were looked at, also those without a result.
	Controls []string
	Results  []Result
}

// Recorder keeps what audits find.
type Recorder interface {
	// Record keeps a part. What the audit had found in that account and region before is replaced, so
	// that to record it again is safe.
	Record(ctx context.Context, part Part) error
}
