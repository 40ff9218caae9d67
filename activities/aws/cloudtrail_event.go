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

func (s *service) registerTrailEvent(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.cloudtrail.get_event",
		Title: "Read what CloudTrail recorded of an event",
		Doc: "One management event of the last 90 days, by its id. CloudTrail shows an event some minutes after EventBridge has told of it, " +
			"and until then found is false: repeat until it is. An event that never shows was not CloudTrail's.",
		Effect:      activities.Read,
		Targets:     []string{"event_id"},
		Permissions: []string{"cloudtrail:LookupEvents"},
	}, s.getEvent)
}

type getEventInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits that it happened in"`
	Region  string `json:"region" jsonschema:"region that it was recorded in; us-east-1 for IAM"`
	EventID string `json:"event_id" jsonschema:"id of the event, its eventID"`
}

// getEventOutput is flat, with empty texts where the record has none, so that a playbook can
// compare them without asking for each.
type getEventOutput struct {
	Found       bool      `json:"found" jsonschema:"false if CloudTrail shows no such event, or not yet; all else is then empty"`
	EventName   string    `json:"event_name" jsonschema:"operation, as ConsoleLogin"`
	EventSource string    `json:"event_source" jsonschema:"service, as signin.amazonaws.com"`
	Time        time.Time `json:"time,omitzero" jsonschema:"when it happened; absent if not found"`
	Account     string    `json:"account" jsonschema:"account that recorded it"`
	Region      string    `json:"region" jsonschema:"region it was made to"`
	UserType    string    `json:"user_type" jsonschema:"Root, IAMUser, AssumedRole or another kind of identity"`
	User        string    `json:"user" jsonschema:"IAM user, or for AssumedRole the role; empty for Root"`
	UserARN     string    `json:"user_arn" jsonschema:"ARN of the user or session"`
	AccessKeyID string    `json:"access_key_id" jsonschema:"access key that signed it; empty if none"`
	SourceIP    string    `json:"source_ip" jsonschema:"address, or the AWS service, it came from"`
	UserAgent   string    `json:"user_agent" jsonschema:"program, as it names itself"`
	ErrorCode   string    `json:"error_code" jsonschema:"why it failed, as AccessDenied; empty if it did not"`
	Login       string    `json:"login" jsonschema:"of a ConsoleLogin: Success or Failure"`
	MFAUsed     string    `json:"mfa_used" jsonschema:"of a ConsoleLogin: Yes or No"`
}

// trailRecord is the part of a CloudTrail record that playbooks ask for.
//
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type trailRecord struct {
	AWSRegion          string `json:"awsRegion"`
	SourceIPAddress    string `json:"sourceIPAddress"`
	UserAgent          string `json:"userAgent"`
	ErrorCode          string `json:"errorCode"`
	RecipientAccountID string `json:"recipientAccountId"`
	UserIdentity       struct {
		Type           string `json:"type"`
		UserName       string `json:"userName"`
		ARN            string `json:"arn"`
		SessionContext struct {
			SessionIssuer struct {
				UserName string `json:"userName"`
			} `json:"sessionIssuer"`
		} `json:"sessionContext"`
	} `json:"userIdentity"`
	// Their form is each service's own.
	ResponseElements    json.RawMessage `json:"responseElements"`
	AdditionalEventData json.RawMessage `json:"additionalEventData"`
}

func (s *service) getEvent(ctx context.Context, in getEventInput) (getEventOutput, error) {
	what := fmt.Sprintf("look up event %s in account %s, %s", in.EventID, in.Account, in.Region)
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return getEventOutput{}, err
	}
	found, err := c.CloudTrail().LookupEvents(ctx, &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyEventId, AttributeValue: &in.EventID}},
	})
	if err != nil {
		return getEventOutput{}, failed(err, "%s", what)
	}
	if len(found.Events) == 0 {
		return getEventOutput{}, nil
	}
	e := found.Events[0]
	var record trailRecord
	if err := json.Unmarshal([]byte(sdk.ToString(e.CloudTrailEvent)), &record); err != nil {
		return getEventOutput{}, activities.Permanent("BadRecord", fmt.Errorf("%s: read the record: %w", what, err))
	}
	out := getEventOutput{
		Found:       true,
		EventName:   sdk.ToString(e.EventName),
		EventSource: sdk.ToString(e.EventSource),
		Time:        sdk.ToTime(e.EventTime).UTC(),
		Account:     record.RecipientAccountID,
		Region:      record.AWSRegion,
		UserType:    record.UserIdentity.Type,
		User:        record.UserIdentity.UserName,
		UserARN:     record.UserIdentity.ARN,
		AccessKeyID: sdk.ToString(e.AccessKeyId),
		SourceIP:    record.SourceIPAddress,
		UserAgent:   record.UserAgent,
		ErrorCode:   record.ErrorCode,
		Login:       member(record.ResponseElements, "ConsoleLogin"),
		MFAUsed:     member(record.AdditionalEventData, "MFAUsed"),
	}
	if out.UserType == "AssumedRole" {
		out.User = record.UserIdentity.SessionContext.SessionIssuer.UserName
	}
	if out.UserType == "Root" {
		out.User = "" // CloudTrail writes the account's alias there, which anyone may choose
	}
	return out, nil
}

// member is a text in an object; "" where there is none.
func member(object json.RawMessage, name string) string {
	var members map[string]any
	if json.Unmarshal(object, &members) != nil {
		return ""
	}
	text, _ := members[name].(string)
	return text
}
