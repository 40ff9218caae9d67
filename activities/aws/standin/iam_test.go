package standin_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const denyAll = `{"Version": "2012-10-17", "Statement": [{"Sid": "a+b", "Effect": "Deny", "Action": "*", "Resource": "*"}]}`

func TestCallerIdentity(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	require.NoError(t, err)
	require.Equal(t, standin.SampleAccount, *out.Account)
	require.Equal(t, "arn:aws:sts::111122223333:assumed-role/countersign-responder/local", *out.Arn)
	require.NotEmpty(t, *out.UserId)
}

func TestAccessKeyIsDisabledAndSeenToBe(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := iam.NewFromConfig(cfg)
	ctx := t.Context()

	leaked := cfg.Copy()
	leaked.Credentials = credentials.NewStaticCredentialsProvider(standin.SampleUserAccessKey, "x", "")
	thief := sts.NewFromConfig(leaked)
	who, err := thief.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::111122223333:user/ci-deployer", *who.Arn)
	own, err := iam.NewFromConfig(leaked).ListAccessKeys(ctx, &iam.ListAccessKeysInput{})
	require.NoError(t, err)
	require.Len(t, own.AccessKeyMetadata, 2, "no name means the caller")

	used, err := client.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String(standin.SampleUserAccessKey)})
	require.NoError(t, err)
	require.Equal(t, standin.SampleUser, *used.UserName)
	require.Equal(t, "2026-11-20T21:14:00Z", used.AccessKeyLastUsed.LastUsedDate.Format("2006-01-02T15:04:05Z"))
	require.Equal(t, "s3", *used.AccessKeyLastUsed.ServiceName)
	never, err := client.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String(standin.SampleInactiveAccessKey)})
	require.NoError(t, err)
	require.Nil(t, never.AccessKeyLastUsed.LastUsedDate)
	require.Equal(t, "N/A", *never.AccessKeyLastUsed.ServiceName)

	for range 2 {
		_, err = client.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
			UserName: aws.String(standin.SampleUser), AccessKeyId: aws.String(standin.SampleUserAccessKey), Status: types.StatusTypeInactive,
		})
		require.NoError(t, err)
	}
	log := s.Mutations()
	require.Len(t, log, 2)
	require.True(t, log[0].Changed)
	require.False(t, log[1].Changed)
	require.NotEmpty(t, log[0].RequestID)
	log[0].RequestID = ""
	require.Equal(t, standin.Mutation{
		Seq: 1, Time: now, Account: standin.SampleAccount, Region: "us-east-1", Service: "iam", Action: "UpdateAccessKey", Changed: true,
		Parameters: map[string]any{"UserName": "ci-deployer", "AccessKeyId": standin.SampleUserAccessKey, "Status": "Inactive"},
		Caller:     "arn:aws:sts::111122223333:assumed-role/countersign-responder/local", AccessKeyID: standin.SampleAccessKeyID,
	}, log[0])

	_, err = thief.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	require.Equal(t, "InvalidClientTokenId", code(t, err))
}

func TestUserPages(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		user := st.Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser]
		user.Path = "/bots/"
		user.Tags["team"] = "<platform> & co"
	})
	client := iam.NewFromConfig(cfg)
	name := aws.String(standin.SampleUser)

	user, err := client.GetUser(t.Context(), &iam.GetUserInput{UserName: name})
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::111122223333:user/bots/ci-deployer", *user.User.Arn)
	require.Equal(t, 2026, user.User.CreateDate.Year())
	require.Len(t, user.User.Tags, 2)

	var keys []string
	for pages := iam.NewListAccessKeysPaginator(client, &iam.ListAccessKeysInput{UserName: name, MaxItems: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		require.Len(t, page.AccessKeyMetadata, 1)
		keys = append(keys, *page.AccessKeyMetadata[0].AccessKeyId+" "+string(page.AccessKeyMetadata[0].Status))
	}
	require.Equal(t, []string{standin.SampleInactiveAccessKey + " Inactive", standin.SampleUserAccessKey + " Active"}, keys)

	tags := map[string]string{}
	for pages := iam.NewListUserTagsPaginator(client, &iam.ListUserTagsInput{UserName: name, MaxItems: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, tag := range page.Tags {
			tags[*tag.Key] = *tag.Value
		}
	}
	require.Equal(t, map[string]string{"owner": "platform@example.com", "team": "<platform> & co"}, tags)
	_, err = client.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: name, Marker: aws.String("made-up")})
	require.Equal(t, "ValidationError", code(t, err))
}

func TestInlinePolicies(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := iam.NewFromConfig(cfg), t.Context()
	policy := aws.String("quarantine")

	user := aws.String(standin.SampleUser)
	for range 2 {
		_, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: user, PolicyName: policy, PolicyDocument: aws.String(denyAll)})
		require.NoError(t, err)
	}
	got, err := client.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: user, PolicyName: policy})
	require.NoError(t, err)
	require.Contains(t, *got.PolicyDocument, "%7B%22Version%22%3A%20%222012-10-17%22")
	document, err := url.QueryUnescape(*got.PolicyDocument)
	require.NoError(t, err)
	require.Equal(t, denyAll, document)
	_, err = client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: user, PolicyName: policy})
	require.NoError(t, err)
	_, err = client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: user, PolicyName: policy})
	require.Equal(t, "NoSuchEntity", code(t, err))

	role := aws.String(standin.SampleRole)
	_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role, PolicyName: policy, PolicyDocument: aws.String(denyAll)})
	require.NoError(t, err)
	of, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: role, PolicyName: policy})
	require.NoError(t, err)
	require.Equal(t, standin.SampleRole, *of.RoleName)
	_, err = client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: policy})
	require.NoError(t, err)
	_, err = client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: role, PolicyName: policy})
	require.Equal(t, "NoSuchEntity", code(t, err))

	info, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: role})
	require.NoError(t, err)
	require.Equal(t, int32(3600), *info.Role.MaxSessionDuration)
	trust, err := url.QueryUnescape(*info.Role.AssumeRolePolicyDocument)
	require.NoError(t, err)
	require.Contains(t, trust, `"Service":"ec2.amazonaws.com"`)

	require.Equal(t, []string{"PutUserPolicy", "DeleteUserPolicy", "PutRolePolicy", "DeleteRolePolicy"}, changed(s))
	require.Len(t, s.Mutations(), 5)
}

func TestManagedPolicies(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := iam.NewFromConfig(cfg), t.Context()
	user := aws.String(standin.SampleUser)
	for _, name := range []string{"AWSDenyAll", "AWSCompromisedKeyQuarantineV3", "AWSDenyAll"} {
		_, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: user, PolicyArn: aws.String("arn:aws:iam::aws:policy/" + name)})
		require.NoError(t, err)
	}
	out, err := client.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: user})
	require.NoError(t, err)
	require.Len(t, out.AttachedPolicies, 2)
	require.Equal(t, "AWSDenyAll", *out.AttachedPolicies[0].PolicyName)
	_, err = client.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: user, PolicyArn: out.AttachedPolicies[0].PolicyArn})
	require.NoError(t, err)
	require.Equal(t, []string{"AttachUserPolicy", "AttachUserPolicy", "DetachUserPolicy"}, changed(s))
}

func TestIAMErrors(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		account := &st.Accounts[standin.SampleAccount].IAM
		account.Roles["AWSServiceRoleForSupport"] = &standin.Role{ID: "AROA", Path: "/aws-service-role/support.amazonaws.com/"}
		full := &standin.User{ID: "AIDA"}
		for i := range 10 {
			full.Attached = append(full.Attached, fmt.Sprintf("arn:aws:iam::111122223333:policy/p%d", i))
		}
		account.Users["full"] = full
	})
	client := iam.NewFromConfig(cfg)
	user, policy := aws.String(standin.SampleUser), aws.String("p")
	put := func(document string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: user, PolicyName: policy, PolicyDocument: &document})
			return err
		}
	}
	attach := func(user, arn string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &user, PolicyArn: &arn})
			return err
		}
	}
	update := func(user, key string, status types.StatusType) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &user, AccessKeyId: &key, Status: status})
			return err
		}
	}
	big := fmt.Sprintf(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"%02048d"}}`, 0)

	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"no such user":     {update("nobody", standin.SampleUserAccessKey, "Inactive"), "NoSuchEntity"},
		"key of a session": {update(standin.SampleUser, "ASIAIOSFODNN7EXAMPLE", "Inactive"), "NoSuchEntity"},
		"no such status":   {update(standin.SampleUser, standin.SampleUserAccessKey, "Off"), "ValidationError"},
		"short key id":     {update(standin.SampleUser, "AKIA", "Inactive"), "ValidationError"},
		"not JSON":         {put("deny everything"), "MalformedPolicyDocument"},
		"no effect":        {put(`{"Statement":[{"Action":"*","Resource":"*"}]}`), "MalformedPolicyDocument"},
		"no statement":     {put(`{"Version":"2012-10-17"}`), "MalformedPolicyDocument"},
		"null":             {put(`null`), "MalformedPolicyDocument"},
		"odd element":      {put(`{"Statements":[]}`), "MalformedPolicyDocument"},
		"principal":        {put(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}}`), "MalformedPolicyDocument"},
		"no action":        {put(`{"Statement":{"Effect":"Deny","Resource":"*"}}`), "MalformedPolicyDocument"},
		"too big":          {put(big), "LimitExceeded"},
		"unknown policy":   {attach(standin.SampleUser, "arn:aws:iam::aws:policy/NoSuchPolicy"), "NoSuchEntity"},
		"not an ARN":       {attach(standin.SampleUser, "AWSDenyAll, but longer"), "InvalidInput"},
		"too many":         {attach("full", "arn:aws:iam::aws:policy/AWSDenyAll"), "LimitExceeded"},
		"caller is no user": {func(ctx context.Context) error {
			_, err := client.GetUser(ctx, &iam.GetUserInput{})
			return err
		}, "ValidationError"},
		"service-linked role": {func(ctx context.Context) error {
			_, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("AWSServiceRoleForSupport"), PolicyName: policy, PolicyDocument: aws.String(denyAll)})
			return err
		}, "UnmodifiableEntity"},
		"unknown key": {func(ctx context.Context) error {
			_, err := client.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String("AKIAUNKNOWNUNKNOWN12")})
			return err
		}, "NoSuchEntity"},
		"unknown action": {func(ctx context.Context) error {
			_, err := client.ListGroups(ctx, &iam.ListGroupsInput{})
			return err
		}, "InvalidAction"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, code(t, tt.call(t.Context())))
		})
	}
	require.Empty(t, s.Mutations(), "what failed is no mutation")
}

func TestListUsers(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client := iam.NewFromConfig(cfg)
	var got []string
	for pages := iam.NewListUsersPaginator(client, &iam.ListUsersInput{MaxItems: aws.Int32(3)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, u := range page.Users {
			require.Equal(t, "arn:aws:iam::111122223333:user/"+*u.UserName, *u.Arn)
			require.Empty(t, u.Tags)
			got = append(got, *u.UserName)
		}
	}
	require.Equal(t, []string{standin.SampleUnusedUser, standin.SampleConsoleUser, standin.SampleUser, standin.SampleStaleUser}, got)
	out, err := client.ListUsers(t.Context(), &iam.ListUsersInput{PathPrefix: aws.String("/people/")})
	require.NoError(t, err)
	require.Empty(t, out.Users)
}

func TestAccountSummary(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].IAM.Root = standin.Root{MFA: true, AccessKeys: 1}
	})
	out, err := iam.NewFromConfig(cfg).GetAccountSummary(t.Context(), &iam.GetAccountSummaryInput{})
	require.NoError(t, err)
	require.Equal(t, map[string]int32{
		"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 1, "AccountSigningCertificatesPresent": 0, "Users": 4, "Roles": 3, "AccessKeysPerUserQuota": 2,
	}, out.SummaryMap)
}
