package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/policy"
)

var disable = activities.Spec{
	Name: "aws.iam.disable_access_key", Effect: activities.Change,
	Permissions: []string{"iam:UpdateAccessKey", "iam:ListUsers", "iam:AttachUserPolicy", "chat:write"},
	Scopes: map[string][]string{
		"iam:UpdateAccessKey":  {"arn:aws:iam::{account}:user/{user}"},
		"iam:AttachUserPolicy": {"arn:aws:iam::{account}:user/{user}"},
	},
	Only: map[string]map[string][]string{"iam:AttachUserPolicy": {"iam:PolicyARN": {"arn:aws:iam::aws:policy/AWSDenyAll"}}},
}

func TestSession(t *testing.T) {
	d, err := policy.Session(disable, json.RawMessage(`{"account":"111122223333","user":"bob"}`), "aws")
	require.NoError(t, err)
	require.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"},
		{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"arn:aws:iam::111122223333:user/bob",
			"Condition":{"ArnLike":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AWSDenyAll"}}},
		{"Effect":"Allow","Action":"iam:UpdateAccessKey","Resource":"arn:aws:iam::111122223333:user/bob"}]}`, d.String())

	d, err = policy.Session(disable, json.RawMessage(`{"account":"111122223333","user":"bob"}`), "aws-cn")
	require.NoError(t, err)
	require.Contains(t, d.String(), `"arn:aws-cn:iam::111122223333:user/bob"`)
	require.Contains(t, d.String(), `"arn:aws-cn:iam::aws:policy/AWSDenyAll"`)
}

// A field of the input never means more than itself.
func TestSessionThatWouldWiden(t *testing.T) {
	for _, user := range []string{"*", "b?b", "${aws:username}", "bob*"} {
		raw, err := json.Marshal(map[string]string{"account": "111122223333", "user": user})
		require.NoError(t, err)
		_, err = policy.Session(disable, raw, "aws")
		require.ErrorContains(t, err, "would let the call reach other things", user)
	}
	_, err := policy.Session(disable, json.RawMessage(`{"account":"111122223333","user":"a\"],\"Resource\":\"x"}`), "aws")
	require.NoError(t, err, "quotes are quoted")
}

func TestSessionTooLong(t *testing.T) {
	spec := activities.Spec{Name: "aws.x.y", Effect: activities.Change}
	for i := range 60 {
		spec.Permissions = append(spec.Permissions, fmt.Sprintf("ec2:ModifySomethingWithALongName%d", i))
	}
	_, err := policy.Session(spec, json.RawMessage(`{}`), "aws")
	require.ErrorContains(t, err, "STS takes 2048")
}

func TestARNOrName(t *testing.T) {
	spec := activities.Spec{
		Name: "aws.cloudtrail.stop", Effect: activities.Change, Permissions: []string{"cloudtrail:StopLogging"},
		Scopes: map[string][]string{"cloudtrail:StopLogging": {"{trail}"}},
	}
	d, err := policy.Session(spec, json.RawMessage(`{"trail":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"}`), "aws")
	require.NoError(t, err)
	require.Contains(t, d.String(), `"Resource":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"`)
	_, err = policy.Session(spec, json.RawMessage(`{"trail":"t"}`), "aws")
	require.ErrorContains(t, err, "want an ARN")
	require.Contains(t, policy.ForRole(policy.Respond, "aws", []activities.Spec{spec})[0].String(), `"Resource":"*"`)
}

func TestForRole(t *testing.T) {
	look := activities.Spec{Name: "aws.iam.list", Effect: activities.Read, Permissions: []string{"iam:ListUsers", "iam:GetUser"}, Scopes: map[string][]string{
		"iam:GetUser": {"arn:aws:iam::{account}:user/{user}"},
	}}
	all := []activities.Spec{disable, look}
	require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"},`+
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/*"}]}`,
		policy.ForRole(policy.Read, "aws", all)[0].String(), "what an effect looks at first is part of its preview")
	respond := policy.ForRole(policy.Respond, "aws", all)[0].String()
	require.NotContains(t, respond, "iam:GetUser")
	require.Contains(t, respond, `"Action":"iam:UpdateAccessKey","Resource":"arn:aws:iam::*:user/*"`)
	require.NotContains(t, respond, "chat:write")
}

// However much is needed, each document fits a managed policy, and together they say all of it.
func TestSplit(t *testing.T) {
	spec := activities.Spec{Name: "aws.x.y", Effect: activities.Read}
	for i := range 400 {
		spec.Permissions = append(spec.Permissions, fmt.Sprintf("ec2:DescribeSomethingWithALongName%d", i))
	}
	documents := policy.ForRole(policy.Read, "aws", []activities.Spec{spec})
	require.Greater(t, len(documents), 2)
	var all string
	for _, d := range documents {
		require.LessOrEqual(t, len(d.String()), policy.MaxManaged)
		all += d.String()
	}
	for _, p := range spec.Permissions {
		require.Equal(t, 1, strings.Count(all, `"`+p+`"`), p)
	}
}

func TestLooks(t *testing.T) {
	for _, name := range []string{"iam:GetUser", "ListUsers", "cloudtrail:LookupEvents", "iam:GenerateCredentialReport", "iam:SimulatePrincipalPolicy"} {
		require.True(t, policy.Looks(name), name)
	}
	for _, name := range []string{"iam:UpdateAccessKey", "SendCommand", "kms:Decrypt", "AssumeRole", "s3:PutObject", "DeleteSnapshot"} {
		require.False(t, policy.Looks(name), name)
	}
}
