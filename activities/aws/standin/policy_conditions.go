package standin

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// comparisons are the condition operators that are known: whether a value of the request fits one of
// the policy.
var comparisons = map[string]func(have, want string) (bool, error){
	"StringEquals":           func(have, want string) (bool, error) { return have == want, nil },
	"StringEqualsIgnoreCase": func(have, want string) (bool, error) { return strings.EqualFold(have, want), nil },
	"StringLike":             func(have, want string) (bool, error) { return wild(want, have), nil },
	"ArnEquals":              func(have, want string) (bool, error) { return wild(want, have), nil },
	"ArnLike":                func(have, want string) (bool, error) { return wild(want, have), nil },
	"Bool":                   func(have, want string) (bool, error) { return strings.EqualFold(have, want), nil },
	"DateLessThan":           earlier,
	"DateGreaterThan":        func(have, want string) (bool, error) { return earlier(want, have) },
}

func earlier(have, want string) (bool, error) {
	a, err := time.Parse(time.RFC3339, have)
	if err != nil {
		return false, err
	}
	b, err := time.Parse(time.RFC3339, want)
	return err == nil && a.Before(b), err
}

// conditions reports whether all conditions of a statement hold for what is known of a request. An
// operator that is not known is an error: the stand-in must not guess what AWS would say.
func conditions(all map[string]map[string]oneOrMore[string], keys map[string][]string) (bool, error) {
	for _, operator := range sorted(all) {
		for _, key := range sorted(all[operator]) {
			holds, err := holds(operator, valuesOf(keys, key), all[operator][key])
			if err != nil || !holds {
				return false, err
			}
		}
	}
	return true, nil
}

// valuesOf finds a key of a request. Their names know no case.
func valuesOf(keys map[string][]string, key string) []string {
	for name, values := range keys {
		if strings.EqualFold(name, key) {
			return values
		}
	}
	return nil
}

func holds(operator string, have, want []string) (bool, error) {
	if operator == "Null" {
		return len(want) > 0 && strings.EqualFold(want[0], "true") == (len(have) == 0), nil
	}
	set, name, isSet := strings.Cut(operator, ":")
	if !isSet {
		set, name = "", operator
	}
	name, ifExists := strings.CutSuffix(name, "IfExists")
	negated := strings.Contains(name, "Not")
	compare := comparisons[strings.Replace(name, "Not", "", 1)]
	if compare == nil || isSet && set != "ForAllValues" && set != "ForAnyValue" {
		return false, fmt.Errorf("the stand-in does not know the condition operator %q", operator)
	}
	if len(have) == 0 {
		return ifExists || negated || set == "ForAllValues", nil
	}
	var failed error
	fits := func(value string) bool {
		hit := slices.ContainsFunc(want, func(w string) bool {
			ok, err := compare(value, w)
			if err != nil {
				failed = fmt.Errorf("condition %s: %w", operator, err)
			}
			return ok
		})
		return hit != negated
	}
	var ok bool
	if set == "ForAllValues" {
		ok = !slices.ContainsFunc(have, func(v string) bool { return !fits(v) })
	} else {
		ok = slices.ContainsFunc(have, fits)
	}
	return ok && failed == nil, failed
}
