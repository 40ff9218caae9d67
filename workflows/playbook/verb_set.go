package playbook

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Set names values; later steps read them as vars.<name>. All are evaluated before any is set.
//
//	set: {severity: "${event.data.severity >= 7.0 ? 'high' : 'low'}"}
type Set struct {
	Values map[string]*Value
	Types  map[string]*expr.Type // of the values, once checked

	nodes map[string]*yaml.Node
}

func setVerb() verb {
	return verb{
		keyword: "set",
		parse: func(p *parser, o object) Verb {
			s := &Set{Values: map[string]*Value{}, nodes: map[string]*yaml.Node{}}
			o.entries("set", func(key, value *yaml.Node) {
				if !idForm.MatchString(key.Value) {
					p.reportAt(ruleBadValue, key, "%q is not a name; want lower case letters, digits and _", key.Value)
				}
				s.Values[key.Value], s.nodes[key.Value] = &Value{node: value}, key
			})
			return s
		},
	}
}

// Keyword implements Verb.
func (*Set) Keyword() string { return "set" }

// Names returns the names that are set, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.Values)) }

func (s *Set) check(c *checker, step *Step, sc *scope) []expr.Field {
	s.Types = map[string]*expr.Type{}
	for _, name := range s.Names() {
		s.Types[name] = c.value(s.Values[name], expr.Any, "", sc)
	}
	for _, name := range s.Names() {
		if before, ok := sc.vars[name]; ok && (!before.Type.Accepts(s.Types[name]) || !s.Types[name].Accepts(before.Type)) {
			c.reportAt(ruleWrongType, s.nodes[name], "vars.%s is %s; it cannot become %s", name, before.Type, s.Types[name])
			continue
		}
		sc.setVar(expr.Field{Name: name, Type: s.Types[name], Optional: step.If != nil})
	}
	return nil
}
