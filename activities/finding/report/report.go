// Package report makes of what an audit found what people read: how much is new, what is resolved, what
// could not be looked at, which controls are worst. It also has the activities by which playbooks read
// findings.
//
// Names of resources and evidence are somebody else's text: whoever can name a bucket writes them.
// In the report they are cleaned, one line each, and bounded.
package report

import (
	"context"
	"time"

	"github.com/countersign/countersign/activities/finding"
)

// Reader is what a report is made of; *store.Store has it.
type Reader interface {
	Audit(ctx context.Context, id string) (finding.Audit, error)
	Before(ctx context.Context, id string) (finding.Audit, bool, error)
	Compare(ctx context.Context, audit, before string, waivers finding.Waivers, each func(finding.Item) error) error
	Items(ctx context.Context, audit, before string, waivers finding.Waivers, f finding.Filter, each func(finding.Item) error) error
	Counts(ctx context.Context, audit string, each func(finding.Count) error) error
	Places(ctx context.Context, audit string, each func(account, region string) error) error
	Results(ctx context.Context, audit string, f finding.Filter, each func(finding.Result) error) error
}

// Bounds of a report: what does not fit is counted.
const (
	maxLines    = 20  // of each list
	maxResource = 200 // runes
	maxText     = 300 // runes of a waiver's reason
	// soon is how long before its end a waiver is mentioned.
	soon = 14 * 24 * time.Hour
)

// Target is an account and a region, "" of which is the account as a whole.
type Target struct {
	Account string `json:"account" jsonschema:"account"`
	Region  string `json:"region,omitempty" jsonschema:"region; empty is the account as a whole"`
}

// Line is one result of a list.
type Line struct {
	Control  string `json:"control" jsonschema:"id of the control, as S3.8"`
	Severity string `json:"severity" jsonschema:"LOW, MEDIUM, HIGH or CRITICAL"`
	Account  string `json:"account" jsonschema:"account"`
	Region   string `json:"region" jsonschema:"region; empty for what has none"`
	Resource string `json:"resource" jsonschema:"name of the resource, cleaned and cut to be read"`
	Until    string `json:"until,omitempty" jsonschema:"last day of the waiver, of one that is waived"`
	Reason   string `json:"reason,omitempty" jsonschema:"reason of the waiver"`
	By       string `json:"by,omitempty" jsonschema:"who waived it"`
	Why      string `json:"why,omitempty" jsonschema:"why it could not be looked at"`
}

// Worst is how a control does.
type Worst struct {
	Control  string `json:"control" jsonschema:"id of the control"`
	Title    string `json:"title" jsonschema:"title of the control"`
	Severity string `json:"severity" jsonschema:"LOW, MEDIUM, HIGH or CRITICAL"`
	Failed   int    `json:"failed" jsonschema:"how many resources fail it"`
	Errors   int    `json:"errors" jsonschema:"how many could not be looked at"`
	Accounts int    `json:"accounts" jsonschema:"in how many accounts it fails"`
	Playbook string `json:"playbook,omitempty" jsonschema:"playbook that mends it; empty is none"`
}

// Report is what an audit came to.
type Report struct {
	Audit    string    `json:"audit" jsonschema:"run that audited"`
	Playbook string    `json:"playbook" jsonschema:"playbook of the audit"`
	Began    time.Time `json:"began" jsonschema:"when it began to find something"`
	Before   string    `json:"before" jsonschema:"audit it is compared with; empty: there is none, and all is new"`
	Accounts int       `json:"accounts" jsonschema:"how many accounts were asked"`
	Counts   Numbers   `json:"counts" jsonschema:"numbers of results"`

	New      []Line `json:"new" jsonschema:"what fails and did not before, the worst first, at most 20"`
	Resolved []Line `json:"resolved" jsonschema:"what failed before, was looked at again and does not fail, at most 20"`
	Open     []Line `json:"open" jsonschema:"what fails as before, the worst first, at most 20"`
	Waived   []Line `json:"waived" jsonschema:"what fails and may until a day, what ends first before, at most 20"`
	Unseen   []Line `json:"unseen" jsonschema:"what failed before and was not or could not be looked at again, at most 20"`
	Errors   []Line `json:"errors" jsonschema:"what could not be looked at, at most 20"`

	Worst     []Worst  `json:"worst" jsonschema:"controls that fail or could not be looked at, the worst first, at most 20"`
	Unreached []string `json:"unreached" jsonschema:"accounts in which nothing at all could be looked at"`
	Missing   []Target `json:"missing" jsonschema:"targets of which nothing was recorded, at most 20"`
	Expiring  []Line   `json:"expiring" jsonschema:"waivers in use that end within 14 days"`
	Expired   []Line   `json:"expired" jsonschema:"waivers that do not count any more, at most 20"`
	Text      string   `json:"text" jsonschema:"all of this for people to read"`
}

// Numbers are numbers of results.
type Numbers struct {
	Passed        int `json:"passed" jsonschema:"how many pass"`
	Failed        int `json:"failed" jsonschema:"how many fail: those that are new, open and waived"`
	Errors        int `json:"errors" jsonschema:"how many could not be looked at"`
	NotApplicable int `json:"not_applicable" jsonschema:"how often there was nothing to look at"`
	New           int `json:"new" jsonschema:"how many fail and did not before"`
	Open          int `json:"open" jsonschema:"how many fail as before"`
	Waived        int `json:"waived" jsonschema:"how many fail and may until a day"`
	Resolved      int `json:"resolved" jsonschema:"how many failed before and do not any more"`
	Unseen        int `json:"unseen" jsonschema:"how many failed before and were not seen again"`
	Unreached     int `json:"unreached" jsonschema:"in how many accounts nothing could be looked at"`
	Missing       int `json:"missing" jsonschema:"of how many targets nothing was recorded"`
	Critical      int `json:"critical" jsonschema:"how many that fail are of critical severity, waived ones left out"`
	High          int `json:"high" jsonschema:"how many that fail are of high severity, waived ones left out"`
	Medium        int `json:"medium" jsonschema:"how many that fail are of medium severity, waived ones left out"`
	Low           int `json:"low" jsonschema:"how many that fail are of low severity, waived ones left out"`
}
