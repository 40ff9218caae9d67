package playbook_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// The code of a rule and its description are in one file, and none is forgotten in the list.
func TestEveryRuleIsDescribed(t *testing.T) {
	files, err := filepath.Glob("rule_*.go")
	require.NoError(t, err)
	var want, got []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		rules := regexp.MustCompile(`(?m)^const rule\w+ = "([a-z-]+)"$`).FindAllStringSubmatch(string(source), -1)
		require.Len(t, rules, 1, file)
		require.Equal(t, "rule_"+strings.ReplaceAll(rules[0][1], "-", "_")+".go", file)
		want = append(want, rules[0][1])
	}
	for _, rule := range playbook.Rules() {
		got = append(got, rule.ID)
		require.Regexp(t, `^[A-Z].*\.$`, rule.Description)
		require.Regexp(t, `^[A-Z].*\.$`, rule.Why)
	}
	require.ElementsMatch(t, want, got)
}

// What the documentation of a rule says its example is told is what it is told.
func TestRuleExamples(t *testing.T) {
	for _, rule := range playbook.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			_, problems := playbook.Compile("example.yaml", []byte(rule.Example), exampleCatalog())
			require.NotEmpty(t, problems)
			require.Equal(t, rule.Problem, problems[0].String())
			for _, p := range problems {
				require.Equal(t, rule.ID, p.Rule, "an example has one kind of mistake: %s", p)
			}
		})
	}
}

func TestEveryRuleHasMistakes(t *testing.T) {
	require.Greater(t, len(playbook.Rules()), 10)
	for _, rule := range playbook.Rules() {
		examples, err := filepath.Glob("testdata/err/" + rule.ID + "*.out")
		require.NoError(t, err)
		reported := false
		for _, out := range examples {
			text, err := os.ReadFile(out)
			require.NoError(t, err)
			reported = reported || strings.Contains(string(text), "["+rule.ID+"]")
		}
		require.True(t, reported, "the rule %q has no example in testdata/err", rule.ID)
	}
}

type userInput struct {
	Account string `json:"account"`
	User    string `json:"user"`
}

type userOutput struct {
	UserID string `json:"user_id"`
	Owner  string `json:"owner,omitempty"`
}

type runInput struct {
	Host    string `json:"host"`
	Command string `json:"command"`
}

type bucketInput struct {
	Bucket string `json:"bucket"`
}

// exampleCatalog is what the examples of rules are written for: names as they ship, one
// activity that destroys, and one change whose undo is not there.
func exampleCatalog() playbook.Catalog {
	r := activities.NewRegistry()
	activities.Register(r, activities.Spec{Name: "aws.iam.get_user", Title: "Read an IAM user", Effect: activities.Read},
		func(context.Context, userInput) (userOutput, error) { return userOutput{}, nil })
	activities.Register(r, activities.Spec{Name: "aws.s3.delete_bucket", Title: "Delete a bucket", Effect: activities.Destroy, Targets: []string{"bucket"}},
		func(context.Context, bucketInput) (struct{}, error) { return struct{}{}, nil })
	activities.Register(r, activities.Spec{Name: "aws.s3.block_public_access", Title: "Block public access", Effect: activities.Change, Undo: "aws.s3.restore_public_access", Targets: []string{"bucket"}},
		func(context.Context, bucketInput) (struct{}, error) { return struct{}{}, nil })
	activities.Register(r, activities.Spec{Name: "host.run", Title: "Run a command on a host", Effect: activities.Read, Sinks: map[string]activities.Sink{"command": activities.Command}},
		func(context.Context, runInput) (struct{}, error) { return struct{}{}, nil })
	c := workflows.Catalog(r)
	c.Events = playbook.Table[*expr.Type]{"aws.guardduty.finding": expr.Any}
	c.Groups = playbook.Table[[]string]{"secops-oncall": {"alice@example.com", "bob@example.com"}}
	c.Workflows = playbook.Table[playbook.WorkflowSignature]{
		"acme.posture_report": {Title: "Report", Timeout: time.Hour, Input: expr.Object(expr.Field{Name: "account", Type: expr.String}), Output: expr.Object()},
	}
	c.Playbooks = callees(c, map[string]string{
		"aws-contain-key":     "inputs: {user: {type: string}}\nsteps: [{stop: contained}]",
		"aws-contain-finding": "triggers: [{event: aws.guardduty.finding}]\nsteps: [{stop: 'contained ${event.data.id}'}]",
	})
	return c
}
