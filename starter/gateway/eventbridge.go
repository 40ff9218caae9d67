package gateway

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/countersign/countersign/workflows/event"
)

const (
	guardDuty     = "aws.guardduty"
	guardDutyType = "aws.guardduty.finding"
)

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	regionID  = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
)

// fromEventBridge reads the envelope that every EventBridge event has:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
func fromEventBridge(top map[string]json.RawMessage) (event.Event, error) {
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
		return event.Event{}, err
	}

	isFinding := from.source == guardDuty && detailType == "GuardDuty Finding"
	if isFinding {
		e.Type = guardDutyType
	} else {
		e.Type = typeName(from.source, detailType)
	}
	switch {
	case e.Type == "":
		envelope.problem("source %s and detail-type %s give no type: both need a letter or digit", quote(from.source), quote(detailType))
	case isAWS(e.Type) && !isAWS(from.source), e.Type == guardDutyType && !isFinding:
		envelope.problem("source %s and detail-type %s give the type %s, which is reserved", quote(from.source), quote(detailType), e.Type)
	}
	for _, made := range []struct{ name, value string }{{"source", e.Source}, {"type", e.Type}} {
		if len(made.value) > maxAttribute {
			envelope.problem("the %s made of it is %d bytes long; at most %d are taken", made.name, len(made.value), maxAttribute)
		}
	}
	if err := envelope.err(); err != nil {
		return event.Event{}, err
	}
	if isAWS(e.Type) {
		arn, err := checkDetail(from, e.Type, e.Data)
		if err != nil {
			return event.Event{}, fmt.Errorf("EventBridge event from %s: %w", quote(from.String()), err)
		}
		if arn != "" {
			e.Subject = arn
		}
	}
	return e, nil
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

// checkDetail compares what an AWS service says about an event with where the event came from; the
// package comment has the rules and their reasons. For a GuardDuty finding it returns the ARN.
func checkDetail(from origin, eventType string, data json.RawMessage) (arn string, err error) {
	members, err := object(data)
	if err != nil {
		return "", fmt.Errorf("detail: %w", err)
	}
	detail := fields{of: "detail", members: members}
	read := detail.optionalText
	if eventType == guardDutyType {
		read = detail.text
	}
	account, region := read("accountId"), read("region")
	if region != "" && region != from.region {
		detail.problem("region is %s, and the event comes from %s", quote(region), from.region)
	}
	if eventType != guardDutyType {
		if account != "" && account != from.account {
			detail.problem("accountId is %s, and the event comes from account %s; only GuardDuty reports for other accounts", quote(account), from.account)
		}
		return "", detail.err()
	}

	// An administrator's bus carries its members' findings, so another account is not a contradiction.
	if account != "" && !accountID.MatchString(account) {
		detail.problem("accountId is %s; 12 digits are expected", quote(account))
	}
	id, kind := detail.text("id"), detail.text("type")
	arn = detail.text("arn")
	if err := detail.err(); err != nil {
		return "", err
	}
	if !strings.Contains(kind, ":") {
		detail.problem("type is %s; a finding type like \"Recon:EC2/Portscan\" is expected", quote(kind))
	}
	// arn:<partition>:guardduty:<region>:<account>:detector/<detector>/finding/<finding>
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || part[0] != "arn" || part[2] != "guardduty" ||
		!strings.HasPrefix(part[5], "detector/") || !strings.HasSuffix(part[5], "/finding/"+id) {
		detail.problem("arn is %s; the ARN of the GuardDuty finding %s is expected", quote(arn), quote(id))
	} else if part[3] != region || part[4] != account && part[4] != from.account {
		detail.problem("arn is %s; one in region %s and account %s or %s is expected", quote(arn), region, account, from.account)
	}
	return arn, detail.err()
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
