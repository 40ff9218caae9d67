package terraform_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws/policy"
)

var update = flag.Bool("update", false, "rewrite policies")

// The policies are those that the activities need, and each fits.
func TestPolicies(t *testing.T) {
	r := activities.NewRegistry()
	all.Register(r, all.Options{})
	var specs []activities.Spec
	for _, a := range r.All() {
		specs = append(specs, a.Spec)
	}
	want := map[string]policy.Document{"hub.json": policy.ForHub("aws", specs, "SecOpsRead", "SecOpsRespond")}
	for _, role := range []policy.Role{policy.Read, policy.Respond} {
		documents := policy.ForRole(role, "aws", specs)
		require.LessOrEqual(t, len(documents), 10, "a role has at most ten managed policies")
		for i, d := range documents {
			require.LessOrEqual(t, len(d.String()), policy.MaxManaged)
			want[fmt.Sprintf("%s-%d.json", role, i+1)] = d
		}
	}
	there, err := filepath.Glob("policies/*.json")
	require.NoError(t, err)
	if *update {
		for _, file := range there {
			require.NoError(t, os.Remove(file))
		}
		for name, d := range want {
			raw, err := json.MarshalIndent(d, "", "  ")
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join("policies", name), append(raw, '\n'), 0o600))
		}
		return
	}
	require.Len(t, there, len(want), "go test ./deploy/terraform -update")
	for name, d := range want {
		raw, err := os.ReadFile(filepath.Join("policies", name))
		require.NoError(t, err)
		require.JSONEq(t, d.String(), string(raw), "%s: go test ./deploy/terraform -update", name)
	}
}

var reference = regexp.MustCompile(`var\.([a-z_]+)`)

// Each module declares what it uses, and trusts the hub of the organization alone, by the external id.
func TestModules(t *testing.T) {
	for _, module := range []string{"hub", "member"} {
		raw, err := os.ReadFile(filepath.Join(module, "main.tf.json"))
		require.NoError(t, err)
		var m struct {
			Variable map[string]any `json:"variable"`
			Data     struct {
				Documents map[string]struct {
					Statement []struct {
						Effect    string
						Actions   []string
						Condition []struct {
							Test, Variable string
							Values         []string
						}
						Dynamic struct {
							Condition struct {
								Content struct{ Variable string }
							}
						}
					} `json:"statement"`
				} `json:"aws_iam_policy_document"`
			} `json:"data"`
		}
		require.NoError(t, json.Unmarshal(raw, &m))
		for _, used := range reference.FindAllSubmatch(raw, -1) {
			require.Contains(t, m.Variable, string(used[1]))
		}
		trust := m.Data.Documents["trust"].Statement
		require.Len(t, trust, 1)
		if module == "hub" {
			require.Equal(t, []string{"sts:AssumeRole"}, trust[0].Actions)
			continue
		}
		require.ElementsMatch(t, []string{"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}, trust[0].Actions)
		asked := map[string]string{}
		for _, c := range trust[0].Condition {
			require.Equal(t, "StringEquals", c.Test)
			asked[c.Variable] = c.Values[0]
		}
		require.Equal(t, map[string]string{"sts:ExternalId": "${var.external_id}"}, asked)
		require.Equal(t, "aws:PrincipalOrgID", trust[0].Dynamic.Condition.Content.Variable)
	}
}

// The stack set makes the roles that member/ makes, with the same trust, from the same policies.
func TestStackSet(t *testing.T) {
	raw, err := os.ReadFile("organization/main.tf.json")
	require.NoError(t, err)
	var m struct {
		Variable map[string]any `json:"variable"`
		Locals   struct {
			Trust struct {
				Statement []struct {
					Action    []string
					Principal map[string]string
					Condition map[string]map[string]any
				}
			} `json:"trust"`
			Roles map[string]struct {
				Properties struct{ RoleName, AssumeRolePolicyDocument, Tags string }
			} `json:"roles"`
			Tags     []map[string]string `json:"tags"`
			Policies string              `json:"policies"`
		} `json:"locals"`
	}
	require.NoError(t, json.Unmarshal(raw, &m))
	for _, used := range reference.FindAllSubmatch(raw, -1) {
		require.Contains(t, m.Variable, string(used[1]))
	}
	trust := m.Locals.Trust.Statement
	require.Len(t, trust, 1)
	require.ElementsMatch(t, []string{"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}, trust[0].Action)
	require.Equal(t, map[string]string{"AWS": "${var.hub_role_arn}"}, trust[0].Principal)
	require.Equal(t, map[string]map[string]any{"StringEquals": {
		"aws:PrincipalOrgID": "${var.organization_id}", "sts:ExternalId": map[string]any{"Ref": "ExternalId"},
	}}, trust[0].Condition)
	for logical, name := range map[string]string{"Read": "SecOpsRead", "Respond": "SecOpsRespond"} {
		role := m.Locals.Roles[logical].Properties
		require.Equal(t, []string{name, "${local.trust}", "${local.tags}"}, []string{role.RoleName, role.AssumeRolePolicyDocument, role.Tags})
		require.Contains(t, m.Locals.Policies, `"`+strings.ToLower(logical)+`-*.json"`)
	}
	require.Equal(t, []map[string]string{{"Key": "secops:protected", "Value": "true"}}, m.Locals.Tags)
}
