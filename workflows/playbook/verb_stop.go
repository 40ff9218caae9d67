package playbook

import "github.com/countersign/countersign/workflows/expr"

// Stop ends the run with an outcome.
//
//	stop: the key belongs to the break-glass user; nothing was done
type Stop struct {
	Outcome *Value
}

func stopVerb() verb {
	return verb{
		keyword: "stop",
		parse: func(_ *parser, o object) Verb {
			return &Stop{Outcome: o.value("stop")}
		},
	}
}

// Keyword implements Verb.
func (*Stop) Keyword() string { return "stop" }

func (s *Stop) check(c *checker, _ *Step, sc *scope) []expr.Field {
	c.text(s.Outcome, "the outcome", sc)
	return nil
}
