package approval

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/grant"
)

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// Admit says whether a vote counts, at now, beside the votes already cast. A repeat of a vote that
// was counted is admitted: it changes nothing, and the person pressed twice.
func (p Panel) Admit(r Request, votes []Vote, v Vote, now time.Time) error {
	switch {
	case len(v.Approval) > maxName || len(v.Digest) > maxName || len(v.Person) > MaxPerson || len(v.For) > MaxPerson || len(v.Verdict) > maxName:
		return refuse("one of its names is too long; a person is at most %d bytes", MaxPerson)
	case v.Approval != r.ID:
		return refuse("it is for %q, and this is %q", v.Approval, r.ID)
	case v.Verdict != Approve && v.Verdict != Reject:
		return refuse("%q is not an answer; want approve or reject", v.Verdict)
	case v.Person == "":
		return refuse("it names nobody")
	case v.Digest != r.Digest:
		return refuse("it was cast for %s, and what is asked now is %s; look at the request again", v.Digest.Short(), r.Digest.Short())
	case len(v.Reason) > MaxReason:
		return refuse("its reason is %d bytes; at most %d are kept", len(v.Reason), MaxReason)
	}
	for _, earlier := range votes {
		if earlier.Person == v.Person {
			if earlier.Verdict == v.Verdict && earlier.BreakGlass == v.BreakGlass {
				return nil
			}
			if earlier.BreakGlass || !v.BreakGlass { // who has said yes may yet say that it cannot wait for the others
				return refuse("%s has already answered %s", v.Person, earlier.Verdict)
			}
		}
	}
	v.At = now
	switch _, err := p.Right(r, v.Person, v.Surface, now); {
	case v.BreakGlass:
		if err := p.alone(v); err != nil {
			return err
		}
	case err != nil:
		return err
	case !p.counts(r, v):
		return refuse("%s may not vote for %s", v.Person, v.For)
	}
	if d, done := p.Decide(r, votes, now); done {
		return refuse("the request is already %s", d.Outcome)
	}
	return nil
}

// Decide says whether the votes are a decision at now. The earliest moment at which they are one
// counts, and of one moment a no; what was said later changes nothing. Votes of people who have no
// right any more do not count, so that of two panels the later one may see fewer.
func (p Panel) Decide(r Request, votes []Vote, now time.Time) (Decision, bool) {
	ordered := slices.Clone(votes)
	slices.SortStableFunc(ordered, func(a, b Vote) int {
		if order := a.At.Compare(b.At); order != 0 {
			return order
		}
		return strings.Compare(string(b.Verdict), string(a.Verdict)) // reject before approve
	})
	var yes []Vote
	for _, v := range ordered {
		if !v.At.Before(r.Expires) || v.At.After(now) || v.Digest != r.Digest || slices.ContainsFunc(yes, func(y Vote) bool { return y.Person == v.Person && !v.BreakGlass }) {
			continue
		}
		switch {
		case v.BreakGlass && p.alone(v) == nil:
			return Decision{Outcome: Approved, By: []string{v.Person}, Reason: v.Reason, At: v.At, BreakGlass: true}, true
		case v.BreakGlass || !p.counts(r, v):
		case v.Verdict == Reject:
			reason := v.Reason
			if blank(reason) {
				reason = "rejected by " + v.Person
			}
			return Decision{Outcome: Rejected, By: []string{v.Person}, Reason: reason, At: v.At}, true
		case v.Verdict == Approve:
			yes = append(yes, v)
			if met(p.tally(r, yes, v.At)) {
				return Decision{Outcome: Approved, By: people(yes), Reason: v.Reason, At: v.At}, true
			}
		}
	}
	if !now.Before(r.Expires) {
		return r.Expire(), true
	}
	return Decision{}, false
}

// counts reports whether a vote had a right when it was given, and was given where it counts.
func (p Panel) counts(r Request, v Vote) bool {
	return p.right(r, v.Person, v.For, v.At) && p.here(r, cmp.Or(v.For, v.Person), v.Surface, v.At) == nil
}

// Tally is how far a need is met.
type Tally struct {
	grant.Need

	Yes []string `json:"yes"` // people
}

// Tally says how far each need is met by the votes that count now.
func (p Panel) Tally(r Request, votes []Vote, now time.Time) []Tally {
	var yes []Vote
	for _, v := range votes {
		if v.Verdict == Approve && !v.BreakGlass && v.Digest == r.Digest && p.counts(r, v) {
			yes = append(yes, v)
		}
	}
	return p.tally(r, yes, now)
}

// tally counts those who said yes, each once whatever accounts and rights they have, for every need
// of whose groups the right is that they voted in.
func (p Panel) tally(r Request, yes []Vote, at time.Time) []Tally {
	all := make([]Tally, 0, 2)
	for _, need := range p.Needs(r, at) {
		t := Tally{Need: need}
		for _, v := range yes {
			if p.in(cmp.Or(v.For, v.Person), need.Groups) && need.Takes(v.Surface) && !slices.Contains(t.Yes, v.Person) {
				t.Yes = append(t.Yes, v.Person)
			}
		}
		all = append(all, t)
	}
	return all
}

// met reports whether all needs are. A need of nobody is no need that anybody meets.
func met(all []Tally) bool {
	return len(all) > 0 && !slices.ContainsFunc(all, func(t Tally) bool { return t.Quorum < 1 || len(t.Yes) < t.Quorum })
}

func people(votes []Vote) []string {
	var all []string
	for _, v := range votes {
		if !slices.Contains(all, v.Person) {
			all = append(all, v.Person)
		}
	}
	return all
}
