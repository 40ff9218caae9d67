package playbook

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Callee is a playbook that others may call.
type Callee struct {
	Plan Plan
	// Why says that it cannot be called after all, for authors: "it has problems of its own".
	Why string
}

// Bounds on a plan with the plans of all that it calls. Temporal takes 2 MiB, of which the event
// may need half.
const (
	maxCalls = 5 // playbooks one inside the other, the first not counted
	maxPlan  = 512 << 10
)

// callees are the playbooks that a plan brings with it.
func callees(plans map[string]Plan) Table[Callee] {
	table := Table[Callee]{}
	for _, name := range expr.Keys(plans) {
		table[name] = Callee{Plan: plans[name]}
	}
	return table
}

// calls is how many playbooks are called one inside the other. A plan that anybody may have made
// is looked into no deeper than one that is good.
func (p Plan) calls() int {
	deepest := 0
	p.walk(0, func(_ Plan, depth int) { deepest = max(deepest, depth) })
	return deepest
}

func (p Plan) walk(depth int, visit func(p Plan, depth int)) {
	if visit(p, depth); depth > maxCalls {
		return
	}
	for _, name := range expr.Keys(p.Playbooks) {
		p.Playbooks[name].walk(depth+1, visit)
	}
}

// Calls returns the names of the playbooks that a draft calls, sorted.
func (d *Draft) Calls() []string {
	var names []string
	Walk(d.pb.Steps, func(s *Step) {
		if v, ok := s.Verb.(*Child); ok {
			names = append(names, v.Name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// face is what a caller sees of a playbook. It is read from the document alone: no expression is
// compiled, which the run of the called playbook does.
type face struct {
	inputs []*Input
	events []string // the types of its triggers
	reads  int      // the first line that may read the event; 0: none
}

func (p Plan) face() (*face, error) {
	if p.Format != format {
		return nil, fmt.Errorf("its format is %d; this version reads %d", p.Format, format)
	}
	d, problems := Parse("plan", p.Document)
	if d == nil {
		return nil, problems
	}
	return &face{inputs: d.pb.Inputs, events: triggerTypes(d.pb.starts()), reads: d.reads()}, nil
}

// triggerTypes are those of the events that start a playbook.
func triggerTypes(triggers []*Trigger) []string {
	var all []string
	for _, t := range triggers {
		all = append(all, t.Event)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

var (
	eventName = regexp.MustCompile(`\bevent\b`)
	// plainKeys take text, in which event is a word like any other, unless it stands in ${...}.
	plainKeys = []string{"id", "title", "activity", "playbook", "workflow", "event", "approve", "ask", "stop"}
)

// reads finds where steps or the outcome may read the event. It looks for the word, so it may see
// one too many and none too few.
func (d *Draft) reads() int {
	line := 0
	var look func(key string, n *yaml.Node)
	look = func(key string, n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				look(n.Content[i-1].Value, child)
			} else if n.Kind != yaml.MappingNode {
				look(key, child)
			}
		}
		plain := slices.Contains(plainKeys, key) && !strings.Contains(n.Value, "${")
		if n.Kind == yaml.ScalarNode && !plain && line == 0 && eventName.MatchString(n.Value) {
			line = n.Line
		}
	}
	for i := 0; i+1 < len(d.root.Content); i += 2 {
		if key := d.root.Content[i].Value; key == "steps" || key == "outcome" {
			look(key, d.root.Content[i+1])
		}
	}
	return line
}

// size is that of the plan as a run carries it.
func (p Plan) size() int {
	raw, err := json.Marshal(p)
	if err != nil {
		return maxPlan + 1
	}
	return len(raw)
}
