package playbook

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Wait waits for a while, or until a time.
//
//	wait: 10m
//	wait: ${inputs.grace}                           # a duration
//	wait: {until: event.time + duration("1h")}      # a timestamp
//
// A time that has passed is not waited for. Nothing is waited for longer than 30 days: a step that
// would have to is a failure.
type Wait struct {
	For   *Value // nil: until is given
	Until *Expr
}

// MaxWait is the longest that a wait may take.
const MaxWait = 30 * 24 * time.Hour

func waitVerb() verb {
	return verb{
		keyword: "wait",
		parse: func(p *parser, o object) Verb {
			n := o.values["wait"]
			if n.Kind != yaml.MappingNode {
				return &Wait{For: o.value("wait")}
			}
			until, _ := p.object(n, "wait", waitKeys)
			if len(n.Content) == 0 {
				until.require("until")
			}
			return &Wait{Until: until.expression("until")}
		},
	}
}

// Keyword implements Verb.
func (*Wait) Keyword() string { return "wait" }

func (w *Wait) check(c *checker, _ *Step, sc *scope) []expr.Field {
	c.expr(w.Until, expr.Timestamp, sc)
	if w.For == nil {
		return nil
	}
	n := w.For.node
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		c.reportAt(ruleWrongType, n, "\"wait\" is a duration like 30s, 5m, 12h or 3d, or has the key \"until\"; got %s", form(n))
		return nil
	}
	c.value(w.For, expr.Duration, "", sc)
	if d, err := expr.ParseDuration(n.Value); err == nil && (d < time.Second || d > MaxWait) {
		c.reportAt(ruleBound, n, "\"wait\" is %s; want 1s to %s", n.Value, span(MaxWait))
	}
	return nil
}
