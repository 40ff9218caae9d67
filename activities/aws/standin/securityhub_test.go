package standin_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func equals(values ...string) []types.StringFilter {
	var out []types.StringFilter
	for _, v := range values {
		out = append(out, types.StringFilter{Value: &v, Comparison: types.StringFilterComparisonEquals})
	}
	return out
}

func TestHubFindings(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client, ctx := securityhub.NewFromConfig(cfg), t.Context()
	hub, err := client.DescribeHub(ctx, &securityhub.DescribeHubInput{})
	require.NoError(t, err)
	require.Equal(t, "arn:aws:securityhub:us-east-1:111122223333:hub/default", *hub.HubArn)

	for name, tt := range map[string]struct {
		filters types.AwsSecurityFindingFilters
		want    []string
	}{
		"all":      {types.AwsSecurityFindingFilters{}, []string{standin.SampleHubOther, standin.SampleHubFinding}},
		"by id":    {types.AwsSecurityFindingFilters{Id: equals(standin.SampleHubOther, "other")}, []string{standin.SampleHubOther}},
		"resource": {types.AwsSecurityFindingFilters{ResourceId: equals("arn:aws:s3:::" + standin.SampleBucket)}, []string{standin.SampleHubFinding}},
		"both": {types.AwsSecurityFindingFilters{
			ComplianceSecurityControlId: equals("S3.8"), WorkflowStatus: equals("NOTIFIED"),
		}, nil},
		"not": {types.AwsSecurityFindingFilters{
			WorkflowStatus: []types.StringFilter{{Value: aws.String("NEW"), Comparison: types.StringFilterComparisonNotEquals}},
		}, []string{standin.SampleHubOther}},
		"prefix": {types.AwsSecurityFindingFilters{
			Title: []types.StringFilter{{Value: aws.String("S3 "), Comparison: types.StringFilterComparisonPrefix}},
		}, []string{standin.SampleHubFinding}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			pages := securityhub.NewGetFindingsPaginator(client, &securityhub.GetFindingsInput{Filters: &tt.filters, MaxResults: aws.Int32(1)})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				require.NoError(t, err)
				for _, f := range page.Findings {
					require.NotEmpty(t, *f.Resources[0].Id)
					got = append(got, *f.Id)
				}
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestHubIsNotEnabled(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := securityhub.NewFromConfig(cfg, func(o *securityhub.Options) { o.Region = "eu-west-1" })
	_, err := client.DescribeHub(t.Context(), &securityhub.DescribeHubInput{})
	require.Equal(t, "InvalidAccessException", code(t, err))
	_, err = client.BatchUpdateFindings(t.Context(), update(types.WorkflowStatusResolved, standin.SampleHubFinding))
	require.Equal(t, "InvalidAccessException", code(t, err))
	require.Empty(t, s.Mutations())
}

func update(status types.WorkflowStatus, ids ...string) *securityhub.BatchUpdateFindingsInput {
	in := &securityhub.BatchUpdateFindingsInput{
		Workflow: &types.WorkflowUpdate{Status: status}, Note: &types.NoteUpdate{Text: aws.String("case 7"), UpdatedBy: aws.String("countersign")},
	}
	for _, id := range ids {
		in.FindingIdentifiers = append(in.FindingIdentifiers, types.AwsSecurityFindingIdentifier{Id: &id, ProductArn: aws.String(standin.SampleHubProduct)})
	}
	return in
}

func TestUpdateFindings(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := securityhub.NewFromConfig(cfg), t.Context()
	for range 2 {
		out, err := client.BatchUpdateFindings(ctx, update(types.WorkflowStatusSuppressed, standin.SampleHubFinding, "nobody"))
		require.NoError(t, err)
		require.Len(t, out.ProcessedFindings, 1)
		require.Equal(t, "FindingNotFound", *out.UnprocessedFindings[0].ErrorCode)
		require.Equal(t, "nobody", *out.UnprocessedFindings[0].FindingIdentifier.Id)
	}
	require.Equal(t, []string{"BatchUpdateFindings"}, changed(s))
	out, err := client.GetFindings(ctx, &securityhub.GetFindingsInput{Filters: &types.AwsSecurityFindingFilters{Id: equals(standin.SampleHubFinding)}})
	require.NoError(t, err)
	require.Equal(t, types.WorkflowStatusSuppressed, out.Findings[0].Workflow.Status)
	require.Equal(t, "case 7", *out.Findings[0].Note.Text)
	require.Equal(t, "2026-11-23T10:00:00.000Z", *out.Findings[0].Note.UpdatedAt)

	s.Inject(standin.Fault{Service: "securityhub", Kind: standin.FailItems})
	partial, err := client.BatchUpdateFindings(ctx, update(types.WorkflowStatusNew, standin.SampleHubFinding, standin.SampleHubOther))
	require.NoError(t, err)
	require.Len(t, partial.ProcessedFindings, 1)
	require.Equal(t, "ConcurrentUpdateError", *partial.UnprocessedFindings[0].ErrorCode)

	_, err = client.BatchUpdateFindings(ctx, update("LATER", standin.SampleHubFinding))
	require.Equal(t, "InvalidInputException", code(t, err))
}

func asff(id string) types.AwsSecurityFinding {
	text := aws.String
	return types.AwsSecurityFinding{
		SchemaVersion: text("2018-10-08"), Id: &id, ProductArn: text("arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default"),
		AwsAccountId: text(standin.SampleAccount), GeneratorId: text("countersign/IAM.4"), CreatedAt: text("2026-11-23T09:00:00Z"),
		UpdatedAt: text("2026-11-23T09:00:00Z"), Title: text("Root has a key"), Description: text("It does."),
		Severity:  &types.Severity{Label: types.SeverityLabelCritical},
		Resources: []types.Resource{{Type: text("AwsAccount"), Id: text("AWS::::Account:111122223333")}},
	}
}

func TestImportFindings(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := securityhub.NewFromConfig(cfg), t.Context()
	load := func(findings ...types.AwsSecurityFinding) *securityhub.BatchImportFindingsOutput {
		out, err := client.BatchImportFindings(ctx, &securityhub.BatchImportFindingsInput{Findings: findings})
		require.NoError(t, err)
		return out
	}
	finding := func(id string) map[string]any {
		state := s.State()
		return state.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Hub.Findings[id]
	}
	bare := asff("bare")
	bare.Resources = []types.Resource{}
	theirs := asff("theirs")
	theirs.AwsAccountId = aws.String("444455556666")
	out := load(asff("f-1"), bare, theirs, asff("f-2"))
	require.EqualValues(t, 2, *out.SuccessCount)
	require.EqualValues(t, 2, *out.FailedCount)
	require.Equal(t, "bare", *out.FailedFindings[0].Id)
	require.Equal(t, map[string]any{"Status": "NEW"}, finding("f-1")["Workflow"])
	require.Equal(t, "ACTIVE", finding("f-1")["RecordState"])

	// What people said of a finding stays when it is imported anew, and what is no newer changes nothing.
	in := update(types.WorkflowStatusNotified, "f-1")
	in.FindingIdentifiers[0].ProductArn = asff("").ProductArn
	_, err := client.BatchUpdateFindings(ctx, in)
	require.NoError(t, err)
	already := len(changed(s))
	load(asff("f-1"))
	require.Len(t, changed(s), already)
	newer := asff("f-1")
	newer.UpdatedAt, newer.RecordState = aws.String("2026-11-23T09:30:00Z"), types.RecordStateArchived
	load(newer)
	require.Equal(t, "ARCHIVED", finding("f-1")["RecordState"])
	require.Equal(t, map[string]any{"Status": "NOTIFIED"}, finding("f-1")["Workflow"])

	s.Inject(standin.Fault{Kind: standin.FailItems, Times: 1})
	out = load(asff("f-3"), asff("f-4"))
	require.Equal(t, "f-4", *out.FailedFindings[0].Id)
	require.NotNil(t, finding("f-3"))
	require.Nil(t, finding("f-4"))

	_, err = client.BatchImportFindings(ctx, &securityhub.BatchImportFindingsInput{Findings: []types.AwsSecurityFinding{}})
	require.Equal(t, "InvalidInputException", code(t, err))
}
