package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// newFlags are the flags of new.
type newFlags struct {
	activity string
	event    string
	inputs   []string
	name     string
	stage    string
}

func (a *app) new() *cobra.Command {
	var f newFlags
	cmd := &cobra.Command{
		Use:   "new --activity NAME | --event FILE|-",
		Short: "Print the beginning of a playbook, which validates, for an activity or an event",
		Long: `Print the beginning of a playbook, which validates, for an activity or an event.

  --activity NAME  calls it, with an input for each field that it needs; what changes something
                   stands under an approval
  --event FILE     starts for events of its type, with the inputs that --input name=path finds in
                   it; without --input it lists the fields that there are

A path is that of a field of the event, as data.accountId or subject.`,
		Example: `  starter new --activity aws.iam.disable_access_key
  starter new --event playbooks/events/guardduty-iam-malicious-ip-caller.json --input account=data.accountId --input user=data.resource.accessKeyDetails.userName
  starter new --activity aws.ec2.describe_instance --name look-at-instance --stage audit > look-at-instance.yaml`,
		Args: arguments(),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.activity, "activity", "", "activity that the playbook calls")
	flags.StringVar(&f.event, "event", "", "file of an event that starts the playbook, or - for standard input")
	flags.StringArrayVar(&f.inputs, "input", nil, "input from a field of the event, name=path; may repeat")
	flags.StringVar(&f.name, "name", "", "name of the playbook (default: made of the activity's or the event's type)")
	flags.StringVar(&f.stage, "stage", "run", "stage of the playbook: "+strings.Join(playbook.Stages, ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case (f.activity == "") == (f.event == ""):
			return usagef(cmd, "want one of --activity and --event")
		case f.activity != "" && len(f.inputs) > 0:
			return usagef(cmd, "--input goes with --event; the inputs for an activity are the fields that it needs")
		case !slices.Contains(playbook.Stages, f.stage):
			return usagef(cmd, "--stage %q%s", f.stage, expr.DidYouMean(f.stage, playbook.Stages))
		}
		return a.newPlaybook(cmd, f)
	}
	return cmd
}

func (a *app) newPlaybook(cmd *cobra.Command, f newFlags) error {
	s := &skeleton{name: f.name, stage: f.stage}
	var fields []string
	if f.activity != "" {
		one, ok := a.registry.Lookup(f.activity)
		if !ok {
			return refuse(fmt.Errorf("no activity %q%s", f.activity, expr.DidYouMean(f.activity, library.Catalog(a.registry).Activities.Names())), "see them all: "+a.command("activities"))
		}
		s.forActivity(one)
	} else {
		paths, err := inputPaths(cmd, f.inputs)
		if err != nil {
			return err
		}
		ev, err := a.event(f.event)
		if err != nil {
			return err
		}
		if fields, err = s.forEvent(ev, paths); err != nil {
			return refuse(err, "see the fields that there are: "+a.command("new", "--event", eventFile(f.event)))
		}
	}
	text := s.text.String()
	if _, problems := playbook.Compile(s.name+".yaml", []byte(text), library.Catalog(a.registry)); len(problems) > 0 {
		return refuse(fmt.Errorf("the playbook would have problems: %w", problems), "")
	}
	if a.json() {
		if err := a.printJSON(newJSON{s.name, text}); err != nil {
			return err
		}
	} else if err := a.print("%s", strings.TrimSuffix(text, "\n")); err != nil {
		return err
	}
	if len(fields) > 0 && len(f.inputs) == 0 {
		a.say("fields for --input name=path:")
		for i, path := range fields {
			if i == maxFields {
				a.say("  and %d more", len(fields)-i)
				break
			}
			a.say("  %s", card.Exact(path))
		}
	}
	a.say("put it into %s.yaml, then: %s", s.name, a.command("validate", s.name+".yaml"))
	return nil
}

// maxFields is how many fields of an event are listed.
const maxFields = 60

type newJSON struct {
	Playbook string `json:"playbook"`
	Text     string `json:"text"`
}

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

// skeleton is a playbook while it is written.
type skeleton struct {
	name, stage string
	text        strings.Builder
}

func (s *skeleton) line(format string, args ...any) { fmt.Fprintf(&s.text, format+"\n", args...) }

// begin writes what every playbook has.
func (s *skeleton) begin(from, title string) {
	if s.name == "" {
		s.name = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(from), "-"), "-")
	}
	s.line("# Say here what the playbook is for, and what it must never do.")
	s.line("playbook: %s", inYAML(s.name))
	s.line("title: %s", inYAML(title))
	s.line("stage: %s", inYAML(s.stage))
}

func (s *skeleton) forActivity(one *activities.Activity) {
	s.begin(one.Name, one.Title)
	required := slices.Clone(one.Input.Required) // in the order of the activity's own fields
	names := map[string]string{}                 // of inputs, by field
	for _, field := range required {
		names[field] = inputName(field)
	}
	if len(required) > 0 {
		s.line("\ninputs:")
	}
	for _, field := range required {
		p := one.Input.Properties[field]
		s.line("  %s:", names[field])
		s.line("    type: %s", inYAML(inputType(expr.FromSchema(p))))
		if p.Description != "" {
			s.line("    title: %s", inYAML(card.Clean(p.Description, 300)))
		}
	}
	id := one.Name[strings.LastIndex(one.Name, ".")+1:]
	s.line("\nsteps:")
	indent := "  "
	if one.Effect != activities.Read {
		question := one.Title
		for i, field := range one.Targets {
			if p := one.Input.Properties[field]; p != nil && p.Type == "string" && names[field] != "" {
				question += map[bool]string{true: ": ", false: ", "}[i == 0] + "${inputs." + names[field] + "}"
			}
		}
		s.line("  - id: decide")
		s.line("    approve: %s", inYAML(question+"?"))
		s.line("    approvers: [secops-oncall]")
		s.line("    quorum: 1")
		s.line("    expires: 30m")
		s.line("    steps:")
		indent = "      "
	}
	s.line("%s- id: %s", indent, inYAML(id))
	s.line("%s  activity: %s", indent, inYAML(one.Name))
	if len(required) > 0 {
		s.line("%s  with:", indent)
	}
	for _, field := range required {
		s.line("%s    %s: ${inputs.%s}", indent, inYAML(field), names[field])
	}
	if one.Effect != activities.Read {
		s.line("\noutcome: 'steps.decide.approved ? \"done\" : \"left alone: \" + steps.decide.reason'")
	}
}

// forEvent returns the fields that inputs could be taken from.
func (s *skeleton) forEvent(ev event.Event, inputs []inputPath) (fields []string, err error) {
	data, err := digest.Decode(ev.Data)
	if err != nil {
		return nil, fmt.Errorf("read the event's data: %w", err)
	}
	root := map[string]any{"id": ev.ID, "source": ev.Source, "type": ev.Type, "subject": ev.Subject, "data": data}
	s.begin(ev.Type, "What to do about "+ev.Type)
	s.line("\ntriggers:")
	s.line("  - event: %s", inYAML(ev.Type))
	s.line("    # if: event.data.severity >= 7.0     only some of them")
	s.line("    # dedupe: event.data.resource.id     events with the same value join one run")
	if len(inputs) > 0 {
		s.line("\ninputs:")
	}
	var errs []error
	for _, in := range inputs {
		from, kind, err := scalarAt(root, in.path)
		if err != nil {
			errs = append(errs, fmt.Errorf("--input %s: %w", in.name, err))
			continue
		}
		s.line("  %s:", inYAML(in.name))
		s.line("    type: %s", kind)
		s.line("    from: %s", inYAML(from))
	}
	s.line("\nsteps:")
	s.line("  # starter activities lists what steps can call; starter new --activity NAME shows how.")
	s.line("  - stop: nothing is done yet about ${event.type} ${event.id}")
	return scalars(nil, "", root), errors.Join(errs...)
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

// inputType is a type that inputs can have; objects go as any, which the activity's schema settles.
func inputType(t *expr.Type) string {
	if _, err := expr.ParseType(t.String()); err != nil {
		return "any"
	}
	return t.String()
}

// inputName makes the name of a field that of an input.
func inputName(field string) string {
	return strings.TrimLeft(regexp.MustCompile(`[^a-z0-9_]+`).ReplaceAllString(strings.ToLower(field), "_"), "_0123456789")
}

// inYAML writes a text of one line as a scalar, in quotes where YAML would read something else.
func inYAML(s string) string {
	raw, err := yaml.Marshal(s)
	text := strings.TrimSuffix(string(raw), "\n")
	if err != nil || strings.Contains(text, "\n") {
		quoted, _ := json.Marshal(s) // YAML reads JSON
		return string(quoted)
	}
	return text
}
