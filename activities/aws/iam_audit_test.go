package aws

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestListAccessKeys(t *testing.T) {
	w := newWorld(t)
	const (
		leaked   = "AKIAIOSFODNN7EXAMPLE"
		inactive = "AKIAI44QH8DHBEXAMPLE"
		stale    = standin.SampleStaleAccessKey
		unused   = standin.SampleUnusedAccessKey
	)
	for name, tc := range map[string]struct {
		args      string
		want      []string
		truncated bool
	}{
		"all":                    {``, []string{unused, inactive, leaked, stale}, false},
		"active":                 {`,"status":"Active"`, []string{unused, leaked, stale}, false},
		"inactive":               {`,"status":"Inactive"`, []string{inactive}, false},
		"older than half a year": {`,"older_than_days":180`, []string{unused, inactive, stale}, false},
		"not used for 45 days":   {`,"unused_days":45,"status":"Active"`, []string{unused, stale}, false},
		"old and forgotten":      {`,"older_than_days":90,"unused_days":300`, []string{unused, inactive}, false},
		"the first":              {`,"limit":1`, []string{unused}, true},
		"as many as there are":   {`,"limit":4`, []string{unused, inactive, leaked, stale}, false},
	} {
		t.Run(name, func(t *testing.T) {
			out := decode[listKeysOutput](t, w.run(t, "aws.iam.list_access_keys", `{"account":"111122223333"`+tc.args+`}`))
			got := []string{}
			for _, k := range out.Keys {
				got = append(got, k.AccessKeyID)
			}
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.truncated, out.Truncated)
		})
	}
	out := decode[listKeysOutput](t, w.run(t, "aws.iam.list_access_keys", `{"account":"111122223333","unused_days":45,"status":"Active"}`))
	require.Equal(t, 4, out.Users)
	day := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	require.Equal(t, []listedKey{
		{Account: "111122223333", User: "backup-legacy", AccessKeyID: unused, Status: "Active", Created: day(time.January, 20, 8, 35), AgeDays: 307, NeverUsed: true, IdleDays: 307},
		{Account: "111122223333", User: "report-exporter", AccessKeyID: stale, Status: "Active", Created: day(time.January, 15, 14, 5), AgeDays: 311,
			LastUsed: day(time.April, 30, 23, 55), IdleDays: 206, Service: "s3"},
	}, out.Keys)
}

func TestListAccessKeysOfManyUsers(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		for i := range 1200 {
			s.Accounts[standin.SampleAccount].IAM.Users[fmt.Sprintf("user-%04d", i)] = &standin.User{Created: now}
		}
	})
	w.Inject(standin.Fault{Service: "iam", Action: "ListAccessKeys", Kind: standin.Throttle, After: 700, Times: auditAttempts - 1})
	out := decode[listKeysOutput](t, w.run(t, "aws.iam.list_access_keys", `{"account":"111122223333"}`))
	require.Equal(t, 1204, out.Users)
	require.Len(t, out.Keys, 4)
}

func TestListAccessKeysRefuses(t *testing.T) {
	w := newWorld(t)
	for _, args := range []string{`"limit":5001`, `"limit":-1`, `"older_than_days":-1`, `"unused_days":-1`, `"status":"active"`} {
		_, err := w.attempt(step(t.Context()), t, "aws.iam.list_access_keys", `{"account":"111122223333",`+args+`}`)
		require.Equal(t, "BadInput", kindOf(t, err).Kind, args)
	}
	_, err := w.attempt(t.Context(), t, "aws.iam.list_access_keys", `{"account":"111122223333"}`)
	require.Equal(t, "NoStep", kindOf(t, err).Kind)
	w.Inject(standin.Fault{Action: "GetAccessKeyLastUsed", Kind: standin.Deny})
	_, err = w.attempt(step(t.Context()), t, "aws.iam.list_access_keys", `{"account":"111122223333"}`)
	require.True(t, kindOf(t, err).Permanent, "denied is no answer, and not the answer none")
}

func TestGetAccountSummary(t *testing.T) {
	w := newWorld(t)
	const input = `{"account":"111122223333"}`
	require.JSONEq(t, `{"root_mfa":false,"root_access_keys":0,"root_certificates":0,"users":4}`, string(w.run(t, "aws.iam.get_account_summary", input)))
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].IAM.Root = standin.Root{MFA: true, AccessKeys: 2, Certificates: 1}
	})
	require.JSONEq(t, `{"root_mfa":true,"root_access_keys":2,"root_certificates":1,"users":4}`, string(w.run(t, "aws.iam.get_account_summary", input)))
	w.Inject(standin.Fault{Action: "GetAccountSummary", Kind: standin.Deny})
	_, err := w.attempt(step(t.Context()), t, "aws.iam.get_account_summary", input)
	require.Equal(t, "AccessDenied", kindOf(t, err).Kind)
}
