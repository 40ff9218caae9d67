package gateway

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/countersign/countersign/workflows/event"
)

// The types of events that do not follow from their names alone.
const (
	guardDutyType   = "aws.guardduty.finding"
	securityHubType = "aws.securityhub.finding"
	cloudTrailType  = "aws.cloudtrail.event"
)

// named are the detail-types that have one. CloudTrail's records come from the service that was
// called, and are all the same in form: who did what, from where.
var named = []struct{ source, detailType, eventType string }{
	{"aws.guardduty", "GuardDuty Finding", guardDutyType},
	{"aws.securityhub", "Security Hub Findings - Imported", securityHubType},
	{"aws.signin", "AWS Console Sign In via CloudTrail", cloudTrailType},
	{"", "AWS API Call via CloudTrail", cloudTrailType},
	{"", "AWS Service Event via CloudTrail", cloudTrailType},
	{"", "AWS Console Action via CloudTrail", cloudTrailType},
}

// typeOf gives an event its type, and reports whether it is one of those that only the events that
// they are named for may have.
func typeOf(source, detailType string) (eventType string, own bool) {
	for _, n := range named {
		if n.detailType == detailType && (n.source == source || n.source == "" && isAWS(source)) {
			return n.eventType, true
		}
	}
	eventType = typeName(source, detailType)
	return eventType, isAWS(source) && !isNamed(eventType)
}

func isNamed(eventType string) bool {
	return eventType == guardDutyType || eventType == securityHubType || eventType == cloudTrailType
}

// mayBe reports whether a service may send events of a type.
func mayBe(source, eventType string) bool {
	if !isNamed(eventType) {
		return strings.HasPrefix(eventType, typePrefix(source)+".")
	}
	for _, n := range named {
		if n.eventType == eventType && (n.source == source || n.source == "") {
			return true
		}
	}
	return false
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	regionID  = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
)

// fromEventBridge reads the envelope that every EventBridge event has:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
func fromEventBridge(_ json.RawMessage, top map[string]json.RawMessage) ([]event.Event, error) {
	envelope := fields{of: "EventBridge event", members: top}
	if version := envelope.text("version"); version != "" && version != "0" {
		envelope.problem("version is %s; \"0\" is expected", quote(version))
	}
	from := origin{
		source:  envelope.text("source"),
		account: envelope.text("account"),
		region:  envelope.text("region"),
	}
	envelope.problems = append(envelope.problems, from.problems()...)
	detailType := envelope.text("detail-type")
	e := event.Event{
		ID:      envelope.text("id"),
		Source:  from.String(),
		Subject: onlyResource(top["resources"]),
		Time:    envelope.time("time", ""),
		Data:    top["detail"],
	}
	if !envelope.has("detail") {
		envelope.problem("detail is missing")
	} else if kind := kindOf(e.Data); kind != "an object" {
		envelope.problem("detail is %s; an object is expected", kind)
	}
	if err := envelope.err(); err != nil {
		return nil, err
	}

	var own bool
	e.Type, own = typeOf(from.source, detailType)
	switch {
	case e.Type == "":
		envelope.problem("source %s and detail-type %s give no type: both need a letter or digit", quote(from.source), quote(detailType))
	case isAWS(e.Type) && !own:
		envelope.problem("source %s and detail-type %s give the type %s, which is reserved", quote(from.source), quote(detailType), e.Type)
	}
	for _, made := range []struct{ name, value string }{{"source", e.Source}, {"type", e.Type}} {
		if len(made.value) > maxAttribute {
			envelope.problem("the %s made of it is %d bytes long; at most %d are taken", made.name, len(made.value), maxAttribute)
		}
	}
	if err := envelope.err(); err != nil {
		return nil, err
	}
	events := []event.Event{e}
	if e.Type == securityHubType {
		var err error
		if events, err = findings(e); err != nil {
			return nil, fmt.Errorf("EventBridge event from %s: %w", quote(from.String()), err)
		}
	}
	for i := range events {
		if !isAWS(e.Type) {
			break
		}
		subject, err := checkDetail(from, e.Type, events[i].Data)
		if err != nil {
			return nil, fmt.Errorf("EventBridge event from %s: %w", quote(from.String()), err)
		}
		if subject != "" {
			events[i].Subject = subject
		}
	}
	return events, nil
}

// isAWS reports what only AWS services may call themselves: EventBridge refuses sources like that
// from everyone else.
func isAWS(name string) bool { return strings.HasPrefix(name, "aws.") }

// origin is who put an event on a bus, and where, as EventBridge itself has it.
type origin struct{ source, account, region string }

func (o origin) String() string { return o.source + "/" + o.account + "/" + o.region }

func (o origin) problems() []string {
	var problems []string
	if o.account != "" && !accountID.MatchString(o.account) {
		problems = append(problems, fmt.Sprintf("account is %s; 12 digits are expected", quote(o.account)))
	}
	if o.region != "" && !regionID.MatchString(o.region) {
		problems = append(problems, fmt.Sprintf("region is %s; one like \"us-east-1\" is expected", quote(o.region)))
	}
	return problems
}

// onlyResource returns the one resource that an event is about. An unreadable list is no reason to
// turn an alert away: the subject is a convenience, and what matters is in the detail.
func onlyResource(raw json.RawMessage) string {
	var resources []string
	if json.Unmarshal(raw, &resources) != nil || len(resources) != 1 || unusable(resources[0]) != "" {
		return ""
	}
	return resources[0]
}

// typeName makes an event type of a source and a detail-type, or "" if one has nothing to name it by.
func typeName(source, detailType string) string {
	prefix, name := typePrefix(source), word(detailType)
	if prefix == "" || name == "" {
		return ""
	}
	return prefix + "." + name
}

func typePrefix(source string) string {
	var segments []string
	for segment := range strings.SplitSeq(source, ".") {
		if w := word(segment); w != "" {
			segments = append(segments, w)
		}
	}
	return strings.Join(segments, ".")
}

// word makes lower-case letters, digits and single underscores of s.
func word(s string) string {
	parts := strings.FieldsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	return strings.ToLower(strings.Join(parts, "_"))
}
