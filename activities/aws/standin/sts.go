package standin

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var stsOperations = map[string]operation{
	"GetCallerIdentity": {run: getCallerIdentity},
	"AssumeRole":        {run: assumeRole},
}

func getCallerIdentity(c *call) (any, error) {
	return elements{{"Arn", c.caller.ARN}, {"UserId", c.caller.UserID}, {"Account", c.caller.Account}}, nil
}

// The forms of what AssumeRole takes, from the "Pattern" lines of the API reference.
var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]{2,1000}$`) // 1224 in truth, more than RE2 counts
	tagKey      = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$`)
	tagValue    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)
	roleARN     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role(/(?:[!-~]+/)?)([\w+=,.@-]{1,64})$`)
)

const (
	shortestSession = 900
	// longestChained is how long a session may last that another session asked for.
	longestChained = 3600
	maxSessionTags = 50
	// maxSessionPolicy bounds the text of a session policy, in characters.
	maxSessionPolicy = 2048
)

// assumeRole gives a session of a role to a caller whom the role trusts and who may ask.
func assumeRole(c *call) (any, error) {
	s, err := c.asked()
	if err != nil {
		return nil, err
	}
	keys := s.conditions(c)
	for _, action := range s.actions(c) {
		if refused := c.mayAssume(s, action, keys); refused != nil {
			return nil, refused
		}
	}
	c.sessions.add(s, c.now)
	out := elements{
		{"Credentials", elements{
			{"AccessKeyId", s.key}, {"SecretAccessKey", SampleSecretKey}, {"SessionToken", s.token}, {"Expiration", iamTime(s.ends)},
		}},
		{"AssumedRoleUser", elements{{"AssumedRoleId", s.caller.UserID}, {"Arn", s.caller.ARN}}},
	}
	if s.policy != "" {
		out = append(out, element{"PackedPolicySize", 1 + 99*len(s.policy)/maxSessionPolicy})
	}
	if s.source != "" {
		out = append(out, element{"SourceIdentity", s.source})
	}
	return out, nil
}

// asked reads what a request for a session says, and refuses what STS refuses at a glance.
func (c *call) asked() (*session, error) {
	arn, err := c.required("RoleArn", roleARN)
	if err != nil {
		return nil, err
	}
	name, err := c.required("RoleSessionName", sessionName)
	if err != nil {
		return nil, err
	}
	s := &session{name: name, tags: map[string]string{}, external: c.params.str("ExternalId"), source: c.params.str("SourceIdentity"), policy: c.params.str("Policy")}
	if c.params.has("ExternalId") && !externalID.MatchString(s.external) {
		return nil, constraint("ExternalId", s.external, "Member must satisfy regular expression pattern: "+externalID.String())
	}
	if c.params.has("SourceIdentity") && !sessionName.MatchString(s.source) {
		return nil, constraint("SourceIdentity", s.source, "Member must satisfy regular expression pattern: "+sessionName.String())
	}
	if c.session.sourceIdentity() != "" { // it stays with whoever goes from role to role
		if s.source != "" && s.source != c.session.source {
			return nil, c.deny("sts:SetSourceIdentity", arn)
		}
		s.source = c.session.source
	}
	if err := s.tag(c.params.list("Tags")); err != nil {
		return nil, err
	}
	if len([]rune(s.policy)) > maxSessionPolicy {
		return nil, constraint("Policy", s.policy, "Member must have length less than or equal to 2048")
	}
	if s.policy != "" {
		if refused := checkPolicy(s.policy); refused != nil {
			return nil, refused
		}
	}
	part := roleARN.FindStringSubmatch(arn)
	s.caller.Account, s.role = part[1], part[3]
	if account := c.state.Accounts[s.caller.Account]; account != nil {
		s.of = account.IAM.Roles[s.role]
	}
	if s.of == nil || s.of.arn(s.caller.Account, s.role) != arn {
		return nil, c.deny("sts:AssumeRole", arn) // AWS does not tell who is there
	}
	s.arn = arn
	s.caller.ARN = "arn:aws:sts::" + s.caller.Account + ":assumed-role/" + s.role + "/" + name
	s.caller.UserID = s.of.ID + ":" + name
	return s, c.lasting(s)
}

// tag reads the tags of a session.
func (s *session) tag(params []*param) error {
	if len(params) > maxSessionTags {
		return constraint("Tags", "", "Member must have length less than or equal to 50")
	}
	for _, p := range params {
		key, value := p.str("Key"), p.str("Value")
		switch {
		case !tagKey.MatchString(key):
			return constraint("Tags.member.Key", key, "Member must satisfy regular expression pattern: "+tagKey.String())
		case !tagValue.MatchString(value):
			return constraint("Tags.member.Value", value, "Member must satisfy regular expression pattern: "+tagValue.String())
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return bad("InvalidParameterValue", "System tags cannot be used as session tags: %s", key)
		}
		for other := range s.tags {
			if strings.EqualFold(other, key) {
				return bad("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
		}
		s.tags[key] = value
	}
	return nil
}

// lasting sets when a session ends.
func (c *call) lasting(s *session) error {
	most := s.of.MaxSessionDuration
	if most == 0 {
		most = 3600
	}
	if c.session != nil {
		most = min(most, longestChained)
	}
	lasts := min(3600, most)
	if text := c.params.str("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < shortestSession {
			return constraint("DurationSeconds", text, "Member must have value greater than or equal to 900")
		}
		if n > most {
			if c.session != nil {
				return bad("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
			}
			return bad("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		}
		lasts = n
	}
	s.began = c.now
	s.ends = c.now.Add(time.Duration(lasts) * time.Second).Truncate(time.Second)
	return nil
}

// actions are the permissions that a request for the session needs.
func (s *session) actions(c *call) []string {
	out := []string{"sts:AssumeRole"}
	if len(s.tags) > 0 {
		out = append(out, "sts:TagSession")
	}
	if c.params.has("SourceIdentity") {
		out = append(out, "sts:SetSourceIdentity")
	}
	return out
}

// mayAssume asks the role whether it trusts the caller, and the caller's own policies.
func (c *call) mayAssume(s *session, action string, keys map[string][]string) *failure {
	trust, err := parsePolicy(s.of.Trust)
	if err != nil {
		return c.deny(action, s.arn)
	}
	verdict, err := trust.decide(question{action: action, principals: c.principals(), keys: keys})
	if err != nil {
		return shared(c.service, internal, "trust policy of %s: %v", s.arn, err)
	}
	if verdict != allowed {
		return c.deny(action, s.arn)
	}
	return c.permitted(need{action: action, resource: s.arn, keys: keys})
}
