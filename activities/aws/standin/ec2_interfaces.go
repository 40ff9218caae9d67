package standin

import (
	"net/http"
	"slices"
	"strconv"
)

// maxGroups is the default quota of security groups per interface.
const maxGroups = 5

var interfaceFields = fields[NetworkInterface]{
	"network-interface-id": func(id string, _ *NetworkInterface) []string { return []string{id} },
	"attachment.instance-id": func(_ string, n *NetworkInterface) []string {
		if n.Attachment == nil {
			return nil
		}
		return []string{n.Attachment.Instance}
	},
	"attachment.device-index": func(_ string, n *NetworkInterface) []string {
		if n.Attachment == nil {
			return nil
		}
		return []string{strconv.Itoa(n.Attachment.DeviceIndex)}
	},
	"group-id":           func(_ string, n *NetworkInterface) []string { return n.Groups },
	"vpc-id":             func(_ string, n *NetworkInterface) []string { return []string{n.VPC} },
	"subnet-id":          func(_ string, n *NetworkInterface) []string { return []string{n.Subnet} },
	"status":             func(_ string, n *NetworkInterface) []string { return []string{n.status()} },
	"private-ip-address": func(_ string, n *NetworkInterface) []string { return []string{n.PrivateIP} },
}

func (n *NetworkInterface) status() string {
	if n.Attachment == nil {
		return "available"
	}
	return "in-use"
}

func describeNetworkInterfaces(c *call) (any, error) {
	r := c.here()
	ids, rest, err := describe(c, anInterface, "NetworkInterfaceId", r.NetworkInterfaces,
		func(n *NetworkInterface) map[string]string { return n.Tags }, interfaceFields)
	if err != nil {
		return nil, err
	}
	set := elements{}
	for _, id := range ids {
		n := r.NetworkInterfaces[id]
		item := append(c.networkInterface(r, id), element{"availabilityZone", some(n.AvailabilityZone)}, element{"tagSet", tagSet(n.Tags)})
		if at := n.Attachment; at != nil {
			item = append(item, element{"attachment", append(attachment(at),
				element{"instanceId", at.Instance}, element{"instanceOwnerId", c.caller.Account})})
		}
		set = append(set, element{"item", item})
	}
	return append(elements{{"networkInterfaceSet", set}}, rest...), nil
}

// networkInterface is what DescribeInstances and DescribeNetworkInterfaces tell in the same words.
func (c *call) networkInterface(r *Region, id string) elements {
	n := r.NetworkInterfaces[id]
	return elements{
		{"networkInterfaceId", id},
		{"subnetId", n.Subnet},
		{"vpcId", n.VPC},
		{"description", n.Description},
		{"ownerId", c.caller.Account},
		{"status", n.status()},
		{"macAddress", some(n.MAC)},
		{"privateIpAddress", n.PrivateIP},
		{"sourceDestCheck", true},
		{"interfaceType", "interface"},
		{"groupSet", groupSet(r, n.Groups)},
		{"privateIpAddressesSet", elements{{"item", elements{{"privateIpAddress", n.PrivateIP}, {"primary", true}}}}},
	}
}

func attachment(at *Attachment) elements {
	return elements{
		{"attachmentId", at.ID},
		{"deviceIndex", at.DeviceIndex},
		{"status", "attached"},
		{"attachTime", ec2Time(at.Attached)},
		{"deleteOnTermination", at.DeviceIndex == 0},
	}
}

func groupSet(r *Region, ids []string) elements {
	out := elements{}
	for _, id := range ids {
		name := ""
		if g := r.SecurityGroups[id]; g != nil {
			name = g.Name
		}
		out = append(out, element{"item", elements{{"groupId", id}, {"groupName", name}}})
	}
	return out
}

// modifyNetworkInterfaceAttribute sets the list of groups; the other attributes are not served.
func modifyNetworkInterfaceAttribute(c *call) (any, error) {
	r := c.here()
	_, n, err := one(c, anInterface, "NetworkInterfaceId", r.NetworkInterfaces)
	if err != nil {
		return nil, err
	}
	groups := unique(c.params.strs("SecurityGroupId"))
	if len(groups) == 0 {
		return nil, bad("InvalidParameterCombination", "No attributes specified, or none that the stand-in serves: it serves SecurityGroupId")
	}
	if len(groups) > maxGroups {
		return nil, fail(http.StatusBadRequest, "SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface is %d", maxGroups)
	}
	for _, id := range groups {
		g := r.SecurityGroups[id]
		if g == nil {
			return nil, aGroup.absent(id)
		}
		if g.VPC != n.VPC {
			return nil, bad("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
		}
	}
	// AWS keeps no order of the groups.
	c.changed = !slices.Equal(slices.Sorted(slices.Values(n.Groups)), slices.Sorted(slices.Values(groups)))
	if c.changed {
		n.Groups = groups
	}
	return elements{{"return", true}}, nil
}
