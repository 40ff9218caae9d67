package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/countersign/countersign/activities"
)

const (
	lookupHours     = 24
	lookupHoursMost = 168
	lookupLimit     = 50
	lookupLimitMost = 200
	lookupPage      = 50 // the most of one page
)

func (s *service) registerCloudTrail(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.cloudtrail.lookup_events",
		Title: "Look up what an access key or user did",
		Doc: "Management events of one region, newest first, of the hours before the step was scheduled; CloudTrail shows an event some minutes after " +
			"it happened. Events of IAM and of the global STS endpoint are in us-east-1, whatever the region of the caller. AWS allows two " +
			"lookups a second in an account and region.",
		Effect:      activities.Read,
		Permissions: []string{"cloudtrail:LookupEvents"},
		Timeout:     time.Minute,
	}, s.lookupEvents)
}

type lookupInput struct {
	Account     string `json:"account" jsonschema:"AWS account of twelve digits to look in"`
	Region      string `json:"region" jsonschema:"region to look in; us-east-1 for IAM"`
	AccessKeyID string `json:"access_key_id,omitempty" jsonschema:"access key whose events to find; this or user"`
	User        string `json:"user,omitempty" jsonschema:"user name, or role session name, whose events to find; this or access_key_id"`
	Hours       int    `json:"hours,omitempty" jsonschema:"how far to look back; 24 by default, at most 168"`
	Limit       int    `json:"limit,omitempty" jsonschema:"how many events to return; 50 by default, at most 200"`
}

type trailResource struct {
	Type string `json:"type" jsonschema:"type, as AWS::S3::Bucket"`
	Name string `json:"name" jsonschema:"name or ARN"`
}

type trailEvent struct {
	EventID     string          `json:"event_id" jsonschema:"id of the event"`
	EventName   string          `json:"event_name" jsonschema:"operation, as CreateUser"`
	EventSource string          `json:"event_source" jsonschema:"service, as iam.amazonaws.com"`
	Time        time.Time       `json:"time" jsonschema:"when it happened"`
	User        string          `json:"user" jsonschema:"user or session name"`
	AccessKeyID string          `json:"access_key_id" jsonschema:"access key that signed it; empty if none"`
	ReadOnly    bool            `json:"read_only" jsonschema:"true if it changed nothing"`
	Region      string          `json:"region" jsonschema:"region it was made to"`
	SourceIP    string          `json:"source_ip" jsonschema:"address, or the AWS service, it came from"`
	UserAgent   string          `json:"user_agent" jsonschema:"program, as it names itself"`
	ErrorCode   string          `json:"error_code" jsonschema:"why it failed, as AccessDenied; empty if it did not"`
	Resources   []trailResource `json:"resources" jsonschema:"what it was about"`
}

type lookupOutput struct {
	Events    []trailEvent `json:"events" jsonschema:"events, newest first"`
	Truncated bool         `json:"truncated" jsonschema:"true if there may be more than the limit"`
}

func (s *service) lookupEvents(ctx context.Context, in lookupInput) (lookupOutput, error) {
	attribute, err := in.complete()
	if err != nil {
		return lookupOutput{}, err
	}
	what := fmt.Sprintf("look up the events of %s in account %s, %s", sdk.ToString(attribute.AttributeValue), in.Account, in.Region)
	// The window ends when the step asked, not now: every attempt sees the same.
	end := activities.InfoFrom(ctx).Scheduled
	if end.IsZero() {
		return lookupOutput{}, activities.Permanent("NoStep", fmt.Errorf("%s: no time: only a step of a run may call it", what))
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return lookupOutput{}, err
	}
	pages := cloudtrail.NewLookupEventsPaginator(c.CloudTrail(), &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{attribute},
		StartTime:        sdk.Time(end.Add(-time.Duration(in.Hours) * time.Hour)),
		EndTime:          &end,
		MaxResults:       sdk.Int32(lookupPage),
	})
	out := lookupOutput{Events: []trailEvent{}}
	for pages.HasMorePages() {
		if len(out.Events) == in.Limit {
			out.Truncated = true
			break
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return lookupOutput{}, failed(err, "%s", what)
		}
		for _, event := range page.Events {
			if len(out.Events) == in.Limit {
				out.Truncated = true
				break
			}
			out.Events = append(out.Events, readEvent(event))
		}
	}
	return out, nil
}

// complete fills the defaults and returns the one attribute that CloudTrail takes.
func (in *lookupInput) complete() (types.LookupAttribute, error) {
	if in.Hours == 0 {
		in.Hours = lookupHours
	}
	if in.Limit == 0 {
		in.Limit = lookupLimit
	}
	switch {
	case in.Hours < 0 || in.Hours > lookupHoursMost:
		return types.LookupAttribute{}, badInput("look up events: hours %d: want 1 to %d", in.Hours, lookupHoursMost)
	case in.Limit < 0 || in.Limit > lookupLimitMost:
		return types.LookupAttribute{}, badInput("look up events: limit %d: want 1 to %d", in.Limit, lookupLimitMost)
	case (in.AccessKeyID == "") == (in.User == ""):
		return types.LookupAttribute{}, badInput("look up events: want access_key_id or user, exactly one")
	case in.AccessKeyID != "":
		return types.LookupAttribute{AttributeKey: types.LookupAttributeKeyAccessKeyId, AttributeValue: &in.AccessKeyID}, nil
	default:
		return types.LookupAttribute{AttributeKey: types.LookupAttributeKeyUsername, AttributeValue: &in.User}, nil
	}
}

func readEvent(e types.Event) trailEvent {
	out := trailEvent{
		EventID:     sdk.ToString(e.EventId),
		EventName:   sdk.ToString(e.EventName),
		EventSource: sdk.ToString(e.EventSource),
		Time:        sdk.ToTime(e.EventTime).UTC(),
		User:        sdk.ToString(e.Username),
		AccessKeyID: sdk.ToString(e.AccessKeyId),
		ReadOnly:    sdk.ToString(e.ReadOnly) == "true",
		Resources:   []trailResource{},
	}
	for _, r := range e.Resources {
		out.Resources = append(out.Resources, trailResource{Type: sdk.ToString(r.ResourceType), Name: sdk.ToString(r.ResourceName)})
	}
	// The rest stands only in the record itself. One that cannot be read costs these fields, not
	// the event.
	var record trailRecord
	if json.Unmarshal([]byte(sdk.ToString(e.CloudTrailEvent)), &record) == nil {
		out.Region, out.SourceIP = record.AWSRegion, record.SourceIPAddress
		out.UserAgent, out.ErrorCode = record.UserAgent, record.ErrorCode
	}
	return out
}
