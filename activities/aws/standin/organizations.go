package standin

import (
	"cmp"
)

var organizationsOperations = map[string]operation{
	"DescribeOrganization":             {run: describeOrganization},
	"ListAccounts":                     {run: listAccounts},
	"ListAccountsForParent":            {run: listAccountsForParent},
	"ListOrganizationalUnitsForParent": {run: listUnitsForParent},
	"ListParents":                      {run: listParents},
	"ListRoots":                        {run: listRoots},
	"ListTagsForResource":              {run: listOrganizationTags},
	"DescribePolicy":                   {run: describePolicy},
	"ListPoliciesForTarget":            {run: listPoliciesForTarget},
	"DescribeOrganizationalUnit":       {run: describeUnit},
	"AttachPolicy":                     {run: attachPolicy(true), effect: changes},
	"DetachPolicy":                     {run: attachPolicy(false), effect: changes},
	"MoveAccount":                      {run: moveAccount, effect: changes},
}

// organizationPage is how many entries one answer holds at most.
const organizationPage = 20

// organization is the caller's organization, if it may look at it.
func (c *call) organization() (*Organization, error) {
	o := c.state.Organization
	switch {
	case !o.has(c.caller.Account):
		return nil, bad("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	case !o.reads(c.caller.Account):
		return nil, bad("AccessDeniedException", "You don't have permissions to access this resource.")
	}
	return o, nil
}

// organizationInput is what the reads take.
type organizationInput struct {
	ParentID   string `json:"ParentId"`
	ChildID    string `json:"ChildId"`
	ResourceID string `json:"ResourceId"`
	MaxResults *int
	NextToken  string
}

func (c *call) organizationInput() (*Organization, organizationInput, error) {
	var in organizationInput
	o, err := c.organization()
	if err != nil {
		return nil, in, err
	}
	if refused := c.into(&in); refused != nil {
		return nil, in, refused
	}
	return o, in, nil
}

// page cuts what MaxResults and NextToken ask for, and puts what show says of each under name.
func (in organizationInput) page(name string, ids []string, show func(id string) map[string]any) (any, error) {
	size := organizationPage
	if in.MaxResults != nil {
		if *in.MaxResults < 1 || *in.MaxResults > organizationPage {
			return nil, bad("InvalidInputException", "You specified an invalid value for MaxResults: 1 to %d are allowed.", organizationPage)
		}
		size = *in.MaxResults
	}
	ids, next, ok := page(ids, in.NextToken, size)
	if !ok {
		return nil, bad("InvalidInputException", "You specified an invalid value for NextToken.")
	}
	list := []any{}
	for _, id := range ids {
		list = append(list, show(id))
	}
	out := map[string]any{name: list}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

// arn names something of the organization: account, ou, root or organization.
func (o *Organization) arn(kind, rest string) string {
	return "arn:aws:organizations::" + o.Management + ":" + kind + "/" + o.ID + rest
}

// describeOrganization is open to every member.
func describeOrganization(c *call) (any, error) {
	o := c.state.Organization
	if !o.has(c.caller.Account) {
		return nil, bad("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	}
	email := ""
	if m := o.Members[o.Management]; m != nil {
		email = m.Email
	}
	return map[string]any{"Organization": map[string]any{
		"Id": o.ID, "Arn": o.arn("organization", ""), "FeatureSet": "ALL", "MasterAccountId": o.Management,
		"MasterAccountArn": o.arn("account", "/"+o.Management), "MasterAccountEmail": email,
	}}, nil
}

func (o *Organization) member(id string) map[string]any {
	m := o.Members[id]
	state := cmp.Or(m.State, "ACTIVE")
	out := map[string]any{
		"Id": id, "Arn": o.arn("account", "/"+id), "Name": m.Name, "Email": m.Email, "State": state,
		"JoinedMethod": "CREATED", "JoinedTimestamp": seconds(m.Joined),
	}
	if state == "ACTIVE" || state == "SUSPENDED" || state == "PENDING_CLOSURE" {
		out["Status"] = state // which knows no others, and is to go
	}
	return out
}

func listAccounts(c *call) (any, error) {
	o, in, err := c.organizationInput()
	if err != nil {
		return nil, err
	}
	return in.page("Accounts", sorted(o.Members), o.member)
}

func listAccountsForParent(c *call) (any, error) {
	o, in, err := c.organizationInput()
	if err != nil {
		return nil, err
	}
	if in.ParentID != o.Root && o.Units[in.ParentID] == nil {
		return nil, bad("ParentNotFoundException", "You provided a parent that does not exist.")
	}
	var ids []string
	for _, id := range sorted(o.Members) {
		if o.Members[id].Parent == in.ParentID {
			ids = append(ids, id)
		}
	}
	return in.page("Accounts", ids, o.member)
}

func listUnitsForParent(c *call) (any, error) {
	o, in, err := c.organizationInput()
	if err != nil {
		return nil, err
	}
	if in.ParentID != o.Root && o.Units[in.ParentID] == nil {
		return nil, bad("ParentNotFoundException", "You provided a parent that does not exist.")
	}
	var ids []string
	for _, id := range sorted(o.Units) {
		if o.Units[id].Parent == in.ParentID {
			ids = append(ids, id)
		}
	}
	return in.page("OrganizationalUnits", ids, func(id string) map[string]any {
		return map[string]any{"Id": id, "Arn": o.arn("ou", "/"+id), "Name": o.Units[id].Name}
	})
}

func listRoots(c *call) (any, error) {
	o, in, err := c.organizationInput()
	if err != nil {
		return nil, err
	}
	return in.page("Roots", []string{o.Root}, func(id string) map[string]any {
		return map[string]any{
			"Id": id, "Arn": o.arn("root", "/"+id), "Name": "Root",
			"PolicyTypes": []any{map[string]string{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}},
		}
	})
}

func listParents(c *call) (any, error) {
	o, in, err := c.organizationInput()
	if err != nil {
		return nil, err
	}
	var parent string
	if m, u := o.Members[in.ChildID], o.Units[in.ChildID]; m != nil {
		parent = m.Parent
	} else if u != nil {
		parent = u.Parent
	} else {
		return nil, bad("ChildNotFoundException", "You provided a child that does not exist.")
	}
	kind := "ORGANIZATIONAL_UNIT"
	if parent == o.Root {
		kind = "ROOT"
	}
	return in.page("Parents", []string{parent}, func(id string) map[string]any {
		return map[string]any{"Id": id, "Type": kind}
	})
}

func listOrganizationTags(c *call) (any, error) {
	o, in, err := c.organizationInput()
	if err != nil {
		return nil, err
	}
	var tags map[string]string
	switch m, u := o.Members[in.ResourceID], o.Units[in.ResourceID]; {
	case m != nil:
		tags = m.Tags
	case u != nil:
		tags = u.Tags
	case in.ResourceID != o.Root:
		if in.ResourceID == "" {
			return nil, bad("InvalidInputException", "You specified no ResourceId.")
		}
		return nil, bad("TargetNotFoundException", "We can't find a root, OU, account, or policy with the TargetId that you specified.")
	}
	return in.page("Tags", sorted(tags), func(key string) map[string]any {
		return map[string]any{"Key": key, "Value": tags[key]}
	})
}
