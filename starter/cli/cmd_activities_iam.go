package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/policy"
	"github.com/countersign/countersign/workflows/playbook"
)

// iamFlags say which IAM policies to print.
type iamFlags struct {
	iam                 bool
	role, partition     string
	activity, playbooks []string
	names               []string // of the roles in the accounts
}

func (f *iamFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.iam, "iam", false, "print the IAM policies that AWS activities need")
	flags.StringVar(&f.role, "role", "", "with --iam, only of this `role`: read, respond or hub")
	flags.StringSliceVar(&f.activity, "activity", nil, "with --iam, only for the activity of this `name`; may be repeated")
	flags.StringSliceVar(&f.playbooks, "playbook", nil, "with --iam, only for what this playbook, a `name` or a file, calls and takes back; may be repeated")
	flags.StringVar(&f.partition, "partition", "aws", "with --iam, for this `partition`: aws, aws-cn or aws-us-gov")
	flags.StringSliceVar(&f.names, "role-names", []string{"SecOpsRead", "SecOpsRespond"}, "with --iam, the `names` of the two roles in every account")
}

// asked reports whether policies are wanted; each of the other flags means nothing without --iam.
func (f *iamFlags) asked(cmd *cobra.Command) bool {
	for _, name := range []string{"role", "activity", "playbook", "partition", "role-names"} {
		f.iam = f.iam || cmd.Flags().Changed(name)
	}
	return f.iam
}

func (a *app) printPolicies(cmd *cobra.Command, f iamFlags, args []string) error {
	if len(args) > 0 {
		return usagef(cmd, "--iam takes no argument: name the activity with --activity %s", args[0])
	}
	if !slices.Contains([]string{"", "read", "respond", "hub"}, f.role) {
		return usagef(cmd, "--role %q: want read, respond or hub", f.role)
	}
	if !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, f.partition) {
		return usagef(cmd, "--partition %q: want aws, aws-cn or aws-us-gov", f.partition)
	}
	specs, err := a.wanted(f)
	if err != nil {
		return err
	}
	documents := map[string][]policy.Document{
		"read":    policy.ForRole(policy.Read, f.partition, specs),
		"respond": policy.ForRole(policy.Respond, f.partition, specs),
		"hub":     {policy.ForHub(f.partition, specs, f.names...)},
	}
	if a.json() {
		if f.role != "" {
			return a.printJSON(documents[f.role])
		}
		return a.printJSON(documents)
	}
	if f.role != "" && len(documents[f.role]) == 0 {
		a.say("no policy: nothing of what is asked for needs the role %s", f.role)
	}
	for _, role := range []string{"hub", "read", "respond"} {
		if f.role != "" && role != f.role {
			continue
		}
		for i, d := range documents[role] {
			if f.role == "" {
				a.say("%s, policy %d of %d:", role, i+1, len(documents[role]))
			}
			if err := a.print("%s", d); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted are the specs of what is asked for; of everything if nothing is.
func (a *app) wanted(f iamFlags) ([]activities.Spec, error) {
	names := map[string]bool{}
	for _, name := range f.activity {
		if _, ok := a.registry.Lookup(name); !ok {
			return nil, refuse(fmt.Errorf("no activity %q", name), "see them all: "+a.command("activities"))
		}
		names[name] = true
	}
	for _, name := range f.playbooks {
		pb, err := a.playbook(name)
		if err != nil {
			return nil, err
		}
		if err := a.called(pb, names, map[string]bool{}); err != nil {
			return nil, err
		}
	}
	var specs []activities.Spec
	for _, one := range a.registry.All() {
		if len(f.activity)+len(f.playbooks) == 0 || names[one.Name] {
			specs = append(specs, one.Spec)
		}
	}
	return specs, nil
}

// called adds what a playbook calls, and those it calls, and what takes that back.
func (a *app) called(pb *playbook.Playbook, names, seen map[string]bool) error {
	if seen[pb.Name] {
		return nil
	}
	seen[pb.Name] = true
	var children []string
	add := func(name string) {
		names[name] = true
		if one, ok := a.registry.Lookup(name); ok && one.Undo != "" {
			names[one.Undo] = true
		}
	}
	playbook.Walk(pb.Steps, func(s *playbook.Step) {
		switch verb := s.Verb.(type) {
		case *playbook.Activity:
			add(verb.Name)
		case *playbook.Child:
			children = append(children, verb.Name)
		case *playbook.Workflow:
			if flow, ok := a.flows.Lookup(verb.Name); ok {
				for _, effect := range flow.Effects {
					add(effect)
				}
			}
		}
	})
	slices.Sort(children)
	for _, name := range slices.Compact(children) {
		child, err := a.playbook(name)
		if err != nil {
			return fmt.Errorf("%s calls it: %w", pb.Name, err)
		}
		if err := a.called(child, names, seen); err != nil {
			return err
		}
	}
	return nil
}
