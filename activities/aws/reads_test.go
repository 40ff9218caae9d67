package aws

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

func TestGetFinding(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.guardduty.get_finding", findingInput)
	require.JSONEq(t, `{
		"detector_id":"12abc34d567e8fa901bc2d34e56789f0","type":"UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom","severity":5,
		"title":"API PutBucketPolicy was invoked from an IP address on a custom threat list.","archived":false,
		"resource_type":"AccessKey","count":4,"updated_at":"2026-11-20T21:20:40.09Z",
		"access_key_id":"AKIAIOSFODNN7EXAMPLE","user_name":"ci-deployer","user_type":"IAMUser","instance_id":""}`, string(out))
	w.run(t, "aws.guardduty.archive_finding", findingInput)
	require.True(t, decode[findingOutput](t, w.run(t, "aws.guardduty.get_finding", findingInput)).Archived)

	_, err := w.attempt(step(t.Context()), t, "aws.guardduty.get_finding", noFinding)
	require.Equal(t, "NoSuchFinding", kindOf(t, err).Kind)
	w.Update(func(s *standin.State) { region(s).Detectors = nil })
	for _, name := range []string{"aws.guardduty.get_finding", "aws.guardduty.archive_finding"} {
		_, err = w.attempt(step(t.Context()), t, name, findingInput)
		require.Equal(t, "NoDetector", kindOf(t, err).Kind)
		require.True(t, kindOf(t, err).Permanent)
	}
}

func TestLookupEvents(t *testing.T) {
	at := func(when time.Time) activities.Info { return activities.Info{Run: "r", Scheduled: when} }
	w := newWorld(t)
	// Five pages of events, one a minute, the last a minute after the step asked.
	w.Update(func(s *standin.State) {
		region(s).Events = nil
		for i := range 230 {
			region(s).Events = append(region(s).Events, standin.Event{
				ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i), Time: scheduled.Truncate(time.Second).Add(time.Duration(1-i) * time.Minute),
				Name: "GetObject", Source: "s3.amazonaws.com", Username: "ci-deployer", AccessKeyID: "AKIAIOSFODNN7EXAMPLE", ReadOnly: true,
				Resources: []standin.EventResource{{Type: "AWS::S3::Bucket", Name: "example-payments-exports"}},
				Document:  json.RawMessage(`{"awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2","errorCode":"AccessDenied"}`),
			})
		}
	})
	for name, tc := range map[string]struct {
		args      string
		events    int
		truncated bool
	}{
		"defaults":           {`"user":"ci-deployer"`, 50, true},
		"by access key":      {`"access_key_id":"AKIAIOSFODNN7EXAMPLE"`, 50, true},
		"the most":           {`"user":"ci-deployer","limit":200`, 200, true},
		"between pages":      {`"user":"ci-deployer","limit":75`, 75, true},
		"two hours":          {`"user":"ci-deployer","hours":2,"limit":200`, 120, false},
		"another user":       {`"user":"nobody"`, 0, false},
		"another access key": {`"access_key_id":"AKIANOSUCHKEYEXAMPLE"`, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := w.attempt(activities.WithInfo(t.Context(), at(scheduled)), t, "aws.cloudtrail.lookup_events",
				`{"account":"111122223333","region":"us-east-1",`+tc.args+`}`)
			require.NoError(t, err)
			out := decode[lookupOutput](t, raw)
			require.Len(t, out.Events, tc.events)
			require.Equal(t, tc.truncated, out.Truncated)
			if tc.events == 0 {
				return
			}
			require.Equal(t, trailEvent{
				EventID: "00000000-0000-0000-0000-000000000001", EventName: "GetObject", EventSource: "s3.amazonaws.com",
				Time: scheduled.Truncate(time.Second), User: "ci-deployer", AccessKeyID: "AKIAIOSFODNN7EXAMPLE", ReadOnly: true,
				Region: "us-east-1", SourceIP: "198.51.100.7", UserAgent: "aws-cli/2", ErrorCode: "AccessDenied",
				Resources: []trailResource{{"AWS::S3::Bucket", "example-payments-exports"}},
			}, out.Events[0], "the newest that the step could see")
		})
	}
	for name, tc := range map[string]struct{ args, kind string }{
		"neither":      {`"hours":1`, "BadInput"},
		"both":         {`"user":"a","access_key_id":"b"`, "BadInput"},
		"too far back": {`"user":"a","hours":169`, "BadInput"},
		"negative":     {`"user":"a","hours":-1`, "BadInput"},
		"too many":     {`"user":"a","limit":201`, "BadInput"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.attempt(step(t.Context()), t, "aws.cloudtrail.lookup_events", `{"account":"111122223333","region":"us-east-1",`+tc.args+`}`)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
		})
	}
	_, err := w.attempt(t.Context(), t, "aws.cloudtrail.lookup_events", `{"account":"111122223333","region":"us-east-1","user":"a"}`)
	require.Equal(t, "NoStep", kindOf(t, err).Kind)

	w.Inject(standin.Fault{Service: "cloudtrail", Kind: standin.Throttle, Times: 2})
	w.run(t, "aws.cloudtrail.lookup_events", `{"account":"111122223333","region":"us-east-1","user":"ci-deployer"}`)
}
