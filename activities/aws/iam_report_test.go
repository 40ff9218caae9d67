package aws

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestGetCredentialReport(t *testing.T) {
	w := newWorld(t)
	signedIn := scheduled.AddDate(0, 0, -3).Truncate(time.Second)
	w.Update(func(s *standin.State) {
		in := &s.Accounts[standin.SampleAccount].IAM
		in.Root = standin.Root{MFA: true, AccessKeys: 1, Certificates: 1, Created: now, PasswordLastUsed: &signedIn}
		console(s).HardwareMFA = true
	})
	out := decode[reportOutput](t, w.run(t, "aws.iam.get_credential_report", accountJSON))
	require.Equal(t, 1, w.pauses, "it was being made")
	require.Equal(t, now, out.MadeAt)
	require.Equal(t, 5, out.Users)
	require.False(t, out.Truncated)
	require.Equal(t, reportRow{
		User: "<root_account>", ARN: "arn:aws:iam::111122223333:root", Root: true, Created: now, PasswordLastUsed: signedIn, MFA: true,
		Keys: []reportKey{{Number: 1, Active: true, Rotated: now}}, Certificates: 1,
	}, out.Rows[0])
	require.Equal(t, "billing-admin", out.Rows[2].User)
	require.True(t, out.Rows[2].Password)
	require.True(t, out.Rows[2].MFA)
	require.Equal(t, time.Date(2026, 11, 21, 23, 5, 0, 0, time.UTC), out.Rows[2].PasswordLastUsed)
	require.Empty(t, out.Rows[2].Keys)
	require.Equal(t, "ci-deployer", out.Rows[3].User)
	require.False(t, out.Rows[3].Password)
	require.Len(t, out.Rows[3].Keys, 2)
	require.Equal(t, "s3", out.Rows[3].Keys[1].Service)

	few := decode[reportOutput](t, w.run(t, "aws.iam.get_credential_report", `{"account":"111122223333","limit":2}`))
	require.Len(t, few.Rows, 2)
	require.Equal(t, 5, few.Users)
	require.True(t, few.Truncated)
	require.Empty(t, w.Mutations())
}

func TestGetCredentialReportFails(t *testing.T) {
	w := newWorld(t)
	for _, args := range []string{`"limit":-1`, `"limit":2001`} {
		_, err := w.attempt(step(t.Context()), t, "aws.iam.get_credential_report", `{"account":"111122223333",`+args+`}`)
		require.Equal(t, "BadInput", kindOf(t, err).Kind, args)
	}
	for action, fault := range map[string]standin.FaultKind{"GenerateCredentialReport": standin.Deny, "GetCredentialReport": standin.Deny} {
		w.ClearFaults()
		w.Inject(standin.Fault{Action: action, Kind: fault})
		_, err := w.attempt(step(t.Context()), t, "aws.iam.get_credential_report", accountJSON)
		require.Equal(t, "AccessDenied", kindOf(t, err).Kind, action)
	}
	w.ClearFaults()
	w.Inject(standin.Fault{Action: "GenerateCredentialReport", Kind: standin.Throttle, Times: auditAttempts - 1})
	w.run(t, "aws.iam.get_credential_report", accountJSON)
}

func TestWaitForIsBounded(t *testing.T) {
	w := newWorld(t)
	s := newService(w.options)
	pauses, looks := 0, 0
	s.pause = func(context.Context, time.Duration) error { pauses++; return nil }
	err := s.waitFor(t.Context(), "wait", func(context.Context) (bool, error) { looks++; return false, nil })
	require.Equal(t, "NotReady", kindOf(t, err).Kind)
	require.False(t, kindOf(t, err).Permanent)
	require.Equal(t, reportLooks, looks)
	require.Equal(t, reportLooks-1, pauses)
}

// What a report may say, and what is no report.
func TestReadReport(t *testing.T) {
	const header = "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,access_key_1_last_rotated,later_column\n"
	var out reportOutput
	require.NoError(t, out.read(header+
		`"a,b",arn:x,2026-01-01T00:00:00+00:00,TRUE,no_information,false,false,N/A,x`+"\n"+
		`c,arn:y,2026-01-01T02:00:00+02:00,not_supported,N/A,true,false,2026-02-01T00:00:00Z,y`, 10))
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, []reportRow{
		{User: "a,b", ARN: "arn:x", Created: day, Password: true, Keys: []reportKey{}},
		{User: "c", ARN: "arn:y", Created: day, MFA: true, Keys: []reportKey{{Number: 1, Rotated: day.AddDate(0, 1, 0)}}},
	}, out.Rows)
	for name, content := range map[string]string{
		"nothing": "", "another": "a,b\n1,2", "a short line": header + "a,b", "no time": header + "a,arn,yesterday,true,N/A,true,true,N/A,x",
		"no end": header + `"a`,
	} {
		require.Error(t, (&reportOutput{}).read(content, 10), name)
	}
	var many reportOutput
	require.NoError(t, many.read(header+strings.Repeat("a,b,N/A,true,N/A,true,true,N/A,x\n", 5000), 2000))
	require.Len(t, many.Rows, 2000)
	require.Equal(t, 5000, many.Users)
}
