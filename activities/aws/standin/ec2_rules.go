package standin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxRules is the default quota of rules per group and direction.
const maxRules = 60

// aRule is the kind of the ids of rules.
var aRule = resource{"security group rule ID", "sgr-", "InvalidSecurityGroupRuleId.Malformed", "InvalidSecurityGroupRuleId.NotFound"}

type direction bool

const (
	ingress direction = false
	egress  direction = true
)

// rules is the side of a group.
func (d direction) rules(g *SecurityGroup) *[]Rule {
	if d == egress {
		return &g.Egress
	}
	return &g.Ingress
}

// key is what makes two rules the same one; the description does not.
func (r Rule) key() string {
	port := func(p *int) string {
		if p == nil {
			return "-"
		}
		return strconv.Itoa(*p)
	}
	return strings.Join([]string{r.Protocol, port(r.From), port(r.To), r.CIDR, r.CIDRv6, r.PrefixList, r.Group}, "|")
}

// groupRule is a rule with the group and the side it is of, as DescribeSecurityGroupRules lists it.
type groupRule struct {
	Rule
	group string
	on    direction
}

func describeSecurityGroupRules(c *call) (any, error) {
	all := map[string]*groupRule{}
	for group, g := range c.here().SecurityGroups {
		for _, d := range []direction{ingress, egress} {
			for _, r := range *d.rules(g) {
				all[r.ID] = &groupRule{r, group, d}
			}
		}
	}
	ids, rest, err := describe(c, aRule, "SecurityGroupRuleId", all,
		func(*groupRule) map[string]string { return nil }, fields[groupRule]{
			"group-id":               func(_ string, r *groupRule) []string { return []string{r.group} },
			"security-group-rule-id": func(id string, _ *groupRule) []string { return []string{id} },
		})
	if err != nil {
		return nil, err
	}
	set := elements{}
	for _, id := range ids {
		set = append(set, element{"item", append(c.ruleItem(all[id].group, all[id].Rule, all[id].on), element{"tagSet", elements{}})})
	}
	return append(elements{{"securityGroupRuleSet", set}}, rest...), nil
}

// authorize adds rules, all or none.
func authorize(d direction) func(*call) (any, error) {
	return func(c *call) (any, error) {
		r := c.here()
		id, g, err := one(c, aGroup, "GroupId", r.SecurityGroups)
		if err != nil {
			return nil, err
		}
		wanted, err := c.requestedRules(r)
		if err != nil {
			return nil, err
		}
		if len(wanted) == 0 {
			return nil, bad("MissingParameter", "The request must contain the parameter IpPermissions")
		}
		rules, set := d.rules(g), elements{}
		for _, rule := range wanted {
			if slices.ContainsFunc(*rules, func(have Rule) bool { return have.key() == rule.key() }) {
				return nil, bad("InvalidPermission.Duplicate", "the specified rule %q already exists", rule.peer())
			}
			if len(*rules) >= maxRules {
				return nil, bad("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
			}
			rule.ID = aRule.newID()
			*rules = append(*rules, rule)
			set = append(set, element{"item", append(c.ruleItem(id, rule, d), element{"tagSet", elements{}})})
		}
		c.changed = true
		return elements{{"return", true}, {"securityGroupRuleSet", set}}, nil
	}
}

// revoke takes rules away, named by id or by what they allow, all or none.
func revoke(d direction) func(*call) (any, error) {
	return func(c *call) (any, error) {
		r := c.here()
		id, g, err := one(c, aGroup, "GroupId", r.SecurityGroups)
		if err != nil {
			return nil, err
		}
		wanted, err := c.requestedRules(r)
		if err != nil {
			return nil, err
		}
		named := c.params.strs("SecurityGroupRuleId")
		if len(wanted)+len(named) == 0 {
			return nil, bad("MissingParameter", "The request must contain the parameter IpPermissions or SecurityGroupRuleId")
		}
		rules, set := d.rules(g), elements{}
		take := func(match func(Rule) bool) bool {
			at := slices.IndexFunc(*rules, match)
			if at >= 0 {
				set = append(set, element{"item", c.ruleItem(id, (*rules)[at], d)})
				*rules = slices.Delete(*rules, at, at+1)
			}
			return at >= 0
		}
		for _, name := range named {
			if !take(func(have Rule) bool { return have.ID == name }) {
				return nil, aRule.absent(name)
			}
		}
		for _, rule := range wanted {
			if !take(func(have Rule) bool { return have.key() == rule.key() }) {
				return nil, bad("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
		}
		c.changed = true
		return elements{{"return", true}, {"revokedSecurityGroupRuleSet", set}}, nil
	}
}

func (r Rule) peer() string {
	ports := "ALL"
	if r.From != nil {
		ports = fmt.Sprintf("from port: %d, to port: %d", *r.From, *r.To)
	}
	return "peer: " + r.CIDR + r.CIDRv6 + r.PrefixList + r.Group + ", " + strings.ToUpper(r.Protocol) + ", " + ports + ", ALLOW"
}
