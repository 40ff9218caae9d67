package standin_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestListRoles(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client := iam.NewFromConfig(cfg)
	var names []string
	for pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{MaxItems: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, r := range page.Roles {
			require.Nil(t, r.RoleLastUsed, "is told by GetRole alone")
			names = append(names, *r.RoleName)
		}
	}
	require.Equal(t, []string{standin.SampleServiceRole, standin.SampleUnusedRole, standin.SampleRole}, names)
	linked, err := client.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/aws-service-role/")})
	require.NoError(t, err)
	require.Len(t, linked.Roles, 1)
	role, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(standin.SampleUnusedRole)})
	require.NoError(t, err)
	require.Equal(t, "2026-03-31", role.Role.RoleLastUsed.LastUsedDate.Format("2006-01-02"))
}

func TestWhatAPrincipalHas(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	audited(s)
	s.Update(func(st *standin.State) {
		role := st.Accounts[standin.SampleAccount].IAM.Roles[standin.SampleRole]
		role.Attached, role.Inline = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, map[string]string{"own": denyAll}
		st.Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser].Inline = map[string]string{"a": denyAll, "b": denyAll}
	})
	client, ctx := iam.NewFromConfig(cfg), t.Context()
	groups, err := client.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: aws.String(standin.SampleConsoleUser)})
	require.NoError(t, err)
	require.Len(t, groups.Groups, 1)
	require.Equal(t, "arn:aws:iam::111122223333:group/finance", *groups.Groups[0].Arn)
	own, err := client.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: aws.String(standin.SampleUser), MaxItems: aws.Int32(1)})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, own.PolicyNames)
	require.True(t, own.IsTruncated)
	attached, err := client.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(standin.SampleRole)})
	require.NoError(t, err)
	require.Equal(t, "ReadOnlyAccess", *attached.AttachedPolicies[0].PolicyName)
	inline, err := client.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String(standin.SampleRole)})
	require.NoError(t, err)
	require.Equal(t, []string{"own"}, inline.PolicyNames)
	for _, err := range []error{
		func() error {
			_, err := client.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String("nobody")})
			return err
		}(),
		func() error {
			_, err := client.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: aws.String("nobody")})
			return err
		}(),
	} {
		require.Equal(t, "NoSuchEntity", code(t, err))
	}
}

func TestServicesLastAccessed(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := iam.NewFromConfig(cfg), t.Context()
	job, err := client.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: aws.String("arn:aws:iam::111122223333:role/" + standin.SampleRole)})
	require.NoError(t, err)
	in := &iam.GetServiceLastAccessedDetailsInput{JobId: job.JobId, MaxItems: aws.Int32(1)}
	first, err := client.GetServiceLastAccessedDetails(ctx, in)
	require.NoError(t, err)
	require.Equal(t, types.JobStatusTypeInProgress, first.JobStatus)
	var got []types.ServiceLastAccessed
	for {
		page, err := client.GetServiceLastAccessedDetails(ctx, in)
		require.NoError(t, err)
		require.Equal(t, types.JobStatusTypeCompleted, page.JobStatus)
		got = append(got, page.ServicesLastAccessed...)
		if in.Marker = page.Marker; !page.IsTruncated {
			break
		}
	}
	require.Len(t, got, 2)
	require.Equal(t, "s3", *got[0].ServiceNamespace)
	require.Equal(t, "2026-11-20", got[0].LastAuthenticated.Format("2006-01-02"))
	require.Equal(t, "us-east-1", *got[0].LastAuthenticatedRegion)
	require.Nil(t, got[1].LastAuthenticated)
	require.Empty(t, s.Mutations(), "a report is no change")

	_, err = client.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: aws.String("arn:aws:iam::111122223333:role/nobody")})
	require.Equal(t, "NoSuchEntity", code(t, err))
	_, err = client.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: aws.String("00000000-0000-0000-0000-000000000000")})
	require.Equal(t, "NoSuchEntity", code(t, err))
	s.Update(func(st *standin.State) { delete(st.Accounts[standin.SampleAccount].IAM.Roles, standin.SampleRole) })
	gone, err := client.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: job.JobId})
	require.NoError(t, err)
	require.Equal(t, types.JobStatusTypeFailed, gone.JobStatus)
	require.Equal(t, "NoSuchEntity", *gone.Error.Code)
}
