package aws

import (
	"context"
	"fmt"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
)

// quarantineTag marks the two security groups that isolation uses in a VPC, found by this tag and
// made when missing.
const quarantineTag = "countersign:quarantine"

const (
	// untracked lets everything in and out. EC2 keeps no track of connections that such rules
	// allow, so those an intruder has open lose the tracking that would let them outlive a change
	// of groups.
	//
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
	untracked = "untracked"
	// isolated has no rule and so lets nothing in or out.
	isolated = "isolated"
)

var groupDescriptions = map[string]string{
	untracked: "Countersign: first step of isolating an instance. Do not use or change.",
	isolated:  "Countersign: isolated instances. Must have no rule. Do not change.",
}

// ofQuarantine is a condition of permissions: the rules of other groups are not ours to change.
var ofQuarantine = map[string][]string{"aws:ResourceTag/" + quarantineTag: {untracked, isolated}}

// quarantineGroups are the ids of the groups in one VPC; empty where there is none.
type quarantineGroups struct{ untracked, isolated string }

// is reports whether groups are exactly one of the two: an interface that is isolated or on its way.
func (q quarantineGroups) is(groups []string) bool {
	return len(groups) == 1 && groups[0] != "" && (groups[0] == q.untracked || groups[0] == q.isolated)
}

// in reports whether one of the two is among groups.
func (q quarantineGroups) in(groups []string) bool {
	return slices.ContainsFunc(groups, func(id string) bool { return q.is([]string{id}) })
}

// findGroups looks for the groups and makes none.
func (s *service) findGroups(ctx context.Context, c *clients, vpc, what string) (quarantineGroups, error) {
	q, _, err := lookForGroups(ctx, c, vpc, what)
	return q, err
}

// usableGroups is findGroups that refuses what ensureGroups would.
func (s *service) usableGroups(ctx context.Context, c *clients, vpc, what string) (quarantineGroups, error) {
	q, empty, err := lookForGroups(ctx, c, vpc, what)
	if err != nil || empty == nil || len(empty.IpPermissions) == 0 && len(empty.IpPermissionsEgress) == 0 {
		return q, err
	}
	_, _, err = onlyWayOut(empty, what)
	return q, err
}

func lookForGroups(ctx context.Context, c *clients, vpc, what string) (q quarantineGroups, empty *types.SecurityGroup, err error) {
	open, err := findGroup(ctx, c, vpc, untracked, what)
	if err != nil {
		return q, nil, err
	}
	if empty, err = findGroup(ctx, c, vpc, isolated, what); err != nil {
		return q, nil, err
	}
	if open != nil {
		q.untracked = sdk.ToString(open.GroupId)
	}
	if empty != nil {
		q.isolated = sdk.ToString(empty.GroupId)
	}
	return q, empty, nil
}

// ensureGroups finds or makes both groups and holds that their rules are what they must be.
func (s *service) ensureGroups(ctx context.Context, c *clients, vpc, what string) (quarantineGroups, error) {
	open, err := s.ensureGroup(ctx, c, vpc, untracked, what)
	if err != nil {
		return quarantineGroups{}, err
	}
	empty, err := s.ensureGroup(ctx, c, vpc, isolated, what)
	if err != nil {
		return quarantineGroups{}, err
	}
	return quarantineGroups{untracked: open, isolated: empty}, nil
}

func (s *service) ensureGroup(ctx context.Context, c *clients, vpc, role, what string) (string, error) {
	what = fmt.Sprintf("%s: %s group of %s", what, role, vpc)
	group, err := findGroup(ctx, c, vpc, role, what)
	if err != nil {
		return "", err
	}
	if group == nil {
		if err := createGroup(ctx, c, vpc, role, what); err != nil {
			return "", err
		}
	}
	// A group just made, by us or by a run that was faster, may not show at once, nor a rule.
	var found string
	err = s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		group, err := findGroup(ctx, c, vpc, role, what)
		if err != nil || group == nil {
			return false, err
		}
		found = sdk.ToString(group.GroupId)
		if role == untracked {
			return openGroup(ctx, c, group, what)
		}
		return emptyGroup(ctx, c, group, what)
	})
	return found, err
}

// findGroup returns the group of that role in a VPC, nil if there is none, and the first by id if
// somebody has tagged several.
func findGroup(ctx context.Context, c *clients, vpc, role, what string) (*types.SecurityGroup, error) {
	var first *types.SecurityGroup
	pages := ec2.NewDescribeSecurityGroupsPaginator(c.EC2(), &ec2.DescribeSecurityGroupsInput{
		Filters: []types.Filter{filter("vpc-id", vpc), filter("tag:"+quarantineTag, role)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: look for it", what)
		}
		for _, g := range page.SecurityGroups {
			if first == nil || sdk.ToString(g.GroupId) < sdk.ToString(first.GroupId) {
				first = &g
			}
		}
	}
	return first, nil
}

// createGroup makes the group, tagged from the first moment. Names are unique in a VPC, so of two
// runs that race one makes it and the other finds it.
func createGroup(ctx context.Context, c *clients, vpc, role, what string) error {
	_, err := c.EC2().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName:   sdk.String("countersign-quarantine-" + role),
		Description: sdk.String(groupDescriptions[role]),
		VpcId:       &vpc,
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeSecurityGroup,
			Tags:         []types.Tag{tag(quarantineTag, role)},
		}},
	})
	if err != nil && !answered(err, "InvalidGroup.Duplicate") {
		return failed(err, "%s: create it", what)
	}
	return nil
}

// everything is the rule for all traffic, of one address family or both.
func everything(v4, v6 bool) types.IpPermission {
	rule := types.IpPermission{IpProtocol: sdk.String("-1")}
	if v4 {
		rule.IpRanges = []types.IpRange{{CidrIp: sdk.String("0.0.0.0/0")}}
	}
	if v6 {
		rule.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: sdk.String("::/0")}}
	}
	return rule
}

// openTo reports for which address families rules let everything through.
func openTo(rules []types.IpPermission) (v4, v6 bool) {
	for _, rule := range rules {
		if sdk.ToString(rule.IpProtocol) != "-1" {
			continue
		}
		for _, r := range rule.IpRanges {
			v4 = v4 || sdk.ToString(r.CidrIp) == "0.0.0.0/0"
		}
		for _, r := range rule.Ipv6Ranges {
			v6 = v6 || sdk.ToString(r.CidrIpv6) == "::/0"
		}
	}
	return v4, v6
}

// openGroup adds what the group lacks to let everything through; done says that it lacked nothing.
func openGroup(ctx context.Context, c *clients, group *types.SecurityGroup, what string) (done bool, err error) {
	in4, in6 := openTo(group.IpPermissions)
	out4, out6 := openTo(group.IpPermissionsEgress)
	if in4 && in6 && out4 && out6 {
		return true, nil
	}
	if !in4 || !in6 {
		_, err := c.EC2().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: group.GroupId, IpPermissions: []types.IpPermission{everything(!in4, !in6)},
		})
		if err := ruleFailed(err, "%s: let everything in", what); err != nil {
			return false, err
		}
	}
	if !out4 || !out6 {
		_, err := c.EC2().AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{
			GroupId: group.GroupId, IpPermissions: []types.IpPermission{everything(!out4, !out6)},
		})
		if err := ruleFailed(err, "%s: let everything out", what); err != nil {
			return false, err
		}
	}
	return false, nil
}

// emptyGroup takes away the way out that EC2 gives every new group; done says that no rule is left.
// It removes no rule but that one: another was put there by somebody for a reason that we cannot
// see, and an instance in such a group would not be isolated.
func emptyGroup(ctx context.Context, c *clients, group *types.SecurityGroup, what string) (done bool, err error) {
	if len(group.IpPermissions) == 0 && len(group.IpPermissionsEgress) == 0 {
		return true, nil
	}
	v4, v6, err := onlyWayOut(group, what)
	if err != nil {
		return false, err
	}
	_, err = c.EC2().RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{
		GroupId: group.GroupId, IpPermissions: []types.IpPermission{everything(v4, v6)},
	})
	return false, ruleFailed(err, "%s: take away the default way out", what)
}

// onlyWayOut tells for which address families a group that is not empty has the default way out, and
// refuses one that has any other rule.
func onlyWayOut(group *types.SecurityGroup, what string) (v4, v6 bool, err error) {
	v4, v6 = openTo(group.IpPermissionsEgress)
	if len(group.IpPermissions) > 0 || !v4 && !v6 {
		return false, false, activities.Permanent("QuarantineGroupNotEmpty",
			fmt.Errorf("%s: %s has rules, and would not isolate; remove them first", what, sdk.ToString(group.GroupId)))
	}
	return v4, v6, nil
}

// ruleFailed lets pass what says only that the rule is as it should be, or the group too new to be
// known everywhere; the next look tells.
func ruleFailed(err error, format string, args ...any) error {
	if err == nil || answered(err, "InvalidPermission.Duplicate", "InvalidPermission.NotFound", "InvalidGroup.NotFound") {
		return nil
	}
	return failed(err, format, args...)
}
