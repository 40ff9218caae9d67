package control

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// oneOrMore is a text or a list of texts, which policies may write either way.
type oneOrMore []string

// UnmarshalJSON reads both.
func (l *oneOrMore) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*l = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(l))
}

type statement struct {
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       oneOrMore
	NotAction    oneOrMore
	Resource     oneOrMore
	NotResource  oneOrMore
	Condition    map[string]map[string]condition
}

// condition is the values of a condition, which may be texts, booleans or numbers.
type condition []string

// UnmarshalJSON reads one value or a list of them.
func (c *condition) UnmarshalJSON(raw []byte) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, value := range list {
		text, ok := value.(string)
		if !ok {
			plain, err := json.Marshal(value)
			if err != nil {
				return err
			}
			text = string(plain)
		}
		*c = append(*c, text)
	}
	return nil
}

// statements reads a policy document, as it is or percent-encoded as IAM answers it. The statement may
// stand alone or in a list.
func statements(document string) ([]statement, error) {
	if strings.HasPrefix(document, "%") {
		plain, err := url.PathUnescape(document)
		if err != nil {
			return nil, err
		}
		document = plain
	}
	var p struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return nil, err
	}
	var list []statement
	if strings.HasPrefix(strings.TrimSpace(string(p.Statement)), "{") {
		list = make([]statement, 1)
		return list, json.Unmarshal(p.Statement, &list[0])
	}
	return list, json.Unmarshal(p.Statement, &list)
}

// admin reports whether a statement allows everything on everything.
func (s statement) admin() bool {
	return s.Effect == "Allow" && slices.ContainsFunc(s.Action, anything) && slices.ContainsFunc(s.Resource, anything)
}

// anything reports a pattern that says no more than *, however it is written: **, *:*, ?*.
func anything(pattern string) bool {
	return strings.Contains(pattern, "*") && strings.Trim(pattern, "*?:") == ""
}

// everybody reports whether a statement is about whoever calls.
func (s statement) everybody() bool {
	var text string
	if json.Unmarshal(s.Principal, &text) == nil {
		return text == "*"
	}
	var by map[string]oneOrMore
	return json.Unmarshal(s.Principal, &by) == nil && slices.Contains(by["AWS"], "*")
}

// onlyTLS reports whether a statement denies everybody everything in a bucket without TLS.
func (s statement) onlyTLS(bucket string) bool {
	if s.Effect != "Deny" || !s.everybody() || !(slices.Contains(s.Action, "s3:*") || slices.Contains(s.Action, "*")) {
		return false
	}
	if len(s.Condition) != 1 || len(s.Condition["Bool"]) != 1 {
		return false
	}
	for key, values := range s.Condition["Bool"] {
		if !strings.EqualFold(key, "aws:SecureTransport") || len(values) != 1 || !strings.EqualFold(values[0], "false") {
			return false
		}
	}
	arn := "arn:aws:s3:::" + bucket
	covers := func(resource string) bool {
		return slices.ContainsFunc(s.Resource, func(r string) bool { return r == "*" || r == "arn:aws:s3:::*" || r == arn+"*" || r == resource })
	}
	return covers(arn+"/*") && covers(arn)
}
