package policy

import "slices"

// Explanation is a verdict with how it came about, for people.
type Explanation struct {
	Verdict Verdict `json:"verdict"`
	// Tried are the rules up to the one that decided, in their order; empty where a list of what is
	// never touched or a freeze decided before any of them.
	Tried []Tried `json:"tried"`
	// Breakers are those that hold such a call once they have tripped.
	Breakers []Breaker         `json:"breakers"`
	Tags     map[string]string `json:"tags"` // of the account
}

// Tried is a rule that was looked at.
type Tried struct {
	Rule  string `json:"rule"`
	If    string `json:"if,omitempty"`
	Holds bool   `json:"holds"`
	Error string `json:"error,omitempty"` // why it could not be judged
}

// Explain judges a call and says how.
func (p *Policy) Explain(f Facts) Explanation {
	e := Explanation{Verdict: p.Judge(f), Tried: []Tried{}, Breakers: []Breaker{}, Tags: map[string]string{}}
	if tags := p.Tags(f.Account); tags != nil {
		e.Tags = tags
	}
	if f.Undo == "" {
		for _, b := range p.breakers {
			if b.concerns(f) {
				e.Breakers = append(e.Breakers, b)
			}
		}
	}
	_, never := p.NeverTouch(f)
	_, frozen := p.frozen(f)
	if never || frozen {
		return e
	}
	values := p.values(f)
	at := slices.IndexFunc(p.rules, func(r rule) bool { return r.name == e.Verdict.Rule })
	for _, r := range p.rules[:at+1] {
		t := Tried{Rule: r.name, Holds: true}
		if r.program != nil {
			var err error
			t.If = r.program.Source()
			if t.Holds, err = r.program.Holds(values); err != nil {
				t.Error = bounded(err.Error())
			}
		}
		e.Tried = append(e.Tried, t)
	}
	return e
}
