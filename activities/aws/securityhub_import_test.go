package aws

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
	audits "github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/export"
)

const (
	importJSON = `{"audit":"aws-audit/1","account":"111122223333","region":"us-east-1"}`
	noImport   = `{"audit":"nobody","account":"111122223333","region":"us-east-1"}`
)

// fakeFindings are what an audit found.
type fakeFindings struct{ items []audits.Item }

func (f *fakeFindings) Items(_ context.Context, audit, account string, each func(audits.Meta, audits.Item) error) error {
	if !strings.HasPrefix(audit, "aws-audit/") {
		return activities.Permanent("NoAudit", fmt.Errorf("the audit %q: there is no such audit", audit))
	}
	m := audits.Meta{
		Audit:    audits.Audit{ID: audit, Playbook: "aws-audit", Began: now},
		Controls: audits.CatalogueOf([]audits.Control{{ID: "EC2.8", Title: "Instances ask for IMDSv2", Severity: audits.High, Remedy: "Require tokens."}}),
	}
	for _, i := range f.items {
		i.Result.Account, i.Result.At = account, now.Add(-time.Hour)
		if err := each(m, i); err != nil {
			return err
		}
	}
	return nil
}

// auditItem is one of an audit.
func auditItem(state audits.State, control, region, resource string, status audits.Status) audits.Item {
	return audits.Item{State: state, Result: audits.Result{Control: control, Region: region, Resource: resource, Status: status}}
}

// sampleAudit has two findings for the sample region, and what belongs elsewhere.
func sampleAudit() *fakeFindings {
	return &fakeFindings{[]audits.Item{
		auditItem(audits.New, "EC2.8", "us-east-1", "arn:aws:ec2:us-east-1:111122223333:instance/i-0abc123def4567890", audits.Fail),
		auditItem(audits.Unknown, "EC2.7", "us-east-1", "arn:aws:iam::111122223333:root", audits.Error),
		auditItem("", "EC2.8", "us-east-1", "arn:aws:ec2:us-east-1:111122223333:instance/i-passes", audits.Pass),
		auditItem(audits.New, "EC2.8", "eu-west-1", "arn:aws:ec2:eu-west-1:111122223333:instance/i-elsewhere", audits.Fail),
		auditItem(audits.New, "IAM.4", "", "arn:aws:iam::111122223333:root", audits.Fail),
	}}
}

func importCalls(s *service) calls {
	return calls{
		"aws.securityhub.import_findings":  erased(s.importFindings),
		"aws.securityhub.archive_imported": erased(s.archiveImported),
	}
}

var importChanges = []change{
	{
		name: "aws.securityhub.import_findings", input: importJSON, acts: []string{"BatchImportFindings"},
		service: "securityhub", act: "BatchImportFindings", back: "GetFindings", backCall: 1,
		missing: noImport, kind: "NoAudit", leaves: oldImports,
	},
	{
		name: "aws.securityhub.archive_imported", after: []before{{"aws.securityhub.import_findings", importJSON}}, acts: []string{"BatchImportFindings"},
		service: "securityhub", act: "BatchImportFindings", back: "GetFindings", backCall: 1, leaves: oldImports,
	},
}

// oldImports takes away what was archived, which Security Hub does not delete, and when the others were
// last brought up to date.
func oldImports(s *standin.State) {
	for id, f := range ours(s) {
		if f["RecordState"] == "ARCHIVED" {
			delete(region(s).Hub.Findings, id)
		} else {
			delete(f, "UpdatedAt")
		}
	}
}

// ours are the findings that were imported.
func ours(s *standin.State) map[string]map[string]any {
	all := map[string]map[string]any{}
	for id, f := range region(s).Hub.Findings {
		if strings.HasPrefix(f["GeneratorId"].(string), "countersign/") {
			all[id] = f
		}
	}
	return all
}

// oneOf is one of them, the same each time.
func oneOf(s *standin.State) string {
	first := ""
	for id := range ours(s) {
		if first == "" || id < first {
			first = id
		}
	}
	return first
}

var importViews = map[string]view{
	"aws.securityhub.import_findings":  seeImports,
	"aws.securityhub.archive_imported": seeImports,
}

func seeImports(s *standin.State) seen {
	out := seen{}
	_ = sampleAudit().Items(context.Background(), "aws-audit/1", "111122223333", func(m audits.Meta, i audits.Item) error {
		if i.State != "" && i.Result.Region == "us-east-1" {
			out["finding "+export.ASFFOf(m, i, "us-east-1").ID+" of Security Hub"+inRegion+": record"] = "none"
		}
		return nil
	})
	for id, f := range ours(s) {
		resource := f["Resources"].([]any)[0].(map[string]any)["Id"].(string)
		out["finding "+id+" of Security Hub"+inRegion+": record"] = fmt.Sprintf("%s, %s, of the audit %s: %s",
			f["Compliance"].(map[string]any)["Status"], strings.ToLower(f["RecordState"].(string)), f["ProductFields"].(map[string]any)["countersign/audit"], resource)
	}
	return out
}

var importMeddling = meddlers{
	"aws.securityhub.import_findings": {
		"one is archived": func(s *standin.State) { ours(s)[oneOf(s)]["RecordState"] = "ARCHIVED" },
		"one is gone":     func(s *standin.State) { delete(region(s).Hub.Findings, oneOf(s)) },
		"one is of a later audit": func(s *standin.State) {
			ours(s)[oneOf(s)]["ProductFields"] = map[string]any{"countersign/audit": "aws-audit/2"}
		},
	},
	"aws.securityhub.archive_imported": {
		"one is active": func(s *standin.State) { ours(s)[oneOf(s)]["RecordState"] = "ACTIVE" },
	},
}

// Security Hub takes and refuses each finding on its own: what it refuses is told, and brought by the
// next attempt.
func TestImportPartly(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Service: "securityhub", Action: "BatchImportFindings", Kind: standin.FailItems, Times: 1})
	ctx := step(t.Context())
	_, err := w.attempt(ctx, t, "aws.securityhub.import_findings", importJSON)
	require.ErrorContains(t, err, "Security Hub refused 1 of 2 findings, as countersign/")
	require.Equal(t, "PartlyImported", kindOf(t, err).Kind)
	out, err := w.attempt(ctx, t, "aws.securityhub.import_findings", importJSON)
	require.NoError(t, err)
	require.Len(t, decode[importOutput](t, out).FindingIDs, 2, "the undo archives also what the first attempt brought")
}

func TestImportInBatches(t *testing.T) {
	w := newWorld(t)
	w.found.items = nil
	for i := range 250 {
		w.found.items = append(w.found.items, auditItem(audits.New, "EC2.8", "us-east-1", fmt.Sprint("arn:aws:ec2:us-east-1:111122223333:instance/i-", i), audits.Fail))
	}
	out := w.run(t, "aws.securityhub.import_findings", importJSON)
	require.Equal(t, []string{"BatchImportFindings", "BatchImportFindings", "BatchImportFindings"}, w.effects())
	require.Len(t, decode[importOutput](t, out).FindingIDs, 250)
	for i := range maxImport {
		w.found.items = append(w.found.items, auditItem(audits.New, "EC2.8", "us-east-1", fmt.Sprint("i-more-", i), audits.Fail))
	}
	_, err := w.attempt(step(t.Context()), t, "aws.securityhub.import_findings", importJSON)
	require.Equal(t, "BadInput", kindOf(t, err).Kind)
	require.ErrorContains(t, err, "more than 2000 findings")
}

// A later audit brings what is there up to date, and its undo leaves that, as the import brought it.
func TestALaterAuditBringsFindingsUpToDate(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.securityhub.import_findings", importJSON)
	w.found.items[0] = auditItem(audits.Resolved, "EC2.8", "us-east-1", "arn:aws:ec2:us-east-1:111122223333:instance/i-0abc123def4567890", audits.Pass)
	second := strings.Replace(importJSON, "aws-audit/1", "aws-audit/2", 1)
	out := decode[importOutput](t, w.run(t, "aws.securityhub.import_findings", second))
	require.Equal(t, importOutput{FindingIDs: []string{}, Imported: 2, Changed: true, Verified: true}, out)
	state, passed := w.State(), 0
	for _, f := range ours(&state) {
		if f["Compliance"].(map[string]any)["Status"] == "PASSED" {
			passed++
		}
	}
	require.Equal(t, 1, passed)
}

func TestWhatBelongsToTheAccountIsImportedWhenAsked(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.securityhub.import_findings", strings.Replace(importJSON, "}", `,"account_wide":true}`, 1))
	require.Len(t, decode[importOutput](t, out).FindingIDs, 3)
}

func TestImportWithoutFindings(t *testing.T) {
	s := newService(newWorld(t).options)
	_, err := s.importFindings(step(t.Context()), importInput{Audit: "aws-audit/1", Account: "111122223333", Region: "us-east-1"})
	require.Equal(t, "NoFindings", kindOf(t, err).Kind)
}
