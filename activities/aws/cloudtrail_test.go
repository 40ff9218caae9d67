package aws

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const eventJSON = `{"account":"111122223333","region":"us-east-1","event_id":"5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b0`

func TestGetEvent(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		region(s).Events = append(region(s).Events, standin.Event{
			ID: "5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b008", Time: now, Name: "RunInstances", Source: "ec2.amazonaws.com", Username: "session",
			Document: json.RawMessage(`{"recipientAccountId":"111122223333","awsRegion":"us-east-1","errorCode":"UnauthorizedOperation","responseElements":"x",
				"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/web-server-role/session","sessionContext":{"sessionIssuer":{"userName":"web-server-role"}}}}`),
		}, standin.Event{ID: "5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b009", Time: now, Name: "Odd", Document: json.RawMessage(`"no record"`)})
	})
	for name, tc := range map[string]struct {
		id   string
		want getEventOutput
	}{
		"a sign-in of root": {"07", getEventOutput{
			Found: true, EventName: "ConsoleLogin", EventSource: "signin.amazonaws.com", UserType: "Root", UserARN: "arn:aws:iam::111122223333:root",
			SourceIP: "198.51.100.23", Login: "Success", MFAUsed: "No",
		}},
		"a sign-in of a user": {"06", getEventOutput{
			Found: true, EventName: "ConsoleLogin", EventSource: "signin.amazonaws.com", UserType: "IAMUser", User: "billing-admin",
			UserARN: "arn:aws:iam::111122223333:user/billing-admin", SourceIP: "203.0.113.178", Login: "Success", MFAUsed: "No",
		}},
		"a call": {"03", getEventOutput{
			Found: true, EventName: "StopLogging", EventSource: "cloudtrail.amazonaws.com", UserType: "IAMUser", User: "ci-deployer",
			UserARN: "arn:aws:iam::111122223333:user/ci-deployer", AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SourceIP: "198.51.100.7",
		}},
		"a call of a role that failed": {"08", getEventOutput{
			Found: true, EventName: "RunInstances", EventSource: "ec2.amazonaws.com", UserType: "AssumedRole", User: "web-server-role",
			UserARN: "arn:aws:sts::111122223333:assumed-role/web-server-role/session", ErrorCode: "UnauthorizedOperation",
		}},
		"none": {"99", getEventOutput{}},
	} {
		t.Run(name, func(t *testing.T) {
			out := decode[getEventOutput](t, w.run(t, "aws.cloudtrail.get_event", eventJSON+tc.id+`"}`))
			if tc.want.Found {
				require.Equal(t, "111122223333", out.Account)
				require.Equal(t, "us-east-1", out.Region)
				require.False(t, out.Time.IsZero())
				out.Account, out.Region, out.Time, out.UserAgent = "", "", tc.want.Time, ""
			}
			require.Equal(t, tc.want, out)
		})
	}
	_, err := w.attempt(step(t.Context()), t, "aws.cloudtrail.get_event", eventJSON+`09"}`)
	require.Equal(t, "BadRecord", kindOf(t, err).Kind)
}

func TestGetTrailStatus(t *testing.T) {
	w := newWorld(t)
	const stopped = `{"arn":"arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events","logging":false,
		"started":"2026-01-12T08:00:00Z","stopped":"2026-11-20T21:10:00Z","delivered":"2026-11-20T21:10:00Z","delivery_error":"",
		"bucket":"example-security-logs","home_region":"us-east-1","multi_region":true,"organization":false,"validated":true}`
	for _, trail := range []string{"management-events", "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events"} {
		require.JSONEq(t, stopped, string(w.run(t, "aws.cloudtrail.get_trail_status", `{"account":"111122223333","region":"us-east-1","trail":"`+trail+`"}`)))
	}
	w.Update(func(s *standin.State) {
		region(s).Trails = map[string]*standin.Trail{"new": {Logging: true, DeliveryFailed: "NoSuchBucket", Organization: true}}
	})
	require.JSONEq(t, `{"arn":"arn:aws:cloudtrail:us-east-1:111122223333:trail/new","logging":true,"delivery_error":"NoSuchBucket",
		"bucket":"","home_region":"us-east-1","multi_region":false,"organization":true,"validated":false}`,
		string(w.run(t, "aws.cloudtrail.get_trail_status", `{"account":"111122223333","region":"us-east-1","trail":"new"}`)))

	for trail, kind := range map[string]string{
		"x": "InvalidTrailNameException", "arn:aws:s3:::bucket": "CloudTrailARNInvalidException", "gone": "TrailNotFoundException",
		"arn:aws:cloudtrail:us-east-1:444455556666:trail/theirs": "TrailNotFoundException",
	} {
		_, err := w.attempt(step(t.Context()), t, "aws.cloudtrail.get_trail_status", `{"account":"111122223333","region":"us-east-1","trail":"`+trail+`"}`)
		require.Equal(t, kind, kindOf(t, err).Kind)
		require.True(t, kindOf(t, err).Permanent, kind)
	}
}

// A trail is started at home alone, and what did not stop is not to be stopped by an undo.
func TestStartLogging(t *testing.T) {
	w := newWorld(t)
	_, err := w.attempt(step(t.Context()), t, "aws.cloudtrail.start_logging",
		`{"account":"111122223333","region":"eu-west-1","trail":"arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events"}`)
	require.Equal(t, "InvalidHomeRegionException", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)

	w.Update(func(s *standin.State) { region(s).Trails[standin.SampleTrail].Logging = true })
	out := w.run(t, "aws.cloudtrail.start_logging", trailJSON)
	require.JSONEq(t, `{"was_logging":true,"changed":false,"verified":true}`, string(out))
	undo, input := w.undo(t, "aws.cloudtrail.start_logging", trailJSON, out)
	require.JSONEq(t, `{"was_logging":true,"changed":false,"verified":true}`, string(w.run(t, undo, input)))
	require.Empty(t, w.effects())
}
