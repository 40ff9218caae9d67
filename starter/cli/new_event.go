package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
)

// inputPath is an input asked for: its name, and where it is in the event.
type inputPath struct{ name, path string }

// inputPaths reads --input name=path, in the order given.
func inputPaths(cmd *cobra.Command, flags []string) ([]inputPath, error) {
	if _, err := pairs(cmd, "input", flags); err != nil {
		return nil, err
	}
	out := make([]inputPath, len(flags))
	for i, flag := range flags {
		name, path, _ := strings.Cut(flag, "=")
		if path == "" {
			return nil, usagef(cmd, "--input %q: want name=path", flag)
		}
		out[i] = inputPath{name, strings.TrimPrefix(path, "event.")}
	}
	return out, nil
}

// matters are what tells one matter from another in the events that are known: the key under which
// repetitions join one run, and the fields that say whom and what it is about.
var matters = map[string]struct {
	dedupe string
	inputs []inputPath
}{
	"aws.guardduty.finding": {"event.data.id", []inputPath{
		{"account", "data.accountId"}, {"region", "data.region"}, {"finding_id", "data.id"},
		{"user", "data.resource.accessKeyDetails.userName"}, {"key_id", "data.resource.accessKeyDetails.accessKeyId"},
		{"instance_id", "data.resource.instanceDetails.instanceId"}, {"bucket", "data.resource.s3BucketDetails.0.name"},
		{"cluster", "data.resource.eksClusterDetails.name"}, {"function", "data.resource.lambdaDetails.functionName"},
	}},
	"aws.securityhub.finding": {"event.data.Id", []inputPath{
		{"account", "data.AwsAccountId"}, {"finding_id", "data.Id"}, {"product", "data.ProductArn"},
		{"resource", "data.Resources.0.Id"}, {"control", "data.Compliance.SecurityControlId"},
	}},
	"aws.cloudtrail.event": {"event.data.eventID", []inputPath{
		{"account", "data.recipientAccountId"}, {"region", "data.awsRegion"}, {"event_id", "data.eventID"},
		{"actor", "data.userIdentity.arn"}, {"address", "data.sourceIPAddress"},
	}},
	"github.secret_scanning_alert": {"event.data.alert.html_url", []inputPath{
		{"repository", "data.repository.full_name"}, {"alert", "data.alert.number"}, {"secret_type", "data.alert.secret_type"},
	}},
	"github.dependabot_alert": {"event.data.alert.html_url", []inputPath{
		{"repository", "data.repository.full_name"}, {"alert", "data.alert.number"}, {"dependency", "data.alert.dependency.package.name"},
		{"advisory", "data.alert.security_advisory.ghsa_id"},
	}},
	"github.code_scanning_alert": {"event.data.alert.html_url", []inputPath{
		{"repository", "data.repository.full_name"}, {"alert", "data.alert.number"}, {"rule", "data.alert.rule.id"},
	}},
	"alertmanager.alert": {"event.data.fingerprint", []inputPath{
		{"alert", "data.labels.alertname"}, {"fingerprint", "data.fingerprint"}, {"since", "data.startsAt"},
	}},
}

// forEvent returns the fields that inputs could be taken from. data is the type of the event's.
// Without inputs it takes those of the matter that the event has.
func (s *skeleton) forEvent(ev event.Event, data *expr.Type, inputs []inputPath) (fields []string, err error) {
	decoded, err := digest.Decode(ev.Data)
	if err != nil {
		return nil, fmt.Errorf("read the event's data: %w", err)
	}
	root := map[string]any{"id": ev.ID, "source": ev.Source, "type": ev.Type, "subject": ev.Subject, "data": decoded}
	matter := matters[ev.Type]
	var found []eventInput
	var errs []error
	for _, in := range inputs {
		one, err := inputAt(root, data, in)
		if err != nil {
			errs = append(errs, fmt.Errorf("--input %s: %w", in.name, err))
			continue
		}
		found = append(found, one)
	}
	if len(inputs) == 0 {
		for _, in := range matter.inputs {
			if one, err := inputAt(root, data, in); err == nil { // else the event has no such part
				found = append(found, one)
			}
		}
	}
	s.begin(ev.Type, "What to do about "+ev.Type)
	s.line("\ntriggers:")
	s.line("  - event: %s", inYAML(ev.Type))
	s.condition(found)
	if matter.dedupe != "" {
		s.line("    dedupe: %s", matter.dedupe)
	} else {
		s.line("    # dedupe: event.data.resource.id     events with the same value join one run")
	}
	if len(found) > 0 {
		s.line("\ninputs:")
	}
	for _, in := range found {
		s.line("  %s:", inYAML(in.name))
		s.line("    type: %s", in.kind)
		s.line("    from: %s", inYAML(in.from))
	}
	s.line("\nsteps:")
	s.line("  # starter activities lists what steps can call; starter new --activity NAME shows how.")
	s.line("  - stop: nothing is done yet about ${event.type} ${event.id}")
	return scalars(nil, "", root), errors.Join(errs...)
}

// condition starts the playbook only for events that have what the inputs are taken from.
func (s *skeleton) condition(inputs []eventInput) {
	var all []string
	for _, in := range inputs {
		if in.needs != "" && !strings.Contains(strings.Join(all, " "), "has("+in.needs+")") {
			all = append(all, "has("+in.needs+")")
		}
	}
	if len(all) == 0 {
		s.line("    # if: event.data.severity >= 7.0     only some of them")
		return
	}
	s.line("    if: %s", inYAML(strings.Join(all, " && ")))
}

// eventInput is an input taken from an event. needs is the first part on the way to it that not
// every event has, if the type of the event tells.
type eventInput struct{ name, kind, from, needs string }

func inputAt(root map[string]any, data *expr.Type, in inputPath) (eventInput, error) {
	from, kind, err := scalarAt(root, in.path)
	out := eventInput{name: in.name, kind: kind, from: from}
	parts := strings.Split(in.path, ".")
	if err != nil || parts[0] != "data" {
		return out, err
	}
	t, at, plain := data, "event.data", true
	for _, part := range parts[1:] {
		switch t.Kind() {
		case expr.KindObject:
			f, known := t.Field(part)
			if !known {
				return out, fmt.Errorf("the schema of these events has no %s.%s", at, part)
			}
			if at += "." + part; f.Optional && plain && out.needs == "" {
				out.needs = at
			}
			t = f.Type
		case expr.KindList, expr.KindMap:
			t, plain = t.Elem(), false
		default:
			return out, nil // free from here on
		}
	}
	if t.Kind() != expr.KindAny {
		out.kind = t.String()
	}
	return out, nil
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// scalarAt finds a field by its path, and gives it as an expression and a type, with a remark where
// one event cannot tell.
func scalarAt(root map[string]any, path string) (from, kind string, err error) {
	var at any = root
	from = "event"
	for _, part := range strings.Split(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[part]
			if !ok {
				return "", "", fmt.Errorf("%s has no field %q%s", card.Exact(from), part, expr.DidYouMean(part, expr.Keys(v)))
			}
			at = next
			if identifier.MatchString(part) {
				from += "." + part
			} else {
				from += "[" + strconv.Quote(part) + "]"
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return "", "", fmt.Errorf("%s is a list of %d; want the number of an item, from 0, not %q", card.Exact(from), len(v), part)
			}
			at = v[i]
			from += "[" + part + "]"
		default:
			return "", "", fmt.Errorf("%s has no fields", card.Exact(from))
		}
	}
	switch v := at.(type) {
	case string:
		return from, "string", nil
	case bool:
		return from, "bool", nil
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return from, "double", nil
		}
		return from, "int # or double, if it can have a fraction", nil
	case nil:
		return "", "", fmt.Errorf("%s is null here, so its type cannot be told", card.Exact(from))
	default:
		return "", "", fmt.Errorf("%s has fields of its own; name one of them", card.Exact(from))
	}
}

// scalars lists the paths of all fields that hold a single value and that a path can name.
func scalars(found []string, at string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range expr.Keys(v) {
			if !strings.Contains(key, ".") && key != "" {
				found = scalars(found, strings.TrimPrefix(at+"."+key, "."), v[key])
			}
		}
	case []any:
		for i, item := range v {
			found = scalars(found, at+"."+strconv.Itoa(i), item)
		}
	case nil:
	default:
		found = append(found, at)
	}
	return found
}
