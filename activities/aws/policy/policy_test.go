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

// Whatever text a field holds, the policy has the same statements, on that text and nothing else; what is
// no text names nothing.
func TestSessionOfHostileText(t *testing.T) {
	shape := func(input string) (resources []string) {
		d, err := policy.Session(disable, json.RawMessage(input), "aws")
		require.NoError(t, err, input)
		var read struct {
			Statement []struct{ Effect, Action, Resource string }
		}
		require.NoError(t, json.Unmarshal([]byte(d.String()), &read), input)
		require.Len(t, read.Statement, 3, input)
		for i, action := range []string{"iam:ListUsers", "iam:AttachUserPolicy", "iam:UpdateAccessKey"} {
			require.Equal(t, "Allow", read.Statement[i].Effect)
			require.Equal(t, action, read.Statement[i].Action)
			resources = append(resources, read.Statement[i].Resource)
		}
		return resources
	}
	for _, user := range []string{
		`bob","Resource":"x`, `bob"]}],"Statement":[{"Effect":"Allow`, "a/path/bob", "arn:aws:iam::444455556666:user/eve", "$bob", "{account}", "$ {aws:username}",
		"\u202eeve", "b\u043eb", "bob\x00", "../eve", "bob eve", strings.Repeat("x", 500), "\uff0a", "\u2217",
	} {
		raw, err := json.Marshal(map[string]string{"account": "111122223333", "user": user})
		require.NoError(t, err)
		want := "arn:aws:iam::111122223333:user/" + user
		require.Equal(t, []string{"*", want, want}, shape(string(raw)), "%q", user)
	}
	for _, user := range []string{`["*"]`, `{"*":"*"}`, `7`, `null`, `true`} {
		require.Equal(t, "arn:aws:iam::111122223333:user/", shape(`{"account":"111122223333","user":` + user + `}`)[1])
	}
	require.Equal(t, "arn:aws:iam::111122223333:user/bob", shape(`{"account":"111122223333","user":"bob","User":"*","":"*"}`)[1])
	_, err := policy.Session(disable, json.RawMessage(`{"account":"111122223333","user":"`+strings.Repeat("x", 3000)+`"}`), "aws")
	require.ErrorContains(t, err, "STS takes 2048")
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
