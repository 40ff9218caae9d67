package aws

import (
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerTrail(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:        "aws.cloudtrail.get_trail_status",
		Title:       "Find whether a CloudTrail trail is logging",
		Doc:         "A trail that logs but cannot deliver, because its bucket is gone or refuses it, is as blind: see delivery_error.",
		Effect:      activities.Read,
		Targets:     []string{"trail"},
		Permissions: []string{"cloudtrail:GetTrail", "cloudtrail:GetTrailStatus"},
		Scopes:      scopes(theTrail, "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus"),
	}, s.getTrailStatus)
	activities.Register(r, activities.Spec{
		Name:        "aws.cloudtrail.start_logging",
		Title:       "Start logging to a CloudTrail trail again",
		Doc:         "What happened while it was off is not delivered afterwards, but stays in the event history for 90 days: aws.cloudtrail.lookup_events.",
		Effect:      activities.Change,
		Undo:        "aws.cloudtrail.stop_logging",
		Targets:     []string{"trail"},
		Permissions: []string{"cloudtrail:GetTrailStatus", "cloudtrail:StartLogging"},
		Scopes:      scopes(theTrail, "cloudtrail:GetTrailStatus", "cloudtrail:StartLogging"),
		Timeout:     trailTimeout,
	}, s.startLogging)
	activities.Register(r, activities.Spec{
		Name:        "aws.cloudtrail.stop_logging",
		Title:       "Stop a CloudTrail trail that was started again",
		Doc:         "Only to take back aws.cloudtrail.start_logging: a trail that call had found logging is left alone.",
		Effect:      activities.Change,
		Undo:        "aws.cloudtrail.start_logging",
		Targets:     []string{"trail"},
		Permissions: []string{"cloudtrail:GetTrailStatus", "cloudtrail:StopLogging"},
		Scopes:      scopes(theTrail, "cloudtrail:GetTrailStatus", "cloudtrail:StopLogging"),
		Timeout:     trailTimeout,
	}, s.stopLogging)
}

// trailTimeout leaves room to read back.
const trailTimeout = iamTimeout

type trailInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits that the trail is in"`
	Region  string `json:"region" jsonschema:"home region of the trail"`
	Trail   string `json:"trail" jsonschema:"name of the trail, or its ARN"`
}

func (in trailInput) String() string {
	return fmt.Sprintf("trail %s in account %s, %s", in.Trail, in.Account, in.Region)
}

type trailStatusOutput struct {
	ARN           string    `json:"arn" jsonschema:"ARN of the trail"`
	Logging       bool      `json:"logging" jsonschema:"true if it is logging"`
	Started       time.Time `json:"started,omitzero" jsonschema:"when it was last started; absent if never"`
	Stopped       time.Time `json:"stopped,omitzero" jsonschema:"when it was last stopped; absent if never"`
	Delivered     time.Time `json:"delivered,omitzero" jsonschema:"when it last wrote to its bucket; absent if never"`
	DeliveryError string    `json:"delivery_error" jsonschema:"why it could not write to its bucket the last time, as NoSuchBucket; empty if it could"`
	Bucket        string    `json:"bucket" jsonschema:"bucket it writes to"`
	HomeRegion    string    `json:"home_region" jsonschema:"region it can be started and stopped in"`
	MultiRegion   bool      `json:"multi_region" jsonschema:"true if it records every region"`
	Organization  bool      `json:"organization" jsonschema:"true if it records every account of the organization"`
	Validated     bool      `json:"validated" jsonschema:"true if digests are written, by which a changed log shows"`
}

func (s *service) getTrailStatus(ctx context.Context, in trailInput) (trailStatusOutput, error) {
	what := "look at " + in.String()
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return trailStatusOutput{}, err
	}
	found, err := c.CloudTrail().GetTrail(ctx, &cloudtrail.GetTrailInput{Name: &in.Trail})
	if err != nil {
		return trailStatusOutput{}, failed(err, "%s", what)
	}
	status, err := c.CloudTrail().GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &in.Trail})
	if err != nil {
		return trailStatusOutput{}, failed(err, "%s: read its status", what)
	}
	out := trailStatusOutput{
		Logging:       sdk.ToBool(status.IsLogging),
		Started:       sdk.ToTime(status.StartLoggingTime).UTC(),
		Stopped:       sdk.ToTime(status.StopLoggingTime).UTC(),
		Delivered:     sdk.ToTime(status.LatestDeliveryTime).UTC(),
		DeliveryError: sdk.ToString(status.LatestDeliveryError),
	}
	if trail := found.Trail; trail != nil {
		out.ARN, out.Bucket, out.HomeRegion = sdk.ToString(trail.TrailARN), sdk.ToString(trail.S3BucketName), sdk.ToString(trail.HomeRegion)
		out.MultiRegion, out.Organization = sdk.ToBool(trail.IsMultiRegionTrail), sdk.ToBool(trail.IsOrganizationTrail)
		out.Validated = sdk.ToBool(trail.LogFileValidationEnabled)
	}
	return out, nil
}

type startLoggingInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits that the trail is in"`
	Region     string `json:"region" jsonschema:"home region of the trail"`
	Trail      string `json:"trail" jsonschema:"name of the trail, or its ARN"`
	WasLogging *bool  `json:"was_logging,omitempty" jsonschema:"set when undoing a stop: false if it had found the trail stopped, and then it stays so"`
}

type stopLoggingInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits that the trail is in"`
	Region     string `json:"region" jsonschema:"home region of the trail"`
	Trail      string `json:"trail" jsonschema:"name of the trail, or its ARN"`
	WasLogging bool   `json:"was_logging" jsonschema:"what the start to undo had found: true if the trail was logging, and then it stays so"`
}

// trailSwitch is one of the two calls: that a trail is logging, or that it is not.
type trailSwitch struct {
	trailInput
	want  bool
	leave bool // the call to undo changed nothing, so neither does this one
}

func (in startLoggingInput) call() trailSwitch {
	trail := trailInput{Account: in.Account, Region: in.Region, Trail: in.Trail}
	return trailSwitch{trailInput: trail, want: true, leave: in.WasLogging != nil && !*in.WasLogging}
}

func (in stopLoggingInput) call() trailSwitch {
	return trailSwitch{trailInput: trailInput{Account: in.Account, Region: in.Region, Trail: in.Trail}, leave: in.WasLogging}
}

type loggingOutput struct {
	WasLogging bool `json:"was_logging" jsonschema:"true if the trail was logging before"`
	Changed    bool `json:"changed" jsonschema:"false if the trail already was so, or had to stay"`
	Verified   bool `json:"verified" jsonschema:"true if the trail was read back as it should be"`
}

func (s *service) startLogging(ctx context.Context, in startLoggingInput) (loggingOutput, error) {
	return s.setLogging(ctx, in.call())
}

func (s *service) stopLogging(ctx context.Context, in stopLoggingInput) (loggingOutput, error) {
	return s.setLogging(ctx, in.call())
}

func (s *service) setLogging(ctx context.Context, t trailSwitch) (loggingOutput, error) {
	in, want := t.trailInput, t.want
	what := "stop " + in.String()
	if want {
		what = "start " + in.String()
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return loggingOutput{}, err
	}
	ctx, now, err := s.findLogging(ctx, c, t, what)
	if err != nil {
		return loggingOutput{}, err
	}
	if t.leave {
		return loggingOutput{WasLogging: now, Verified: now != want}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return loggingOutput{}, err
	}
	if now != want {
		if want {
			_, err = c.CloudTrail().StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: &in.Trail})
		} else {
			_, err = c.CloudTrail().StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: &in.Trail})
		}
		if err != nil {
			return loggingOutput{}, failed(err, "%s", what)
		}
		if err := s.settle(ctx, what, func(ctx context.Context) (bool, error) {
			now, err := isLogging(ctx, c, in, what)
			return now == want, err
		}); err != nil {
			return loggingOutput{}, err
		}
	}
	return loggingOutput{WasLogging: first, Changed: first != want, Verified: true}, nil
}

// findLogging is what both the change and its preview look at first.
func (s *service) findLogging(ctx context.Context, c *clients, t trailSwitch, what string) (context.Context, bool, error) {
	now, err := isLogging(ctx, c, t.trailInput, what)
	if err != nil {
		return nil, false, err
	}
	if !t.want {
		return released(ctx), now, nil
	}
	arn := t.Trail
	if !strings.HasPrefix(arn, "arn:") {
		arn = c.ARNOf("cloudtrail", "trail/"+t.Trail)
	}
	ctx, err = s.clear(ctx, c, what, thing{arn: arn})
	return ctx, now, err
}

func isLogging(ctx context.Context, c *clients, in trailInput, what string) (bool, error) {
	status, err := c.CloudTrail().GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &in.Trail})
	if err != nil {
		return false, failed(err, "%s: read its status", what)
	}
	return sdk.ToBool(status.IsLogging), nil
}
