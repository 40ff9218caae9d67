package standin

import "strings"

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
	session := role.MaxSessionDuration
	if session == 0 {
		session = 3600
	}
	return elements{{"Role", elements{
		{"Path", orRoot(role.Path)},
		{"RoleName", name},
		{"RoleId", role.ID},
		{"Arn", role.arn(c.caller.Account, name)},
		{"CreateDate", iamTime(role.Created)},
		{"AssumeRolePolicyDocument", some(encodeDocument(role.Trust))},
		{"Description", some(role.Description)},
		{"MaxSessionDuration", session},
		{"Tags", iamTags(role.Tags, sorted(role.Tags))},
	}}}, nil
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
