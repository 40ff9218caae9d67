package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/countersign/countersign/activities/aws/documents"
)

// hostDocument is a document that may be run, with the values that its parameters may have.
type hostDocument struct {
	platform   types.PlatformType
	parameters map[string][]string
}

// hostDocuments are all that may be run. They look, and change nothing; one that does more is no matter for this activity.
var hostDocuments = map[string]hostDocument{
	"Countersign-CollectLinux":   {types.PlatformTypeLinux, map[string][]string{"Collect": {"processes", "connections", "logins", "persistence"}}},
	"Countersign-CollectWindows": {types.PlatformTypeWindows, map[string][]string{"Collect": {"processes", "connections", "logins", "persistence"}}},
}

// same reports whether a document reads as ours of that name.
func (hostDocument) same(name, content string) bool {
	ours, err := documents.Files.ReadFile(name + ".json")
	if err != nil {
		return false
	}
	return plain(content) && sameDocument(string(ours), content)
}

// findDocument looks a document up by its name, and holds the parameters against what it allows.
func findDocument(name string, parameters map[string]string) (hostDocument, error) {
	d, ok := hostDocuments[name]
	if !ok {
		return d, fmt.Errorf("document %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(hostDocuments)), ", "))
	}
	for _, p := range slices.Sorted(maps.Keys(parameters)) {
		allowed, known := d.parameters[p]
		if !known {
			return d, fmt.Errorf("parameter %q: the document has %s", p, strings.Join(slices.Sorted(maps.Keys(d.parameters)), ", "))
		}
		if !slices.Contains(allowed, parameters[p]) {
			return d, fmt.Errorf("parameter %s is %q: want one of %s", p, parameters[p], strings.Join(allowed, ", "))
		}
	}
	return d, nil
}

// sayParameters lists parameters in their order.
func sayParameters(parameters map[string]string) string {
	said := make([]string, 0, len(parameters))
	for _, p := range slices.Sorted(maps.Keys(parameters)) {
		said = append(said, p+"="+parameters[p])
	}
	return strings.Join(said, ", ")
}
