package playbook

import (
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
				p.spell(key, "the name of a value", idForm)
				s.Values[key.Value], s.nodes[key.Value] = &Value{node: value}, key
			})
			if len(s.Values) == 0 && o.values["set"].Kind == yaml.MappingNode {
				o.reportAt(ruleBadValue, o.values["set"], "\"set\" is empty; want names with values, like {severity: high}")
			}
			return s
		},
	}
}

// Keyword implements Verb.
func (*Set) Keyword() string { return "set" }

// Names returns the names that are set, sorted.
func (s *Set) Names() []string { return expr.Keys(s.Values) }

func (s *Set) check(c *checker, _ *Step, sc *scope) []expr.Field {
	s.Types = map[string]*expr.Type{}
	hostile := map[string]bool{}
	for _, name := range s.Names() {
		s.Types[name] = c.value(s.Values[name], expr.Any, "", sc)
		hostile[name] = c.taintedValue(s.Values[name], sc)
	}
	for _, name := range s.Names() {
		t := s.Types[name]
		first, known := c.vars[name]
		if !known {
			c.vars[name] = varType{t, s.nodes[name].Line}
		} else if !first.Accepts(t) || !t.Accepts(first.Type) {
			c.reportAt(ruleWrongType, s.nodes[name], "vars.%s is %s (line %d); it cannot be %s here", name, first.Type, first.line, t)
			t = expr.Any
		}
		if hostile[name] {
			c.taint(expr.Path("vars", name))
		}
		sc.setVar(expr.Field{Name: name, Type: t})
	}
	return nil
}
