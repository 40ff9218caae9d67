package finding

import "slices"

// Catalogue is what is known of controls, by their ids.
type Catalogue map[string]Control

// CatalogueOf makes one of a list.
func CatalogueOf(controls []Control) Catalogue {
	c := Catalogue{}
	for _, one := range controls {
		c[one.ID] = one
	}
	return c
}

// Of is a control; one that nobody knows has its id for a title and is of medium severity.
func (c Catalogue) Of(id string) Control {
	known, ok := c[id]
	if !ok {
		known = Control{ID: id}
	}
	if known.Title == "" {
		known.Title = known.ID
	}
	if known.Severity == "" {
		known.Severity = Medium
	}
	return known
}

// Severities are all of them, the worst first.
var Severities = []Severity{Critical, High, Medium, Low}

// Worse compares two severities for sorting, the worse first.
func Worse(a, b Severity) int {
	return slices.Index(Severities, a) - slices.Index(Severities, b)
}
