package standin

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

var cloudtrailOperations = map[string]operation{
	"LookupEvents":      {run: lookupEvents},
	"DescribeTrails":    {run: describeTrails},
	"GetTrail":          {run: getTrail},
	"GetTrailStatus":    {run: getTrailStatus},
	"GetEventSelectors": {run: getEventSelectors},
	"StartLogging":      {run: logTrail(true), effect: changes},
	"StopLogging":       {run: logTrail(false), effect: changes},
}

// attributes are what LookupEvents can search by.
var attributes = map[string]func(Event) []string{
	"EventId":     func(e Event) []string { return []string{e.ID} },
	"EventName":   func(e Event) []string { return []string{e.Name} },
	"EventSource": func(e Event) []string { return []string{e.Source} },
	"ReadOnly":    func(e Event) []string { return []string{strconv.FormatBool(e.ReadOnly)} },
	"Username":    func(e Event) []string { return []string{e.Username} },
	"AccessKeyId": func(e Event) []string { return []string{e.AccessKeyID} },
	"ResourceName": func(e Event) (out []string) {
		for _, r := range e.Resources {
			out = append(out, r.Name)
		}
		return out
	},
	"ResourceType": func(e Event) (out []string) {
		for _, r := range e.Resources {
			out = append(out, r.Type)
		}
		return out
	},
}

// lookupEvents answers the newest event first. Unlike the real service it knows of a change at once,
// and forgets nothing after 90 days.
func lookupEvents(c *call) (any, error) {
	in := struct {
		StartTime, EndTime *float64 // seconds since 1970
		MaxResults         *int
		NextToken          string
		LookupAttributes   []struct{ AttributeKey, AttributeValue string }
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	if in.StartTime != nil && in.EndTime != nil && *in.StartTime > *in.EndTime {
		return nil, bad("InvalidTimeRangeException", "The start time must not be after the end time")
	}
	size := 50
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > 50 {
			return nil, bad("InvalidMaxResultsException", "A max results value of %d is invalid. Specify max results between 1 and 50.", size)
		}
	}
	if len(in.LookupAttributes) > 1 {
		return nil, bad("InvalidLookupAttributesException", "You can only specify one lookup attribute")
	}
	events := map[string]Event{}
	for _, e := range slices.Concat(c.here().Events, c.ownEvents()) {
		if in.StartTime != nil && seconds(e.Time) < *in.StartTime || in.EndTime != nil && seconds(e.Time) > *in.EndTime {
			continue
		}
		events[e.ID] = e
	}
	for _, by := range in.LookupAttributes {
		of, ok := attributes[by.AttributeKey]
		if !ok || by.AttributeValue == "" {
			return nil, bad("InvalidLookupAttributesException", "The lookup attribute %q with value %q is not valid", by.AttributeKey, by.AttributeValue)
		}
		for id, e := range events {
			if !slices.Contains(of(e), by.AttributeValue) {
				delete(events, id)
			}
		}
	}
	ids := sorted(events)
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(seconds(events[b].Time), seconds(events[a].Time)) })
	ids, next, ok := page(ids, in.NextToken, size)
	if !ok {
		return nil, bad("InvalidNextTokenException", "The token is invalid")
	}
	list := []any{}
	for _, id := range ids {
		list = append(list, c.eventAnswer(events[id]))
	}
	out := map[string]any{"Events": list}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (c *call) eventAnswer(e Event) map[string]any {
	resources := []any{}
	for _, r := range e.Resources {
		resources = append(resources, map[string]string{"ResourceType": r.Type, "ResourceName": r.Name})
	}
	document := e.Document
	if len(document) == 0 {
		document = c.record(e, nil)
	}
	out := map[string]any{
		"EventId": e.ID, "EventName": e.Name, "EventSource": e.Source, "EventTime": seconds(e.Time),
		"ReadOnly": strconv.FormatBool(e.ReadOnly), "Resources": resources, "CloudTrailEvent": string(document),
	}
	for name, value := range map[string]string{"Username": e.Username, "AccessKeyId": e.AccessKeyID} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// record is the full record of an event in the form of CloudTrail's files.
func (c *call) record(e Event, parameters map[string]any) json.RawMessage {
	raw, err := json.Marshal(map[string]any{
		"eventVersion": "1.11", "eventID": e.ID, "eventName": e.Name, "eventSource": e.Source, "eventType": "AwsApiCall",
		"eventTime": iamTime(e.Time), "eventCategory": "Management", "managementEvent": true, "readOnly": e.ReadOnly,
		"awsRegion": c.region, "recipientAccountId": c.caller.Account, "requestParameters": parameters, "responseElements": nil,
		"userIdentity": map[string]any{"accountId": c.caller.Account, "accessKeyId": e.AccessKeyID, "userName": e.Username},
	})
	if err != nil {
		return json.RawMessage("{}") // plain values always marshal
	}
	return raw
}

// ownEvents are the mutations in the caller's account and region as events. What IAM does is told
// in us-east-1, wherever it was called from.
func (c *call) ownEvents() []Event {
	var out []Event
	for _, m := range c.log {
		where := m.Region
		if m.Service == "iam" || m.Service == "sts" {
			where = "us-east-1"
		}
		if m.Account != c.caller.Account || where != c.region {
			continue
		}
		e := Event{
			ID: m.RequestID, Time: m.Time, Name: cmp.Or(eventNames[m.Action], m.Action), Source: m.Service + ".amazonaws.com", AccessKeyID: m.AccessKeyID,
			Username: m.Caller[strings.LastIndexByte(m.Caller, '/')+1:], Resources: resources(m.Parameters),
		}
		e.Document = c.record(e, m.Parameters)
		out = append(out, e)
	}
	return out
}

// eventNames are the actions that CloudTrail calls by another name.
var eventNames = map[string]string{
	"PutPublicAccessBlock": "PutBucketPublicAccessBlock", "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
}

var resourceTypes = map[string]string{
	"UserName": "AWS::IAM::User", "RoleName": "AWS::IAM::Role", "AccessKeyId": "AWS::IAM::AccessKey", "PolicyArn": "AWS::IAM::Policy",
	"InstanceId": "AWS::EC2::Instance", "NetworkInterfaceId": "AWS::EC2::NetworkInterface", "GroupId": "AWS::EC2::SecurityGroup",
	"SecurityGroupId": "AWS::EC2::SecurityGroup", "SnapshotId": "AWS::EC2::Snapshot", "VpcId": "AWS::EC2::VPC", "Bucket": "AWS::S3::Bucket",
}

// resources finds what the parameters of a call name, wherever in them.
func resources(v map[string]any) []EventResource {
	var out []EventResource
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range sorted(v) {
				walk(key, v[key])
			}
		case []any:
			for _, member := range v {
				walk(name, member)
			}
		case string:
			if kind := resourceTypes[name]; kind != "" {
				out = append(out, EventResource{Type: kind, Name: v})
			}
		}
	}
	walk("", v)
	return out
}
