package standin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const (
	hubAccount = "999988887777"
	hubKey     = "AKIAIOSFODNN7HUBXXXX"
	readRole   = "arn:aws:iam::111122223333:role/SecOpsRead"
)

// withRole is the sample estate with a hub account and a role that the hub may take.
func withRole(policy string) *standin.State {
	st := standin.Sample()
	st.Callers[hubKey] = standin.Caller{Account: hubAccount, ARN: "arn:aws:iam::" + hubAccount + ":role/SecOpsHub", UserID: "AROAHUB:worker"}
	st.Accounts[hubAccount] = &standin.Account{}
	st.Accounts[standin.SampleAccount].IAM.Roles["SecOpsRead"] = &standin.Role{
		ID: "AROASECOPSREAD", Created: now, Inline: map[string]string{"read": policy},
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + hubAccount + `:role/SecOpsHub"},
			"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],
			"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid","sts:ExternalId":"c0unters1gn"}}}]}`,
	}
	st.Organization = organization()
	return st
}

func asking() *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{
		RoleArn: aws.String(readRole), RoleSessionName: aws.String("run-1"), ExternalId: aws.String("c0unters1gn"),
		SourceIdentity: aws.String("alice@example.com"), DurationSeconds: aws.Int32(900),
		Tags: []ststypes.Tag{{Key: aws.String("case"), Value: aws.String("run-1")}},
	}
}

// assume takes the role, and gives the configuration that acts with it.
func assume(t *testing.T, cfg aws.Config, in *sts.AssumeRoleInput) aws.Config {
	t.Helper()
	hub := cfg.Copy()
	hub.Credentials = credentials.NewStaticCredentialsProvider(hubKey, standin.SampleSecretKey, "")
	out, err := sts.NewFromConfig(hub).AssumeRole(t.Context(), in)
	require.NoError(t, err)
	as := cfg.Copy()
	as.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return as
}

func TestAssumeRole(t *testing.T) {
	clock := now
	s, cfg := start(t, standin.Options{Seed: withRole(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`), Clock: func() time.Time { return clock }})
	as := assume(t, cfg, asking())
	who, err := sts.NewFromConfig(as).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "arn:aws:sts::111122223333:assumed-role/SecOpsRead/run-1", *who.Arn)
	require.Equal(t, "111122223333", *who.Account)
	require.Equal(t, "AROASECOPSREAD:run-1", *who.UserId)

	require.NoError(t, disable(t, as, "Inactive"))
	require.Equal(t, "alice@example.com", s.Mutations()[0].SourceIdentity)
	require.Equal(t, *who.Arn, s.Mutations()[0].Caller)
	for _, one := range s.Sessions() {
		require.Equal(t, standin.Session{
			Role: readRole, Name: "run-1", SourceIdentity: "alice@example.com", Tags: map[string]string{"case": "run-1"}, Ends: now.Add(15 * time.Minute),
		}, one)
	}

	clock = now.Add(15 * time.Minute)
	require.Equal(t, "ExpiredToken", code(t, disable(t, as, "Active")))
	_, err = ec2.NewFromConfig(as).DescribeInstances(t.Context(), nil)
	require.Equal(t, "RequestExpired", code(t, err))
	key, err := as.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	as.Credentials = credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, "another")
	require.Equal(t, "InvalidClientTokenId", code(t, disable(t, as, "Active")), "a key without its token")
}

func TestAssumeRoleRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*sts.AssumeRoleInput)
		code   string
	}{
		"no external id":       {func(in *sts.AssumeRoleInput) { in.ExternalId = nil }, "AccessDenied"},
		"another external id":  {func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("other") }, "AccessDenied"},
		"no such role":         {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(readRole + "x") }, "AccessDenied"},
		"no such account":      {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::000000000000:role/SecOpsRead") }, "AccessDenied"},
		"a role that is none":  {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::111122223333:user/SecOpsRead") }, "ValidationError"},
		"a name out of form":   {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("run 1") }, "ValidationError"},
		"a source out of form": {func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("alice/secops") }, "ValidationError"},
		"too short":            {func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }, "ValidationError"},
		"too long":             {func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) }, "ValidationError"},
		"a policy too long":    {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(strings.Repeat(" ", 2049)) }, "ValidationError"},
		"no policy":            {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Statement":[]}`) }, "MalformedPolicyDocument"},
		"a tag twice": {func(in *sts.AssumeRoleInput) {
			in.Tags = append(in.Tags, ststypes.Tag{Key: aws.String("CASE"), Value: aws.String("2")})
		}, "InvalidParameterValue"},
		"a tag out of form": {func(in *sts.AssumeRoleInput) { in.Tags[0].Value = aws.String("a*b") }, "ValidationError"},
	} {
		t.Run(name, func(t *testing.T) {
			s, cfg := start(t, standin.Options{Seed: withRole(`{}`)})
			cfg.Credentials = credentials.NewStaticCredentialsProvider(hubKey, standin.SampleSecretKey, "")
			in := asking()
			tt.change(in)
			_, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), in)
			require.Equal(t, tt.code, code(t, err))
			require.Empty(t, s.Sessions())
		})
	}
}

func TestAssumeRoleTrust(t *testing.T) {
	for name, change := range map[string]func(*standin.State){
		"no sts:TagSession": func(st *standin.State) { trust(st, `"sts:TagSession",`, "") },
		"no source":         func(st *standin.State) { trust(st, `,"sts:SetSourceIdentity"`, "") },
		"another hub":       func(st *standin.State) { trust(st, "SecOpsHub", "SecOpsHub2") },
		"no organization":   func(st *standin.State) { st.Organization = nil },
		"a hub that may not": func(st *standin.State) {
			c := st.Callers[hubKey]
			c.Policy = `{"Statement":{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Resource":"arn:aws:iam::*:role/SecOpsRead"}}`
			st.Callers[hubKey] = c
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := withRole(`{}`)
			change(st)
			_, cfg := start(t, standin.Options{Seed: st})
			cfg.Credentials = credentials.NewStaticCredentialsProvider(hubKey, standin.SampleSecretKey, "")
			_, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), asking())
			require.Equal(t, "AccessDenied", code(t, err))
		})
	}
}

func trust(st *standin.State, old, with string) {
	role := st.Accounts[standin.SampleAccount].IAM.Roles["SecOpsRead"]
	role.Trust = strings.Replace(role.Trust, old, with, 1)
}

func TestPolicies(t *testing.T) {
	all := `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	user := "arn:aws:iam::111122223333:user/" + standin.SampleUser
	for name, tt := range map[string]struct {
		policy, session string
		allowed         bool
	}{
		"nothing":                  {`{"Statement":[]}`, "", false},
		"everything":               {all, "", true},
		"by name":                  {allow("iam:UpdateAccessKey", user), "", true},
		"by name, in other case":   {allow("IAM:updateaccesskey", user), "", true},
		"wildcards":                {allow("iam:Update*", "arn:aws:iam::*:user/ci-?eployer"), "", true},
		"another user":             {allow("iam:UpdateAccessKey", user+"2"), "", false},
		"another action":           {allow("iam:ListAccessKeys", "*"), "", false},
		"not action":               {`{"Statement":{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}}`, "", true},
		"not that action":          {`{"Statement":{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}}`, "", false},
		"not resource":             {`{"Statement":{"Effect":"Allow","Action":"*","NotResource":"` + user + `"}}`, "", false},
		"a deny wins":              {`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:Update*","Resource":"*"}]}`, "", false},
		"the session cuts":         {all, allow("iam:ListAccessKeys", "*"), false},
		"the session cuts to it":   {all, allow("iam:UpdateAccessKey", user), true},
		"the session adds nothing": {allow("iam:ListAccessKeys", "*"), all, false},
		"a condition":              {allowIf(`"StringEquals":{"aws:PrincipalTag/case":"run-1"}`), "", true},
		"another case":             {allowIf(`"StringEquals":{"aws:PrincipalTag/case":"run-2"}`), "", false},
		"absent":                   {allowIf(`"StringEquals":{"aws:PrincipalTag/absent":"x"}`), "", false},
		"absent, if exists":        {allowIf(`"StringEqualsIfExists":{"aws:PrincipalTag/absent":"x"}`), "", true},
		"absent, not":              {allowIf(`"StringNotEquals":{"aws:PrincipalTag/absent":"x"}`), "", true},
		"null":                     {allowIf(`"Null":{"aws:SourceIdentity":"false"}`), "", true},
		"an older session":         {denyIf(`"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T10:00:01Z"}`), "", false},
		"a newer session":          {denyIf(`"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T09:59:59Z"}`), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, cfg := start(t, standin.Options{Seed: withRole(tt.policy)})
			in := asking()
			if tt.session != "" {
				in.Policy = &tt.session
			}
			err := disable(t, assume(t, cfg, in), "Inactive")
			if tt.allowed {
				require.NoError(t, err)
				return
			}
			require.Equal(t, "AccessDenied", code(t, err))
			require.ErrorContains(t, err, "iam:UpdateAccessKey on resource: "+user)
		})
	}
}

func allow(action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%q],"Resource":%q}]}`, action, resource)
}

func allowIf(condition string) string {
	return `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + condition + `}}}`
}

func denyIf(condition string) string {
	return `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{` + condition + `}}]}`
}

func TestConditionThatNobodyKnows(t *testing.T) {
	_, cfg := start(t, standin.Options{Seed: withRole(allowIf(`"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`))})
	require.Equal(t, "ServiceFailure", code(t, disable(t, assume(t, cfg, asking()), "Inactive")))
}

// Each service refuses in its own words, and a role that is gone can do nothing.
func TestDenials(t *testing.T) {
	s, cfg := start(t, standin.Options{Seed: withRole(`{"Statement":[]}`)})
	as := assume(t, cfg, asking())
	_, err := ec2.NewFromConfig(as).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{DryRun: aws.Bool(true)})
	require.Equal(t, "UnauthorizedOperation", code(t, err))
	_, err = s3.NewFromConfig(as, func(o *s3.Options) { o.UsePathStyle = true }).GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: aws.String(standin.SampleBucket)})
	require.Equal(t, "AccessDenied", code(t, err))
	require.ErrorContains(t, err, "s3:GetBucketPublicAccessBlock on resource: arn:aws:s3:::"+standin.SampleBucket)
	s.Update(func(st *standin.State) { delete(st.Accounts[standin.SampleAccount].IAM.Roles, "SecOpsRead") })
	_, err = iam.NewFromConfig(as).GetAccountSummary(t.Context(), nil)
	require.Equal(t, "AccessDenied", code(t, err))
}
