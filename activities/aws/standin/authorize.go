package standin

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// need is one permission that a call must have: the action as IAM names it, on one resource.
type need struct {
	action   string
	resource string
	keys     map[string][]string // what conditions can ask beside what is known of every call
}

// needs says what a call of an operation needs, by service and action. One that is not here needs the
// permission of its own name, on "*": that is what a policy must then say, and one that names a resource
// allows nothing. Whoever adds an operation that can be limited to a resource adds a line.
//
// A function returns one need for each permission and each resource: all of them must be allowed. It may
// look into c.params, c.body, c.path and the state; what the request names but is not there is named
// all the same, as AWS asks the policies first.
var needs = map[string]map[string]func(*call) []need{
	"iam":            iamNeeds,
	"ec2":            ec2Needs,
	"s3":             s3Needs,
	"s3control":      s3controlNeeds,
	"guardduty":      guarddutyNeeds,
	"securityhub":    {"BatchImportFindings": onOwnProduct},
	"cloudtrail":     cloudtrailNeeds,
	"secretsmanager": secretsNeeds,
}

// on is the need of the operation's own permission on some resources.
func (c *call) on(resources ...string) []need {
	return c.asks(c.service+":"+c.action, resources...)
}

// asks is the need of a permission on some resources; without any, on "*".
func (c *call) asks(action string, resources ...string) []need {
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var out []need
	for _, resource := range slices.Compact(slices.Sorted(slices.Values(resources))) {
		out = append(out, need{action: action, resource: resource})
	}
	return out
}

// arn names something of the caller's account in the region of the call.
func (c *call) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + c.region + ":" + c.caller.Account + ":" + rest
}

// authorize refuses a call that the caller's policies do not allow. A listed caller without a policy and
// the users of the accounts may do everything.
func (c *call) authorize() *failure {
	if c.action == "GetCallerIdentity" || c.action == "AssumeRole" { // one needs nothing, the other asks by itself
		return nil
	}
	find := needs[c.service][c.action]
	if find == nil {
		find = func(c *call) []need { return c.on() }
	}
	if c.session == nil && c.caller.Policy == "" {
		return nil
	}
	for _, n := range find(c) {
		n.keys = c.keys(n.keys)
		if refused := c.permitted(n); refused != nil {
			return refused
		}
	}
	return nil
}

// permitted asks the caller's own policies, and those of its session, which must both allow.
func (c *call) permitted(n need) *failure {
	own, cut, limited := c.policies()
	if !limited {
		return nil
	}
	for i, documents := range [][]string{own, cut} {
		if i == 1 && len(documents) == 0 {
			continue
		}
		says := silent
		for _, document := range documents {
			p, err := parsePolicy(document)
			if err != nil {
				return shared(c.service, internal, "%v", err)
			}
			one, err := p.decide(question{action: n.action, resource: n.resource, keys: n.keys})
			if err != nil {
				return shared(c.service, internal, "policy of %s: %v", c.caller.ARN, err)
			}
			says = max(says, one)
		}
		if says != allowed {
			return c.deny(n.action, n.resource)
		}
	}
	return nil
}

// policies are the documents of who calls and those of the session; limited is false for who may do all.
// Of the policies that AWS manages the stand-in has no text: they allow nothing and deny nothing.
func (c *call) policies() (own, cut []string, limited bool) {
	if c.session == nil {
		return []string{c.caller.Policy}, nil, c.caller.Policy != ""
	}
	if c.session.policy != "" {
		cut = []string{c.session.policy}
	}
	role := c.account().IAM.Roles[c.session.role]
	if role == nil {
		return nil, cut, true // it is gone, and its sessions can do nothing any more
	}
	own = slices.Collect(maps.Values(role.Inline))
	for name, managed := range c.account().IAM.Managed {
		if slices.Contains(role.Attached, managed.arn(c.caller.Account, name)) {
			own = append(own, managed.Document)
		}
	}
	return own, cut, true
}

// keys adds what is known of every call to what conditions can ask.
func (c *call) keys(more map[string][]string) map[string][]string {
	out := map[string][]string{
		"aws:PrincipalAccount": {c.caller.Account}, "aws:PrincipalArn": {c.principal()},
		"aws:RequestedRegion": {c.region}, "aws:CurrentTime": {iamTime(c.now)},
	}
	if o := c.state.Organization; o.has(c.caller.Account) {
		out["aws:PrincipalOrgID"] = []string{o.ID}
	}
	if s := c.session; s != nil {
		out["aws:TokenIssueTime"] = []string{iamTime(s.began)}
		if s.source != "" {
			out["aws:SourceIdentity"] = []string{s.source}
		}
		for key, value := range s.tags {
			out["aws:PrincipalTag/"+key] = []string{value}
		}
	}
	maps.Copy(out, more)
	return out
}

// principal is the caller as policies name it: the role, not its session.
func (c *call) principal() string {
	if c.session != nil {
		return c.session.arn
	}
	return c.caller.ARN
}

// principals are all names by which a trust policy can mean the caller.
func (c *call) principals() []string {
	return []string{c.principal(), c.caller.ARN, c.caller.Account, "arn:aws:iam::" + c.caller.Account + ":root"}
}

// deny is the service's answer to a caller who may not.
func (c *call) deny(action, resource string) *failure {
	f := shared(c.service, denied, "User: %s is not authorized to perform: %s on resource: %s", c.caller.ARN, action, resource)
	if c.service == "ec2" {
		f = fail(http.StatusForbidden, f.code, "You are not authorized to perform this operation. %s", f.message)
	}
	f.message = strings.TrimSuffix(f.message, " on resource: *")
	return f
}
