package standin

import (
	"regexp"
	"slices"
	"strings"
)

// groupText is what names and descriptions of groups may be made of.
var groupText = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)

func (c *call) groupFields() fields[SecurityGroup] {
	return fields[SecurityGroup]{
		"group-id":    func(id string, _ *SecurityGroup) []string { return []string{id} },
		"group-name":  func(_ string, g *SecurityGroup) []string { return []string{g.Name} },
		"vpc-id":      func(_ string, g *SecurityGroup) []string { return []string{g.VPC} },
		"description": func(_ string, g *SecurityGroup) []string { return []string{g.Description} },
		"owner-id":    func(string, *SecurityGroup) []string { return []string{c.caller.Account} },
	}
}

func (c *call) groupARN(id string) string {
	return "arn:aws:ec2:" + c.region + ":" + c.caller.Account + ":security-group/" + id
}

func describeSecurityGroups(c *call) (any, error) {
	r := c.here()
	ids, rest, err := describe(c, aGroup, "GroupId", r.SecurityGroups,
		func(g *SecurityGroup) map[string]string { return g.Tags }, c.groupFields())
	if err != nil {
		return nil, err
	}
	if names := c.params.strs("GroupName"); len(names) > 0 {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(names, r.SecurityGroups[id].Name) })
		if len(ids) == 0 {
			return nil, bad("InvalidGroup.NotFound", "The security group '%s' does not exist", names[0])
		}
	}
	set := elements{}
	for _, id := range ids {
		g := r.SecurityGroups[id]
		set = append(set, element{"item", elements{
			{"ownerId", c.caller.Account},
			{"groupId", id},
			{"groupName", g.Name},
			{"groupDescription", g.Description},
			{"vpcId", g.VPC},
			{"ipPermissions", permissionSet(g.Ingress)},
			{"ipPermissionsEgress", permissionSet(g.Egress)},
			{"securityGroupArn", c.groupARN(id)},
			{"tagSet", tagSet(g.Tags)},
		}})
	}
	return append(elements{{"securityGroupInfo", set}}, rest...), nil
}

// createSecurityGroup makes a group that lets everything out, as AWS does: a group that is to let
// nothing out needs RevokeSecurityGroupEgress.
func createSecurityGroup(c *call) (any, error) {
	r := c.here()
	name, description, vpc := c.params.str("GroupName"), c.params.str("GroupDescription"), c.params.str("VpcId")
	switch {
	case name == "":
		return nil, bad("MissingParameter", "The request must contain the parameter GroupName")
	case description == "":
		return nil, bad("MissingParameter", "The request must contain the parameter GroupDescription")
	case !groupText.MatchString(name) || strings.HasPrefix(name, "sg-"):
		return nil, bad("InvalidParameterValue", "Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", name)
	case !groupText.MatchString(description):
		return nil, bad("InvalidParameterValue", "Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", description)
	case name == "default":
		return nil, bad("InvalidGroup.Reserved", "The security group 'default' is reserved")
	case vpc == "":
		return nil, bad("VPCIdNotSpecified", "No default VPC for this user")
	case r.VPCs[vpc] == nil:
		return nil, aVPC.absent(vpc)
	}
	for _, g := range r.SecurityGroups {
		if g.VPC == vpc && g.Name == name {
			return nil, bad("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc)
		}
	}
	tags, err := c.tagSpecification("security-group")
	if err != nil {
		return nil, err
	}
	id := aGroup.newID()
	put(&r.SecurityGroups, id, &SecurityGroup{
		Name: name, Description: description, VPC: vpc, Tags: tags,
		Egress: []Rule{{ID: aRule.newID(), Protocol: "-1", CIDR: "0.0.0.0/0"}},
	})
	c.changed = true
	return elements{{"return", true}, {"groupId", id}, {"tagSet", tagSet(tags)}, {"securityGroupArn", c.groupARN(id)}}, nil
}

func deleteSecurityGroup(c *call) (any, error) {
	r := c.here()
	id, g, err := one(c, aGroup, "GroupId", r.SecurityGroups)
	if err != nil {
		return nil, err
	}
	if g.Name == "default" {
		return nil, bad("CannotDelete", "the specified group: %q name: \"default\" cannot be deleted by a user", id)
	}
	for _, n := range r.NetworkInterfaces {
		if slices.Contains(n.Groups, id) {
			return nil, bad("DependencyViolation", "resource %s has a dependent object", id)
		}
	}
	for other, g := range r.SecurityGroups {
		names := func(rule Rule) bool { return rule.Group == id }
		if other != id && (slices.ContainsFunc(g.Ingress, names) || slices.ContainsFunc(g.Egress, names)) {
			return nil, bad("DependencyViolation", "resource %s has a dependent object", id)
		}
	}
	delete(r.SecurityGroups, id)
	c.changed = true
	return elements{{"return", true}, {"groupId", id}}, nil
}
