package gateway

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign/countersign/workflows/event"
)

// checkDetail compares what an AWS service says about an event with where the event came from; the
// package comment has the rules and their reasons. It returns what the event is about, if that is
// more than the envelope says.
func checkDetail(from origin, eventType string, data json.RawMessage) (subject string, err error) {
	members, err := object(data)
	if err != nil {
		return "", fmt.Errorf("detail: %w", err)
	}
	detail := &fields{of: "detail", members: members}
	switch eventType {
	case guardDutyType:
		subject = checkGuardDuty(from, detail)
	case securityHubType:
		subject = checkSecurityHub(detail)
	case cloudTrailType:
		detail.same("awsRegion", detail.text("awsRegion"), from.region)
		detail.same("recipientAccountId", detail.optionalText("recipientAccountId"), from.account)
		detail.text("eventSource")
		detail.text("eventName")
		detail.text("eventID")
	default:
		detail.same("region", detail.optionalText("region"), from.region)
		if account := detail.optionalText("accountId"); account != "" && account != from.account {
			detail.problem("accountId is %s, and the event comes from account %s; only GuardDuty and Security Hub report for other accounts", quote(account), from.account)
		}
	}
	return subject, detail.err()
}

// same notes where a service contradicts the envelope.
func (f *fields) same(name, said, is string) {
	if said != "" && said != is {
		f.problem("%s is %s, and the event comes from %s", name, quote(said), is)
	}
}

// checkGuardDuty returns the finding's ARN. An administrator's bus carries its members' findings, so
// another account is no contradiction.
func checkGuardDuty(from origin, detail *fields) (arn string) {
	account, region := detail.text("accountId"), detail.text("region")
	detail.same("region", region, from.region)
	if account != "" && !accountID.MatchString(account) {
		detail.problem("accountId is %s; 12 digits are expected", quote(account))
	}
	id, kind := detail.text("id"), detail.text("type")
	arn = detail.text("arn")
	if len(detail.problems) > 0 {
		return ""
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
	return arn
}

// checkSecurityHub returns the finding's id. An administrator's bus carries findings of its members,
// and that of an aggregation region those of other regions, so neither is compared.
func checkSecurityHub(detail *fields) (id string) {
	id = detail.text("Id")
	if account := detail.text("AwsAccountId"); account != "" && !accountID.MatchString(account) {
		detail.problem("AwsAccountId is %s; 12 digits are expected", quote(account))
	}
	if product := detail.text("ProductArn"); product != "" && !strings.HasPrefix(product, "arn:") {
		detail.problem("ProductArn is %s; an ARN is expected", quote(product))
	}
	return id
}

// findings makes an event of each finding in the detail of a Security Hub event. AWS sends one at a
// time; if it ever sends more, each has an id of its own.
func findings(e event.Event) ([]event.Event, error) {
	items, err := list(e.Data, "findings")
	if err != nil {
		return nil, fmt.Errorf("detail: %w", err)
	}
	events := make([]event.Event, len(items))
	for i, item := range items {
		events[i] = e
		events[i].Data = item
		if len(items) > 1 {
			events[i].ID = e.ID + "/" + strconv.Itoa(i+1)
		}
		if why := unusable(events[i].ID); why != "" {
			return nil, fmt.Errorf("the id made of it %s", why)
		}
	}
	return events, nil
}

// list returns the items of a member that must be a list with something in it.
func list(raw json.RawMessage, name string) ([]json.RawMessage, error) {
	members, err := object(raw)
	if err != nil {
		return nil, err
	}
	var items []json.RawMessage
	switch value, ok := members[name]; {
	case !ok:
		return nil, fmt.Errorf("%s is missing", name)
	case json.Unmarshal(value, &items) != nil || items == nil:
		return nil, fmt.Errorf("%s is %s; an array is expected", name, kindOf(value))
	case len(items) == 0:
		return nil, fmt.Errorf("%s is empty", name)
	}
	return items, nil
}
