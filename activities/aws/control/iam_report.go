package control

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
)

// Waiting for a credential report: ten looks in about a minute. Large accounts take some ten seconds.
const (
	reportLooks = 10
	reportFirst = time.Second
	reportMost  = 10 * time.Second
)

// row is one of a credential report: a user, or the root user, by column.
type row map[string]string

// time is a column that is a time; ok is false where the report has none.
func (c row) time(column string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, c[column])
	return at, err == nil
}

// credentialReport is the credential report of an account.
type credentialReport struct {
	made  time.Time
	root  row
	users []row
}

// evidence is what columns of a row say, and how old the report is.
func (r *credentialReport) evidence(of row, columns ...string) map[string]string {
	out := map[string]string{"report": r.made.UTC().Format(time.RFC3339)}
	for _, column := range columns {
		out[column] = of[column]
	}
	return out
}

// credentialReport asks for a report and waits for it. AWS makes a new one at most every four hours, and
// answers the last one until then.
func (f *facts) credentialReport(ctx context.Context) (*credentialReport, error) {
	return read(ctx, f, "credential report", func(ctx context.Context) (*credentialReport, error) {
		wait := reportFirst
		for look := 0; ; look++ {
			out, err := f.c.IAM().GenerateCredentialReport(ctx, &iam.GenerateCredentialReportInput{})
			if err != nil && !session.Answered(err, "LimitExceeded") { // another is being made for somebody else
				return nil, f.failed(err, "iam:GenerateCredentialReport")
			}
			if err == nil && out.State == types.ReportStateTypeComplete {
				break
			}
			if look == reportLooks {
				return nil, activities.Passing("ReportInProgress", 0, fmt.Errorf("audit account %s: the credential report is not there after %d looks", f.account, look))
			}
			if err := f.pause(ctx, wait); err != nil {
				return nil, fmt.Errorf("audit account %s: wait for the credential report: %w", f.account, err)
			}
			wait = min(2*wait, reportMost)
		}
		out, err := f.c.IAM().GetCredentialReport(ctx, &iam.GetCredentialReportInput{})
		if err != nil {
			return nil, f.failed(err, "iam:GetCredentialReport")
		}
		return parseReport(out.Content, sdk.ToTime(out.GeneratedTime))
	})
}

// parseReport reads the report by the names of its columns: AWS adds some now and then.
func parseReport(content []byte, made time.Time) (*credentialReport, error) {
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, activities.Permanent("BadReport", fmt.Errorf("read the credential report: %w", err))
	}
	r := &credentialReport{made: made}
	for i, cells := range rows {
		if i == 0 {
			continue
		}
		of := row{}
		for j, column := range rows[0] {
			of[column] = cells[j]
		}
		if of["user"] == "<root_account>" {
			r.root = of
			continue
		}
		r.users = append(r.users, of)
	}
	if r.root == nil {
		return nil, activities.Permanent("BadReport", fmt.Errorf("read the credential report: it has no row of the root user among %d", len(rows)))
	}
	return r, nil
}
