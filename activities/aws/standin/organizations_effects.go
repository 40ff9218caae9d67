package standin

import "slices"

// ServicePolicy is a service control policy, by its id.
type ServicePolicy struct {
	Name       string `json:"name"`
	Content    string `json:"content"`
	AWSManaged bool   `json:"aws_managed,omitempty"`
	// Targets are the root, units and accounts that it is attached to, in order.
	Targets []string `json:"targets,omitempty"`
}

const controlPolicies = "SERVICE_CONTROL_POLICY"

// managing is the organization for who may change it.
func (c *call) managing() (*Organization, error) {
	o, err := c.organization()
	if err == nil && c.caller.Account != o.Management {
		return nil, bad("AccessDeniedException", "You don't have permissions to access this resource.")
	}
	return o, err
}

func (o *Organization) summary(id string) map[string]any {
	p := o.Policies[id]
	owner := "service_control_policy/" + id
	arn := o.arn("policy", "/"+owner)
	if p.AWSManaged {
		arn = "arn:aws:organizations::aws:policy/" + owner
	}
	return map[string]any{"Id": id, "Arn": arn, "Name": p.Name, "Type": controlPolicies, "AwsManaged": p.AWSManaged}
}

func noPolicy() *failure {
	return bad("PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")
}

func describePolicy(c *call) (any, error) {
	o, err := c.organization()
	if err != nil {
		return nil, err
	}
	in := struct {
		PolicyID string `json:"PolicyId"`
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	p := o.Policies[in.PolicyID]
	if p == nil {
		return nil, noPolicy()
	}
	return map[string]any{"Policy": map[string]any{"PolicySummary": o.summary(in.PolicyID), "Content": p.Content}}, nil
}

// there reports whether an id is one of the root, a unit or an account.
func (o *Organization) there(id string) bool {
	return id == o.Root || o.Units[id] != nil || o.Members[id] != nil
}

func noTarget() *failure {
	return bad("TargetNotFoundException", "We can't find a root, OU, account, or policy with the TargetId that you specified.")
}

func listPoliciesForTarget(c *call) (any, error) {
	o, page, err := c.organizationInput()
	if err != nil {
		return nil, err
	}
	in := struct {
		TargetID string `json:"TargetId"`
		Filter   string
	}{}
	switch refused := c.into(&in); {
	case refused != nil:
		return nil, refused
	case in.Filter != controlPolicies:
		return nil, bad("InvalidInputException", "You specified an invalid value for Filter.")
	case !o.there(in.TargetID):
		return nil, noTarget()
	}
	var ids []string
	for _, id := range sorted(o.Policies) {
		if slices.Contains(o.Policies[id].Targets, in.TargetID) {
			ids = append(ids, id)
		}
	}
	return page.page("Policies", ids, o.summary)
}

func describeUnit(c *call) (any, error) {
	o, err := c.organization()
	if err != nil {
		return nil, err
	}
	in := struct {
		UnitID string `json:"OrganizationalUnitId"`
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	u := o.Units[in.UnitID]
	if u == nil {
		return nil, bad("OrganizationalUnitNotFoundException", "You specified an organizational unit that does not exist.")
	}
	return map[string]any{"OrganizationalUnit": map[string]any{"Id": in.UnitID, "Arn": o.arn("ou", "/"+in.UnitID), "Name": u.Name}}, nil
}

func attachPolicy(on bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		o, err := c.managing()
		if err != nil {
			return nil, err
		}
		in := struct {
			PolicyID string `json:"PolicyId"`
			TargetID string `json:"TargetId"`
		}{}
		if refused := c.into(&in); refused != nil {
			return nil, refused
		}
		p := o.Policies[in.PolicyID]
		if p == nil {
			return nil, noPolicy()
		}
		at := slices.Index(p.Targets, in.TargetID)
		switch {
		case !o.there(in.TargetID):
			return nil, noTarget()
		case on && at >= 0:
			return nil, bad("DuplicatePolicyAttachmentException", "A policy with the specified name is already attached.")
		case !on && at < 0:
			return nil, bad("PolicyNotAttachedException", "The policy isn't attached to the specified target.")
		case on:
			p.Targets = append(p.Targets, in.TargetID)
			slices.Sort(p.Targets)
		default:
			p.Targets = slices.Delete(p.Targets, at, at+1)
		}
		c.changed = true
		return nil, nil
	}
}

func moveAccount(c *call) (any, error) {
	o, err := c.managing()
	if err != nil {
		return nil, err
	}
	in := struct {
		AccountID string `json:"AccountId"`
		From      string `json:"SourceParentId"`
		To        string `json:"DestinationParentId"`
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	m := o.Members[in.AccountID]
	switch {
	case m == nil:
		return nil, bad("AccountNotFoundException", "You specified an account that does not exist.")
	case in.To != o.Root && o.Units[in.To] == nil:
		return nil, bad("DestinationParentNotFoundException", "We can't find the destination container (a root or OU) with the ParentId that you specified.")
	case m.Parent == in.To:
		return nil, bad("DuplicateAccountException", "That account is already present in the specified destination.")
	case m.Parent != in.From:
		return nil, bad("SourceParentNotFoundException", "We can't find a source root or OU with the ParentId that you specified.")
	}
	m.Parent, c.changed = in.To, true
	return nil, nil
}
