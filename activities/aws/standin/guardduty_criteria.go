package standin

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// criterion is one condition of ListFindings. The short names are the deprecated ones; clients
// still send them.
type criterion struct {
	Eq                 []string `json:"eq"`
	Equals             []string `json:"equals"`
	Neq                []string `json:"neq"`
	NotEquals          []string `json:"notEquals"`
	Gt                 *float64 `json:"gt"`
	GreaterThan        *float64 `json:"greaterThan"`
	Gte                *float64 `json:"gte"`
	GreaterThanOrEqual *float64 `json:"greaterThanOrEqual"`
	Lt                 *float64 `json:"lt"`
	LessThan           *float64 `json:"lessThan"`
	Lte                *float64 `json:"lte"`
	LessThanOrEqual    *float64 `json:"lessThanOrEqual"`
}

// admits tells whether a field with these values passes. A field that is not in the finding passes
// only the conditions that say "not".
func (cr criterion) admits(values []any) bool {
	is := func(want []string) bool {
		return slices.ContainsFunc(values, func(v any) bool { return slices.Contains(want, text(v)) })
	}
	if want := slices.Concat(cr.Eq, cr.Equals); len(want) > 0 && !is(want) {
		return false
	}
	if not := slices.Concat(cr.Neq, cr.NotEquals); len(not) > 0 && is(not) {
		return false
	}
	bounds := []struct {
		limit *float64
		holds func(value, limit float64) bool
	}{
		{cr.Gt, func(v, l float64) bool { return v > l }},
		{cr.GreaterThan, func(v, l float64) bool { return v > l }},
		{cr.Gte, func(v, l float64) bool { return v >= l }},
		{cr.GreaterThanOrEqual, func(v, l float64) bool { return v >= l }},
		{cr.Lt, func(v, l float64) bool { return v < l }},
		{cr.LessThan, func(v, l float64) bool { return v < l }},
		{cr.Lte, func(v, l float64) bool { return v <= l }},
		{cr.LessThanOrEqual, func(v, l float64) bool { return v <= l }},
	}
	for _, b := range bounds {
		if b.limit == nil {
			continue
		}
		if !slices.ContainsFunc(values, func(v any) bool {
			n, ok := number(v)
			return ok && b.holds(n, *b.limit)
		}) {
			return false
		}
	}
	return true
}

// lookup finds the values at a dotted path; a list on the way gives those of all its members.
func lookup(v any, path string) []any {
	at := []any{v}
	for part := range strings.SplitSeq(path, ".") {
		var next []any
		for _, v := range at {
			if object, ok := v.(map[string]any); ok {
				switch value := object[part].(type) {
				case nil:
				case []any:
					next = append(next, value...)
				default:
					next = append(next, value)
				}
			}
		}
		at = next
	}
	return at
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// number reads a number; a time counts as its milliseconds since 1970, as GuardDuty has it.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return float64(t.UnixMilli()), true
		}
	}
	return 0, false
}

func compare(a, b []any) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(a), len(b))
	}
	x, xok := number(a[0])
	y, yok := number(b[0])
	if xok && yok {
		return cmp.Compare(x, y)
	}
	return strings.Compare(text(a[0]), text(b[0]))
}
