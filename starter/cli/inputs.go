package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// pairs reads a flag that repeats, --input name=value.
func pairs(cmd *cobra.Command, flag string, values []string) (map[string]string, error) {
	given := map[string]string{}
	for _, pair := range values {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef(cmd, "--%s %q: want name=value", flag, pair)
		}
		if _, twice := given[name]; twice {
			return nil, usagef(cmd, "--%s %s is given twice", flag, name)
		}
		given[name] = value
	}
	return given, nil
}

// inputsFor gives a playbook those of the values that it has inputs for, as JSON.
func inputsFor(pb *playbook.Playbook, given map[string]string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	var errs []error
	for _, in := range pb.Inputs {
		value, ok := given[in.Name]
		if !ok {
			continue
		}
		raw, err := inputValue(in.Type, value)
		if err != nil {
			errs = append(errs, fmt.Errorf("playbook %s: --input %s: %w", pb.Name, in.Name, err))
		}
		out[in.Name] = raw
	}
	return out, errors.Join(errs...)
}

// inputValue takes text for what JSON writes in quotes, and JSON for the rest.
func inputValue(t *expr.Type, value string) (json.RawMessage, error) {
	switch t.Kind() {
	case expr.KindString, expr.KindTimestamp:
		return json.Marshal(value)
	case expr.KindDuration:
		d, err := expr.ParseDuration(value)
		if err != nil {
			return nil, err
		}
		return json.Marshal(d.String())
	}
	if _, err := digest.Decode([]byte(value)); err != nil {
		quotes := ""
		if t.Kind() == expr.KindAny {
			quotes = `; a text goes in double quotes`
		}
		return nil, fmt.Errorf("want %s as JSON, got %.40q%s", t, value, quotes)
	}
	return json.RawMessage(value), nil
}

// unused reports values that no playbook has an input for.
func unused(given map[string]string, pbs []*playbook.Playbook) error {
	known := map[string]bool{}
	for _, pb := range pbs {
		for _, in := range pb.Inputs {
			known[in.Name] = true
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			errs = append(errs, fmt.Errorf("--input %s: there is no input of that name%s", name, expr.DidYouMean(name, slices.Sorted(maps.Keys(known)))))
		}
	}
	return errors.Join(errs...)
}
