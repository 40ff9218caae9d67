package playbook

import "github.com/countersign/countersign/workflows/expr"

// Stop ends the run with an outcome.
//
//	stop: the key belongs to the break-glass user; nothing was done
//
// With failed: true the run counts as failed, which leaves the matter open: the next event of the
// same key starts a run of its own. A run that is done answers its matter for good.
type Stop struct {
	Outcome *Value
	Failed  bool
}

func stopVerb() verb {
	return verb{
		keyword: "stop",
		keys:    []string{"failed"},
		parse: func(_ *parser, o object) Verb {
			return &Stop{Outcome: o.value("stop"), Failed: o.boolean("failed")}
		},
	}
}

// Keyword implements Verb.
func (*Stop) Keyword() string { return "stop" }

func (s *Stop) check(c *checker, _ *Step, sc *scope) []expr.Field {
	c.text(s.Outcome, "the outcome", sc)
	sc.over = true
	return nil
}
