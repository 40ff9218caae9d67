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
