package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/policy"
)

// explainFlags are the flags of policy explain.
type explainFlags struct {
	file, activity, input, effect, undo, playbook, startedBy, now string
	targets                                                       []string
}

func (a *app) policyExplain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain --activity ACTIVITY --input JSON",
		Short: "Say what a policy makes of one call, and which rules it looked at",
		Example: `  starter policy explain --activity aws.guardduty.archive_finding --input '{"finding_id":"a0b1"}'
  starter policy explain --policy policy.yaml --activity aws.ec2.isolate_instance --input '{"account":"111122223333","instance_id":"i-1"}' --now 2026-12-24T20:00:00Z`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			facts, err := a.factsOf(cmd, f)
			if err != nil {
				return err
			}
			var args []string
			if f.file != "" {
				args = []string{f.file}
			}
			p, err := a.readPolicy(args)
			if err != nil {
				return err
			}
			e := p.Explain(facts)
			if a.json() {
				return a.printJSON(e)
			}
			return a.printExplanation(facts, e)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.file, "policy", "", "`file` of the policy (default: the one that ships)")
	flags.StringVar(&f.activity, "activity", "", "what is called")
	flags.StringVar(&f.input, "input", "{}", "its input, as JSON")
	flags.StringVar(&f.effect, "effect", "", "change or destroy, of an activity that is not known")
	flags.StringSliceVar(&f.targets, "targets", nil, "names of input fields, of an activity that is not known")
	flags.StringVar(&f.undo, "undo", "", "run or person: the call takes an effect back")
	flags.StringVar(&f.playbook, "playbook", "", "what runs")
	flags.StringVar(&f.startedBy, "started-by", "", "the person who started it (default: an event)")
	flags.StringVar(&f.now, "now", "", "when, as 2026-12-24T20:00:00Z (default: now)")
	return cmd
}

// factsOf makes the facts that the flags say.
func (a *app) factsOf(cmd *cobra.Command, f explainFlags) (policy.Facts, error) {
	one, known := a.registry.Lookup(f.activity)
	switch {
	case f.activity == "":
		return policy.Facts{}, usagef(cmd, "want --activity ACTIVITY")
	case f.undo != "" && f.undo != policy.UndoByRun && f.undo != policy.UndoByPerson:
		return policy.Facts{}, usagef(cmd, "--undo %q: want run or person", f.undo)
	case known:
		f.effect, f.targets = string(one.Effect), one.Targets
	case f.effect == "":
		return policy.Facts{}, refuse(fmt.Errorf("no activity %q%s", f.activity, expr.DidYouMean(f.activity, a.policyKnows().Activities)), "of one that is not known, say --effect and --targets")
	}
	if f.effect == string(activities.Read) {
		return policy.Facts{}, refuse(fmt.Errorf("%s is a read; a policy judges what is a change or a destroy", f.activity), "")
	}
	if f.effect != string(activities.Change) && f.effect != string(activities.Destroy) {
		return policy.Facts{}, usagef(cmd, "--effect %q: want change or destroy", f.effect)
	}
	facts, err := policy.FactsOf(f.activity, f.effect, f.targets, json.RawMessage(f.input))
	if err != nil {
		return policy.Facts{}, usagef(cmd, "--input: %v", err)
	}
	facts.Undo, facts.Playbook, facts.StartedBy, facts.Now = f.undo, f.playbook, f.startedBy, a.Now()
	if f.now != "" {
		if facts.Now, err = time.Parse(time.RFC3339, f.now); err != nil {
			return policy.Facts{}, usagef(cmd, "--now %q: want a time with its zone, like 2026-12-24T20:00:00Z", f.now)
		}
	}
	return facts, nil
}

func (a *app) printExplanation(f policy.Facts, e policy.Explanation) error {
	v := e.Verdict
	said := string(v.Mode)
	if len(v.Need.Groups) > 0 {
		said += fmt.Sprintf(", %d of %s", v.Need.Quorum, strings.Join(v.Need.Groups, ", "))
	}
	if len(v.Need.Surfaces) > 0 {
		said += ", on " + strings.Join(v.Need.Surfaces, ", ") + " alone"
	}
	if v.Expires > 0 {
		said += fmt.Sprintf(", within %s", v.Expires)
	}
	lines := []string{fmt.Sprintf("%s: %s [%s]", f.Activity, said, v.Rule)}
	if v.Reason != "" {
		lines = append(lines, "  "+v.Reason)
	}
	lines = append(lines, fmt.Sprintf("account %q, region %q, targets %q", f.Account, f.Region, f.Targets))
	for _, name := range expr.Keys(e.Tags) {
		lines = append(lines, fmt.Sprintf("  account.tags.%s is %q", name, e.Tags[name]))
	}
	for _, t := range e.Tried {
		how := "no   "
		switch {
		case t.Error != "":
			how = "fails"
		case t.Holds:
			how = "yes  "
		}
		condition := t.If
		if condition == "" {
			condition = "what no other rule decides"
		}
		lines = append(lines, fmt.Sprintf("%s  %s: %s", how, t.Rule, condition))
	}
	for _, b := range e.Breakers {
		lines = append(lines, "breaker "+b.String())
	}
	for _, text := range lines {
		if err := a.print("%s", cleaned(text)); err != nil {
			return err
		}
	}
	return nil
}
