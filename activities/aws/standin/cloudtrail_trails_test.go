package standin_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const trailARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/" + standin.SampleTrail

func TestTrailLogging(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := cloudtrail.NewFromConfig(cfg), t.Context()
	trail, err := client.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: aws.String(standin.SampleTrail)})
	require.NoError(t, err)
	require.Equal(t, trailARN, *trail.Trail.TrailARN)
	require.Equal(t, "us-east-1", *trail.Trail.HomeRegion)
	require.True(t, *trail.Trail.IsMultiRegionTrail)

	status := func() *cloudtrail.GetTrailStatusOutput {
		out, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: aws.String(trailARN)})
		require.NoError(t, err)
		return out
	}
	require.False(t, *status().IsLogging)
	require.True(t, status().StopLoggingTime.Equal(time.Date(2026, time.November, 20, 21, 10, 0, 0, time.UTC)))
	for range 2 {
		_, err = client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String(standin.SampleTrail)})
		require.NoError(t, err)
	}
	require.True(t, *status().IsLogging)
	require.True(t, status().StartLoggingTime.Equal(now))
	_, err = client.StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: aws.String(standin.SampleTrail)})
	require.NoError(t, err)
	require.False(t, *status().IsLogging)
	require.Equal(t, []string{"StartLogging", "StopLogging"}, changed(s))
}

func TestTrailErrors(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	start := func(region, name string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := cloudtrail.NewFromConfig(cfg, func(o *cloudtrail.Options) { o.Region = region }).
				StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: &name})
			return err
		}
	}
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"unknown":         {start("us-east-1", "nobody"), "TrailNotFoundException"},
		"another region":  {start("eu-west-1", standin.SampleTrail), "TrailNotFoundException"},
		"not at home":     {start("eu-west-1", trailARN), "InvalidHomeRegionException"},
		"another account": {start("us-east-1", "arn:aws:cloudtrail:us-east-1:444455556666:trail/theirs"), "TrailNotFoundException"},
		"not a trail":     {start("us-east-1", "arn:aws:s3:::bucket"), "CloudTrailARNInvalidException"},
		"odd name":        {start("us-east-1", "a b"), "InvalidTrailNameException"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, code(t, tt.call(t.Context())))
		})
	}
	require.Empty(t, s.Mutations(), "what failed is no mutation")
}
