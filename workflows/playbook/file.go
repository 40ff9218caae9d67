package playbook

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// File is a file in the strict YAML of playbooks that is none of them, such as a policy, while it
// is read. It collects the problems found in it; they are the language's, with its rules.
type File struct{ source *source }

// Open reads the YAML. kind says what the file is, "a policy". The root is nil if there are problems.
func Open(name, kind string, text []byte) (*File, *yaml.Node) {
	f := &File{&source{file: name, text: text, kind: kind}}
	return f, f.source.read()
}

// Problems are those found so far, in the order of the file.
func (f *File) Problems() Problems { return f.source.problems.sorted() }

// Bad reports a value that cannot be what it stands for.
func (f *File) Bad(n *yaml.Node, format string, args ...any) {
	f.source.reportAt(ruleBadValue, n, format, args...)
}

// Mapping reads a mapping with known keys. what begins the messages about it: "a rule".
func (f *File) Mapping(n *yaml.Node, what string, known ...string) (Mapping, bool) {
	o, ok := f.source.object(n, what, known)
	return Mapping{o}, ok
}

// Name reports a name that is not lower case words joined by -.
func (f *File) Name(n *yaml.Node, what string) bool {
	before := len(f.source.problems)
	f.source.spell(n, what, nameForm)
	return len(f.source.problems) == before
}

// Group reports what is no name of a group of the directory, and one that groups has not; nil: all
// groups are taken.
func (f *File) Group(n *yaml.Node, groups Table[[]string]) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || !nameForm.MatchString(n.Value) {
		f.Bad(n, "groups are names of the directory, like secops-oncall; got %s", form(n))
		return false
	}
	if _, known := groups.Lookup(n.Value); groups != nil && !known {
		f.source.reportAt(ruleGroup, n, "the directory has no group %q%s", n.Value, expr.DidYouMean(n.Value, groups.Names()))
		return false
	}
	return true
}

// Activity reports a name or pattern of activities that none of those known is meant by.
func (f *File) Activity(n *yaml.Node, known []string) {
	f.source.reportAt(ruleActivity, n, "no activity is called %q%s", n.Value, expr.DidYouMean(n.Value, known))
}

// Condition compiles an expression that gives true or false, and reports what it reads though it
// may not be there.
func (f *File) Condition(n *yaml.Node, env *expr.Env) *expr.Program {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		f.source.reportAt(ruleWrongType, n, "a condition is an expression; got %s", form(n))
		return nil
	}
	program, problems := env.Compile(n.Value, expr.Bool)
	f.source.reportInside(ruleExpression, n, problems)
	if program == nil {
		return nil
	}
	c := &checker{source: f.source}
	c.missing(n, program, &scope{made: env})
	return program
}

// Mapping is a mapping of a File. Asking for a key of the wrong form reports it; what is not there
// is the zero value.
type Mapping struct{ object object }

// Has reports whether the key is there.
func (m Mapping) Has(key string) bool { return m.object.has(key) }

// Node is the value of a key, or nil.
func (m Mapping) Node(key string) *yaml.Node { return m.object.values[key] }

// Require reports keys that are not there.
func (m Mapping) Require(keys ...string) bool { return m.object.require(keys...) }

// Text is a string.
func (m Mapping) Text(key string) string { return m.object.text(key) }

// Integer is a bounded whole number.
func (m Mapping) Integer(key string, least, most, otherwise int) int {
	return m.object.integer(key, least, most, otherwise)
}

// Duration is a bounded duration.
func (m Mapping) Duration(key string, least, most, otherwise time.Duration) time.Duration {
	return m.object.duration(key, least, most, otherwise)
}

// List are the items of a list, which is not empty.
func (m Mapping) List(key string) []*yaml.Node { return m.object.list(key) }

// Texts are the strings of a list.
func (m Mapping) Texts(key string) []*yaml.Node {
	var out []*yaml.Node
	for _, n := range m.object.list(key) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
			m.object.reportAt(ruleWrongType, n, "%q of %s holds strings; got %s%s", key, m.object.what, form(n), quoted(n))
			continue
		}
		out = append(out, n)
	}
	return out
}

// Entries calls each for every entry of a mapping whose keys the author chooses.
func (m Mapping) Entries(key string, each func(key, value *yaml.Node)) { m.object.entries(key, each) }
