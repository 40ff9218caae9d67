package standin_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestNetworksAndDisks(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		r := st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion]
		r.EBSEncryption = true
		r.VPCs["vpc-00000000000000009"] = &standin.VPC{CIDR: "172.31.0.0/16", Default: true}
		r.FlowLogs = map[string]*standin.FlowLog{
			"fl-0000000000000000a": {Resource: standin.SampleVPC, Traffic: "ALL", Created: now},
			"fl-0000000000000000b": {Resource: standin.SampleSubnet, Traffic: "REJECT", Created: now},
		}
		r.Instances[standin.SampleInstance].Tokens = "required"
		r.Volumes["vol-0ccc444455556666c"] = &standin.Volume{Size: 8}
	})
	client, ctx := ec2.NewFromConfig(cfg), t.Context()
	vpcs, err := client.DescribeVpcs(ctx, nil)
	require.NoError(t, err)
	require.Len(t, vpcs.Vpcs, 2)
	require.True(t, *vpcs.Vpcs[0].IsDefault)
	logs, err := client.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{
		Filter: []ec2types.Filter{{Name: aws.String("resource-id"), Values: []string{standin.SampleVPC}}},
	})
	require.NoError(t, err)
	require.Len(t, logs.FlowLogs, 1)
	require.Equal(t, "ACTIVE", *logs.FlowLogs[0].FlowLogStatus)
	require.Equal(t, ec2types.TrafficTypeAll, logs.FlowLogs[0].TrafficType)
	volumes, err := client.DescribeVolumes(ctx, nil)
	require.NoError(t, err)
	require.Len(t, volumes.Volumes, 3)
	require.Equal(t, standin.SampleInstance, *volumes.Volumes[0].Attachments[0].InstanceId)
	require.True(t, *volumes.Volumes[0].Encrypted)
	require.Equal(t, ec2types.VolumeStateAvailable, volumes.Volumes[2].State)
	encrypted, err := client.GetEbsEncryptionByDefault(ctx, nil)
	require.NoError(t, err)
	require.True(t, *encrypted.EbsEncryptionByDefault)
	instances, err := client.DescribeInstances(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, ec2types.HttpTokensStateRequired, instances.Reservations[0].Instances[0].MetadataOptions.HttpTokens)
}

func TestDetector(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := guardduty.NewFromConfig(cfg)
	for _, want := range []string{"ENABLED", "DISABLED"} {
		out, err := client.GetDetector(t.Context(), &guardduty.GetDetectorInput{DetectorId: aws.String(standin.SampleDetector)})
		require.NoError(t, err)
		require.Equal(t, want, string(out.Status))
		s.Update(func(st *standin.State) {
			st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Detectors[standin.SampleDetector].Disabled = true
		})
	}
}

func TestRecordersAnalyzersContacts(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	recorders, analyzers, contacts, ctx := configservice.NewFromConfig(cfg), accessanalyzer.NewFromConfig(cfg), account.NewFromConfig(cfg), t.Context()
	security := &account.GetAlternateContactInput{AlternateContactType: "SECURITY"}

	none, err := recorders.DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{})
	require.NoError(t, err)
	require.Empty(t, none.ConfigurationRecorders)
	_, err = contacts.GetAlternateContact(ctx, security)
	require.Equal(t, "ResourceNotFoundException", code(t, err))

	s.Update(func(st *standin.State) {
		a := st.Accounts[standin.SampleAccount]
		a.Contacts = map[string]*standin.Contact{"SECURITY": {Name: "Security", Title: "on call", Email: "security@example.com", Phone: "+1"}}
		r := a.Regions[standin.SampleRegion]
		r.Recorders = map[string]*standin.Recorder{"default": {Role: "arn:aws:iam::111122223333:role/config", Recording: true, Failed: "NoSuchBucket"}}
		r.Analyzers = map[string]*standin.Analyzer{
			"a": {Type: "ACCOUNT", Status: "ACTIVE", Created: now}, "b": {Type: "ORGANIZATION", Status: "DISABLED", Created: now},
		}
	})
	all, err := recorders.DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{})
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::111122223333:role/config", *all.ConfigurationRecorders[0].RoleARN)
	require.True(t, all.ConfigurationRecorders[0].RecordingGroup.AllSupported)
	status, err := recorders.DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{})
	require.NoError(t, err)
	require.True(t, status.ConfigurationRecordersStatus[0].Recording)
	require.Equal(t, "NoSuchBucket", *status.ConfigurationRecordersStatus[0].LastErrorCode)
	_, err = recorders.DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{ConfigurationRecorderNames: []string{"x"}})
	require.Equal(t, "NoSuchConfigurationRecorderException", code(t, err))

	var names []string
	for pages := accessanalyzer.NewListAnalyzersPaginator(analyzers, &accessanalyzer.ListAnalyzersInput{MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		require.Len(t, page.Analyzers, 1)
		names = append(names, *page.Analyzers[0].Name+" "+string(page.Analyzers[0].Status))
	}
	require.Equal(t, []string{"a ACTIVE", "b DISABLED"}, names)
	got, err := contacts.GetAlternateContact(ctx, security)
	require.NoError(t, err)
	require.Equal(t, "security@example.com", *got.AlternateContact.EmailAddress)

	for service, want := range map[string]string{"config": "AccessDeniedException", "access-analyzer": "AccessDeniedException", "account": "AccessDeniedException"} {
		s.Inject(standin.Fault{Service: service, Kind: standin.Deny})
		var err error
		switch service {
		case "config":
			_, err = recorders.DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{})
		case "account":
			_, err = contacts.GetAlternateContact(ctx, security)
		default:
			_, err = analyzers.ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{})
		}
		require.Equal(t, want, code(t, err), service)
	}
}

func TestTrailsOfAllKinds(t *testing.T) {
	const other, otherKey = "222233334444", "AKIAIOSFODNN7OTHERXX"
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		st.Callers[otherKey] = standin.Caller{Account: other, ARN: "arn:aws:iam::222233334444:user/x", UserID: "AIDA"}
		st.Accounts[other] = &standin.Account{Regions: map[string]*standin.Region{"eu-west-1": {Trails: map[string]*standin.Trail{
			"regional": {Bucket: "b", Selectors: []standin.EventSelector{{ReadWrite: "WriteOnly", Management: true, Excluded: []string{"kms.amazonaws.com"}}}},
		}}}}
		st.Organization = &standin.Organization{ID: "o-a", Management: standin.SampleAccount, Root: "r-a", Members: map[string]*standin.Member{other: {Parent: "r-a"}}}
		trail := st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Trails[standin.SampleTrail]
		trail.Organization, trail.Logging, trail.Key = true, true, "arn:aws:kms:us-east-1:111122223333:key/k"
		trail.Advanced = []standin.AdvancedSelector{{Name: "m", Fields: []standin.FieldSelector{{Field: "eventCategory", Equals: []string{"Management"}}}}}
	})
	ctx := t.Context()
	member := cfg.Copy()
	member.Credentials, member.Region = credentials.NewStaticCredentialsProvider(otherKey, "x", ""), "eu-west-1"
	own, there := cloudtrail.NewFromConfig(cfg), cloudtrail.NewFromConfig(member)
	all, err := there.DescribeTrails(ctx, nil)
	require.NoError(t, err)
	require.Len(t, all.TrailList, 2)
	organization := all.TrailList[0]
	require.Equal(t, "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events", *organization.TrailARN)
	require.Equal(t, "arn:aws:kms:us-east-1:111122223333:key/k", *organization.KmsKeyId)
	status, err := there.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: organization.TrailARN})
	require.NoError(t, err)
	require.True(t, *status.IsLogging)
	_, err = there.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: organization.TrailARN})
	require.Equal(t, "TrailNotFoundException", code(t, err))
	home, err := there.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(false)})
	require.NoError(t, err)
	require.Len(t, home.TrailList, 1)

	basic, err := there.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: aws.String("regional")})
	require.NoError(t, err)
	require.Equal(t, "WriteOnly", string(basic.EventSelectors[0].ReadWriteType))
	require.Equal(t, []string{"kms.amazonaws.com"}, basic.EventSelectors[0].ExcludeManagementEventSources)
	advanced, err := own.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: organization.TrailARN})
	require.NoError(t, err)
	require.Equal(t, []string{"Management"}, advanced.AdvancedEventSelectors[0].FieldSelectors[0].Equals)
}

func TestBucketsByRegion(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		a := st.Accounts[standin.SampleAccount]
		a.Regions["eu-west-1"] = &standin.Region{Buckets: map[string]*standin.Bucket{"example-eu": {Created: now}}}
		a.Regions[standin.SampleRegion].Buckets["example-us"] = &standin.Bucket{Created: now}
	})
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	all, err := client.ListBuckets(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, all.Buckets, 3)
	require.Nil(t, all.Buckets[0].BucketRegion)
	var names []string
	for pages := s3.NewListBucketsPaginator(client, &s3.ListBucketsInput{BucketRegion: aws.String(standin.SampleRegion), MaxBuckets: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		require.Len(t, page.Buckets, 1)
		require.Equal(t, standin.SampleRegion, *page.Buckets[0].BucketRegion)
		names = append(names, *page.Buckets[0].Name)
	}
	require.Equal(t, []string{standin.SampleBucket, "example-us"}, names)
}
