package standin

import (
	"slices"
	"strings"
)

// role finds the role a request names.
func (c *call) role() (string, *Role, error) {
	name, err := c.required("RoleName", entityName)
	if err != nil {
		return "", nil, err
	}
	role := c.account().IAM.Roles[name]
	if role == nil {
		return "", nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	return name, role, nil
}

func getRole(c *call) (any, error) {
	name, role, err := c.role()
	if err != nil {
		return nil, err
	}
	used := elements{}
	if role.LastUsed != nil {
		used = elements{{"LastUsedDate", iamTime(role.LastUsed.Time)}, {"Region", some(role.LastUsed.Region)}}
	}
	return elements{{"Role", append(c.roleItem(name, role), elements{
		{"RoleLastUsed", used},
		{"Tags", iamTags(role.Tags, sorted(role.Tags))},
	}...)}}, nil
}

func (c *call) roleItem(name string, role *Role) elements {
	session := role.MaxSessionDuration
	if session == 0 {
		session = 3600
	}
	return elements{
		{"Path", orRoot(role.Path)},
		{"RoleName", name},
		{"RoleId", role.ID},
		{"Arn", role.arn(c.caller.Account, name)},
		{"CreateDate", iamTime(role.Created)},
		{"AssumeRolePolicyDocument", some(encodeDocument(role.Trust))},
		{"Description", some(role.Description)},
		{"MaxSessionDuration", session},
	}
}

// listRoles tells neither tags nor the last use, as in the real API.
func listRoles(c *call) (any, error) {
	roles, prefix := c.account().IAM.Roles, orRoot(c.params.str("PathPrefix"))
	names := slices.DeleteFunc(sorted(roles), func(name string) bool { return !strings.HasPrefix(orRoot(roles[name].Path), prefix) })
	names, rest, err := c.iamPage(names)
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, name := range names {
		members = append(members, element{"member", c.roleItem(name, roles[name])})
	}
	return append(elements{{"Roles", members}}, rest...), nil
}

func listRolePolicies(c *call) (any, error) {
	of, err := c.roleInline()
	if err != nil {
		return nil, err
	}
	return of.list(c)
}

func listAttachedRolePolicies(c *call) (any, error) {
	_, role, err := c.role()
	if err != nil {
		return nil, err
	}
	return c.attached(role.Attached)
}

// changeable refuses the roles that belong to a service.
func (c *call) changeable() (inlineOf, error) {
	name, role, err := c.role()
	if err != nil {
		return inlineOf{}, err
	}
	if strings.HasPrefix(role.Path, "/aws-service-role/") {
		return inlineOf{}, bad("UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", name)
	}
	return c.roleInline()
}

func putRolePolicy(c *call) (any, error) {
	of, err := c.changeable()
	if err != nil {
		return nil, err
	}
	return nil, of.put(c)
}

func getRolePolicy(c *call) (any, error) {
	of, err := c.roleInline()
	if err != nil {
		return nil, err
	}
	return of.get(c, "RoleName")
}

func deleteRolePolicy(c *call) (any, error) {
	of, err := c.changeable()
	if err != nil {
		return nil, err
	}
	return nil, of.remove(c)
}
