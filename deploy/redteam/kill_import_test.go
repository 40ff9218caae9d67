package redteam

import (
	"context"
	"time"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/store"
)

const importInput = `{"audit":"audit/1","account":"111122223333","region":"us-east-1"}`

var importEffects = []effect{
	{name: "aws.securityhub.import_findings", input: importInput, sent: "/findings/import"},
	{name: "aws.securityhub.archive_imported", after: "aws.securityhub.import_findings", input: importInput, sent: "/findings/import"},
}

// audited is what the audit found that is imported.
var audited = finding.Part{
	Audit: "audit/1", Playbook: "audit", Account: "111122223333", Region: "us-east-1", Controls: []string{"EC2.8"},
	Results: []finding.Result{{
		Account: "111122223333", Region: "us-east-1", Control: "EC2.8", Status: finding.Fail,
		Resource: "arn:aws:ec2:us-east-1:111122223333:instance/i-0abc123def4567890", At: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
	}},
}

// oneFinding has it without a database.
type oneFinding struct{}

func (oneFinding) Items(_ context.Context, _, _ string, each func(finding.Meta, finding.Item) error) error {
	return each(finding.Meta{Audit: finding.Audit{ID: audited.Audit, Playbook: audited.Playbook}}, finding.Item{State: finding.New, Result: audited.Results[0]})
}

// findings are those of a site's worker. To record them again changes nothing.
func (s site) findings(ctx context.Context) (*store.Store, error) {
	found, err := store.Open(ctx, s.Ledger)
	if err != nil {
		return nil, err
	}
	return found, found.Record(ctx, audited)
}
