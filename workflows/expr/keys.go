package expr

import (
	"maps"
	"slices"
)

// Keys returns the names in a map, sorted. It is how code that a run executes goes through a map:
// ranging over one, in random order, is what workflowcheck is there to find.
func Keys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m)) //workflowcheck:ignore
}
