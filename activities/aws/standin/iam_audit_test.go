package standin_test

import (
	"encoding/csv"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// audited is the sample with what an audit looks at.
func audited(s *standin.Server) {
	s.Update(func(st *standin.State) {
		in, enabled := &st.Accounts[standin.SampleAccount].IAM, now.AddDate(0, -1, 0)
		in.Root = standin.Root{MFA: true, AccessKeys: 1, Created: now.AddDate(-3, 0, 0), PasswordLastUsed: &enabled}
		in.Users[standin.SampleConsoleUser].Login = &standin.LoginProfile{Created: now.AddDate(-1, 0, 0), LastUsed: &enabled}
		in.Users[standin.SampleConsoleUser].Groups = []string{"finance"}
		in.Users[standin.SampleStaleUser].Login = &standin.LoginProfile{Created: now.AddDate(0, -2, 0)}
		in.VirtualMFA = map[string]*standin.VirtualMFA{
			"arn:aws:iam::111122223333:mfa/root-account-mfa-device": {User: "root", Enabled: &enabled},
			"arn:aws:iam::111122223333:mfa/billing":                 {User: standin.SampleConsoleUser, Enabled: &enabled},
			"arn:aws:iam::111122223333:mfa/spare":                   {},
		}
		in.Groups = map[string]*standin.Group{"finance": {
			ID: "AGPA1", Created: enabled, Attached: []string{"arn:aws:iam::111122223333:policy/team/everything"}, Inline: map[string]string{"own": denyAll},
		}}
		in.Managed = map[string]*standin.ManagedPolicy{"everything": {ID: "ANPA1", Path: "/team/", Created: enabled, Document: denyAll}}
		in.Roles[standin.SampleRole].LastUsed = &standin.LastUsed{Time: enabled, Region: "eu-west-1"}
	})
}

func TestCredentialReport(t *testing.T) {
	clock := now
	s, cfg := start(t, standin.Options{Clock: func() time.Time { return clock }})
	audited(s)
	client, ctx := iam.NewFromConfig(cfg), t.Context()

	_, err := client.GetCredentialReport(ctx, nil)
	require.Equal(t, "ReportNotPresent", code(t, err))
	first, err := client.GenerateCredentialReport(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, types.ReportStateTypeStarted, first.State)
	_, err = client.GetCredentialReport(ctx, nil)
	require.Equal(t, "ReportInProgress", code(t, err))
	for range 2 {
		next, err := client.GenerateCredentialReport(ctx, nil)
		require.NoError(t, err)
		require.Equal(t, types.ReportStateTypeComplete, next.State)
	}
	out, err := client.GetCredentialReport(ctx, nil)
	require.NoError(t, err)
	require.True(t, out.GeneratedTime.Equal(now))
	rows, err := csv.NewReader(strings.NewReader(string(out.Content))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 6)
	of := map[string]map[string]string{}
	for _, row := range rows[1:] {
		require.Len(t, row, 22)
		of[row[0]] = map[string]string{}
		for i, name := range rows[0] {
			of[row[0]][name] = row[i]
		}
	}
	root, billing := of["<root_account>"], of[standin.SampleConsoleUser]
	require.Equal(t, []string{"not_supported", "2026-10-23T10:00:00+00:00", "true", "true", "false"},
		[]string{root["password_enabled"], root["password_last_used"], root["mfa_active"], root["access_key_1_active"], root["access_key_2_active"]})
	require.Equal(t, []string{"true", "2026-10-23T10:00:00+00:00", "true", "false"},
		[]string{billing["password_enabled"], billing["password_last_used"], billing["mfa_active"], billing["access_key_1_active"]})
	require.Equal(t, "no_information", of[standin.SampleStaleUser]["password_last_used"])
	require.Equal(t, "N/A", of[standin.SampleUser]["password_last_used"])
	require.Equal(t, []string{"false", "true", "2026-11-20T21:14:00+00:00", "s3"}, []string{
		of[standin.SampleUser]["access_key_1_active"], of[standin.SampleUser]["access_key_2_active"],
		of[standin.SampleUser]["access_key_2_last_used_date"], of[standin.SampleUser]["access_key_2_last_used_service"],
	})

	// A report stays as it was made, until it is too old.
	s.Update(func(st *standin.State) { delete(st.Accounts[standin.SampleAccount].IAM.Users, standin.SampleUser) })
	out, err = client.GetCredentialReport(ctx, nil)
	require.NoError(t, err)
	require.Contains(t, string(out.Content), standin.SampleUser)
	clock = now.Add(4 * time.Hour)
	_, err = client.GetCredentialReport(ctx, nil)
	require.Equal(t, "ReportExpired", code(t, err))
	first, err = client.GenerateCredentialReport(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, types.ReportStateTypeStarted, first.State)
	require.Empty(t, s.Mutations())
}

func TestPasswordPolicy(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := iam.NewFromConfig(cfg), t.Context()
	_, err := client.GetAccountPasswordPolicy(ctx, nil)
	require.Equal(t, "NoSuchEntity", code(t, err))
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].IAM.Passwords = &standin.PasswordPolicy{Length: 14, Reuse: 24, Symbols: true}
	})
	out, err := client.GetAccountPasswordPolicy(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, int32(14), *out.PasswordPolicy.MinimumPasswordLength)
	require.Equal(t, int32(24), *out.PasswordPolicy.PasswordReusePrevention)
	require.True(t, out.PasswordPolicy.RequireSymbols)
	require.Nil(t, out.PasswordPolicy.MaxPasswordAge)
}

func TestVirtualMFADevices(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	audited(s)
	client, users := iam.NewFromConfig(cfg), map[string]string{}
	for pages := iam.NewListVirtualMFADevicesPaginator(client, &iam.ListVirtualMFADevicesInput{MaxItems: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		require.Len(t, page.VirtualMFADevices, 1)
		d := page.VirtualMFADevices[0]
		arn := ""
		if d.User != nil {
			arn = *d.User.Arn
		}
		users[*d.SerialNumber] = arn
	}
	require.Equal(t, map[string]string{
		"arn:aws:iam::111122223333:mfa/root-account-mfa-device": "arn:aws:iam::111122223333:root",
		"arn:aws:iam::111122223333:mfa/billing":                 "arn:aws:iam::111122223333:user/billing-admin",
		"arn:aws:iam::111122223333:mfa/spare":                   "",
	}, users)
	spare, err := client.ListVirtualMFADevices(t.Context(), &iam.ListVirtualMFADevicesInput{AssignmentStatus: types.AssignmentStatusTypeUnassigned})
	require.NoError(t, err)
	require.Len(t, spare.VirtualMFADevices, 1)
}

func TestAuthorizationDetails(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	audited(s)
	client := iam.NewFromConfig(cfg)
	var all iam.GetAccountAuthorizationDetailsOutput
	for pages := iam.NewGetAccountAuthorizationDetailsPaginator(client, &iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		all.UserDetailList = append(all.UserDetailList, page.UserDetailList...)
		all.GroupDetailList = append(all.GroupDetailList, page.GroupDetailList...)
		all.RoleDetailList = append(all.RoleDetailList, page.RoleDetailList...)
		all.Policies = append(all.Policies, page.Policies...)
	}
	require.Len(t, all.UserDetailList, 4)
	require.Equal(t, []string{"finance"}, all.UserDetailList[1].GroupList)
	require.Len(t, all.GroupDetailList, 1)
	require.Equal(t, "own", *all.GroupDetailList[0].GroupPolicyList[0].PolicyName)
	require.Equal(t, "everything", *all.GroupDetailList[0].AttachedManagedPolicies[0].PolicyName)
	require.Len(t, all.RoleDetailList, 3)
	require.Equal(t, "eu-west-1", *all.RoleDetailList[2].RoleLastUsed.Region)
	require.Len(t, all.Policies, 1)
	require.Equal(t, "arn:aws:iam::111122223333:policy/team/everything", *all.Policies[0].Arn)
	require.Equal(t, int32(1), *all.Policies[0].AttachmentCount)
	document, err := url.QueryUnescape(*all.Policies[0].PolicyVersionList[0].Document)
	require.NoError(t, err)
	require.Equal(t, denyAll, document)

	some, err := client.GetAccountAuthorizationDetails(t.Context(), &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"Role"}})
	require.NoError(t, err)
	require.Empty(t, some.UserDetailList)
	require.Len(t, some.RoleDetailList, 3)
}
