package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/interpreter"
)

// Partial is a result over values of which some are not known yet.
type Partial struct {
	// Value is the result as JSON. Where it is not known it is the source as "${...}", inside a text
	// beside what is known.
	Value json.RawMessage
	// Waits are the unknown values that the result depends on, sorted; none: it is known.
	Waits []string
}

// Known reports whether the result depends on nothing unknown.
func (p Partial) Known() bool { return len(p.Waits) == 0 }

// Partial evaluates the expression where the values named unknown, as paths like steps.usage.output,
// may turn out to be anything. What is decided all the same (false && unknown) is known.
func (p *Program) Partial(values map[string]any, unknown []string) (Partial, error) {
	fail := func(err error) (Partial, error) {
		return Partial{}, fmt.Errorf("evaluate %s: %w", quote(p.source), err)
	}
	program, err := p.plan(cel.EvalOptions(cel.OptPartialEval))
	if err != nil {
		return fail(err)
	}
	patterns := make([]*cel.AttributePatternType, len(unknown))
	for i, path := range unknown {
		names := strings.Split(path, ".")
		patterns[i] = cel.AttributePattern(names[0])
		for _, name := range names[1:] {
			patterns[i] = patterns[i].QualString(name)
		}
	}
	vars, err := cel.PartialVars(values, patterns...)
	if err != nil {
		return fail(err)
	}
	v, _, err := program.Eval(vars)
	if waits := p.among(unknown); err != nil && len(waits) > 0 && stumbled(err) {
		return p.unknown(waits)
	}
	if err != nil {
		return fail(err)
	}
	if u, ok := v.(*types.Unknown); ok {
		return p.unknown(waits(u))
	}
	raw, err := p.encode(v, MaxResult)
	return Partial{Value: raw}, err
}

func (p *Program) unknown(waits []string) (Partial, error) {
	source, err := json.Marshal("${" + p.source + "}")
	return Partial{Value: source, Waits: waits}, err
}

// stumbled reports whether evaluating came upon something that CEL has no rule for. Some of its macros,
// as sortBy, do so at an unknown value; what is wrong with the expression itself is an error of CEL's own.
func stumbled(err error) bool {
	var own *types.Err
	var cancelled interpreter.EvalCancelledError
	return !errors.As(err, &own) && !errors.As(err, &cancelled)
}

// among are those of the paths that the expression reads, or something of them, or what they are of.
func (p *Program) among(paths []string) []string {
	var read []string
	for _, path := range paths {
		names := strings.Split(path, ".")
		if slices.ContainsFunc(p.paths, func(of []string) bool {
			n := min(len(of), len(names))
			return slices.Equal(of[:n], names[:n])
		}) {
			read = append(read, path)
		}
	}
	slices.Sort(read)
	return read
}

func waits(u *types.Unknown) []string {
	var all []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, trail := range trails {
			path := []string{trail.Variable()}
			for _, name := range trail.QualifierPath() {
				path = append(path, fmt.Sprint(name))
			}
			all = append(all, strings.Join(path, "."))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Partial renders the template where some values are unknown, as [Program.Partial] has it.
func (t *Template) Partial(values map[string]any, unknown []string) (Partial, error) {
	if len(t.parts) == 1 && t.parts[0].program != nil {
		return t.parts[0].program.Partial(values, unknown)
	}
	var out strings.Builder
	var all []string
	for _, p := range t.parts {
		if p.program == nil {
			out.WriteString(p.literal)
			continue
		}
		one, err := p.program.Partial(values, unknown)
		if err != nil {
			return Partial{}, err
		}
		text, err := p.program.text(one.Value)
		if err != nil {
			return Partial{}, err
		}
		out.WriteString(text)
		all = append(all, one.Waits...)
	}
	slices.Sort(all)
	raw, err := json.Marshal(out.String())
	return Partial{Value: raw, Waits: slices.Compact(all)}, err
}
