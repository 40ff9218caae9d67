package standin

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

var protocolNumbers = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}

// requestedRules reads IpPermissions, or the older flat parameters, as single rules.
func (c *call) requestedRules(r *Region) ([]Rule, error) {
	permissions := c.params.list("IpPermissions")
	if len(permissions) == 0 && c.params.has("IpProtocol") {
		rule, err := c.ruleBase(c.params)
		if err != nil {
			return nil, err
		}
		return c.sources(r, rule, []*param{c.params}, "CidrIp", nil)
	}
	var out []Rule
	for _, p := range permissions {
		base, err := c.ruleBase(p)
		if err != nil {
			return nil, err
		}
		rules, err := c.sources(r, base, p.list("IpRanges"), "CidrIp", nil)
		if err != nil {
			return nil, err
		}
		if rules, err = c.sources(r, base, p.list("Ipv6Ranges"), "CidrIpv6", rules); err != nil {
			return nil, err
		}
		if rules, err = c.sources(r, base, p.list("PrefixListIds"), "PrefixListId", rules); err != nil {
			return nil, err
		}
		if rules, err = c.sources(r, base, p.list("Groups"), "GroupId", rules); err != nil {
			return nil, err
		}
		if len(rules) == 0 {
			return nil, bad("MissingParameter", "A permission must name at least one range, prefix list or group")
		}
		out = append(out, rules...)
	}
	return out, nil
}

// ruleBase reads protocol and ports.
func (c *call) ruleBase(p *param) (Rule, error) {
	rule := Rule{Protocol: strings.ToLower(p.str("IpProtocol"))}
	if name, ok := protocolNumbers[rule.Protocol]; ok {
		rule.Protocol = name
	}
	if n, err := strconv.Atoi(rule.Protocol); !slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, rule.Protocol) && (err != nil || n < -1 || n > 255) {
		return Rule{}, bad("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", p.str("IpProtocol"))
	}
	switch rule.Protocol {
	case "tcp", "udp", "icmp", "icmpv6":
	default:
		return rule, nil // ports mean nothing to the others
	}
	from, fromErr := strconv.Atoi(p.str("FromPort"))
	to, toErr := strconv.Atoi(p.str("ToPort"))
	if fromErr != nil || toErr != nil {
		return Rule{}, bad("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
	}
	if from < -1 || to > 65535 || (to < from && !strings.HasPrefix(rule.Protocol, "icmp")) {
		return Rule{}, bad("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", from, to)
	}
	rule.From, rule.To = &from, &to
	return rule, nil
}

// sources adds a rule for each peer in a list.
func (c *call) sources(r *Region, base Rule, peers []*param, field string, to []Rule) ([]Rule, error) {
	for _, p := range peers {
		rule, value := base, p.str(field)
		rule.Description = p.str("Description")
		switch field {
		case "CidrIp", "CidrIpv6":
			prefix, err := netip.ParsePrefix(value)
			if err != nil || prefix.Addr().Is4() != (field == "CidrIp") {
				return nil, bad("InvalidParameterValue", "CIDR block %s is malformed", value)
			}
			if field == "CidrIp" {
				rule.CIDR = prefix.Masked().String()
			} else {
				rule.CIDRv6 = prefix.Masked().String()
			}
		case "PrefixListId":
			rule.PrefixList = value
		case "GroupId":
			if r.SecurityGroups[value] == nil {
				return nil, aGroup.absent(value)
			}
			rule.Group, rule.GroupOwner = value, c.caller.Account
		}
		to = append(to, rule)
	}
	return to, nil
}

// port is a port of a rule; -1 stands for all.
func port(p *int) int {
	if p == nil {
		return -1
	}
	return *p
}

func (c *call) ruleItem(group string, r Rule, d direction) elements {
	out := elements{
		{"securityGroupRuleId", r.ID},
		{"groupId", group},
		{"groupOwnerId", c.caller.Account},
		{"isEgress", bool(d)},
		{"ipProtocol", r.Protocol},
		{"fromPort", port(r.From)},
		{"toPort", port(r.To)},
		{"cidrIpv4", some(r.CIDR)},
		{"cidrIpv6", some(r.CIDRv6)},
		{"prefixListId", some(r.PrefixList)},
		{"description", some(r.Description)},
	}
	if r.Group != "" {
		out = append(out, element{"referencedGroupInfo", elements{{"groupId", r.Group}, {"userId", r.GroupOwner}}})
	}
	return out
}

// permissionSet puts rules together again by protocol and ports, as Describe tells them.
func permissionSet(rules []Rule) elements {
	type side struct{ v4, v6, lists, groups elements }
	sides, order, first := map[string]*side{}, []string{}, map[string]Rule{}
	for _, r := range rules {
		key := Rule{Protocol: r.Protocol, From: r.From, To: r.To}.key()
		s := sides[key]
		if s == nil {
			s = &side{elements{}, elements{}, elements{}, elements{}}
			sides[key], first[key] = s, r
			order = append(order, key)
		}
		description := element{"description", some(r.Description)}
		switch {
		case r.CIDR != "":
			s.v4 = append(s.v4, element{"item", elements{{"cidrIp", r.CIDR}, description}})
		case r.CIDRv6 != "":
			s.v6 = append(s.v6, element{"item", elements{{"cidrIpv6", r.CIDRv6}, description}})
		case r.PrefixList != "":
			s.lists = append(s.lists, element{"item", elements{{"prefixListId", r.PrefixList}, description}})
		default:
			s.groups = append(s.groups, element{"item", elements{{"groupId", r.Group}, {"userId", r.GroupOwner}, description}})
		}
	}
	out := elements{}
	for _, key := range order {
		r, s := first[key], sides[key]
		item := elements{{"ipProtocol", r.Protocol}}
		if r.From != nil {
			item = append(item, element{"fromPort", *r.From}, element{"toPort", *r.To})
		}
		out = append(out, element{"item", append(item, element{"groups", s.groups}, element{"ipRanges", s.v4},
			element{"ipv6Ranges", s.v6}, element{"prefixListIds", s.lists})})
	}
	return out
}
