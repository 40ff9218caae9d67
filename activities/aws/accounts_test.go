package aws

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

func accountsCalls(s *service) calls {
	return calls{
		"aws.organizations.list_accounts": erased(s.listAccounts),
		"aws.ec2.list_regions":            erased(s.listRegions),
		"aws.accounts.list_targets":       erased(s.listTargets),
	}
}

// fleet is a world of three accounts beside the sample's, of which the last is closed, reached by roles.
func fleet(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		s.Organization = &standin.Organization{
			ID: "o-exampleorgid", Management: standin.SampleAccount, Root: "r-ab12",
			Units: map[string]*standin.Unit{"ou-ab12-prod": {Name: "prod", Parent: "r-ab12"}},
			Members: map[string]*standin.Member{
				standin.SampleAccount: {Name: "payments", Email: "payments@example.com", Parent: "r-ab12", Tags: map[string]string{"stage": "test"}},
			},
		}
		for i, state := range []string{"ACTIVE", "ACTIVE", "CLOSED"} {
			id := fmt.Sprintf("22223333444%d", i)
			s.Accounts[id] = &standin.Account{OptIn: map[string]string{"us-east-1": "opt-in-not-required", "eu-south-1": "opted-in", "me-south-1": "not-opted-in"}}
			s.Organization.Members[id] = &standin.Member{Name: fmt.Sprint("prod-", i), Parent: "ou-ab12-prod", State: state, Tags: map[string]string{"stage": "prod"}}
		}
		for _, account := range s.Accounts {
			for _, name := range []string{"SecOpsRead", "SecOpsRespond"} {
				if account.IAM.Roles == nil {
					account.IAM.Roles = map[string]*standin.Role{}
				}
				account.IAM.Roles[name] = &standin.Role{
					ID: "AROASECOPS", Inline: map[string]string{"all": `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`},
					Trust: `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`,
				}
			}
		}
	})
	accounts, err := session.ParseAccounts([]byte("organization: true\ncanary: [\"222233334441\"]\n"))
	require.NoError(t, err)
	w.reach(accounts)
	return w
}

func TestListAccounts(t *testing.T) {
	w := fleet(t)
	for input, want := range map[string][]string{
		`{}`:            {"222233334441", "111122223333", "222233334440"},
		`{"ou":"prod"}`: {"222233334441", "222233334440"},
		`{"ou":"ou-ab12-prod","exclude":["222233334441"]}`: {"222233334440"},
		`{"tags":{"stage":"test"}}`:                        {"111122223333"},
		`{"tags":{"stage":""},"include":["222233334440"]}`: {"222233334440"},
		`{"tags":{"owner":""}}`:                            {},
	} {
		out := decode[accountsOutput](t, w.run(t, "aws.organizations.list_accounts", input))
		require.Equal(t, want, out.IDs, input)
	}
	out := decode[accountsOutput](t, w.run(t, "aws.organizations.list_accounts", `{"include":["111122223333"]}`))
	require.Equal(t, []listedAccount{{ID: "111122223333", Name: "payments", Email: "payments@example.com", Tags: map[string]string{"stage": "test"}}}, out.Accounts)
	for _, id := range []string{"222233334442", "999900001111"} {
		_, err := w.attempt(step(t.Context()), t, "aws.organizations.list_accounts", `{"include":["`+id+`"]}`)
		require.Equal(t, session.UnknownAccount, kindOf(t, err).Kind, "closed, or somebody's")
	}
}

func TestListTargets(t *testing.T) {
	w := fleet(t)
	out := decode[targetsOutput](t, w.run(t, "aws.accounts.list_targets", `{"ou":"prod","whole_account":true}`))
	require.Equal(t, []target{
		{"222233334441", ""}, {"222233334441", "eu-south-1"}, {"222233334441", "us-east-1"},
		{"222233334440", ""}, {"222233334440", "eu-south-1"}, {"222233334440", "us-east-1"},
	}, out.Targets)
	require.Equal(t, 2, out.Accounts)
	out = decode[targetsOutput](t, w.run(t, "aws.accounts.list_targets", `{"accounts":["111122223333"],"regions":["eu-west-1"]}`))
	require.Equal(t, []target{{"111122223333", "eu-west-1"}}, out.Targets)

	w.Update(func(s *standin.State) { s.Accounts["222233334440"].IAM.Roles["SecOpsRead"].Trust = `{"Statement":[]}` })
	w.reach(w.options.Accounts)
	out = decode[targetsOutput](t, w.run(t, "aws.accounts.list_targets", `{"ou":"prod","whole_account":true}`))
	require.Len(t, out.Targets, 4)
	require.Equal(t, "222233334440", out.Unreachable[0].Account)
	require.Contains(t, out.Unreachable[0].Reason, "take the role")
	require.Contains(t, out.Targets, target{"222233334440", ""}, "what is not known must fail where it is looked at")
	_, err := w.attempt(step(t.Context()), t, "aws.accounts.list_targets", `{"accounts":["222233334440"]}`)
	require.Equal(t, "AccessDenied", kindOf(t, err).Kind)
	_, err = w.attempt(step(t.Context()), t, "aws.accounts.list_targets", `{"accounts":["999900001111"],"regions":["eu-west-1"]}`)
	require.Equal(t, session.UnknownAccount, kindOf(t, err).Kind)
}

// Without an accounts file there is the one account of the credentials.
func TestListAccountsOfOne(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, []string{"111122223333"}, decode[accountsOutput](t, w.run(t, "aws.organizations.list_accounts", `{}`)).IDs)
	require.Len(t, decode[regionsOutput](t, w.run(t, "aws.ec2.list_regions", `{"account":"111122223333"}`)).Regions, 17)
}
