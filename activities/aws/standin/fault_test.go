package standin_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestRefusals(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	calls := map[string]func(context.Context) error{
		"sts": func(ctx context.Context) error {
			_, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			return err
		},
		"iam": func(ctx context.Context) error {
			_, err := iam.NewFromConfig(cfg).GetUser(ctx, &iam.GetUserInput{UserName: aws.String(standin.SampleUser)})
			return err
		},
		"ec2": func(ctx context.Context) error {
			_, err := ec2.NewFromConfig(cfg).DescribeInstances(ctx, &ec2.DescribeInstancesInput{})
			return err
		},
		"s3": func(ctx context.Context) error {
			_, err := s3Client(cfg).GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: aws.String(standin.SampleBucket)})
			return err
		},
		"guardduty": func(ctx context.Context) error {
			_, err := guardduty.NewFromConfig(cfg).ListDetectors(ctx, &guardduty.ListDetectorsInput{})
			return err
		},
		"cloudtrail": func(ctx context.Context) error {
			_, err := cloudtrail.NewFromConfig(cfg).LookupEvents(ctx, &cloudtrail.LookupEventsInput{})
			return err
		},
	}
	type answer struct {
		Code   string
		Status int
	}
	for kind, want := range map[standin.FaultKind]map[string]answer{
		standin.Throttle: {
			"sts": {"Throttling", 400}, "iam": {"Throttling", 400}, "ec2": {"RequestLimitExceeded", 503},
			"s3": {"SlowDown", 503}, "guardduty": {"TooManyRequestsException", 429}, "cloudtrail": {"ThrottlingException", 400},
		},
		standin.Deny: {
			"sts": {"AccessDenied", 403}, "iam": {"AccessDenied", 403}, "ec2": {"UnauthorizedOperation", 403},
			"s3": {"AccessDenied", 403}, "guardduty": {"AccessDeniedException", 403}, "cloudtrail": {"AccessDeniedException", 400},
		},
		standin.Expired: {
			"sts": {"ExpiredToken", 403}, "iam": {"ExpiredToken", 403}, "ec2": {"RequestExpired", 400},
			"s3": {"ExpiredToken", 400}, "guardduty": {"ExpiredTokenException", 403}, "cloudtrail": {"ExpiredTokenException", 400},
		},
		standin.ServerError: {
			"sts": {"InternalFailure", 500}, "iam": {"ServiceFailure", 500}, "ec2": {"InternalError", 500},
			"s3": {"InternalError", 500}, "guardduty": {"InternalServerErrorException", 500}, "cloudtrail": {"InternalFailure", 500},
		},
	} {
		for service, call := range calls {
			s.Inject(standin.Fault{Service: service, Kind: kind, Times: 1})
			err := call(t.Context())
			var response *awshttp.ResponseError
			require.True(t, errors.As(err, &response), "%s: %v", service, err)
			require.Equal(t, want[service], answer{code(t, err), response.HTTPStatusCode()}, service)
			require.NoError(t, call(t.Context()), "once is once")
		}
	}

	// The SDK itself must see a throttle as one: it retries, and gets through.
	patient := cfg.Copy()
	patient.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 1 })
	}
	s.Inject(standin.Fault{Kind: standin.Throttle, Times: 2})
	_, err := ec2.NewFromConfig(patient).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
	require.NoError(t, err)
	log := s.Calls()
	require.Equal(t, []string{"RequestLimitExceeded", "RequestLimitExceeded", ""}, []string{log[len(log)-3].Code, log[len(log)-2].Code, log[len(log)-1].Code})
}

func TestTimeoutAfterEffect(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := iam.NewFromConfig(cfg)
	in := &iam.UpdateAccessKeyInput{UserName: aws.String(standin.SampleUser), AccessKeyId: aws.String(standin.SampleUserAccessKey), Status: "Inactive"}
	s.Inject(standin.Fault{Service: "iam", Action: "UpdateAccessKey", Kind: standin.TimeoutAfterEffect, Times: 1})
	_, err := client.UpdateAccessKey(t.Context(), in)
	require.Error(t, err)
	var api smithy.APIError
	require.False(t, errors.As(err, &api), "no answer at all: %v", err)
	require.Equal(t, "Inactive", s.State().Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser].AccessKeys[standin.SampleUserAccessKey].Status)
	require.Equal(t, standin.CodeAborted, s.Calls()[0].Code)

	_, err = client.UpdateAccessKey(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{"UpdateAccessKey"}, changed(s), "the repeat changed nothing")
	require.Len(t, s.Mutations(), 2)
}

func TestStale(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := iam.NewFromConfig(cfg), t.Context()
	status := func() string {
		out, err := client.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String(standin.SampleUser)})
		require.NoError(t, err)
		return string(out.AccessKeyMetadata[1].Status)
	}
	s.Inject(standin.Fault{Action: "ListAccessKeys", Kind: standin.Stale, Times: 3})
	require.Equal(t, "Active", status(), "nothing has happened yet, so the past is the present")
	for range 2 { // the second changes nothing, and does not become the past
		_, err := client.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: aws.String(standin.SampleUser), AccessKeyId: aws.String(standin.SampleUserAccessKey), Status: "Inactive"})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"Active", "Active", "Inactive"}, []string{status(), status(), status()})

	s.Inject(standin.Fault{Kind: standin.Stale, Times: 1})
	events, err := cloudtrail.NewFromConfig(cfg).LookupEvents(ctx, &cloudtrail.LookupEventsInput{})
	require.NoError(t, err)
	require.Len(t, events.Events, 7, "the trail of the change is missing as well")
}

func TestStaleChangesNothing(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := ec2.NewFromConfig(cfg), t.Context()
	_, err := client.CreateSnapshots(ctx, &ec2.CreateSnapshotsInput{InstanceSpecification: &types.InstanceSpecification{InstanceId: aws.String(standin.SampleInstance)}})
	require.NoError(t, err)
	s.Inject(standin.Fault{Service: "ec2", Kind: standin.Stale, Times: 1})
	out, err := client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: []types.Filter{filter("status", "pending")}})
	require.NoError(t, err)
	require.Empty(t, out.Snapshots)
	for _, snapshot := range s.State().Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Snapshots {
		require.Contains(t, []string{"0%", "100%"}, snapshot.Progress)
	}
}

func TestFailItems(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	ctx := t.Context()
	s.Inject(standin.Fault{Kind: standin.FailItems, Times: 2})
	detector := aws.String(standin.SampleDetector)
	both := []string{standin.SampleFindingAccessKey, standin.SampleFindingBitcoin}
	findings := guardduty.NewFromConfig(cfg)
	_, err := findings.ArchiveFindings(ctx, &guardduty.ArchiveFindingsInput{DetectorId: detector, FindingIds: both})
	require.NoError(t, err, "all or nothing: the fault waits")
	got, err := findings.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: detector, FindingIds: both})
	require.NoError(t, err)
	require.Len(t, got.Findings, 1)

	client := ec2.NewFromConfig(cfg)
	_, err = client.CreateSnapshots(ctx, &ec2.CreateSnapshotsInput{InstanceSpecification: &types.InstanceSpecification{InstanceId: aws.String(standin.SampleInstance)}})
	require.NoError(t, err)
	var states []types.SnapshotState
	for range 2 {
		out, err := client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: []types.Filter{filter("volume-id", standin.SampleBootVolume)}})
		require.NoError(t, err)
		states = append(states, out.Snapshots[0].State)
		out, err = client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: []types.Filter{filter("volume-id", standin.SampleDataVolume)}})
		require.NoError(t, err)
		states = append(states, out.Snapshots[0].State)
	}
	require.Equal(t, []types.SnapshotState{"pending", "pending", "completed", "error"}, states)
}

func TestFaultOrder(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := sts.NewFromConfig(cfg)
	s.Inject(standin.Fault{Service: "iam", Kind: standin.Deny})
	s.Inject(standin.Fault{Service: "sts", Kind: standin.Throttle, After: 1, Times: 1})
	s.Inject(standin.Fault{Kind: standin.ServerError, After: 2})
	var got []string
	for range 5 {
		_, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err == nil {
			got = append(got, "")
			continue
		}
		got = append(got, code(t, err))
	}
	require.Equal(t, []string{"", "Throttling", "", "InternalFailure", "InternalFailure"}, got)
	s.ClearFaults()
	_, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	require.NoError(t, err)
}
