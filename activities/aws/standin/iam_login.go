package standin

import "strconv"

func (c *call) login() (string, *User, error) {
	name, user, err := c.user(false)
	if err == nil && user.Login == nil {
		err = noSuchEntity("Login Profile for User %s cannot be found.", name)
	}
	return name, user, err
}

func (u *User) profile(name string) elements {
	return elements{{"LoginProfile", elements{
		{"UserName", name}, {"CreateDate", iamTime(u.Login.Created)}, {"PasswordResetRequired", u.Login.Reset},
	}}}
}

func getLoginProfile(c *call) (any, error) {
	name, user, err := c.login()
	if err != nil {
		return nil, err
	}
	return user.profile(name), nil
}

// hiddenPassword is what CloudTrail shows in place of a password.
const hiddenPassword = "HIDDEN_DUE_TO_SECURITY_REASONS"

// createLoginProfile forgets the password: nobody signs in here.
func createLoginProfile(c *call) (any, error) {
	name, user, err := c.user(false)
	if err != nil {
		return nil, err
	}
	password, asked := c.params.str("Password"), 8
	if p := c.account().IAM.Passwords; p != nil {
		asked = p.Length
	}
	switch {
	case user.Login != nil:
		return nil, fail(409, "EntityAlreadyExists", "Login Profile for User %s already exists.", name)
	case password == "":
		return nil, constraint("Password", "null", "Member must not be null")
	case len(password) > 128:
		return nil, constraint("Password", hiddenPassword, "Member must have length less than or equal to 128")
	case len(password) < asked:
		return nil, bad("PasswordPolicyViolation", "Password should have a minimum length of %d", asked)
	}
	c.params.at("Password").text = hiddenPassword
	reset, _ := strconv.ParseBool(c.params.str("PasswordResetRequired"))
	user.Login = &LoginProfile{Created: c.now, Reset: reset}
	c.changed = true
	return user.profile(name), nil
}

func deleteLoginProfile(c *call) (any, error) {
	_, user, err := c.login()
	if err != nil {
		return nil, err
	}
	user.Login = nil
	c.changed = true
	return nil, nil
}

func listMFADevices(c *call) (any, error) {
	name, user, err := c.user(true)
	if err != nil {
		return nil, err
	}
	in := c.account().IAM
	var serials []string
	for _, serial := range sorted(in.VirtualMFA) {
		if in.VirtualMFA[serial].User == name {
			serials = append(serials, serial)
		}
	}
	if user.HardwareMFA {
		serials = append(serials, "GAHT12345678")
	}
	serials, rest, err := c.iamPage(serials)
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, serial := range serials {
		enabled := user.Created
		if device := in.VirtualMFA[serial]; device != nil && device.Enabled != nil {
			enabled = *device.Enabled
		}
		members = append(members, element{"member", elements{{"UserName", name}, {"SerialNumber", serial}, {"EnableDate", iamTime(enabled)}}})
	}
	return append(elements{{"MFADevices", members}}, rest...), nil
}
