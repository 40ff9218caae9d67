package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
	"github.com/countersign/countersign/workflows/policy"
)

func (a *app) policy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check and test the policy, and explain what it says of a call",
		Long: `Check and test the policy, and explain what it says of a call.

A policy says of every change and destroy whether it is automatic, needs an approval, is for people
to do by hand (manual), or never happens. Without a file these commands read the one that ships.`,
		Example: `  starter policy check
  starter policy test
  starter policy explain --activity aws.guardduty.archive_finding --input '{"finding_id":"a0b1"}'`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.policyCheck(), a.policyTest(), a.policyExplain())
	return cmd
}

func (a *app) policyCheck() *cobra.Command {
	var people string
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a policy, and print every problem as file:line:col: message [rule]",
		Long: `Check a policy, and print every problem as file:line:col: message [rule].

With --directory the groups that the policy asks are held against that file: they must be there,
with as many people as must say yes.`,
		Example: `  starter policy check
  starter policy check policy.yaml --directory people.yaml`,
		Args: arguments("[FILE]"),
		RunE: func(_ *cobra.Command, args []string) error {
			known := a.policyKnows()
			if people != "" {
				d, err := directory.Load(people)
				if err != nil {
					return err
				}
				known.Groups = d.Roster()
			}
			file, text, err := a.policyFile(args)
			if err != nil {
				return err
			}
			p, problems := policy.Parse(file, text, known)
			if a.json() {
				err = a.printJSON(append(playbook.Problems{}, problems...))
			} else {
				err = a.printProblems(problems)
			}
			if err != nil {
				return err
			}
			if len(problems) > 0 {
				a.say("%s", count(len(problems), "problem", "problems"))
				return told(exitRefused)
			}
			a.say("the policy %s is good: %s", p.Name(), p.Digest().Short())
			return nil
		},
	}
	cmd.Flags().StringVar(&people, "directory", "", "`file` that names the people of each approving group")
	return cmd
}

func (a *app) policyTest() *cobra.Command {
	return &cobra.Command{
		Use:   "test [FILE]",
		Short: "Run the tests beside a policy",
		Long: `Run the tests beside a policy. Those of NAME.yaml are in NAME_test.yaml:

  cases:
    - name: an access key is disabled by people
      call: {activity: aws.iam.disable_access_key, input: {account: "111122223333", user: u, access_key_id: k}}
      expect: {mode: approval, rule: change, groups: [secops-oncall], quorum: 1}

The tests of the policy that ships show all that a case can say.`,
		Example: `  starter policy test
  starter policy test policy.yaml`,
		Args: arguments("[FILE]"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.readPolicy(args)
			if err != nil {
				return err
			}
			tests, text := "default_test.yaml", policy.DefaultTests
			if len(args) > 0 {
				tests = playtest.File(args[0])
				if text, err = readPlain(tests); err != nil {
					return refuse(fmt.Errorf("read the tests of the policy: %w", err), "they go into "+word(tests))
				}
			}
			signatures := map[string]policy.Signature{}
			for _, one := range a.registry.All() {
				signatures[one.Name] = policy.Signature{Effect: string(one.Effect), Targets: one.Targets}
			}
			results, problems := p.Test(tests, text, signatures)
			return a.printPolicyTests(policyTestJSON{append(playbook.Problems{}, problems...), append([]policy.Result{}, results...)}, tests)
		},
	}
}

type policyTestJSON struct {
	Problems playbook.Problems `json:"problems"`
	Cases    []policy.Result   `json:"cases"`
}

func (a *app) printPolicyTests(out policyTestJSON, file string) error {
	failed := 0
	for _, r := range out.Cases {
		if len(r.Failures) > 0 {
			failed++
		}
	}
	err := error(nil)
	if a.json() {
		err = a.printJSON(out)
	} else {
		err = a.printProblems(out.Problems)
		for _, r := range out.Cases {
			verdict := "ok  "
			if len(r.Failures) > 0 {
				verdict = "FAIL"
			}
			err = errors.Join(err, a.print("%s  %s", verdict, cleaned(r.Name)))
			for _, f := range r.Failures {
				err = errors.Join(err, a.print("      %s:%d: %s", cleaned(file), r.Line, cleaned(f)))
			}
		}
	}
	switch {
	case err != nil:
		return err
	case len(out.Problems) > 0:
		a.say("%s; nothing ran", count(len(out.Problems), "problem", "problems"))
		return told(exitRefused)
	case failed > 0:
		a.say("%d of %s failed", failed, count(len(out.Cases), "case", "cases"))
		return told(exitRefused)
	}
	a.say("%s passed", count(len(out.Cases), "case", "cases"))
	return nil
}

// readPolicy reads a policy and refuses one with problems.
func (a *app) readPolicy(args []string) (*policy.Policy, error) {
	file, text, err := a.policyFile(args)
	if err != nil {
		return nil, err
	}
	p, problems := policy.Parse(file, text)
	if len(problems) == 0 {
		return p, nil
	}
	for _, one := range problems {
		a.say("%s", line(one))
	}
	return nil, refuse(fmt.Errorf("the policy has %s", count(len(problems), "problem", "problems")), "mend it, then: "+a.command("policy", append([]string{"check"}, args...)...))
}

// policyFile is the named file, or the policy that ships.
func (a *app) policyFile(args []string) (name string, text []byte, err error) {
	if len(args) == 0 {
		return "default.yaml", policy.DefaultFile, nil
	}
	text, err = readPlain(args[0])
	if err != nil {
		return "", nil, refuse(fmt.Errorf("read the policy: %w", err), "")
	}
	return args[0], text, nil
}

// readPlain reads a file of the size of a playbook.
func readPlain(name string) ([]byte, error) {
	f, err := openPlain(name, playbook.MaxSize)
	if err != nil {
		return nil, err
	}
	defer func(f fs.File) { _ = f.Close() }(f)
	return io.ReadAll(f)
}

// policyKnows is what a policy may name of what ships and is described.
func (a *app) policyKnows() policy.Known {
	names := []string{}
	for _, one := range a.registry.All() {
		names = append(names, one.Name)
	}
	slices.Sort(names)
	return policy.Known{Activities: names}
}

func (a *app) printProblems(problems playbook.Problems) error {
	for _, p := range problems {
		if err := a.print("%s", line(p)); err != nil {
			return err
		}
	}
	return nil
}
