package standin

import (
	"slices"
	"strings"
)

// maxFilterValues is how many values the filters of one call may have.
const maxFilterValues = 200

// filter is one Filter.N of a Describe call: some value must match.
type filter struct {
	name   string
	values []string
}

// fields are the filters of one kind of resource, beside the tag filters that all have: the values
// of a resource by filter name.
type fields[T any] map[string]func(id string, v *T) []string

func (c *call) filters() ([]filter, error) {
	var out []filter
	values := 0
	for _, p := range c.params.list("Filter") {
		f := filter{name: p.str("Name"), values: p.strs("Value")}
		if f.name == "" || len(f.values) == 0 {
			return nil, bad("InvalidParameterValue", "A filter must have a name and at least one value")
		}
		if values += len(f.values); values > maxFilterValues {
			return nil, bad("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d", maxFilterValues)
		}
		out = append(out, f)
	}
	return out, nil
}

func (fs fields[T]) knows(name string) error {
	if fs[name] != nil || name == "tag-key" || strings.HasPrefix(name, "tag:") {
		return nil
	}
	return bad("InvalidParameterValue", "The filter '%s' is invalid", name)
}

func (fs fields[T]) admit(filters []filter, id string, v *T, tags map[string]string) bool {
	for _, f := range filters {
		var have []string
		if key, ok := strings.CutPrefix(f.name, "tag:"); ok {
			if value, ok := tags[key]; ok {
				have = []string{value}
			}
		} else if f.name == "tag-key" {
			have = sorted(tags)
		} else {
			have = fs[f.name](id, v)
		}
		if !slices.ContainsFunc(have, func(value string) bool {
			return slices.ContainsFunc(f.values, func(pattern string) bool { return glob(pattern, value) })
		}) {
			return false
		}
	}
	return true
}

// glob matches the wildcards of filter values: * is any text, ? any character, a backslash takes the
// meaning away. It walks back to the last star only, so no pattern makes it slow.
func glob(pattern, value string) bool {
	p, v := []rune(pattern), []rune(value)
	i, j, star, mark := 0, 0, -1, 0
	for j < len(v) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
			continue
		case i+1 < len(p) && p[i] == '\\' && p[i+1] == v[j]:
			i, j = i+2, j+1
			continue
		case i < len(p) && p[i] != '\\' && (p[i] == '?' || p[i] == v[j]):
			i, j = i+1, j+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		i, j = star+1, mark
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
