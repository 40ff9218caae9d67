// Package expr is the only place that knows CEL: it types expressions, proves what can be proved
// about them, evaluates them under a budget, and renders "${...}" templates.
//
// An [Env] is a set of names with their types. [Env.Compile] turns a bare expression into a
// [Program], [Env.CompileTemplate] a string with "${...}" in it into a [Template]; both report
// every mistake as a [Problem] with a place and the near miss. Values go in and come out as JSON
// shaped by a [Type], so that what an expression yields can be recorded in a workflow's history
// and read back unchanged.
//
// # The language
//
// CEL with its standard library, optional values (a.?b.orValue(c)), the string functions of
// strings extension version 5, lists version 3 and sets version 1. There is no clock, no
// randomness and no input or output. A name can be added to the environment; a library is added
// or raised only together with the version constant below and a note in deploy/decisions, because
// plans compiled earlier must keep their meaning.
//
// # What is there
//
// [Program.Missing] proves of every field that an expression reads that it is there, or says where it
// may not be. It starts from [Facts], what is known at the place of the expression, and [Laws], what
// follows from what; [Program.When] gives the facts where a condition holds, or does not, for what
// stands under it. [Program.Texts] follows text of others through an expression. All of them are for
// whoever checks a file; evaluating needs none.
//
// # Replay
//
// CEL iterates maps in random order, so an expression with a comprehension over a map can differ
// between two evaluations of the same input. [Program.Stable] says whether the checker could prove
// that it cannot; the run records the result of every other expression.
package expr

// Budgets. They bound what one expression may cost whoever wrote it; a playbook that needs more
// belongs in an activity. CEL's cost counts CPU, not memory: MaxResult bounds what may come out,
// and events and outputs are bounded where they come in.
const (
	// MaxCost is CEL's cost units for one evaluation. A filter over ten thousand items, which costs up
	// to 170,000 and takes a fifth of a second, fits in. To count them takes CEL a time that grows with
	// their square in loops that end late: the whole of the budget may take some seconds on a slow core,
	// and four times as much took more than a minute.
	MaxCost = 250_000
	// MaxLength is the length of one expression in code points.
	MaxLength = 4096
	// MaxDepth is the nesting of one expression.
	MaxDepth = 32
	// MaxNestedLoops is how deep comprehensions may nest.
	MaxNestedLoops = 2
	// MaxResult is the size of one result as JSON, in bytes.
	MaxResult = 256 << 10
)

// Versions of the CEL extension libraries. Raising one changes what playbooks may say.
const (
	stringsVersion = 5
	listsVersion   = 3
	setsVersion    = 1
	optionVersion  = 2
)
