package standin_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestAccountIsFrozenAndMoved(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := organizations.NewFromConfig(cfg), t.Context()
	policies := func() []string {
		out, err := client.ListPoliciesForTarget(ctx, &organizations.ListPoliciesForTargetInput{
			TargetId: aws.String(standin.SampleMember), Filter: types.PolicyTypeServiceControlPolicy,
		})
		require.NoError(t, err)
		var ids []string
		for _, p := range out.Policies {
			ids = append(ids, *p.Id)
		}
		return ids
	}
	attach := func(policy, target string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.AttachPolicy(ctx, &organizations.AttachPolicyInput{PolicyId: &policy, TargetId: &target})
			return err
		}
	}
	detach := func(ctx context.Context) error {
		_, err := client.DetachPolicy(ctx, &organizations.DetachPolicyInput{PolicyId: aws.String(standin.SampleFreeze), TargetId: aws.String(standin.SampleMember)})
		return err
	}
	move := func(from, to string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.MoveAccount(ctx, &organizations.MoveAccountInput{AccountId: aws.String(standin.SampleMember), SourceParentId: &from, DestinationParentId: &to})
			return err
		}
	}
	policy, err := client.DescribePolicy(ctx, &organizations.DescribePolicyInput{PolicyId: aws.String(standin.SampleFreeze)})
	require.NoError(t, err)
	require.Contains(t, *policy.Policy.Content, `"Deny"`)
	unit, err := client.DescribeOrganizationalUnit(ctx, &organizations.DescribeOrganizationalUnitInput{OrganizationalUnitId: aws.String(standin.SampleQuarantine)})
	require.NoError(t, err)
	require.Equal(t, "quarantine", *unit.OrganizationalUnit.Name)

	require.Equal(t, []string{"p-FullAWSAccess"}, policies())
	require.NoError(t, attach(standin.SampleFreeze, standin.SampleMember)(ctx))
	require.Equal(t, []string{"p-FullAWSAccess", standin.SampleFreeze}, policies())
	require.Equal(t, "DuplicatePolicyAttachmentException", code(t, attach(standin.SampleFreeze, standin.SampleMember)(ctx)))
	require.NoError(t, detach(ctx))
	require.Equal(t, "PolicyNotAttachedException", code(t, detach(ctx)))
	require.Equal(t, "PolicyNotFoundException", code(t, attach("p-nobody00", standin.SampleMember)(ctx)))
	require.Equal(t, "TargetNotFoundException", code(t, attach(standin.SampleFreeze, "999900001111")(ctx)))

	require.NoError(t, move(standin.SampleUnit, standin.SampleQuarantine)(ctx))
	require.Equal(t, "DuplicateAccountException", code(t, move(standin.SampleUnit, standin.SampleQuarantine)(ctx)))
	require.Equal(t, "SourceParentNotFoundException", code(t, move(standin.SampleUnit, "r-ab12")(ctx)))
	require.Equal(t, "DestinationParentNotFoundException", code(t, move(standin.SampleUnit, "ou-ab12-nobody00")(ctx)))
	require.Equal(t, []string{"AttachPolicy", "DetachPolicy", "MoveAccount"}, changed(s))

	s.Update(func(st *standin.State) {
		st.Organization.Management, st.Organization.Delegated = standin.SampleMember, []string{standin.SampleAccount}
	})
	require.Equal(t, "AccessDeniedException", code(t, detach(ctx)), "a delegated administrator looks, and changes nothing")
}
