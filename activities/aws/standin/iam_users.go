package standin

import (
	"regexp"
	"slices"
	"strings"
)

// maxAttached is the default quota of managed policies per user.
const maxAttached = 10

var policyARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[\w+=,.@/-]+$`)

// awsManaged are the policies of AWS that can be attached here: the ones that take power away.
var awsManaged = []string{
	"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2",
	"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3",
	"arn:aws:iam::aws:policy/AWSDenyAll",
}

func (c *call) userItem(name string, user *User) elements {
	return elements{
		{"Path", orRoot(user.Path)},
		{"UserName", name},
		{"UserId", user.ID},
		{"Arn", user.arn(c.caller.Account, name)},
		{"CreateDate", iamTime(user.Created)},
		{"PasswordLastUsed", user.Login.used()},
	}
}

func getUser(c *call) (any, error) {
	name, user, err := c.user(true)
	if err != nil {
		return nil, err
	}
	return elements{{"User", append(c.userItem(name, user), element{"Tags", iamTags(user.Tags, sorted(user.Tags))})}}, nil
}

// listUsers tells no tags, as in the real API.
func listUsers(c *call) (any, error) {
	users := c.account().IAM.Users
	names, rest, err := c.iamPage(sorted(users))
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, name := range names {
		if strings.HasPrefix(orRoot(users[name].Path), orRoot(c.params.str("PathPrefix"))) {
			members = append(members, element{"member", c.userItem(name, users[name])})
		}
	}
	return append(elements{{"Users", members}}, rest...), nil
}

// getAccountSummary tells a few of the many entries of the real one.
func getAccountSummary(c *call) (any, error) {
	in, mfa := c.account().IAM, 0
	if in.Root.MFA {
		mfa = 1
	}
	entries := elements{}
	for _, e := range []struct {
		key   string
		value int
	}{
		{"AccountMFAEnabled", mfa},
		{"AccountAccessKeysPresent", in.Root.AccessKeys},
		{"AccountSigningCertificatesPresent", in.Root.Certificates},
		{"Users", len(in.Users)},
		{"Roles", len(in.Roles)},
		{"AccessKeysPerUserQuota", 2},
	} {
		entries = append(entries, element{"entry", elements{{"key", e.key}, {"value", e.value}}})
	}
	return elements{{"SummaryMap", entries}}, nil
}

func listUserTags(c *call) (any, error) {
	_, user, err := c.user(false)
	if err != nil {
		return nil, err
	}
	keys, rest, err := c.iamPage(sorted(user.Tags))
	if err != nil {
		return nil, err
	}
	return append(elements{{"Tags", iamTags(user.Tags, keys)}}, rest...), nil
}

// managedPolicy reads PolicyArn; exists tells whether there is such a policy to attach.
func (c *call) managedPolicy() (arn string, exists bool, _ error) {
	if !c.params.has("PolicyArn") {
		return "", false, constraint("PolicyArn", "null", "Member must not be null")
	}
	arn = c.params.str("PolicyArn")
	if len(arn) < 20 {
		return "", false, constraint("PolicyArn", arn, "Member must have length greater than or equal to 20")
	}
	if !policyARN.MatchString(arn) {
		return "", false, bad("InvalidInput", "ARN %s is not valid.", arn)
	}
	in := c.account().IAM
	exists = slices.Contains(awsManaged, arn) || slices.Contains(in.Policies, arn)
	for name, p := range in.Managed {
		exists = exists || p.arn(c.caller.Account, name) == arn
	}
	return arn, exists, nil
}

func attachUserPolicy(c *call) (any, error) {
	name, user, err := c.user(false)
	if err != nil {
		return nil, err
	}
	arn, exists, err := c.managedPolicy()
	switch {
	case err != nil:
		return nil, err
	case !exists:
		return nil, noSuchEntity("Policy %s does not exist or is not attachable.", arn)
	case slices.Contains(user.Attached, arn):
		return nil, nil
	case len(user.Attached) >= maxAttached:
		return nil, fail(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: %d (user %s)", maxAttached, name)
	}
	user.Attached = append(user.Attached, arn)
	c.changed = true
	return nil, nil
}

func detachUserPolicy(c *call) (any, error) {
	_, user, err := c.user(false)
	if err != nil {
		return nil, err
	}
	arn, _, err := c.managedPolicy()
	if err != nil {
		return nil, err
	}
	at := slices.Index(user.Attached, arn)
	if at < 0 {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	user.Attached = slices.Delete(user.Attached, at, at+1)
	c.changed = true
	return nil, nil
}

func listAttachedUserPolicies(c *call) (any, error) {
	_, user, err := c.user(false)
	if err != nil {
		return nil, err
	}
	return c.attached(user.Attached)
}

// attached lists managed policies that are attached to something.
func (c *call) attached(arns []string) (any, error) {
	if prefix := c.params.str("PathPrefix"); prefix != "" && prefix != "/" {
		arns = slices.DeleteFunc(slices.Clone(arns), func(arn string) bool {
			_, path, _ := strings.Cut(arn, ":policy")
			return !strings.HasPrefix(path, prefix)
		})
	}
	arns, rest, err := c.iamPage(arns)
	if err != nil {
		return nil, err
	}
	return append(elements{{"AttachedPolicies", attachedList(arns)}}, rest...), nil
}

func listUserPolicies(c *call) (any, error) {
	of, err := c.userInline()
	if err != nil {
		return nil, err
	}
	return of.list(c)
}

func listGroupsForUser(c *call) (any, error) {
	_, user, err := c.user(false)
	if err != nil {
		return nil, err
	}
	names, rest, err := c.iamPage(user.Groups)
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, name := range names {
		group := c.account().IAM.Groups[name]
		if group == nil {
			group = &Group{}
		}
		members = append(members, element{"member", elements{
			{"Path", orRoot(group.Path)}, {"GroupName", name}, {"GroupId", group.ID}, {"Arn", group.arn(c.caller.Account, name)},
			{"CreateDate", iamTime(group.Created)},
		}})
	}
	return append(elements{{"Groups", members}}, rest...), nil
}
