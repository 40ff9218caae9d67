package standin_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// organization has the hub account above, and below it two units, one in the other.
func organization() *standin.Organization {
	return &standin.Organization{
		ID: "o-exampleorgid", Management: hubAccount, Root: "r-ab12",
		Units: map[string]*standin.Unit{
			"ou-ab12-workloads": {Name: "workloads", Parent: "r-ab12"},
			"ou-ab12-prod":      {Name: "prod", Parent: "ou-ab12-workloads"},
		},
		Members: map[string]*standin.Member{
			hubAccount:            {Name: "security", Email: "security@example.com", Parent: "r-ab12"},
			standin.SampleAccount: {Name: "payments", Email: "payments@example.com", Parent: "ou-ab12-prod", Tags: map[string]string{"stage": "prod"}},
			"444455556666":        {Name: "old", Email: "old@example.com", Parent: "ou-ab12-workloads", State: "CLOSED"},
		},
	}
}

func TestOrganization(t *testing.T) {
	_, cfg := start(t, standin.Options{Seed: withRole(`{}`)})
	member := organizations.NewFromConfig(cfg)
	_, err := member.ListAccounts(t.Context(), nil)
	require.Equal(t, "AccessDeniedException", code(t, err), "a member sees of it no more than that it is there")
	described, err := member.DescribeOrganization(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "o-exampleorgid", *described.Organization.Id)

	cfg.Credentials = credentials.NewStaticCredentialsProvider(hubKey, standin.SampleSecretKey, "")
	hub := organizations.NewFromConfig(cfg)
	names := map[string]string{}
	pages := organizations.NewListAccountsPaginator(hub, &organizations.ListAccountsInput{MaxResults: aws.Int32(2)})
	for count := 0; pages.HasMorePages(); count++ {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		require.Less(t, count, 2)
		for _, a := range page.Accounts {
			names[*a.Name] = string(a.State) + " " + string(a.Status)
		}
	}
	require.Equal(t, map[string]string{"security": "ACTIVE ACTIVE", "payments": "ACTIVE ACTIVE", "old": "CLOSED "}, names)

	roots, err := hub.ListRoots(t.Context(), nil)
	require.NoError(t, err)
	units, err := hub.ListOrganizationalUnitsForParent(t.Context(), &organizations.ListOrganizationalUnitsForParentInput{ParentId: roots.Roots[0].Id})
	require.NoError(t, err)
	require.Equal(t, "workloads", *units.OrganizationalUnits[0].Name)
	below, err := hub.ListAccountsForParent(t.Context(), &organizations.ListAccountsForParentInput{ParentId: aws.String("ou-ab12-prod")})
	require.NoError(t, err)
	require.Equal(t, standin.SampleAccount, *below.Accounts[0].Id)
	above, err := hub.ListParents(t.Context(), &organizations.ListParentsInput{ChildId: aws.String(standin.SampleAccount)})
	require.NoError(t, err)
	require.Equal(t, "ou-ab12-prod", *above.Parents[0].Id)
	require.Equal(t, "ORGANIZATIONAL_UNIT", string(above.Parents[0].Type))
	tags, err := hub.ListTagsForResource(t.Context(), &organizations.ListTagsForResourceInput{ResourceId: aws.String(standin.SampleAccount)})
	require.NoError(t, err)
	require.Equal(t, "prod", *tags.Tags[0].Value)

	_, err = hub.ListTagsForResource(t.Context(), &organizations.ListTagsForResourceInput{ResourceId: aws.String("000000000000")})
	require.Equal(t, "TargetNotFoundException", code(t, err))
	_, err = hub.ListAccountsForParent(t.Context(), &organizations.ListAccountsForParentInput{ParentId: aws.String("ou-ab12-none")})
	require.Equal(t, "ParentNotFoundException", code(t, err))
}

func TestDelegatedAdministrator(t *testing.T) {
	s, cfg := start(t, standin.Options{Seed: withRole(`{}`)})
	s.Update(func(st *standin.State) { st.Organization.Delegated = []string{standin.SampleAccount} })
	_, err := organizations.NewFromConfig(cfg).ListAccounts(t.Context(), nil)
	require.NoError(t, err)
	s.Update(func(st *standin.State) { st.Organization = nil })
	_, err = organizations.NewFromConfig(cfg).ListAccounts(t.Context(), nil)
	require.Equal(t, "AWSOrganizationsNotInUseException", code(t, err))
	require.Panics(t, func() {
		s.Update(func(st *standin.State) {
			st.Organization = organization()
			st.Organization.Units["ou-ab12-prod"].Parent = "ou-ab12-none"
		})
	})
}

func TestDescribeRegions(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	names := func(in *ec2.DescribeRegionsInput) []string {
		out, err := ec2.NewFromConfig(cfg).DescribeRegions(t.Context(), in)
		require.NoError(t, err)
		var all []string
		for _, r := range out.Regions {
			all = append(all, *r.RegionName+" "+*r.OptInStatus)
		}
		return all
	}
	require.Len(t, names(nil), 17)
	require.Contains(t, names(&ec2.DescribeRegionsInput{AllRegions: aws.Bool(true)}), "eu-south-1 not-opted-in")
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].OptIn = map[string]string{"us-east-1": "opt-in-not-required", "eu-south-1": "opted-in", "me-south-1": "not-opted-in"}
	})
	require.Equal(t, []string{"eu-south-1 opted-in", "us-east-1 opt-in-not-required"}, names(nil))
	require.Equal(t, []string{"eu-south-1 opted-in"}, names(&ec2.DescribeRegionsInput{
		Filters: []ec2types.Filter{{Name: aws.String("opt-in-status"), Values: []string{"opted-in"}}},
	}))
	_, err := ec2.NewFromConfig(cfg).DescribeRegions(t.Context(), &ec2.DescribeRegionsInput{RegionNames: []string{"xx-nowhere-1"}})
	require.Equal(t, "InvalidParameterValue", code(t, err))
}
