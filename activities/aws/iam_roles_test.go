package aws

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestListUnusedRoles(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		roles := s.Accounts[standin.SampleAccount].IAM.Roles
		roles["never"] = &standin.Role{ID: "AROAIOSFODNN7NEVER0000", Path: "/old/", Created: now.AddDate(-1, 0, 0)}
		roles["new"] = &standin.Role{ID: "AROAIOSFODNN7NEW000000", Created: now.AddDate(0, 0, -5)}
	})
	out := decode[unusedRolesOutput](t, w.run(t, "aws.iam.list_unused_roles", accountJSON))
	require.Equal(t, unusedRolesOutput{Looked: 4, Roles: []unusedRole{
		{
			Account: "111122223333", Role: "legacy-batch-role", ARN: "arn:aws:iam::111122223333:role/legacy-batch-role", Created: time.Date(2026, 1, 20, 8, 40, 0, 0, time.UTC),
			LastUsed: time.Date(2026, 3, 31, 2, 10, 0, 0, time.UTC), IdleDays: 237, Region: "us-east-1",
		},
		{Account: "111122223333", Role: "never", ARN: "arn:aws:iam::111122223333:role/old/never", Created: now.AddDate(-1, 0, 0), NeverUsed: true, IdleDays: 364},
	}}, out)

	for args, want := range map[string]int{`"unused_days":300`: 1, `"unused_days":3`: 3, `"unused_days":400`: 0} {
		out := decode[unusedRolesOutput](t, w.run(t, "aws.iam.list_unused_roles", `{"account":"111122223333",`+args+`}`))
		require.Len(t, out.Roles, want, args)
	}
	first := decode[unusedRolesOutput](t, w.run(t, "aws.iam.list_unused_roles", `{"account":"111122223333","limit":1}`))
	require.Len(t, first.Roles, 1)
	require.True(t, first.Truncated)
	for _, args := range []string{`"limit":2001`, `"unused_days":401`, `"unused_days":-1`} {
		_, err := w.attempt(step(t.Context()), t, "aws.iam.list_unused_roles", `{"account":"111122223333",`+args+`}`)
		require.Equal(t, "BadInput", kindOf(t, err).Kind, args)
	}
	_, err := w.attempt(t.Context(), t, "aws.iam.list_unused_roles", accountJSON)
	require.Equal(t, "NoStep", kindOf(t, err).Kind)
	w.Inject(standin.Fault{Action: "GetAccountAuthorizationDetails", Kind: standin.Deny})
	_, err = w.attempt(step(t.Context()), t, "aws.iam.list_unused_roles", accountJSON)
	require.Equal(t, "AccessDenied", kindOf(t, err).Kind)
}

func TestListUnusedRolesOfMany(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		for i := range 1200 {
			s.Accounts[standin.SampleAccount].IAM.Roles[fmt.Sprintf("role-%04d", i)] = &standin.Role{Created: now.AddDate(-1, 0, 0)}
		}
	})
	out := decode[unusedRolesOutput](t, w.run(t, "aws.iam.list_unused_roles", accountJSON))
	require.Equal(t, 1202, out.Looked)
	require.Len(t, out.Roles, rolesLimit)
	require.True(t, out.Truncated)
}

func TestGetServiceLastAccessed(t *testing.T) {
	const input = `{"account":"111122223333","arn":"arn:aws:iam::111122223333:role/web-server-role"}`
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		role(s).Services["ec2"] = &standin.LastUsed{Time: now, Region: "eu-west-1"}
	})
	require.JSONEq(t, `{"services":[
		{"service":"ec2","never_used":false,"last_used":"2026-11-23T10:00:05Z","region":"eu-west-1"},
		{"service":"s3","never_used":false,"last_used":"2026-11-20T20:50:00Z","region":"us-east-1"},
		{"service":"sqs","never_used":true,"region":""}],"used":2,"unused":1,"truncated":false}`,
		string(w.run(t, "aws.iam.get_service_last_accessed", input)))
	require.Equal(t, 1, w.pauses)

	w.Update(func(s *standin.State) {
		for i := range 250 {
			role(s).Services[fmt.Sprintf("service%03d", i)] = nil
		}
	})
	out := decode[lastAccessedOutput](t, w.run(t, "aws.iam.get_service_last_accessed", input))
	require.Len(t, out.Services, 253)
	require.Equal(t, 251, out.Unused)
	require.False(t, out.Truncated)
}

func TestGetServiceLastAccessedFails(t *testing.T) {
	w := newWorld(t)
	for arn, kind := range map[string]string{
		"arn:aws:iam::444455556666:role/web-server-role": "BadInput",
		"arn:aws:iam::111122223333:policy/x":             "BadInput",
		"web-server-role":                                "BadInput",
		"arn:aws:iam::111122223333:role/nobody":          "NoSuchEntity",
	} {
		_, err := w.attempt(step(t.Context()), t, "aws.iam.get_service_last_accessed", `{"account":"111122223333","arn":"`+arn+`"}`)
		require.Equal(t, kind, kindOf(t, err).Kind, arn)
		require.True(t, kindOf(t, err).Permanent)
	}
	w.Inject(standin.Fault{Action: "GetServiceLastAccessedDetails", Kind: standin.ServerError})
	_, err := w.attempt(step(t.Context()), t, "aws.iam.get_service_last_accessed", `{"account":"111122223333","arn":"arn:aws:iam::111122223333:role/web-server-role"}`)
	require.False(t, kindOf(t, err).Permanent)
	require.Equal(t, "ReportFailed", kindOf(t, reportFailed(nil, "x")).Kind)
}
