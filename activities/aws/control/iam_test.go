package control

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/finding"
)

const made = `"report":"2026-11-23T10:00:00Z"`

func key(status string, created, used int) map[string]*standin.AccessKey {
	k := &standin.AccessKey{Status: status, Created: ago(created)}
	if used >= 0 {
		k.LastUsed = &standin.LastUsed{Time: ago(used), Service: "s3", Region: region}
	}
	return map[string]*standin.AccessKey{"AKIAEXPORTEREXPORT01": k}
}

var iamCases = []one{
	{"IAM.4", "keys of root", func(a *standin.Account, _ *standin.Region) { a.IAM.Root.AccessKeys = 2 }, failsWhole(), `{"AccountAccessKeysPresent":"2"}`},
	{"IAM.9", "no factor", func(a *standin.Account, _ *standin.Region) { a.IAM.Root.MFA = false }, failsWhole(), `{"AccountMFAEnabled":"0"}`},
	{"IAM.6", "no factor", func(a *standin.Account, _ *standin.Region) { a.IAM.Root.MFA = false }, failsWhole(), `{"AccountMFAEnabled":"0"}`},
	{"IAM.6", "a virtual one", func(a *standin.Account, _ *standin.Region) {
		a.IAM.VirtualMFA = map[string]*standin.VirtualMFA{"arn:aws:iam::111122223333:mfa/root-account-mfa-device": {User: "root", Enabled: lately()}}
	}, failsWhole(), `{"AccountMFAEnabled":"1","SerialNumber":"arn:aws:iam::111122223333:mfa/root-account-mfa-device"}`},
	{"IAM.6", "virtual ones of others", func(a *standin.Account, _ *standin.Region) {
		a.IAM.VirtualMFA = map[string]*standin.VirtualMFA{"arn:aws:iam::111122223333:mfa/ada": {User: "ada"}, "arn:aws:iam::111122223333:mfa/spare": {}}
	}, []string{"PASS iam::111122223333:root"}, ""},
	{"Countersign.RootUse", "signed in", func(a *standin.Account, _ *standin.Region) { a.IAM.Root.PasswordLastUsed = lately() }, failsWhole(),
		`{"password_last_used":"2026-11-20T10:00:00+00:00","access_key_1_last_used_date":"N/A","access_key_2_last_used_date":"N/A",` + made + `}`},
	{"Countersign.RootUse", "by a key", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Root.AccessKeys, a.IAM.Root.KeyLastUsed = 1, &standin.LastUsed{Time: ago(29), Service: "s3", Region: region}
	}, failsWhole(), ""},
	{"Countersign.RootUse", "long ago", func(a *standin.Account, _ *standin.Region) {
		at := ago(30)
		a.IAM.Root.PasswordLastUsed = &at
	}, []string{"PASS iam::111122223333:root"}, ""},

	{"IAM.5", "password alone", func(a *standin.Account, _ *standin.Region) { a.IAM.Users["ada"].HardwareMFA = false }, []string{"FAIL iam::111122223333:user/ada"},
		`{"password_enabled":"true","password_last_used":"2026-11-20T10:00:00+00:00","mfa_active":"false",` + made + `}`},
	{"IAM.5", "nobody signs in", func(a *standin.Account, _ *standin.Region) { a.IAM.Users["ada"].Login = nil }, none, ""},
	{"IAM.22", "key unused", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Users["exporter"].AccessKeys = key("Active", 80, 45)
	},
		[]string{"PASS iam::111122223333:user/ada", "FAIL iam::111122223333:user/exporter"},
		`{"password_enabled":"false","access_key_1_last_rotated":"2026-09-04T10:00:00+00:00","access_key_1_last_used_date":"2026-10-09T10:00:00+00:00",` + made + `}`},
	{"IAM.22", "key never used, and young", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Users["exporter"].AccessKeys = key("Active", 44, -1)
	},
		[]string{"PASS iam::111122223333:user/ada", "PASS iam::111122223333:user/exporter"}, ""},
	{"IAM.22", "key never used, and old", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Users["exporter"].AccessKeys = key("Active", 46, -1)
	},
		[]string{"PASS iam::111122223333:user/ada", "FAIL iam::111122223333:user/exporter"}, ""},
	{"IAM.22", "old key disabled", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Users["exporter"].AccessKeys = key("Inactive", 400, -1)
	},
		[]string{"PASS iam::111122223333:user/ada"}, ""},
	{"IAM.22", "password never used", func(a *standin.Account, _ *standin.Region) { a.IAM.Users["ada"].Login.LastUsed = nil },
		[]string{"FAIL iam::111122223333:user/ada", "PASS iam::111122223333:user/exporter"}, ""},
	{"IAM.3", "old key", func(a *standin.Account, _ *standin.Region) { a.IAM.Users["exporter"].AccessKeys = key("Active", 91, 1) },
		[]string{"FAIL iam::111122223333:user/exporter"}, `{"access_key_1_last_rotated":"2026-08-24T10:00:00+00:00",` + made + `}`},
	{"IAM.3", "of ninety days", func(a *standin.Account, _ *standin.Region) { a.IAM.Users["exporter"].AccessKeys = key("Active", 90, 1) },
		[]string{"PASS iam::111122223333:user/exporter"}, ""},
	{"IAM.3", "no keys", func(a *standin.Account, _ *standin.Region) { a.IAM.Users["exporter"].AccessKeys = nil }, none, ""},

	{"IAM.2", "attached and inline", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Users["ada"].Attached = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
		a.IAM.Users["ada"].Inline = map[string]string{"b": readOnly, "a": readOnly}
	}, []string{"FAIL iam::111122223333:user/ada", "PASS iam::111122223333:user/exporter"}, `{"attached":"ReadOnlyAccess","inline":"a, b"}`},
	{"IAM.2", "no users", func(a *standin.Account, _ *standin.Region) { a.IAM.Users = nil }, none, ""},
	{"IAM.1", "managed", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Managed["reading"].Document = everything
		a.IAM.Roles["web"].Attached = []string{"arn:aws:iam::111122223333:policy/reading"}
	}, []string{"PASS iam::111122223333:group/readers", "FAIL iam::111122223333:policy/reading", "PASS iam::111122223333:role/web"}, `{"version":"v1","attached":"1"}`},
	{"IAM.1", "inline of a role", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Roles["web"].Inline = map[string]string{"a": readOnly, "all": everything, "z": readOnly}
	}, []string{"PASS iam::111122223333:group/readers", "PASS iam::111122223333:policy/reading", "FAIL iam::111122223333:role/web"}, `{"inline":"all"}`},
	{"IAM.1", "everything in other words", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Managed["reading"].Document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["?*:**"],"Resource":"**"}}`
	}, []string{"PASS iam::111122223333:group/readers", "FAIL iam::111122223333:policy/reading", "PASS iam::111122223333:role/web"}, ""},
	{"IAM.1", "what nobody can read", func(a *standin.Account, _ *standin.Region) { a.IAM.Managed["reading"].Document = "{" },
		[]string{"PASS iam::111122223333:group/readers", "ERROR iam::111122223333:policy/reading", "PASS iam::111122223333:role/web"}, `{"code":"BadPolicy"}`},
	{"IAM.1", "no policies", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Managed, a.IAM.Groups, a.IAM.Roles = nil, nil, nil
	}, none, ""},
	{"Countersign.UnusedRole", "never used", func(a *standin.Account, _ *standin.Region) { a.IAM.Roles["web"].LastUsed = nil }, []string{"FAIL iam::111122223333:role/web"},
		`{"created":"2025-10-19T10:00:00Z","last_used":"unknown"}`},
	{"Countersign.UnusedRole", "AWS's own", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Roles["web"].LastUsed, a.IAM.Roles["web"].Path = nil, "/aws-service-role/support.amazonaws.com/"
	}, none, ""},
	{"Countersign.UnusedRole", "new", func(a *standin.Account, _ *standin.Region) {
		a.IAM.Roles["web"].LastUsed, a.IAM.Roles["web"].Created = nil, ago(10)
	}, []string{"PASS iam::111122223333:role/web"}, ""},

	{"IAM.15", "none", func(a *standin.Account, _ *standin.Region) { a.IAM.Passwords = nil }, failsWhole(), `{"policy":"none"}`},
	{"IAM.15", "short", func(a *standin.Account, _ *standin.Region) { a.IAM.Passwords.Length = 13 }, failsWhole(), `{"MinimumPasswordLength":"13"}`},
	{"IAM.16", "none", func(a *standin.Account, _ *standin.Region) { a.IAM.Passwords = nil }, failsWhole(), `{"policy":"none"}`},
	{"IAM.16", "not asked", func(a *standin.Account, _ *standin.Region) { a.IAM.Passwords.Reuse = 0 }, failsWhole(), `{"PasswordReusePrevention":"none"}`},
	{"IAM.16", "few", func(a *standin.Account, _ *standin.Region) { a.IAM.Passwords.Reuse = 5 }, failsWhole(), `{"PasswordReusePrevention":"5"}`},
}

func TestManyPagesOfIAM(t *testing.T) {
	w := newWorld(t)
	w.change(func(a *standin.Account, _ *standin.Region) {
		for i := range 260 {
			name := string([]byte{'r', byte('a' + i/26), byte('a' + i%26)})
			a.IAM.Roles[name] = &standin.Role{ID: "AROA" + name, Created: ago(200)}
		}
	})
	results := w.look(t, of(t, "Countersign.UnusedRole"))
	require.Len(t, results, 261)
	require.Equal(t, finding.Fail, results[259].Status)
	require.Equal(t, 3, count1(w, "GetAccountAuthorizationDetails"))
}

func TestRootWithoutCredentials(t *testing.T) {
	require.False(t, signsIn(map[string]int32{"AccountPasswordPresent": 0, "AccountMFAEnabled": 0}))
	require.True(t, signsIn(map[string]int32{"AccountPasswordPresent": 0, "AccountMFAEnabled": 1}))
	require.True(t, signsIn(map[string]int32{"AccountPasswordPresent": 1}))
	require.True(t, signsIn(map[string]int32{}), "an account that does not say has one")
}

func TestReportIsReadByNames(t *testing.T) {
	r, err := parseReport([]byte("new_column,user,arn,mfa_active\nx,<root_account>,arn:aws:iam::1:root,true\ny,\"a,b\",arn:aws:iam::1:user/x,false\n"), asked)
	require.NoError(t, err)
	require.Equal(t, "true", r.root["mfa_active"])
	require.Equal(t, "a,b", r.users[0]["user"])
	for _, content := range []string{"", "user,arn\nada,x\n", "user,arn\n\"ada"} {
		_, err := parseReport([]byte(content), asked)
		require.Error(t, err, content)
	}
}

func TestAdminStatements(t *testing.T) {
	for document, want := range map[string]bool{
		everything: true,
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`:                                                       true,
		`{"Statement":{"Effect":"Allow","Action":"*:*","Resource":["arn:aws:s3:::x","*"]}}`:                                  true,
		`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"},{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`:    false,
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::x"}}`:                                          false,
		`{"Statement":{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}}`:                                                false,
		`%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%7D`:       true,
		`{"Statement":[{"Effect":"Allow","Action":["s3:*","*"],"Resource":["*"],"Condition":{"Bool":{"aws:x":true}}}]}`:      true,
		`{"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":["*"],"Condition":{"NumericLessThan":{"k":[1,2]}}}]}`: false,
	} {
		require.Equal(t, want, admin("r", nil, document).status == finding.Fail, document)
		require.NotEqual(t, finding.Error, admin("r", nil, document).status, document)
	}
}
