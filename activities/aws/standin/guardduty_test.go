package standin_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestFindings(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := guardduty.NewFromConfig(cfg), t.Context()
	detectors, err := client.ListDetectors(ctx, &guardduty.ListDetectorsInput{})
	require.NoError(t, err)
	require.Equal(t, []string{standin.SampleDetector}, detectors.DetectorIds)
	detector := aws.String(standin.SampleDetector)

	got, err := client.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: detector, FindingIds: []string{
		standin.SampleFindingBitcoin, "00000000000000000000000000000000", standin.SampleFindingAccessKey, standin.SampleFindingCredentialExfiltration,
	}})
	require.NoError(t, err)
	require.Len(t, got.Findings, 3, "unknown ids are left out")
	coin, key, exfiltration := got.Findings[0], got.Findings[1], got.Findings[2]
	require.Equal(t, "CryptoCurrency:EC2/BitcoinTool.B!DNS", *coin.Type)
	require.Equal(t, standin.SampleInstance, *coin.Resource.InstanceDetails.InstanceId)
	require.Equal(t, "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom", *key.Type)
	require.Equal(t, standin.SampleUser, *key.Resource.AccessKeyDetails.UserName)
	require.Equal(t, "198.51.100.7", *key.Service.Action.AwsApiCallAction.RemoteIpDetails.IpAddressV4)
	require.InDelta(t, 5, *key.Severity, 0)
	require.Equal(t, "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", *exfiltration.Type)
	require.Equal(t, standin.SampleRole, *exfiltration.Resource.AccessKeyDetails.UserName)
	require.Len(t, exfiltration.Resource.InstanceDetails.NetworkInterfaces, 2)
	require.False(t, *exfiltration.Service.Archived)

	for range 2 {
		_, err = client.ArchiveFindings(ctx, &guardduty.ArchiveFindingsInput{DetectorId: detector, FindingIds: []string{*key.Id, "unknown"}})
		require.NoError(t, err)
	}
	got, err = client.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: detector, FindingIds: []string{*key.Id}})
	require.NoError(t, err)
	require.True(t, *got.Findings[0].Service.Archived)
	_, err = client.UnarchiveFindings(ctx, &guardduty.UnarchiveFindingsInput{DetectorId: detector, FindingIds: []string{*key.Id}})
	require.NoError(t, err)
	require.Equal(t, []string{"ArchiveFindings", "UnarchiveFindings"}, changed(s))
	require.Len(t, s.Mutations(), 3)
}

func TestListFindings(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Detectors[standin.SampleDetector].Findings[standin.SampleFindingBitcoin].Archived = true
	})
	client := guardduty.NewFromConfig(cfg)
	for name, tt := range map[string]struct {
		criteria map[string]types.Condition
		sort     *types.SortCriteria
		want     []string
	}{
		"all":      {want: []string{standin.SampleFindingCredentialExfiltration, standin.SampleFindingAccessKey, standin.SampleFindingBitcoin}},
		"by id":    {criteria: map[string]types.Condition{"id": {Equals: []string{standin.SampleFindingBitcoin}}}, want: []string{standin.SampleFindingBitcoin}},
		"archived": {criteria: map[string]types.Condition{"service.archived": {Eq: []string{"true"}}}, want: []string{standin.SampleFindingBitcoin}},
		"open": {
			criteria: map[string]types.Condition{"service.archived": {Equals: []string{"false"}}, "severity": {GreaterThanOrEqual: aws.Int64(8)}},
			want:     []string{standin.SampleFindingCredentialExfiltration},
		},
		"not of a type": {
			criteria: map[string]types.Condition{"type": {NotEquals: []string{"CryptoCurrency:EC2/BitcoinTool.B!DNS"}}, "severity": {LessThan: aws.Int64(8)}},
			want:     []string{standin.SampleFindingAccessKey},
		},
		"inside a list": {
			criteria: map[string]types.Condition{"resource.instanceDetails.networkInterfaces.networkInterfaceId": {Equals: []string{standin.SampleSecondaryInterface}}},
			want:     []string{standin.SampleFindingCredentialExfiltration},
		},
		"since": {
			criteria: map[string]types.Condition{"updatedAt": {GreaterThan: aws.Int64(1795232000000)}}, // 2026-11-21T03:33:20Z
			want:     []string{standin.SampleFindingBitcoin},
		},
		"newest first": {
			sort: &types.SortCriteria{AttributeName: aws.String("updatedAt"), OrderBy: types.OrderByDesc},
			want: []string{standin.SampleFindingBitcoin, standin.SampleFindingCredentialExfiltration, standin.SampleFindingAccessKey},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := &guardduty.ListFindingsInput{DetectorId: aws.String(standin.SampleDetector), MaxResults: aws.Int32(1), SortCriteria: tt.sort}
			if tt.criteria != nil {
				in.FindingCriteria = &types.FindingCriteria{Criterion: tt.criteria}
			}
			var got []string
			for pages := guardduty.NewListFindingsPaginator(client, in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				require.NoError(t, err)
				got = append(got, page.FindingIds...)
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestGuardDutyErrors(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client := guardduty.NewFromConfig(cfg)
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprintf("%032x", i))
	}
	archive := func(detector string, ids []string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.ArchiveFindings(ctx, &guardduty.ArchiveFindingsInput{DetectorId: &detector, FindingIds: ids})
			return err
		}
	}
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"unknown detector": {archive("no such", many[:1]), "BadRequestException"},
		"odd detector":     {archive("a/b?c", many[:1]), "BadRequestException"},
		"too many ids":     {archive(standin.SampleDetector, many), "BadRequestException"},
		"no ids":           {archive(standin.SampleDetector, []string{}), "BadRequestException"},
		"unknown action": {func(ctx context.Context) error {
			_, err := client.ListFilters(ctx, &guardduty.ListFiltersInput{DetectorId: aws.String(standin.SampleDetector)})
			return err
		}, "UnknownOperationException"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.call(t.Context())
			require.Equal(t, tt.want, code(t, err))
			if tt.want == "BadRequestException" {
				var typed *types.BadRequestException
				require.ErrorAs(t, err, &typed)
				require.Equal(t, "InvalidInputException", *typed.Type)
			}
		})
	}
}
