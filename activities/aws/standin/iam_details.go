package standin

import (
	"slices"
	"strconv"
	"strings"
)

// used is when a password was last used, as an element's value.
func (l *LoginProfile) used() any {
	if l == nil || l.LastUsed == nil {
		return nil
	}
	return iamTime(*l.LastUsed)
}

func getAccountPasswordPolicy(c *call) (any, error) {
	p := c.account().IAM.Passwords
	if p == nil {
		return nil, noSuchEntity("The Password Policy with domain name %s cannot be found.", c.caller.Account)
	}
	out := elements{
		{"MinimumPasswordLength", p.Length},
		{"RequireSymbols", p.Symbols},
		{"RequireNumbers", p.Numbers},
		{"RequireUppercaseCharacters", p.Upper},
		{"RequireLowercaseCharacters", p.Lower},
		{"AllowUsersToChangePassword", p.ChangeOwn},
		{"ExpirePasswords", p.MaxAge > 0},
		{"HardExpiry", p.HardExpiry},
	}
	if p.MaxAge > 0 {
		out = append(out, element{"MaxPasswordAge", p.MaxAge})
	}
	if p.Reuse > 0 {
		out = append(out, element{"PasswordReusePrevention", p.Reuse})
	}
	return elements{{"PasswordPolicy", out}}, nil
}

// listVirtualMFADevices tells of the root user as a user without a name, as the real API does.
func listVirtualMFADevices(c *call) (any, error) {
	in, want := c.account().IAM, c.params.str("AssignmentStatus")
	if want != "" && want != "Assigned" && want != "Unassigned" && want != "Any" {
		return nil, constraint("AssignmentStatus", want, "Member must satisfy enum value set: [Assigned, Unassigned, Any]")
	}
	serials := slices.DeleteFunc(sorted(in.VirtualMFA), func(serial string) bool {
		assigned := in.VirtualMFA[serial].User != ""
		return want == "Assigned" && !assigned || want == "Unassigned" && assigned
	})
	serials, rest, err := c.iamPage(serials)
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, serial := range serials {
		device, item := in.VirtualMFA[serial], elements{{"SerialNumber", serial}}
		if device.Enabled != nil {
			item = append(item, element{"EnableDate", iamTime(*device.Enabled)})
		}
		switch user := in.Users[device.User]; {
		case device.User == "root":
			item = append(item, element{"User", elements{
				{"UserId", c.caller.Account}, {"Arn", "arn:aws:iam::" + c.caller.Account + ":root"}, {"CreateDate", iamTime(in.Root.Created)},
			}})
		case user != nil:
			item = append(item, element{"User", c.userItem(device.User, user)})
		}
		members = append(members, element{"member", item})
	}
	return append(elements{{"VirtualMFADevices", members}}, rest...), nil
}

// detailKinds are what the details tell of, in the order of their pages, by the name of the filter.
var detailKinds = []string{"User", "Group", "Role", "LocalManagedPolicy"}

// getAccountAuthorizationDetails tells of users, groups, roles and the account's own policies. The
// policies that AWS manages are not known here by their documents, and never told.
func getAccountAuthorizationDetails(c *call) (any, error) {
	in, filter := c.account().IAM, c.params.strs("Filter")
	for _, kind := range filter {
		if !slices.Contains(detailKinds, kind) && kind != "AWSManagedPolicy" {
			return nil, constraint("Filter", kind, "Member must satisfy enum value set: [User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]")
		}
	}
	of := map[string][]string{"User": sorted(in.Users), "Group": sorted(in.Groups), "Role": sorted(in.Roles), "LocalManagedPolicy": sorted(in.Managed)}
	var keys []string
	for _, kind := range detailKinds {
		if len(filter) > 0 && !slices.Contains(filter, kind) {
			continue
		}
		for _, name := range of[kind] {
			keys = append(keys, kind+"/"+name)
		}
	}
	keys, rest, err := c.iamPage(keys)
	if err != nil {
		return nil, err
	}
	lists := map[string]elements{}
	for _, key := range keys {
		kind, name, _ := strings.Cut(key, "/")
		var item elements
		switch kind {
		case "User":
			item = c.userDetail(name, in.Users[name])
		case "Group":
			item = c.groupDetail(name, in.Groups[name])
		case "Role":
			item = c.roleDetail(name, in.Roles[name])
		default:
			item = c.policyDetail(name, in.Managed[name])
		}
		lists[kind] = append(lists[kind], element{"member", item})
	}
	return append(elements{
		{"UserDetailList", lists["User"]},
		{"GroupDetailList", lists["Group"]},
		{"RoleDetailList", lists["Role"]},
		{"Policies", lists["LocalManagedPolicy"]},
	}, rest...), nil
}

func (c *call) userDetail(name string, u *User) elements {
	groups := elements{}
	for _, group := range u.Groups {
		groups = append(groups, element{"member", group})
	}
	return elements{
		{"Path", orRoot(u.Path)}, {"UserName", name}, {"UserId", u.ID}, {"Arn", u.arn(c.caller.Account, name)}, {"CreateDate", iamTime(u.Created)},
		{"UserPolicyList", inlineList(u.Inline)}, {"GroupList", groups}, {"AttachedManagedPolicies", attachedList(u.Attached)},
		{"Tags", iamTags(u.Tags, sorted(u.Tags))},
	}
}

func (c *call) groupDetail(name string, g *Group) elements {
	return elements{
		{"Path", orRoot(g.Path)}, {"GroupName", name}, {"GroupId", g.ID}, {"Arn", g.arn(c.caller.Account, name)}, {"CreateDate", iamTime(g.Created)},
		{"GroupPolicyList", inlineList(g.Inline)}, {"AttachedManagedPolicies", attachedList(g.Attached)},
	}
}

func (c *call) roleDetail(name string, r *Role) elements {
	used := elements{}
	if r.LastUsed != nil {
		used = elements{{"LastUsedDate", iamTime(r.LastUsed.Time)}, {"Region", some(r.LastUsed.Region)}}
	}
	return elements{
		{"Path", orRoot(r.Path)}, {"RoleName", name}, {"RoleId", r.ID}, {"Arn", r.arn(c.caller.Account, name)}, {"CreateDate", iamTime(r.Created)},
		{"AssumeRolePolicyDocument", some(encodeDocument(r.Trust))}, {"InstanceProfileList", elements{}},
		{"RolePolicyList", inlineList(r.Inline)}, {"AttachedManagedPolicies", attachedList(r.Attached)},
		{"RoleLastUsed", used}, {"Tags", iamTags(r.Tags, sorted(r.Tags))},
	}
}

func (c *call) policyDetail(name string, p *ManagedPolicy) elements {
	arn, in, attached := p.arn(c.caller.Account, name), c.account().IAM, 0
	count := func(arns []string) {
		if slices.Contains(arns, arn) {
			attached++
		}
	}
	for _, u := range in.Users {
		count(u.Attached)
	}
	for _, g := range in.Groups {
		count(g.Attached)
	}
	for _, r := range in.Roles {
		count(r.Attached)
	}
	created := iamTime(p.Created)
	return elements{
		{"PolicyName", name}, {"PolicyId", p.ID}, {"Arn", arn}, {"Path", orRoot(p.Path)}, {"DefaultVersionId", "v1"},
		{"AttachmentCount", strconv.Itoa(attached)}, {"PermissionsBoundaryUsageCount", "0"}, {"IsAttachable", true},
		{"CreateDate", created}, {"UpdateDate", created},
		{"PolicyVersionList", elements{{"member", elements{
			{"Document", encodeDocument(p.Document)}, {"VersionId", "v1"}, {"IsDefaultVersion", true}, {"CreateDate", created},
		}}}},
	}
}

func inlineList(policies map[string]string) elements {
	out := elements{}
	for _, name := range sorted(policies) {
		out = append(out, element{"member", elements{{"PolicyName", name}, {"PolicyDocument", encodeDocument(policies[name])}}})
	}
	return out
}

func attachedList(arns []string) elements {
	out := elements{}
	for _, arn := range arns {
		out = append(out, element{"member", elements{{"PolicyName", arn[strings.LastIndexByte(arn, '/')+1:]}, {"PolicyArn", arn}}})
	}
	return out
}
