package standin_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestLoginProfile(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx, user := iam.NewFromConfig(cfg), t.Context(), aws.String(standin.SampleConsoleUser)
	got, err := client.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: user})
	require.NoError(t, err)
	require.Equal(t, standin.SampleConsoleUser, *got.LoginProfile.UserName)
	require.Equal(t, "2026-02-02", got.LoginProfile.CreateDate.Format("2006-01-02"))
	require.False(t, got.LoginProfile.PasswordResetRequired)

	create := func(password string) error {
		out, err := client.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: user, Password: &password, PasswordResetRequired: true})
		if err == nil {
			require.True(t, out.LoginProfile.PasswordResetRequired)
			require.True(t, out.LoginProfile.CreateDate.Equal(now))
		}
		return err
	}
	require.Equal(t, "EntityAlreadyExists", code(t, create("long enough")))
	_, err = client.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: user})
	require.NoError(t, err)
	_, err = client.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: user})
	require.Equal(t, "NoSuchEntity", code(t, err))
	_, err = client.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: user})
	require.Equal(t, "NoSuchEntity", code(t, err))

	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].IAM.Passwords = &standin.PasswordPolicy{Length: 20}
	})
	require.Equal(t, "PasswordPolicyViolation", code(t, create("nineteen characters")))
	require.Equal(t, "ValidationError", code(t, create(strings.Repeat("x", 129))))
	require.NoError(t, create("a password of many letters"))
	require.Equal(t, []string{"DeleteLoginProfile", "CreateLoginProfile"}, changed(s))
	require.Equal(t, "HIDDEN_DUE_TO_SECURITY_REASONS", s.Mutations()[1].Parameters["Password"])
}

func TestMFADevices(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	audited(s)
	client := iam.NewFromConfig(cfg)
	for user, want := range map[string][]string{
		standin.SampleConsoleUser: {"arn:aws:iam::111122223333:mfa/billing"}, standin.SampleUser: nil,
	} {
		out, err := client.ListMFADevices(t.Context(), &iam.ListMFADevicesInput{UserName: &user})
		require.NoError(t, err)
		var got []string
		for _, d := range out.MFADevices {
			got = append(got, *d.SerialNumber)
		}
		require.Equal(t, want, got)
	}
}

func TestDeleteAccessKey(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := iam.NewFromConfig(cfg)
	in := &iam.DeleteAccessKeyInput{UserName: aws.String(standin.SampleUser), AccessKeyId: aws.String(standin.SampleInactiveAccessKey)}
	_, err := client.DeleteAccessKey(t.Context(), in)
	require.NoError(t, err)
	_, err = client.DeleteAccessKey(t.Context(), in)
	require.Equal(t, "NoSuchEntity", code(t, err))
	left, err := client.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: aws.String(standin.SampleUser)})
	require.NoError(t, err)
	require.Len(t, left.AccessKeyMetadata, 1)
	require.Equal(t, []string{"DeleteAccessKey"}, changed(s))
}
