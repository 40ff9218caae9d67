package policy

import (
	"fmt"
	"time"
)

// Each is what a breaker counts apart.
type Each string

// What breakers can count apart.
const (
	EachAccount    Each = "account"
	EachActivity   Each = "activity"
	EachEverything Each = "everything"
)

// Breaker bounds how many effects there may be in a time. One that has tripped holds effects until
// enough time has passed; nobody can approve it away.
type Breaker struct {
	Name string        `json:"name"`
	Most int           `json:"most"`
	Per  time.Duration `json:"per"`
	Each Each          `json:"each"`
	// Effect is which effects it bounds; "": all.
	Effect string `json:"effect,omitempty"`

	activities patterns
}

// String says it for people.
func (b Breaker) String() string {
	what := "effects"
	if b.Effect != "" {
		what = b.Effect + " effects"
	}
	each := ""
	if b.Each != EachEverything {
		each = " for each " + string(b.Each)
	}
	return fmt.Sprintf("%s: at most %d %s in %s%s", b.Name, b.Most, what, b.Per, each)
}

// Knowing returns the policy with knowledge of which effect an activity has. Breakers of one effect
// then count only such; without it, and for activities that are not known, they count all that their
// patterns match and trip sooner.
func (p *Policy) Knowing(effects func(activity string) (effect string, known bool)) *Policy {
	with := *p
	with.effects = effects
	return &with
}

// Tripped returns the first breaker that holds a call: there have been as many effects as it lets
// pass. count counts the intents on record since a time, by their topic, "<activity>@<account>"; it
// is asked at most once for each span of time, and not at all where no breaker is concerned. Its
// error is returned: nobody can tell then, and the effect must not be made.
//
// What takes an effect back is not held. It happens once for each effect that was counted, and half
// a containment is worse than none.
func (p *Policy) Tripped(f Facts, count func(since time.Time) (map[string]int, error)) (Breaker, bool, error) {
	if f.Undo != "" {
		return Breaker{}, false, nil
	}
	seen := map[time.Duration]map[string]int{}
	for _, b := range p.breakers {
		if !b.concerns(f) {
			continue
		}
		topics, asked := seen[b.Per]
		if !asked {
			var err error
			if topics, err = count(f.Now.Add(-b.Per)); err != nil {
				return Breaker{}, false, fmt.Errorf("count the effects for the breaker %q: %w", b.Name, err)
			}
			seen[b.Per] = topics
		}
		sum := 0
		for topic, n := range topics { // it adds up, in whatever order
			if p.counts(b, f, topic) {
				sum += n
			}
		}
		if sum >= b.Most {
			return b, true, nil
		}
	}
	return Breaker{}, false, nil
}

func (b Breaker) concerns(f Facts) bool {
	_, in := b.activities.match([]rune(f.Activity))
	return in && (b.Effect == "" || b.Effect == f.Effect)
}

// counts reports whether a breaker counts a topic when f is about to happen.
func (p *Policy) counts(b Breaker, f Facts, topic string) bool {
	activity, account := ofTopic(topic)
	if _, in := b.activities.match([]rune(activity)); !in {
		return false
	}
	if b.Effect != "" && p.effects != nil {
		if effect, known := p.effects(activity); known && effect != b.Effect {
			return false
		}
	}
	switch b.Each {
	case EachAccount:
		return string(fold(account)) == string(fold(f.Account))
	case EachActivity:
		return activity == f.Activity
	default:
		return true
	}
}
