package standin

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
)

// maxACLEntries is the default quota of entries in one direction.
const maxACLEntries = 20

var aclFields = fields[NetworkACL]{
	"network-acl-id":        func(id string, _ *NetworkACL) []string { return []string{id} },
	"vpc-id":                func(_ string, n *NetworkACL) []string { return []string{n.VPC} },
	"default":               func(_ string, n *NetworkACL) []string { return []string{strconv.FormatBool(n.Default)} },
	"association.subnet-id": func(_ string, n *NetworkACL) []string { return n.subnets() },
	"entry.cidr":            func(_ string, n *NetworkACL) []string { return n.each(func(e ACLEntry) string { return e.CIDR }) },
	"entry.ipv6-cidr":       func(_ string, n *NetworkACL) []string { return n.each(func(e ACLEntry) string { return e.CIDRv6 }) },
	"entry.rule-action":     func(_ string, n *NetworkACL) []string { return n.each(func(e ACLEntry) string { return e.Action }) },
	"entry.rule-number": func(_ string, n *NetworkACL) []string {
		return n.each(func(e ACLEntry) string { return strconv.Itoa(e.Number) })
	},
	"association.network-acl-id": func(id string, n *NetworkACL) []string {
		if len(n.Subnets) == 0 {
			return nil
		}
		return []string{id}
	},
}

func (n *NetworkACL) subnets() []string {
	var out []string
	for _, id := range sorted(n.Subnets) {
		out = append(out, n.Subnets[id])
	}
	return out
}

func (n *NetworkACL) each(of func(ACLEntry) string) []string {
	var out []string
	for _, e := range n.Entries {
		if text := of(e); text != "" {
			out = append(out, text)
		}
	}
	return out
}

func describeNetworkACLs(c *call) (any, error) {
	r := c.here()
	ids, rest, err := describe(c, anACL, "NetworkAclId", r.NetworkACLs,
		func(n *NetworkACL) map[string]string { return n.Tags }, aclFields)
	if err != nil {
		return nil, err
	}
	set := elements{}
	for _, id := range ids {
		n := r.NetworkACLs[id]
		entries, associations := elements{}, elements{}
		for _, e := range n.Entries {
			entries = append(entries, element{"item", e.item()})
		}
		// The last word is AWS's own: what no entry decides is denied.
		for _, egress := range []bool{false, true} {
			entries = append(entries, element{"item", ACLEntry{Number: 32767, Egress: egress, Action: "deny", Protocol: "-1", CIDR: "0.0.0.0/0"}.item()})
		}
		for _, association := range sorted(n.Subnets) {
			associations = append(associations, element{"item", elements{
				{"networkAclAssociationId", association}, {"networkAclId", id}, {"subnetId", n.Subnets[association]},
			}})
		}
		set = append(set, element{"item", elements{
			{"networkAclId", id},
			{"vpcId", n.VPC},
			{"default", n.Default},
			{"ownerId", c.caller.Account},
			{"entrySet", entries},
			{"associationSet", associations},
			{"tagSet", tagSet(n.Tags)},
		}})
	}
	return append(elements{{"networkAclSet", set}}, rest...), nil
}

func (e ACLEntry) item() elements {
	out := elements{
		{"ruleNumber", e.Number},
		{"protocol", e.Protocol},
		{"ruleAction", e.Action},
		{"egress", e.Egress},
		{"cidrBlock", some(e.CIDR)},
		{"ipv6CidrBlock", some(e.CIDRv6)},
	}
	if e.From != nil && e.To != nil {
		out = append(out, element{"portRange", elements{{"from", *e.From}, {"to", *e.To}}})
	}
	return out
}

// at finds the entry with a number in a direction.
func (n *NetworkACL) at(number int, egress bool) int {
	return slices.IndexFunc(n.Entries, func(e ACLEntry) bool { return e.Number == number && e.Egress == egress })
}

// entryAt reads which entry of an ACL a call is about.
func (c *call) entryAt() (n *NetworkACL, number int, egress bool, _ error) {
	_, n, err := one(c, anACL, "NetworkAclId", c.here().NetworkACLs)
	if err != nil {
		return nil, 0, false, err
	}
	number, err = strconv.Atoi(c.params.str("RuleNumber"))
	if err != nil || number < 1 || number > 32766 {
		return nil, 0, false, bad("InvalidParameterValue", "Value (%s) for parameter ruleNumber is invalid. The rule number must be between 1 and 32766.", c.params.str("RuleNumber"))
	}
	return n, number, c.params.str("Egress") == "true", nil
}

func createNetworkACLEntry(c *call) (any, error) {
	n, number, egress, err := c.entryAt()
	if err != nil {
		return nil, err
	}
	e := ACLEntry{Number: number, Egress: egress, Action: c.params.str("RuleAction"), Protocol: c.params.str("Protocol")}
	if e.Action != "allow" && e.Action != "deny" {
		return nil, bad("InvalidParameterValue", "Value (%s) for parameter ruleAction is invalid. Expected: 'allow' or 'deny'.", e.Action)
	}
	if _, err := strconv.Atoi(e.Protocol); err != nil {
		return nil, bad("InvalidParameterValue", "Value (%s) for parameter protocol is invalid.", e.Protocol)
	}
	v4, v6 := c.params.str("CidrBlock"), c.params.str("Ipv6CidrBlock")
	prefix, err := netip.ParsePrefix(v4 + v6)
	if err != nil || (v4 == "") == (v6 == "") || prefix.Addr().Is4() != (v4 != "") {
		return nil, bad("InvalidParameterValue", "CIDR block %s is malformed", v4+v6)
	}
	if v4 != "" {
		e.CIDR = prefix.Masked().String()
	} else {
		e.CIDRv6 = prefix.Masked().String()
	}
	if e.Protocol == "6" || e.Protocol == "17" {
		from, fromErr := strconv.Atoi(c.params.str("PortRange.From"))
		to, toErr := strconv.Atoi(c.params.str("PortRange.To"))
		if fromErr != nil || toErr != nil || from > to {
			return nil, bad("MissingParameter", "The request must contain the parameter PortRange")
		}
		e.From, e.To = &from, &to
	}
	if n.at(number, egress) >= 0 {
		return nil, bad("NetworkAclEntryAlreadyExists", "The network acl entry identified by %d already exists.", number)
	}
	same := 0
	for _, other := range n.Entries {
		if other.Egress == egress {
			same++
		}
	}
	if same >= maxACLEntries {
		return nil, bad("NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached.")
	}
	n.Entries = append(n.Entries, e)
	slices.SortFunc(n.Entries, func(a, b ACLEntry) int { // as AWS lists them: inbound or outbound, by number
		return cmp.Or(cmp.Compare(strconv.FormatBool(a.Egress), strconv.FormatBool(b.Egress)), cmp.Compare(a.Number, b.Number))
	})
	c.changed = true
	return elements{{"return", true}}, nil
}

func deleteNetworkACLEntry(c *call) (any, error) {
	n, number, egress, err := c.entryAt()
	if err != nil {
		return nil, err
	}
	at := n.at(number, egress)
	if at < 0 {
		return nil, bad("InvalidNetworkAclEntry.NotFound", "The network acl entry identified by %d does not exist.", number)
	}
	n.Entries = slices.Delete(n.Entries, at, at+1)
	c.changed = true
	return elements{{"return", true}}, nil
}
