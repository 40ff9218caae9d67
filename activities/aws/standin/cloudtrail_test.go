package standin_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestLookupEvents(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		region := st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion]
		region.Events = region.Events[:2]
	})
	_, err := iam.NewFromConfig(cfg).UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{
		UserName: aws.String(standin.SampleUser), AccessKeyId: aws.String(standin.SampleUserAccessKey), Status: "Inactive",
	})
	require.NoError(t, err)
	_, err = ec2.NewFromConfig(cfg).DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String(standin.SampleWebGroup)})
	require.Error(t, err, "in use: no event")

	by := func(key types.LookupAttributeKey, value string) []types.LookupAttribute {
		return []types.LookupAttribute{{AttributeKey: key, AttributeValue: aws.String(value)}}
	}
	client := cloudtrail.NewFromConfig(cfg)
	for name, tt := range map[string]struct {
		in   cloudtrail.LookupEventsInput
		want []string
	}{
		"all":        {cloudtrail.LookupEventsInput{}, []string{"UpdateAccessKey", "PutBucketPolicy", "ListBuckets"}},
		"access key": {cloudtrail.LookupEventsInput{LookupAttributes: by("AccessKeyId", standin.SampleUserAccessKey)}, []string{"PutBucketPolicy", "ListBuckets"}},
		"our key":    {cloudtrail.LookupEventsInput{LookupAttributes: by("AccessKeyId", standin.SampleAccessKeyID)}, []string{"UpdateAccessKey"}},
		"username":   {cloudtrail.LookupEventsInput{LookupAttributes: by("Username", "local")}, []string{"UpdateAccessKey"}},
		"resource":   {cloudtrail.LookupEventsInput{LookupAttributes: by("ResourceName", standin.SampleUser)}, []string{"UpdateAccessKey"}},
		"event name": {cloudtrail.LookupEventsInput{LookupAttributes: by("EventName", "ListBuckets")}, []string{"ListBuckets"}},
		"writes":     {cloudtrail.LookupEventsInput{LookupAttributes: by("ReadOnly", "false")}, []string{"UpdateAccessKey", "PutBucketPolicy"}},
		"since":      {cloudtrail.LookupEventsInput{StartTime: aws.Time(now)}, []string{"UpdateAccessKey"}},
		"until":      {cloudtrail.LookupEventsInput{EndTime: aws.Time(now.Add(-time.Hour))}, []string{"PutBucketPolicy", "ListBuckets"}},
		"nobody":     {cloudtrail.LookupEventsInput{LookupAttributes: by("Username", "nobody")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tt.in.MaxResults = aws.Int32(1)
			var got []string
			for pages := cloudtrail.NewLookupEventsPaginator(client, &tt.in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				require.NoError(t, err)
				for _, e := range page.Events {
					got = append(got, *e.EventName)
				}
			}
			require.Equal(t, tt.want, got)
		})
	}

	out, err := client.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{MaxResults: aws.Int32(1)})
	require.NoError(t, err)
	e := out.Events[0]
	require.True(t, e.EventTime.Equal(now))
	require.Equal(t, "iam.amazonaws.com", *e.EventSource)
	require.Equal(t, s.Mutations()[0].RequestID, *e.EventId)
	var record struct {
		EventName         string
		RequestParameters map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(*e.CloudTrailEvent), &record))
	require.Equal(t, "UpdateAccessKey", record.EventName)
	require.Equal(t, "Inactive", record.RequestParameters["Status"])
}

func TestLookupEventsErrors(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client := cloudtrail.NewFromConfig(cfg)
	one := types.LookupAttribute{AttributeKey: "EventName", AttributeValue: aws.String("x")}
	lookup := func(in cloudtrail.LookupEventsInput) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.LookupEvents(ctx, &in)
			return err
		}
	}
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"two attributes": {lookup(cloudtrail.LookupEventsInput{LookupAttributes: []types.LookupAttribute{one, one}}), "InvalidLookupAttributesException"},
		"odd attribute":  {lookup(cloudtrail.LookupEventsInput{LookupAttributes: []types.LookupAttribute{{AttributeKey: "Colour", AttributeValue: aws.String("red")}}}), "InvalidLookupAttributesException"},
		"big page":       {lookup(cloudtrail.LookupEventsInput{MaxResults: aws.Int32(51)}), "InvalidMaxResultsException"},
		"odd token":      {lookup(cloudtrail.LookupEventsInput{NextToken: aws.String("made-up")}), "InvalidNextTokenException"},
		"backwards":      {lookup(cloudtrail.LookupEventsInput{StartTime: aws.Time(now), EndTime: aws.Time(now.Add(-time.Hour))}), "InvalidTimeRangeException"},
		"unknown action": {func(ctx context.Context) error {
			_, err := client.ListTrails(ctx, &cloudtrail.ListTrailsInput{})
			return err
		}, "UnknownOperationException"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, code(t, tt.call(t.Context())))
		})
	}
}
