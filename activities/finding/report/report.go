// Package report makes of what an audit found what people read: how much is new, what is resolved, what
// could not be looked at, which controls are worst. It also has the activities by which playbooks read
// findings.
//
// Names of resources and evidence are somebody else's text: whoever can name a bucket writes them.
// In the report they are cleaned, one line each, and bounded.
package report

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/clean"
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

// Maker makes reports.
type Maker struct {
	Reader   Reader
	Controls finding.Catalogue
	Waivers  finding.Waivers
	Now      time.Time
}

// Make makes the report of an audit. targets are what the audit was to look at; without, nobody can
// tell what it left out.
func (m Maker) Make(ctx context.Context, audit string, targets []Target) (Report, error) {
	a, err := m.Reader.Audit(ctx, audit)
	if err != nil {
		return Report{}, err
	}
	before, _, err := m.Reader.Before(ctx, audit)
	if err != nil {
		return Report{}, err
	}
	r := Report{
		Audit: a.ID, Playbook: a.Playbook, Began: a.Began, Before: before.ID, Accounts: a.Accounts,
		Counts: Numbers{Passed: a.Passed, Failed: a.Failed, Errors: a.Counts.Errors, NotApplicable: a.NotApplicable},
		Worst:  []Worst{}, Unreached: []string{}, Missing: []Target{}, Expired: []Line{},
	}
	lists := map[finding.State]*list{}
	for _, s := range []finding.State{finding.New, finding.Open, finding.Waived, finding.Resolved, finding.Unseen, finding.Unknown} {
		lists[s] = &list{lines: []Line{}}
	}
	lists[finding.Waived].first = func(a, b Line) int { return cmp.Compare(a.Until, b.Until) }
	expiring := &list{lines: []Line{}, first: lists[finding.Waived].first}
	err = m.Reader.Compare(ctx, audit, before.ID, m.Waivers, func(i finding.Item) error {
		line := m.line(i)
		lists[i.State].add(line)
		switch i.State {
		case finding.New, finding.Open:
			r.Counts.severity(finding.Severity(line.Severity))
		case finding.Waived:
			if i.Waiver.Ends().Sub(m.Now) < soon {
				expiring.add(line)
			}
		}
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	r.New, r.Counts.New = lists[finding.New].lines, lists[finding.New].all
	r.Open, r.Counts.Open = lists[finding.Open].lines, lists[finding.Open].all
	r.Waived, r.Counts.Waived = lists[finding.Waived].lines, lists[finding.Waived].all
	r.Resolved, r.Counts.Resolved = lists[finding.Resolved].lines, lists[finding.Resolved].all
	r.Unseen, r.Counts.Unseen = lists[finding.Unseen].lines, lists[finding.Unseen].all
	r.Errors, r.Expiring = lists[finding.Unknown].lines, expiring.lines
	for _, w := range m.Waivers.Expired(m.Now) {
		if len(r.Expired) < maxLines {
			r.Expired = append(r.Expired, m.waived(Line{Control: w.Control, Account: w.Account, Resource: clean.Line(w.Resource, maxResource)}, w))
		}
	}
	if err := m.count(ctx, &r); err != nil {
		return Report{}, err
	}
	if err := m.missing(ctx, &r, targets); err != nil {
		return Report{}, err
	}
	r.Text = r.text()
	return r, nil
}

func (n *Numbers) severity(s finding.Severity) {
	switch s {
	case finding.Critical:
		n.Critical++
	case finding.High:
		n.High++
	case finding.Low:
		n.Low++
	default:
		n.Medium++
	}
}

// line is an item as people read it.
func (m Maker) line(i finding.Item) Line {
	l := Line{
		Control: clean.Line(i.Result.Control, 40), Severity: string(m.Controls.Of(i.Result.Control).Severity),
		Account: clean.Line(i.Result.Account, 40), Region: clean.Line(i.Result.Region, 40), Resource: clean.Line(i.Result.Resource, maxResource),
	}
	if i.Waiver != nil {
		l = m.waived(l, *i.Waiver)
	}
	if i.State == finding.Unknown {
		l.Why = clean.Line(i.Result.Why(), maxText)
	}
	return l
}

func (Maker) waived(l Line, w finding.Waiver) Line {
	l.Until, l.Reason, l.By = w.Until, clean.Line(w.Reason, maxText), clean.Line(w.By, 100)
	return l
}

// count adds what is counted by control and account.
func (m Maker) count(ctx context.Context, r *Report) error {
	worst := map[string]*Worst{}
	account, reached, asked := "", true, false
	leave := func() {
		if asked && !reached {
			if r.Counts.Unreached++; len(r.Unreached) < 5*maxLines {
				r.Unreached = append(r.Unreached, clean.Line(account, 40))
			}
		}
	}
	err := m.Reader.Counts(ctx, r.Audit, func(c finding.Count) error { // by account
		if c.Account != account {
			leave()
			account, reached, asked = c.Account, false, true
		}
		reached = reached || c.Status != finding.Error
		if c.Status != finding.Fail && c.Status != finding.Error {
			return nil
		}
		w := worst[c.Control]
		if w == nil {
			known := m.Controls.Of(c.Control)
			w = &Worst{Control: clean.Line(c.Control, 40), Title: clean.Line(known.Title, maxText), Severity: string(known.Severity), Playbook: known.Playbook}
			worst[c.Control] = w
		}
		if c.Status == finding.Fail {
			w.Failed += c.Results
			w.Accounts++
		} else {
			w.Errors += c.Results
		}
		return nil
	})
	if err != nil {
		return err
	}
	leave()
	all := slices.SortedFunc(maps.Values(worst), func(a, b *Worst) int {
		return cmp.Or(boolean(a.Failed == 0, b.Failed == 0), finding.Worse(finding.Severity(a.Severity), finding.Severity(b.Severity)),
			cmp.Compare(b.Failed, a.Failed), cmp.Compare(b.Errors, a.Errors), cmp.Compare(a.Control, b.Control))
	})
	for _, w := range all[:min(len(all), maxLines)] {
		r.Worst = append(r.Worst, *w)
	}
	return nil
}

// missing finds targets of which nothing was recorded.
func (m Maker) missing(ctx context.Context, r *Report, targets []Target) error {
	if len(targets) == 0 {
		return nil
	}
	left := map[Target]bool{}
	for _, t := range targets {
		left[t] = true
	}
	if err := m.Reader.Places(ctx, r.Audit, func(account, region string) error { delete(left, Target{account, region}); return nil }); err != nil {
		return err
	}
	r.Counts.Missing = len(left)
	for _, t := range slices.SortedFunc(maps.Keys(left), func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	}) {
		if len(r.Missing) < maxLines {
			r.Missing = append(r.Missing, Target{clean.Line(t.Account, 40), clean.Line(t.Region, 40)})
		}
	}
	return nil
}

// Account is how an account does.
type Account struct {
	Account        string
	Failed, Errors int
}

// Accounts are the accounts that fail most, at most so many.
func (m Maker) Accounts(ctx context.Context, audit string, most int) ([]Account, error) {
	var all []Account
	err := m.Reader.Counts(ctx, audit, func(c finding.Count) error { // by account
		if n := len(all); n == 0 || all[n-1].Account != c.Account {
			all = append(all, Account{Account: c.Account})
		}
		switch last := &all[len(all)-1]; c.Status {
		case finding.Fail:
			last.Failed += c.Results
		case finding.Error:
			last.Errors += c.Results
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b Account) int {
		return cmp.Or(cmp.Compare(b.Failed, a.Failed), cmp.Compare(b.Errors, a.Errors))
	})
	return all[:min(len(all), most)], err
}

func boolean(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// list keeps the first lines of many, and counts all.
type list struct {
	lines []Line
	all   int
	first func(a, b Line) int // nil: the worst
}

func (l *list) add(line Line) {
	l.all++
	first := l.first
	if first == nil {
		first = func(a, b Line) int { return finding.Worse(finding.Severity(a.Severity), finding.Severity(b.Severity)) }
	}
	at, _ := slices.BinarySearchFunc(l.lines, line, func(a, b Line) int {
		if n := first(a, b); n != 0 {
			return n
		}
		return -1 // of those that are alike the one that came first
	})
	if at < maxLines {
		l.lines = slices.Insert(l.lines, at, line)
		l.lines = l.lines[:min(len(l.lines), maxLines)]
	}
}
