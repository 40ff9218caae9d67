package playbook

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// Read reads the strict YAML that playbooks are written in, for the files beside them. The root is
// nil if there are problems.
func Read(file string, text []byte) (*yaml.Node, Problems) {
	src := &source{file: file, text: text}
	root := src.read()
	return root, src.problems.sorted()
}

// JSON gives what Read returned as JSON.
func JSON(n *yaml.Node) (json.RawMessage, error) {
	value, err := tree(n)
	if err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// Text is the expression as it is written, for people to read.
func (e *Expr) Text() string { return e.node.Value }

// Text is a text as it is written, with its ${...}, for people to read; empty if the value is none.
func (v *Value) Text() string { return v.node.Value }
