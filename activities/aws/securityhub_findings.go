package aws

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countersign/countersign/activities"
)

const hubARN = "arn:aws:securityhub:{region}:{account}:hub/default"

// Bounds of what aws.securityhub.get_findings answers, and how many values Security Hub takes for one filter.
const (
	hubFindings    = 50
	hubMostFinding = 200
	hubValues      = 20
)

func (s *service) registerHubFindings(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.securityhub.get_findings",
		Title: "Look up Security Hub findings",
		Doc: "The current ones (record state ACTIVE) that match all of what is given, the latest first. The administrator account of an organisation sees " +
			"those of its members.",
		Effect:      activities.Read,
		Permissions: []string{"securityhub:GetFindings"},
		Scopes:      map[string][]string{"securityhub:GetFindings": {hubARN}},
	}, s.getHubFindings)
}

type hubFindingsInput struct {
	Account   string   `json:"account" jsonschema:"AWS account of twelve digits whose Security Hub to ask"`
	Region    string   `json:"region" jsonschema:"region to ask in, as eu-west-1"`
	Accounts  []string `json:"accounts,omitempty" jsonschema:"accounts that findings are of, at most 20; absent: all that it sees"`
	Products  []string `json:"products,omitempty" jsonschema:"ARNs of the products that reported them, at most 20"`
	Controls  []string `json:"controls,omitempty" jsonschema:"Security Hub controls, as S3.8, at most 20"`
	Resources []string `json:"resources,omitempty" jsonschema:"resources they are about, mostly ARNs, at most 20"`
	Statuses  []string `json:"statuses,omitempty" jsonschema:"workflow statuses: NEW, NOTIFIED, RESOLVED, SUPPRESSED"`
	Severity  []string `json:"severities,omitempty" jsonschema:"severities: INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL"`
	Limit     int      `json:"limit,omitempty" jsonschema:"how many at most, 1 to 200; 50 if absent"`
}

type hubResource struct {
	Type string `json:"type" jsonschema:"type, as AwsS3Bucket"`
	ID   string `json:"id" jsonschema:"resource, mostly an ARN"`
}

type hubFinding struct {
	FindingID  string        `json:"finding_id" jsonschema:"id of the finding, mostly an ARN"`
	ProductARN string        `json:"product_arn" jsonschema:"product that reported it"`
	Account    string        `json:"account" jsonschema:"account it is of"`
	Region     string        `json:"region" jsonschema:"region it is of"`
	Title      string        `json:"title" jsonschema:"title"`
	Severity   string        `json:"severity" jsonschema:"INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL"`
	Control    string        `json:"control" jsonschema:"Security Hub control; empty if it is of none"`
	Compliance string        `json:"compliance" jsonschema:"PASSED, WARNING, FAILED or NOT_AVAILABLE; empty if it is of no control"`
	Status     string        `json:"status" jsonschema:"workflow status: NEW, NOTIFIED, RESOLVED or SUPPRESSED"`
	UpdatedAt  time.Time     `json:"updated_at,omitzero" jsonschema:"when the product last updated it"`
	Resources  []hubResource `json:"resources" jsonschema:"what it is about"`
}

type hubFindingsOutput struct {
	Findings  []hubFinding `json:"findings" jsonschema:"the findings, the latest first"`
	Truncated bool         `json:"truncated" jsonschema:"true if there are more"`
}

func (s *service) getHubFindings(ctx context.Context, in hubFindingsInput) (hubFindingsOutput, error) {
	what := fmt.Sprintf("look up Security Hub findings in account %s, %s", in.Account, in.Region)
	switch {
	case in.Limit == 0:
		in.Limit = hubFindings
	case in.Limit < 0 || in.Limit > hubMostFinding:
		return hubFindingsOutput{}, badInput("%s: limit %d: want 1 to %d", what, in.Limit, hubMostFinding)
	}
	for name, values := range map[string][]string{
		"accounts": in.Accounts, "products": in.Products, "controls": in.Controls, "resources": in.Resources, "statuses": in.Statuses, "severities": in.Severity,
	} {
		if len(values) > hubValues {
			return hubFindingsOutput{}, badInput("%s: %d %s: Security Hub takes %d", what, len(values), name, hubValues)
		}
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return hubFindingsOutput{}, err
	}
	pages := securityhub.NewGetFindingsPaginator(c.SecurityHub(), &securityhub.GetFindingsInput{
		Filters: &types.AwsSecurityFindingFilters{
			AwsAccountId: equal(in.Accounts), ProductArn: equal(in.Products), ComplianceSecurityControlId: equal(in.Controls),
			ResourceId: equal(in.Resources), WorkflowStatus: equal(in.Statuses), SeverityLabel: equal(in.Severity),
			RecordState: equal([]string{string(types.RecordStateActive)}),
		},
		SortCriteria: []types.SortCriterion{{Field: sdk.String("UpdatedAt"), SortOrder: types.SortOrderDescending}},
		MaxResults:   sdk.Int32(int32(min(in.Limit, hubBatch))), //nolint:gosec // bounded above
	})
	out := hubFindingsOutput{Findings: []hubFinding{}}
	for pages.HasMorePages() && len(out.Findings) <= in.Limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return hubFindingsOutput{}, failed(err, "%s", what)
		}
		for _, f := range page.Findings {
			out.Findings = append(out.Findings, toldHubFinding(f))
		}
	}
	if len(out.Findings) > in.Limit {
		out.Findings, out.Truncated = out.Findings[:in.Limit], true
	}
	return out, nil
}

func equal(values []string) []types.StringFilter {
	var out []types.StringFilter
	for _, v := range values {
		out = append(out, types.StringFilter{Value: &v, Comparison: types.StringFilterComparisonEquals})
	}
	return out
}

func toldHubFinding(f types.AwsSecurityFinding) hubFinding {
	out := hubFinding{
		FindingID: sdk.ToString(f.Id), ProductARN: sdk.ToString(f.ProductArn), Account: sdk.ToString(f.AwsAccountId), Region: sdk.ToString(f.Region),
		Title: sdk.ToString(f.Title), Status: string(hubStatus(f)), Resources: []hubResource{},
	}
	if f.Severity != nil {
		out.Severity = string(f.Severity.Label)
	}
	if f.Compliance != nil {
		out.Control, out.Compliance = sdk.ToString(f.Compliance.SecurityControlId), string(f.Compliance.Status)
	}
	// Products write the time as they like; what cannot be read is left out.
	if updated, err := time.Parse(time.RFC3339, sdk.ToString(f.UpdatedAt)); err == nil {
		out.UpdatedAt = updated.UTC()
	}
	for _, r := range f.Resources {
		out.Resources = append(out.Resources, hubResource{Type: sdk.ToString(r.Type), ID: sdk.ToString(r.Id)})
	}
	return out
}

func hubStatus(f types.AwsSecurityFinding) types.WorkflowStatus {
	if f.Workflow == nil || f.Workflow.Status == "" {
		return types.WorkflowStatusNew
	}
	return f.Workflow.Status
}
