package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestGetPrincipalUser(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		user(s).Groups, user(s).Attached = []string{"deployers"}, []string{"arn:aws:iam::aws:policy/AWSDenyAll"}
		user(s).Tags[protectedTag], user(s).HardwareMFA = "yes", true
		s.Accounts[standin.SampleAccount].IAM.Groups = map[string]*standin.Group{"deployers": {ID: "AGPAIOSFODNN7DEPLOY000"}}
	})
	require.JSONEq(t, `{"kind":"user","arn":"arn:aws:iam::111122223333:user/ci-deployer","id":"AIDAIOSFODNN7CIDEPLOY","created":"2026-01-12T09:00:00Z",
		"description":"","service_linked":false,"protected":true,"quarantined":false,
		"tags":[{"key":"owner","value":"platform@example.com"},{"key":"secops:protected","value":"yes"}],
		"groups":["deployers"],"attached":["arn:aws:iam::aws:policy/AWSDenyAll"],"inline":[],"boundary":"","console":false,"mfa_devices":1,
		"keys":[{"access_key_id":"AKIAI44QH8DHBEXAMPLE","status":"Inactive","created":"2026-01-12T09:05:00Z"},
			{"access_key_id":"AKIAIOSFODNN7EXAMPLE","status":"Active","created":"2026-06-02T08:15:00Z","last_used":"2026-11-20T21:14:00Z"}],
		"never_used":false,"last_used":"2026-11-20T21:14:00Z"}`, string(w.run(t, "aws.iam.get_principal", userInput)))

	out := decode[principalOutput](t, w.run(t, "aws.iam.get_principal", consoleInput))
	require.True(t, out.Console)
	require.Equal(t, "2026-11-21T23:05:00Z", out.LastUsed.Format("2006-01-02T15:04:05Z07:00"))
}

func TestGetPrincipalRole(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.iam.quarantine_role", roleInput)
	out := decode[principalOutput](t, w.run(t, "aws.iam.get_principal", roleInput))
	require.Equal(t, "role", out.Kind)
	require.True(t, out.Quarantined)
	require.Equal(t, []string{denyPolicy}, out.Inline)
	require.Equal(t, "what the web servers may do", out.Description)
	require.Equal(t, "2026-11-20", out.LastUsed.Format("2006-01-02"))
	require.True(t, decode[principalOutput](t, w.run(t, "aws.iam.get_principal", `{"account":"111122223333","role":"AWSServiceRoleForSupport"}`)).ServiceLinked)
}

func TestGetPrincipalFails(t *testing.T) {
	w := newWorld(t)
	for input, kind := range map[string]string{
		`{"account":"111122223333"}`:                       "BadInput",
		`{"account":"111122223333","user":"a","role":"b"}`: "BadInput",
		`{"account":"111122223333","user":"nobody"}`:       "NoSuchEntity",
		`{"account":"111122223333","role":"nobody"}`:       "NoSuchEntity",
	} {
		_, err := w.attempt(step(t.Context()), t, "aws.iam.get_principal", input)
		require.Equal(t, kind, kindOf(t, err).Kind, input)
	}
	// Denied is no answer, and not the answer none.
	for _, action := range []string{"GetLoginProfile", "ListMFADevices", "ListGroupsForUser", "ListUserPolicies", "GetAccessKeyLastUsed"} {
		w.ClearFaults()
		w.Inject(standin.Fault{Action: action, Kind: standin.Deny})
		_, err := w.attempt(step(t.Context()), t, "aws.iam.get_principal", userInput)
		require.Equal(t, "AccessDenied", kindOf(t, err).Kind, action)
	}
}
