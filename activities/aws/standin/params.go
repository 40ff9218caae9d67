package standin

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds the dots in a parameter name. The deepest real name is six parts long
// (IpPermissions.1.IpRanges.1.CidrIp and its kin).
const maxDepth = 12

// param is one node of a Query request: the flat name A.1.B=x becomes a tree, because both Query
// protocols spell lists and structures with dots.
type param struct {
	text string
	kids map[string]*param
}

// parseForm reads a form-encoded body or query string.
func parseForm(raw string) (*param, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	root := &param{}
	for name, texts := range values {
		parts := strings.Split(name, ".")
		if len(parts) > maxDepth {
			return nil, fmt.Errorf("read form: parameter name has %d parts, at most %d are allowed", len(parts), maxDepth)
		}
		at := root
		for _, part := range parts {
			kid := at.kids[part]
			if kid == nil {
				kid = &param{}
				put(&at.kids, part, kid)
			}
			at = kid
		}
		at.text = texts[0]
	}
	return root, nil
}

// at walks to a node by its dotted path; nil when it is not there. A nil node answers every
// question with nothing, so paths can be chained.
func (p *param) at(path string) *param {
	for part := range strings.SplitSeq(path, ".") {
		if p == nil {
			return nil
		}
		p = p.kids[part]
	}
	return p
}

func (p *param) has(path string) bool { return p.at(path) != nil }

func (p *param) str(path string) string {
	if at := p.at(path); at != nil {
		return at.text
	}
	return ""
}

// list yields the members of a list in the order of their numbers. AWS Query puts a level between
// name and number, "member" or, in RDS, what the members are called; EC2 Query does not. Both are read.
func (p *param) list(path string) []*param {
	at := p.at(path)
	if at == nil {
		return nil
	}
	if len(at.kids) == 1 && len(at.numbered()) == 0 {
		for _, inner := range at.kids {
			at = inner
		}
	}
	var out []*param
	for _, key := range at.numbered() {
		out = append(out, at.kids[key])
	}
	return out
}

func (p *param) strs(path string) []string {
	var out []string
	for _, kid := range p.list(path) {
		out = append(out, kid.text)
	}
	return out
}

// numbered returns the keys that are numbers, smallest first.
func (p *param) numbered() []string {
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(p.kids)), func(key string) bool {
		_, err := strconv.Atoi(key)
		return err != nil
	})
	slices.SortFunc(keys, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		if x != y {
			return x - y
		}
		return strings.Compare(a, b) // "1" and "01": any order will do, but always the same one
	})
	return keys
}

// tree is the node as plain JSON values, for the log.
func (p *param) tree() any {
	if len(p.kids) == 0 {
		return p.text
	}
	if keys := p.numbered(); len(keys) == len(p.kids) {
		list := make([]any, 0, len(keys))
		for _, key := range keys {
			list = append(list, p.kids[key].tree())
		}
		return list
	}
	object := make(map[string]any, len(p.kids))
	for key, kid := range p.kids {
		object[key] = kid.tree()
	}
	return object
}

// put sets an entry of a map that may not exist yet.
func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}
