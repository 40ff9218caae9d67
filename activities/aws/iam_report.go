package aws

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countersign/countersign/activities"
)

const (
	reportTimeout = 5 * time.Minute
	// reportLooks and reportPause bound the wait for a report that IAM is making: two minutes, where it
	// takes seconds.
	reportLooks   = 60
	reportPause   = 2 * time.Second
	reportRows    = 500
	reportRowMost = 2000 // about 1.5 MB of the 2 that an answer may have
	reportRoot    = "<root_account>"
)

func (s *service) registerReport(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.get_credential_report",
		Title: "Read how all users of an account are secured",
		Doc: "IAM makes a report at most every four hours, so it may be as old; made_at says when. The output is sensitive: it tells who is who in the " +
			"account and who lacks a second factor, and like every output it is kept in the history of the run.",
		Effect:      activities.Read,
		Permissions: []string{"iam:GenerateCredentialReport", "iam:GetCredentialReport"},
		Timeout:     reportTimeout,
		Heartbeat:   time.Minute,
	}, s.getCredentialReport)
}

type reportInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits to look in"`
	Limit   int    `json:"limit,omitempty" jsonschema:"how many rows to return, the root user's first; 500 by default, at most 2000"`
}

type reportKey struct {
	Number   int       `json:"number" jsonschema:"1 or 2; the report does not tell the key's id"`
	Active   bool      `json:"active" jsonschema:"true if it can be used"`
	Rotated  time.Time `json:"rotated,omitzero" jsonschema:"when it was made"`
	LastUsed time.Time `json:"last_used,omitzero" jsonschema:"last known use; absent if never"`
	Region   string    `json:"region" jsonschema:"region of the last use; empty if never or unknown"`
	Service  string    `json:"service" jsonschema:"service of the last use; empty if never or unknown"`
}

type reportRow struct {
	User             string      `json:"user" jsonschema:"the user's name, or <root_account>"`
	ARN              string      `json:"arn" jsonschema:"the user's ARN"`
	Root             bool        `json:"root" jsonschema:"true for the root user of the account"`
	Created          time.Time   `json:"created,omitzero" jsonschema:"when the user was made"`
	Password         bool        `json:"password" jsonschema:"true if the user has a password for the console; not told of the root user"`
	PasswordLastUsed time.Time   `json:"password_last_used,omitzero" jsonschema:"last sign-in; absent if never or not known"`
	PasswordChanged  time.Time   `json:"password_changed,omitzero" jsonschema:"when the password was last changed; absent if there is none"`
	MFA              bool        `json:"mfa" jsonschema:"true if a second factor is set up"`
	Keys             []reportKey `json:"keys" jsonschema:"access keys that are there"`
	Certificates     int         `json:"certificates" jsonschema:"signing certificates that are active"`
}

type reportOutput struct {
	MadeAt    time.Time   `json:"made_at" jsonschema:"when IAM made the report"`
	Rows      []reportRow `json:"rows" jsonschema:"the root user, then the users"`
	Users     int         `json:"users" jsonschema:"how many rows the report has, the root user's among them"`
	Truncated bool        `json:"truncated" jsonschema:"true if there are more rows than the limit"`
}

func (s *service) getCredentialReport(ctx context.Context, in reportInput) (reportOutput, error) {
	what := "read the credential report of account " + in.Account
	limit, err := bounded(in.Limit, reportRows, reportRowMost, what)
	if err != nil {
		return reportOutput{}, err
	}
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return reportOutput{}, err
	}
	if err := s.waitFor(ctx, what, func(ctx context.Context) (bool, error) {
		out, err := c.IAM().GenerateCredentialReport(ctx, &iam.GenerateCredentialReportInput{}, patiently)
		if err != nil {
			return false, failed(err, "%s: have it made", what)
		}
		return out.State == types.ReportStateTypeComplete, nil
	}); err != nil {
		return reportOutput{}, err
	}
	report, err := c.IAM().GetCredentialReport(ctx, &iam.GetCredentialReportInput{}, patiently)
	if err != nil {
		return reportOutput{}, failed(err, "%s", what)
	}
	out := reportOutput{MadeAt: sdk.ToTime(report.GeneratedTime).UTC(), Rows: []reportRow{}}
	if err := out.read(string(report.Content), limit); err != nil {
		return reportOutput{}, activities.Permanent("BadReport", fmt.Errorf("%s: %w", what, err))
	}
	return out, nil
}

// bounded is how many of a list to return.
func bounded(asked, usual, most int, what string) (int, error) {
	switch {
	case asked == 0:
		return usual, nil
	case asked < 0 || asked > most:
		return 0, badInput("%s: limit %d: want 1 to %d", what, asked, most)
	default:
		return asked, nil
	}
}

// waitFor looks until what IAM is making is there.
func (s *service) waitFor(ctx context.Context, what string, look func(context.Context) (bool, error)) error {
	for i := range reportLooks {
		if i > 0 {
			if err := s.pause(ctx, reportPause); err != nil {
				return fmt.Errorf("%s: wait until it is made: %w", what, err)
			}
		}
		there, err := look(ctx)
		if err != nil || there {
			return err
		}
		activities.Heartbeat(ctx, "waiting for a report")
	}
	return activities.Passing("NotReady", 0, fmt.Errorf("%s: IAM is still making it after %d looks", what, reportLooks))
}

// read reads the rows of a report, by the names of its columns: AWS adds some at times.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
func (out *reportOutput) read(content string, limit int) error {
	lines := csv.NewReader(strings.NewReader(content))
	lines.ReuseRecord = true
	header, err := lines.Read()
	if err != nil {
		return fmt.Errorf("read its first line: %w", err)
	}
	at := map[string]int{}
	for i, name := range header {
		at[name] = i
	}
	for _, name := range []string{"user", "arn", "mfa_active", "password_enabled", "access_key_1_active"} {
		if _, ok := at[name]; !ok {
			return fmt.Errorf("it has no column %s", name)
		}
	}
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", out.Users+2, err)
		}
		out.Users++
		if len(out.Rows) == limit {
			out.Truncated = true
			continue // the rest is counted
		}
		row, err := readRow(func(column string) string {
			if i, ok := at[column]; ok {
				return strings.Clone(cells[i])
			}
			return ""
		})
		if err != nil {
			return fmt.Errorf("read line %d: %w", out.Users+1, err)
		}
		out.Rows = append(out.Rows, row)
	}
}

func readRow(cell func(string) string) (reportRow, error) {
	var all []error
	when := func(column string) time.Time {
		switch text := cell(column); text {
		case "", "N/A", "no_information", "not_supported":
			return time.Time{}
		default:
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				all = append(all, fmt.Errorf("%s: %w", column, err))
			}
			return t.UTC()
		}
	}
	yes := func(column string) bool { return strings.EqualFold(cell(column), "true") }
	row := reportRow{
		User: cell("user"), ARN: cell("arn"), Root: cell("user") == reportRoot, Created: when("user_creation_time"),
		Password: yes("password_enabled"), PasswordLastUsed: when("password_last_used"), PasswordChanged: when("password_last_changed"),
		MFA: yes("mfa_active"), Keys: []reportKey{},
	}
	for n := 1; n <= 2; n++ {
		prefix := fmt.Sprintf("access_key_%d_", n)
		key := reportKey{
			Number: n, Active: yes(prefix + "active"), Rotated: when(prefix + "last_rotated"), LastUsed: when(prefix + "last_used_date"),
			Region: none(cell(prefix + "last_used_region")), Service: none(cell(prefix + "last_used_service")),
		}
		if key.Active || !key.Rotated.IsZero() {
			row.Keys = append(row.Keys, key)
		}
		if yes(fmt.Sprintf("cert_%d_active", n)) {
			row.Certificates++
		}
	}
	return row, errors.Join(all...)
}

// none drops what IAM writes where it knows nothing.
func none(text string) string { return known(&text) }
