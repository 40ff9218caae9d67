package aws

import (
	"context"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countersign/countersign/activities/finding/export"
	"github.com/countersign/countersign/activities/preview"
)

// asff is a finding in the types of the SDK.
func asff(f export.ASFFFinding) types.AwsSecurityFinding {
	out := types.AwsSecurityFinding{
		SchemaVersion: &f.SchemaVersion, Id: &f.ID, ProductArn: &f.ProductARN, GeneratorId: &f.GeneratorID, AwsAccountId: &f.AccountID,
		Types: f.Types, CreatedAt: &f.CreatedAt, UpdatedAt: &f.UpdatedAt, Title: &f.Title, Description: &f.Description,
		Severity:      &types.Severity{Label: types.SeverityLabel(f.Severity.Label), Original: text(f.Severity.Original)},
		ProductFields: f.ProductFields, RecordState: types.RecordState(f.RecordState),
		Compliance: &types.Compliance{
			Status: types.ComplianceStatus(f.Compliance.Status), SecurityControlId: text(f.Compliance.SecurityControlID), RelatedRequirements: f.Compliance.RelatedRequirements,
		},
		FindingProviderFields: &types.FindingProviderFields{
			Severity: &types.FindingProviderSeverity{Label: types.SeverityLabel(f.FindingProviderFields.Severity.Label), Original: text(f.FindingProviderFields.Severity.Original)},
			Types:    f.FindingProviderFields.Types,
		},
	}
	if f.Remediation != nil {
		out.Remediation = &types.Remediation{Recommendation: &types.Recommendation{Text: &f.Remediation.Recommendation.Text}}
	}
	for _, r := range f.Resources {
		out.Resources = append(out.Resources, types.Resource{Type: &r.Type, Id: &r.ID, Partition: types.Partition(r.Partition), Region: text(r.Region)})
	}
	return out
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// sayFinding says what people and we compare of a finding.
func sayFinding(in imported, id string) string {
	f, ok := in[id]
	if !ok {
		return "none"
	}
	status, resource := "", ""
	if f.Compliance != nil {
		status = string(f.Compliance.Status)
	}
	if len(f.Resources) > 0 {
		resource = sdk.ToString(f.Resources[0].Id)
	}
	return status + ", " + strings.ToLower(string(f.RecordState)) + ", of the audit " + f.ProductFields["countersign/audit"] + ": " + resource
}

func (s *service) previewImport(ctx context.Context, in importInput) (preview.Preview, error) {
	_, now, want, err := s.findImport(ctx, in, "preview of "+in.String())
	if err != nil {
		return unchanged, err
	}
	return previewFindings(in.Account, in.Region, now, want), nil
}

func (s *service) previewArchiveImported(ctx context.Context, in archiveImportedInput) (preview.Preview, error) {
	_, now, want, err := s.findArchive(ctx, in, "preview of "+in.String())
	if err != nil {
		return unchanged, err
	}
	return previewFindings(in.Account, in.Region, now, want), nil
}

func previewFindings(account, region string, now, want imported) preview.Preview {
	var changes []preview.Change
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if before, after := sayFinding(now, id), sayFinding(want, id); before != after {
			changes = append(changes, preview.Change{
				Target: "finding " + id + " of Security Hub in account " + account + ", " + region, What: "record", Before: before, After: after,
			})
		}
	}
	return shown(changes...)
}
