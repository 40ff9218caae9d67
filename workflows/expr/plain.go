package expr

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/cel-go/common/operators"
)

// CEL's own words for frequent mistakes. They are matched as text because CEL offers nothing else;
// a message that is not recognised stays as it is.
var (
	noOverload = regexp.MustCompile(`^found no matching overload for '(.*)' applied to '(.*)'$`)
	undeclared = regexp.MustCompile(`^undeclared reference to '(.*)' \(in container ''\)$`)
	expecting  = regexp.MustCompile(` expecting (\{.*\}|'.*'|[A-Z]+)$`)
	objectName = regexp.MustCompile(`countersign\.[^,() ]*`)
	wordForm   = regexp.MustCompile(`^Syntax error: (?:mismatched|extraneous) input '(and|or|AND|OR)'`)
)

// symbols are the operators of which CEL knows no spelling of their own.
var symbols = map[string]string{operators.Conditional: "? :", operators.Index: "[]", operators.OptIndex: "[?]"}

// words are the operators as other languages spell them.
var words = map[string]string{"and": "&&", "or": "||"}

// plain says a message of CEL in the words of this language: operators as they are written, object
// types without the names that we gave them, no lists of tokens.
func plain(message string) string {
	if m := noOverload.FindStringSubmatch(message); m != nil {
		name := m[1]
		if operator, ok := operators.FindReverse(name); ok && operator != "" {
			name = operator
		} else if symbol := symbols[name]; symbol != "" {
			name = symbol
		}
		takes := strings.ReplaceAll(m[2], "optional_type(", "optional(")
		return fmt.Sprintf("%q does not take %s", name, objectName.ReplaceAllString(takes, "object"))
	}
	if m := undeclared.FindStringSubmatch(message); m != nil {
		// Names were looked for before CEL did, so what it misses is a function.
		return fmt.Sprintf("there is no function %q", m[1])
	}
	message = expecting.ReplaceAllString(message, "")
	if strings.HasPrefix(message, "Syntax error: token recognition error at: '=") {
		return `"=" is not an operator; write "==" to compare`
	}
	if m := wordForm.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%q is not an operator; write %q", m[1], words[strings.ToLower(m[1])])
	}
	for _, end := range []string{"mismatched input '<EOF>'", "extraneous input '<EOF>'", "no viable alternative at input '<EOF>'"} {
		message = strings.ReplaceAll(message, end, "unexpected end of the expression")
	}
	return objectName.ReplaceAllString(message, "object")
}
