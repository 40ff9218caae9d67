package playbook

import (
	"time"

	"github.com/countersign/countersign/workflows/expr"
)

// Repeat runs steps in rounds until an expression holds.
//
//	repeat: [...]
//	until: steps.look.output.state == "terminated"   # evaluated after each round
//	every: 30s                                       # between two rounds
//	times: 20                                        # at most
//
// The steps of a round can be read in until and, those of the last round, afterwards. What a round
// sets the next one sees.
//
// It offers times (rounds made) and held: whether until held in the end. That it did not is no
// failure.
type Repeat struct {
	Steps []*Step
	Until *Expr
	Every time.Duration
	Times int
}

// Bounds and defaults of a repeat.
const (
	DefaultEvery = 30 * time.Second
	DefaultTimes = 20
	maxEvery     = 24 * time.Hour
	// MaxRounds bounds the rounds of one loop, whatever it is made with.
	MaxRounds = 1000
)

func repeatVerb() verb {
	return verb{
		keyword: "repeat",
		keys:    []string{"until", "every", "times"},
		parse: func(p *parser, o object) Verb {
			o.require("until")
			return &Repeat{
				Steps: p.block(o, "repeat"),
				Until: o.expression("until"),
				Every: o.duration("every", time.Second, maxEvery, DefaultEvery),
				Times: o.integer("times", 1, MaxRounds, DefaultTimes),
			}
		},
	}
}

// Keyword implements Verb.
func (*Repeat) Keyword() string { return "repeat" }

func (v *Repeat) inner() [][]*Step { return [][]*Step{v.Steps} }

func (v *Repeat) check(c *checker, step *Step, sc *scope) []expr.Field {
	leave := sc.enter(step)
	c.block(v.Steps, sc)
	c.expr(v.Until, expr.Bool, sc)
	leave()
	c.laws.Add(c.when(v.Until, true, sc.facts, sc).Paths(), sc.unless(step, claim(step, "held", true, false))...)
	return []expr.Field{{Name: "times", Type: expr.Int}, {Name: "held", Type: expr.Bool}}
}
