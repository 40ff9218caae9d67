package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// Problem is one mistake in an expression. Line and Column count from 1, in runes, inside the
// text that was compiled.
type Problem struct {
	Line, Column int
	Message      string
}

// Program is an expression ready to be evaluated. It is safe for concurrent use.
type Program struct {
	source string
	result *Type
	stable bool
	paths  [][]string
	// cel is made when the program is first evaluated, which checking a library never does. plan
	// makes another one, with other options.
	cel  func() (cel.Program, error)
	plan func(...cel.ProgramOption) (cel.Program, error)

	// checked is what was compiled; nil for a path of names.
	checked *ast.AST
}

// Compile checks an expression and its result type. Every problem found is reported.
func (e *Env) Compile(source string, want *Type) (*Program, []Problem) {
	p := e.path(source)
	if p == nil {
		p = e.recall(source)
	}
	if p == nil {
		var problems []Problem
		if p, problems = e.check(source); len(problems) > 0 {
			return nil, problems
		}
	}
	if !want.Accepts(p.result) {
		return nil, oneProblem("the expression gives %s; want %s", p.result, want)
	}
	return p, nil
}

// check compiles an expression of any form.
func (e *Env) check(source string) (*Program, []Problem) {
	if strings.TrimSpace(source) == "" {
		return nil, oneProblem("the expression is empty")
	}
	env, err := e.cel()
	if err != nil {
		return nil, oneProblem("%v", err)
	}
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		return nil, problemsOf(issues)[:1] // the parser's guesses after the first mistake help nobody
	}
	if unknown := e.unknownNames(env, parsed.NativeRep()); len(unknown) > 0 {
		return nil, unknown
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, problemsOf(issues)
	}
	result, ok := env.objects.fromCEL(checked.OutputType())
	if !ok {
		return nil, oneProblem("%s", cannotLeave(checked.OutputType()))
	}
	p := newProgram(source, result, func(options ...cel.ProgramOption) (cel.Program, error) {
		return env.Program(checked, append(options, cel.CostLimit(MaxCost))...)
	})
	p.stable, p.paths = isStable(checked.NativeRep()), readsOf(parsed.NativeRep().Expr())
	p.checked = checked.NativeRep()
	if result.kind == KindMap || result.kind == KindList {
		p.result = p.presence(e, nil).of(p.checked.Expr())
	}
	e.keep(p, parsed.NativeRep())
	return p, nil
}

func newProgram(source string, result *Type, plan func(...cel.ProgramOption) (cel.Program, error)) *Program {
	return &Program{source: source, result: result, plan: plan, cel: sync.OnceValues(func() (cel.Program, error) {
		return plan(cel.EvalOptions(cel.OptOptimize))
	})}
}

// oneProblem is a mistake of the whole expression.
func oneProblem(format string, args ...any) []Problem {
	return []Problem{{Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}}
}

func cannotLeave(t *cel.Type) string {
	if t.TypeName() == types.OptionalType.TypeName() {
		return "the expression may have no value: end it with .orValue(...)"
	}
	return fmt.Sprintf("the expression gives a %s, which cannot be kept", t)
}

// Source returns the text of the expression.
func (p *Program) Source() string { return p.source }

// Type returns the type of the result, as narrow as the checker could find.
func (p *Program) Type() *Type { return p.result }

// Stable reports whether two evaluations of the same values are proved to agree. Where it is
// false, a workflow must record the result.
func (p *Program) Stable() bool { return p.stable }

// Eval evaluates the expression over values that were made by Type.Decode, and returns the result
// as JSON of at most MaxResult bytes.
func (p *Program) Eval(values map[string]any) (json.RawMessage, error) {
	return p.EvalWithin(values, MaxResult)
}

// EvalWithin is Eval with another bound on the result, in bytes, for what is not kept as it is.
func (p *Program) EvalWithin(values map[string]any, most int) (json.RawMessage, error) {
	v, err := p.eval(values)
	if err != nil {
		return nil, err
	}
	return p.encode(v, most)
}

func (p *Program) encode(v ref.Val, most int) (json.RawMessage, error) {
	encoded, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", quote(p.source), err)
	}
	raw, err := json.Marshal(encoded)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", quote(p.source), err)
	}
	if len(raw) > most {
		return nil, fmt.Errorf("evaluate %s: the result is %d bytes; at most %d may be kept", quote(p.source), len(raw), most)
	}
	return raw, nil
}

func (p *Program) eval(values map[string]any) (ref.Val, error) {
	program, err := p.cel()
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", quote(p.source), err)
	}
	v, _, err := program.Eval(values)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", quote(p.source), err)
	}
	return v, nil
}

// Holds evaluates a condition. An expression typed any must give a bool: nothing else counts as
// true or false.
func (p *Program) Holds(values map[string]any) (bool, error) {
	v, err := p.eval(values)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("evaluate %s: the condition gives a %s; want bool", quote(p.source), v.Type().TypeName())
	}
	return bool(b), nil
}

func quote(source string) string {
	const most = 80
	runes := []rune(strings.Join(strings.Fields(source), " "))
	if len(runes) > most {
		return fmt.Sprintf("%q and %d more characters", string(runes[:most]), len(runes)-most)
	}
	return fmt.Sprintf("%q", string(runes))
}

func problemsOf(issues *cel.Issues) []Problem {
	problems := make([]Problem, 0, len(issues.Errors()))
	for _, e := range issues.Errors() {
		problems = append(problems, Problem{Line: max(1, e.Location.Line()), Column: max(0, e.Location.Column()) + 1, Message: plain(e.Message)})
	}
	if len(problems) == 0 {
		err := issues.Err()
		if err == nil {
			err = errors.New("the expression is refused")
		}
		problems = append(problems, Problem{Line: 1, Column: 1, Message: err.Error()})
	}
	return problems
}

// isStable proves that no map's order can be seen: every comprehension runs over what is typed a
// list, and nothing formats a whole value, which may hold a map. Lists keep their order, and no
// other part of the language walks a map one entry at a time.
func isStable(checked *ast.AST) bool {
	stable := true
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			if checked.GetType(e.AsComprehension().IterRange().ID()).Kind() != types.ListKind {
				stable = false
			}
		case ast.CallKind:
			if e.AsCall().FunctionName() == "format" {
				stable = false
			}
		}
	}))
	return stable
}
