package playbook

import (
	"fmt"
	"maps"
	"time"

	"github.com/countersign/countersign/workflows/expr"
)

// ForEach runs steps once per item of a list or a map.
//
//	for_each: steps.find.output.keys
//	steps: [...]                      # see item and index; of a map, item.key and item.value
//	max_parallel: 1                   # items at once
//	waves: [1, 10%, 100%]             # how far each goes; one ends before the next begins
//	pause: 5m                         # between two waves
//	max_failures: 5%                  # items that may fail; more, and no further one is begun
//	continue_on_error: false          # true: the other items go on, and failures are counted
//	collect: steps.disable.output.at  # what to keep of an item that succeeded
//
// Items are begun in their order, those of a map by key. Each has its own view of the values: what
// it sets and what its steps give ends with it, except for what collect keeps. Many items go in
// parts, runs of their own, one part after the other.
//
// A number in waves or max_failures counts items, a percentage is of all of them: of waves rounded
// up, of what may fail rounded down. See [ForEach.Cuts] and [ForEach.BudgetAfter].
//
// It offers failed and done (how many items did, and did not; error is then the first failure), left
// (how many were not begun), waves (made), stopped (whether more failed than may), failures (the first
// hundred: index, item, error) and, with collect, results: of the items that succeeded, in their
// order. A loop that was stopped has failed.
type ForEach struct {
	Items           *Expr
	Steps           []*Step
	MaxParallel     int
	ContinueOnError bool
	Waves           []Share // none: all items are one
	Pause           time.Duration
	MaxFailures     *Share // nil: as ContinueOnError says
	Collect         *Expr  // nil: none

	// Item is the type of an item, as the steps see it.
	Item *expr.Type
	// Sees is the type of what the steps read of the run around the loop: vars, steps and what an
	// outer block names. It is what a part of the loop must be told.
	Sees *expr.Type

	covered bool // by an approval
}

const (
	// maxParallel bounds the items that one loop works on at once.
	maxParallel = 50
	// MaxItems bounds the items of one for_each.
	MaxItems = 10_000
	// MaxItemBytes bounds the items of one for_each together, as JSON.
	MaxItemBytes = 1 << 20
	maxPause     = 24 * time.Hour
)

func forEachVerb() verb {
	return verb{
		keyword: "for_each",
		keys:    []string{"max_parallel", "waves", "pause", "max_failures", "continue_on_error", "steps", "collect"},
		parse: func(p *parser, o object) Verb {
			o.require("steps")
			if o.has("pause") && !o.has("waves") {
				o.reportAt(ruleMissingKey, o.values["pause"], "\"pause\" is the time between two waves; say with \"waves\" how far each goes")
			}
			return &ForEach{
				Items:           o.expression("for_each"),
				Steps:           p.block(o, "steps"),
				MaxParallel:     o.integer("max_parallel", 1, maxParallel, 1),
				ContinueOnError: o.boolean("continue_on_error"),
				Waves:           o.waves(),
				Pause:           o.duration("pause", time.Second, maxPause, 0),
				MaxFailures:     o.budget(),
				Collect:         o.expression("collect"),
			}
		},
	}
}

// Keyword implements Verb.
func (*ForEach) Keyword() string { return "for_each" }

func (v *ForEach) inner() [][]*Step { return [][]*Step{v.Steps} }

func (v *ForEach) check(c *checker, step *Step, sc *scope) []expr.Field {
	c.expr(v.Items, expr.Any, sc)
	for _, a := range assigned(v.Steps) {
		if _, had := sc.vars[a.name]; had {
			c.reportAt(ruleSharedVar, a.node, "vars.%s was set before the loop; what an item sets ends with it: use another name, and collect", a.name)
		}
	}
	around, outer := sc.types(), c.reads
	c.reads = map[string]bool{}
	item := sc.fork()
	item.enter(step)
	v.Item = v.item(c)
	item.name("item", v.Item)
	item.name("index", expr.Int)
	outerItem := c.hostile["item"]
	c.hostile["item"] = c.tainted(v.Items, sc)
	if v.covered {
		c.coveredCalls(v.Steps, item)
	} else {
		c.block(v.Steps, item)
	}
	c.expr(v.Collect, expr.Any, item)
	if c.tainted(v.Collect, item) && step.named {
		c.taint(expr.Path("steps", step.ID, "results"))
	}
	c.hostile["item"] = outerItem
	v.Sees = sees(around, c.reads)
	maps.Copy(outer, c.reads)
	c.reads = outer
	Walk(v.Steps, func(s *Step) {
		if s.named {
			sc.ended["steps."+s.ID] = fmt.Sprintf("the step %q runs once per item of the loop: take what you need out of it with collect", s.ID)
		}
	})
	for _, a := range assigned(v.Steps) {
		sc.ended["vars."+a.name] = fmt.Sprintf("vars.%s ends with its item of the loop: take what you need out of it with collect", a.name)
	}
	sc.made = nil
	fields := []expr.Field{
		{Name: "failed", Type: expr.Int},
		{Name: "done", Type: expr.Int},
		{Name: "left", Type: expr.Int},
		{Name: "waves", Type: expr.Int},
		{Name: "stopped", Type: expr.Bool},
		{Name: "failures", Type: expr.List(failureType(v.Item))},
	}
	if c.tainted(v.Items, sc) && step.named {
		c.taint(expr.Path("steps", step.ID, "failures"))
	}
	if v.Collect != nil {
		elem := expr.Any
		if v.Collect.Program != nil {
			elem = v.Collect.Type()
		}
		fields = append(fields, expr.Field{Name: "results", Type: expr.List(elem)})
	}
	return fields
}

// sees picks what is read out of the names around a loop. An event, inputs and the run are the same
// in every part, so they are left out.
func sees(around map[string]*expr.Type, reads map[string]bool) *expr.Type {
	var fields []expr.Field
	for _, name := range expr.Keys(around) {
		t := around[name]
		switch name {
		case "event", "inputs", "run":
			continue
		case "vars", "steps":
			t = only(t, func(field string) bool { return reads[name] || reads[name+"."+field] })
		}
		fields = append(fields, expr.Field{Name: name, Type: t, Optional: true})
	}
	return expr.Object(fields...)
}

// only leaves of an object the fields that are wanted, each of which may not be there yet.
func only(t *expr.Type, wanted func(field string) bool) *expr.Type {
	var fields []expr.Field
	for _, f := range t.Fields() {
		if f.Optional = true; wanted(f.Name) {
			fields = append(fields, f)
		}
	}
	return expr.Object(fields...)
}

// item is the type of an item. What is not typed turns out to be a list or a map when it runs.
func (v *ForEach) item(c *checker) *expr.Type {
	if v.Items == nil || v.Items.Program == nil {
		return expr.Any
	}
	switch t := v.Items.Type(); t.Kind() {
	case expr.KindAny:
		return expr.Any
	case expr.KindList:
		return t.Elem()
	case expr.KindMap:
		return expr.Object(expr.Field{Name: "key", Type: expr.String}, expr.Field{Name: "value", Type: t.Elem()})
	default:
		c.reportAt(ruleExpression, v.Items.node, "the expression gives %s; want a list or a map", t)
		return expr.Any
	}
}
