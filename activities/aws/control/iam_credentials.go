package control

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/countersign/countersign/activities/finding"
)

const (
	unusedDays = 45 // credentials that nobody used for so long are to be disabled
	oldKeyDays = 90 // and keys that are older are to be made anew
)

var reportPermissions = []string{"iam:GenerateCredentialReport", "iam:GetCredentialReport"}

var consoleMFA = &check{
	Control: finding.Control{
		ID: "IAM.5", Title: "Users with a password for the console sign in with a second factor", Severity: finding.Medium,
		Remedy:    "Have the user register a second factor, or take the password away where the user is a program.",
		Standards: []string{cis("3.0.0", "1.10")},
	},
	permissions: reportPermissions,
	look: eachUser(func(_ *facts, r *credentialReport, u row) (seen, bool) {
		return verdict(u["arn"], u["mfa_active"] == "true", r.evidence(u, "password_enabled", "password_last_used", "mfa_active")), u["password_enabled"] == "true"
	}),
}

var unusedCredentials = &check{
	Control: finding.Control{
		ID: "IAM.22", Title: "Credentials that nobody used for 45 days are disabled", Severity: finding.Medium,
		Remedy:    "Disable the user's keys and take the password away; delete the user when nobody asks for it.",
		Playbook:  "aws-stale-access-keys",
		Standards: []string{cis("3.0.0", "1.12")},
	},
	permissions: reportPermissions,
	look: eachUser(func(f *facts, r *credentialReport, u row) (seen, bool) {
		has, unused, columns := false, false, []string{"password_enabled"}
		if u["password_enabled"] == "true" {
			has, columns = true, append(columns, "password_last_used", "password_last_changed")
			unused = f.idle(u, "password_last_used", "password_last_changed", "user_creation_time") >= unusedDays
		}
		for _, n := range activeKeys(u) {
			key := keyColumn(n)
			has, columns = true, append(columns, key+"last_used_date", key+"last_rotated")
			unused = unused || f.idle(u, key+"last_used_date", key+"last_rotated") >= unusedDays
		}
		return verdict(u["arn"], !unused, r.evidence(u, columns...)), has
	}),
}

var oldKeys = &check{
	Control: finding.Control{
		ID: "IAM.3", Title: "Access keys are at most 90 days old", Severity: finding.Medium,
		Remedy:    "Make a second key, give it to what uses the first, disable the first and delete it; better, replace it by a role.",
		Playbook:  "aws-stale-access-keys",
		Standards: []string{cis("3.0.0", "1.14")},
	},
	permissions: reportPermissions,
	look: eachUser(func(f *facts, r *credentialReport, u row) (seen, bool) {
		keys, old, columns := activeKeys(u), false, []string{}
		for _, n := range keys {
			column := keyColumn(n) + "last_rotated"
			columns = append(columns, column)
			made, known := u.time(column)
			old = old || !known || f.days(made) > oldKeyDays
		}
		return verdict(u["arn"], !old, r.evidence(u, columns...)), len(keys) > 0
	}),
}

// eachUser looks at every user of the credential report; about is false where the control is not about
// the user.
func eachUser(look func(*facts, *credentialReport, row) (_ seen, about bool)) func(context.Context, *facts) ([]seen, error) {
	return func(ctx context.Context, f *facts) ([]seen, error) {
		report, err := f.credentialReport(ctx)
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, u := range report.users {
			if one, about := look(f, report, u); about {
				out = append(out, one)
			}
		}
		return out, nil
	}
}

// activeKeys are the numbers of a user's keys that work.
func activeKeys(u row) []int {
	var out []int
	for n := 1; n <= 2; n++ {
		if u[keyColumn(n)+"active"] == strconv.FormatBool(true) {
			out = append(out, n)
		}
	}
	return out
}

func keyColumn(n int) string { return fmt.Sprintf("access_key_%d_", n) }

// idle are the days since a credential was used, or else made, by the first of the columns that is a
// time. Of what the report says nothing at all, that is for ever.
func (f *facts) idle(u row, columns ...string) int {
	for _, column := range columns {
		if at, ok := u.time(column); ok {
			return f.days(at)
		}
	}
	return f.days(time.Time{})
}
