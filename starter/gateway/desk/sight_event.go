package desk

import (
	"encoding/json"
	"strings"
)

// Said is what an event says of itself, as a [Sight] has it: how bad it is, low to critical, and which AWS
// account it is about; "" is nothing. It is the sender's word, and decides nothing but whom to tell where.
func Said(data json.RawMessage) (bad, where string) { return severity(data), account(data) }

// severity is what an event says of itself, in one of four words: low, medium, high, critical; "" is
// nothing. Numbers are those of GuardDuty (to 3.9 low, to 6.9 medium, to 8.9 high, from 9.0
// critical), words those of Security Hub, GitHub and Alertmanager. It is the sender's word, and
// decides nothing but whom to tell where.
func severity(data json.RawMessage) string {
	for _, path := range [][]string{
		{"severity"}, {"Severity", "Label"}, {"labels", "severity"},
		{"alert", "security_advisory", "severity"}, {"alert", "rule", "security_severity_level"},
	} {
		switch v := within(data, path).(type) {
		case float64:
			switch {
			case v >= 9:
				return "critical"
			case v >= 7:
				return "high"
			case v >= 4:
				return "medium"
			case v > 0:
				return "low"
			}
		case string:
			switch word := strings.ToLower(v); word {
			case "low", "medium", "high", "critical":
				return word
			case "moderate":
				return "medium"
			case "informational", "info":
				return "low"
			}
		}
	}
	return ""
}

// account is the AWS account that an event or the input of a call names; "" is none.
func account(data json.RawMessage) string {
	for _, path := range [][]string{{"account"}, {"accountId"}, {"AwsAccountId"}, {"recipientAccountId"}} {
		if v, ok := within(data, path).(string); ok && len(v) == 12 && strings.Trim(v, "0123456789") == "" {
			return v
		}
	}
	return ""
}

// within is the value at a path of an object; nil is none.
func within(data json.RawMessage, path []string) any {
	for _, name := range path {
		var fields map[string]json.RawMessage
		if json.Unmarshal(data, &fields) != nil {
			return nil
		}
		data = fields[name]
	}
	var v any
	if json.Unmarshal(data, &v) != nil {
		return nil
	}
	return v
}
