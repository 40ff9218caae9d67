package standin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// policy is a policy document that can be asked:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
type policy struct {
	Statement oneOrMore[statement]
}

type statement struct {
	Effect                                   string
	Principal                                principals
	Action, NotAction, Resource, NotResource oneOrMore[string]
	Condition                                map[string]map[string]oneOrMore[string]
}

// oneOrMore is a list that may be written as its only member.
type oneOrMore[T any] []T

func (l *oneOrMore[T]) UnmarshalJSON(raw []byte) error {
	var many []T
	if json.Unmarshal(raw, &many) == nil {
		*l = many
		return nil
	}
	var one T
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*l = []T{one}
	return nil
}

// principals are whom a statement of a trust policy is about.
type principals struct {
	anyone bool
	by     map[string]oneOrMore[string]
}

func (p *principals) UnmarshalJSON(raw []byte) error {
	if string(raw) == `"*"` {
		p.anyone = true
		return nil
	}
	return json.Unmarshal(raw, &p.by)
}

// verdict is what a policy says.
type verdict int

const (
	silent verdict = iota
	allowed
	refusedByPolicy
)

// question is what a policy is asked.
type question struct {
	action   string // of IAM, iam:UpdateAccessKey
	resource string // "" where the policy is that of the resource
	// principals are the names of who asks, for the policy of a resource.
	principals []string
	keys       map[string][]string
}

var parsed sync.Map // document to *policy

// parsePolicy reads a document, and reads none twice.
func parsePolicy(document string) (*policy, error) {
	if p, ok := parsed.Load(document); ok {
		return p.(*policy), nil
	}
	p := &policy{}
	if err := json.Unmarshal([]byte(document), p); err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	if len(document) <= 1<<14 {
		parsed.Store(document, p)
	}
	return p, nil
}

// decide asks the policy: a deny wins over an allow, and without either it is silent.
func (p *policy) decide(q question) (verdict, error) {
	says := silent
	for _, st := range p.Statement {
		applies, err := st.applies(q)
		switch {
		case err != nil:
			return silent, err
		case applies && st.Effect == "Deny":
			return refusedByPolicy, nil
		case applies:
			says = allowed
		}
	}
	return says, nil
}

func (st statement) applies(q question) (bool, error) {
	matches := func(patterns []string, value string, fold bool) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			if fold {
				p, value = strings.ToLower(p), strings.ToLower(value)
			}
			return wild(p, value)
		})
	}
	if len(st.Action) > 0 != matches(slices.Concat(st.Action, st.NotAction), q.action, true) {
		return false, nil
	}
	if q.resource == "" {
		if !st.Principal.match(q.principals) {
			return false, nil
		}
	} else if len(st.Resource) > 0 != matches(slices.Concat(st.Resource, st.NotResource), q.resource, false) {
		return false, nil
	}
	return conditions(st.Condition, q.keys)
}

// match reports whether one of the names of who asks is meant.
func (p principals) match(names []string) bool {
	if p.anyone {
		return true
	}
	return slices.ContainsFunc(p.by["AWS"], func(one string) bool { return one == "*" || slices.Contains(names, one) })
}

// wild matches the wildcards of policies: * is any text and ? one character. It walks back to the last
// star only.
func wild(pattern, value string) bool {
	i, j, star, mark := 0, 0, -1, 0
	for j < len(value) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
			continue
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == value[j]):
			i, j = i+1, j+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		i, j = star+1, mark
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}
