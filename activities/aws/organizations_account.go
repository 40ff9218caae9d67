package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"

	"github.com/countersign/countersign/activities"
)

const (
	memberARN     = "arn:aws:organizations::{account}:account/*/{target_account}"
	controlARN    = "arn:aws:organizations::{account}:policy/*/service_control_policy/{policy_id}"
	lastResort    = "The last resort: it concerns everything in the account at once. Have it decided by two, as the policy that ships does. "
	managementDoc = "Acts in the management account, which account names; the management account itself, and the account of our own credentials, are refused. "
)

// Where a target may be: its form is held before it becomes part of an ARN.
var (
	memberForm  = regexp.MustCompile(`^[0-9]{12}$`)
	controlForm = regexp.MustCompile(`^p-[0-9a-z]{8,128}$`)
	unitForm    = regexp.MustCompile(`^ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}$`)
	parentForm  = regexp.MustCompile(`^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$`)
)

func memberOf(account, target string) string {
	return fmt.Sprintf("account %s of the organization that account %s manages", target, account)
}

// admitMember is clear for an account of the organization, which is neither the one that manages it nor ours.
func (s *service) admitMember(ctx context.Context, c *clients, account, target, what string) (context.Context, error) {
	out, err := c.Organizations().DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
	if err != nil {
		return nil, failed(err, "%s: look at the organization", what)
	}
	o := out.Organization
	switch {
	case o == nil || sdk.ToString(o.MasterAccountId) == "":
		return nil, activities.Passing("NoAnswer", 0, fmt.Errorf("%s: look at the organization: it names no management account", what))
	case *o.MasterAccountId == target:
		return nil, activities.Permanent("Protected", fmt.Errorf("%s: it is the management account, which no service control policy binds", what))
	case c.Account == target:
		return nil, activities.Permanent("Protected", fmt.Errorf("%s: it is the account of our own credentials", what))
	}
	tags := map[string]string{}
	pages := organizations.NewListTagsForResourcePaginator(c.Organizations(), &organizations.ListTagsForResourceInput{ResourceId: &target})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: read its tags", what)
		}
		for _, tag := range page.Tags {
			tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
		}
	}
	return s.clear(ctx, c, what, thing{arn: "arn:aws:organizations::" + account + ":account/" + sdk.ToString(o.Id) + "/" + target, tags: tags})
}

// attached reports whether a service control policy is attached to the account itself.
func attached(ctx context.Context, c *clients, target, policy, what string) (bool, error) {
	pages := organizations.NewListPoliciesForTargetPaginator(c.Organizations(), &organizations.ListPoliciesForTargetInput{
		TargetId: &target, Filter: types.PolicyTypeServiceControlPolicy,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, failed(err, "%s: list its policies", what)
		}
		for _, p := range page.Policies {
			if sdk.ToString(p.Id) == policy {
				return true, nil
			}
		}
	}
	return false, nil
}

// onlyDenies refuses a policy that would allow something: attached beside others it would freeze nothing.
func onlyDenies(ctx context.Context, c *clients, policy, what string) error {
	out, err := c.Organizations().DescribePolicy(ctx, &organizations.DescribePolicyInput{PolicyId: &policy})
	if err != nil {
		return failed(err, "%s: read the policy", what)
	}
	var document struct{ Statement json.RawMessage }
	var statements []struct{ Effect string }
	if out.Policy != nil && json.Unmarshal([]byte(sdk.ToString(out.Policy.Content)), &document) == nil {
		if json.Unmarshal(document.Statement, &statements) != nil {
			statements = make([]struct{ Effect string }, 1)
			_ = json.Unmarshal(document.Statement, &statements[0]) // one statement need not be in a list; what is neither denies nothing
		}
	}
	for _, statement := range statements {
		if statement.Effect != "Deny" {
			statements = nil
			break
		}
	}
	if len(statements) == 0 {
		return activities.Permanent("NotADeny", fmt.Errorf("%s: policy %s is none that only denies", what, policy))
	}
	return nil
}

// parentOf is the unit or root that an account is in.
func parentOf(ctx context.Context, c *clients, target, what string) (string, error) {
	out, err := c.Organizations().ListParents(ctx, &organizations.ListParentsInput{ChildId: &target})
	if err != nil {
		return "", failed(err, "%s: find its parent", what)
	}
	if len(out.Parents) != 1 {
		return "", activities.Passing("NoAnswer", 0, fmt.Errorf("%s: find its parent: %d of them", what, len(out.Parents)))
	}
	return sdk.ToString(out.Parents[0].Id), nil
}
