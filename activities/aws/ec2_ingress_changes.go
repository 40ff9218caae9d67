package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerRestoreIngress(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.restore_ingress",
		Title: "Put back security group rules that were revoked",
		Doc: "Makes each rule again with its ports, range and description, under a new id, and leaves one that is there already. " +
			"It makes no rule but one that lets the whole Internet in: that is what aws.ec2.revoke_open_ingress takes away.",
		Effect:      activities.Change,
		Undo:        "aws.ec2.revoke_open_ingress",
		Targets:     []string{"group_id", "rules"},
		Permissions: []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:AuthorizeSecurityGroupIngress"},
		Scopes:      scopes(theGroup, "ec2:AuthorizeSecurityGroupIngress"),
		Timeout:     ingressTimeout,
	}, s.restoreIngress)
}

type revokeIngressInput struct {
	Account string   `json:"account" jsonschema:"AWS account of twelve digits that the group is in"`
	Region  string   `json:"region" jsonschema:"region that the group is in"`
	GroupID string   `json:"group_id" jsonschema:"security group, as sg-0123456789abcdef0"`
	RuleIDs []string `json:"rule_ids" jsonschema:"rules to revoke, as aws.ec2.list_open_ingress gives them"`
}

type revokeIngressOutput struct {
	Rules    []ingressRule `json:"rules" jsonschema:"rules that were taken away"`
	Changed  bool          `json:"changed" jsonschema:"false if none of the rules was there"`
	Verified bool          `json:"verified" jsonschema:"true if the group was read back without them"`
}

func (s *service) revokeOpenIngress(ctx context.Context, in revokeIngressInput) (revokeIngressOutput, error) {
	group := groupInput{Account: in.Account, Region: in.Region, GroupID: in.GroupID}
	what := fmt.Sprintf("revoke %s of %s", strings.Join(in.RuleIDs, ", "), group)
	ctx, c, found, err := s.findRules(ctx, group, in.RuleIDs, what)
	if err != nil {
		return revokeIngressOutput{}, err
	}
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.RuleID)
	}
	first, err := activities.Remember(ctx, found)
	if err != nil {
		return revokeIngressOutput{}, err
	}
	if len(ids) > 0 {
		if _, err := c.EC2().RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &in.GroupID, SecurityGroupRuleIds: ids}); err != nil &&
			!answered(err, "InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound") { // gone by an answer that was lost; the look tells
			return revokeIngressOutput{}, failed(err, "%s", what)
		}
		if err := s.settle(ctx, what, func(ctx context.Context) (bool, error) {
			now, err := allRules(ctx, c, group, what)
			return !slices.ContainsFunc(now, func(r types.SecurityGroupRule) bool {
				return slices.Contains(ids, sdk.ToString(r.SecurityGroupRuleId))
			}), err
		}); err != nil {
			return revokeIngressOutput{}, err
		}
	}
	return revokeIngressOutput{Rules: first, Changed: len(first) > 0, Verified: true}, nil
}

// findRules is what both a revocation and its preview look at first: those of the rules that are
// there, all of them open.
func (s *service) findRules(ctx context.Context, group groupInput, ids []string, what string) (context.Context, *clients, []ingressRule, error) {
	c, err := s.in(ctx, group.Account, group.Region)
	if err != nil {
		return nil, nil, nil, err
	}
	tags, now, err := s.rulesOf(ctx, c, group, what)
	if err != nil {
		return nil, nil, nil, err
	}
	if ctx, err = s.clear(ctx, c, what, thing{arn: c.ARNOf("ec2", "security-group/"+group.GroupID), tags: tags}); err != nil {
		return nil, nil, nil, err
	}
	found := []ingressRule{}
	for _, r := range now {
		switch {
		case !slices.Contains(ids, sdk.ToString(r.SecurityGroupRuleId)):
			continue
		case !open(r):
			return nil, nil, nil, activities.Permanent("NotOpen",
				fmt.Errorf("%s: %s does not let the whole Internet in", what, sdk.ToString(r.SecurityGroupRuleId)))
		}
		found = append(found, readRule(r))
	}
	return ctx, c, found, nil
}

// rulesOf lists the rules of a group that exists: EC2 answers the question for the rules of one
// that does not with none.
func (s *service) rulesOf(ctx context.Context, c *clients, in groupInput, what string) (tags map[string]string, _ []types.SecurityGroupRule, _ error) {
	out, err := c.EC2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{in.GroupID}})
	if err != nil {
		return nil, nil, failed(err, "%s", what)
	}
	for _, group := range out.SecurityGroups {
		tags = tagMap(group.Tags)
	}
	rules, err := allRules(ctx, c, in, what)
	return tags, rules, err
}

type restoreIngressInput struct {
	Account string        `json:"account" jsonschema:"AWS account of twelve digits that the group is in"`
	Region  string        `json:"region" jsonschema:"region that the group is in"`
	GroupID string        `json:"group_id" jsonschema:"security group, as sg-0123456789abcdef0"`
	Rules   []ingressRule `json:"rules" jsonschema:"rules to make again, as the call to undo had taken them away"`
}

type restoreIngressOutput struct {
	RuleIDs  []string `json:"rule_ids" jsonschema:"rules that were made; not those that were there already"`
	Changed  bool     `json:"changed" jsonschema:"false if every rule was there already"`
	Verified bool     `json:"verified" jsonschema:"true if the group was read back with them"`
}

func (s *service) restoreIngress(ctx context.Context, in restoreIngressInput) (restoreIngressOutput, error) {
	group := groupInput{Account: in.Account, Region: in.Region, GroupID: in.GroupID}
	what := "restore the rules of " + group.String()
	c, absent, err := s.findAbsent(ctx, group, in.Rules, what)
	if err != nil {
		return restoreIngressOutput{}, err
	}
	var missing []types.IpPermission
	for _, r := range absent {
		missing = append(missing, r.permission())
	}
	first, err := activities.Remember(ctx, absent)
	if err != nil {
		return restoreIngressOutput{}, err
	}
	if len(missing) > 0 {
		if _, err := c.EC2().AuthorizeSecurityGroupIngress(released(ctx), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &in.GroupID, IpPermissions: missing}); err != nil &&
			!answered(err, "InvalidPermission.Duplicate") { // made by an answer that was lost; the look tells
			return restoreIngressOutput{}, failed(err, "%s", what)
		}
	}
	out := restoreIngressOutput{Changed: len(first) > 0, Verified: true}
	err = s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		now, err := allRules(ctx, c, group, what)
		if err != nil {
			return false, err
		}
		out.RuleIDs = []string{}
		for _, r := range now {
			if open(r) && slices.ContainsFunc(first, func(made ingressRule) bool { return made.key() == readRule(r).key() }) {
				out.RuleIDs = append(out.RuleIDs, sdk.ToString(r.SecurityGroupRuleId))
			}
		}
		return len(out.RuleIDs) == len(first), nil
	})
	return out, err
}

// findAbsent is what both a restore and its preview look at first: those of the rules that are not
// there, whatever their id.
func (s *service) findAbsent(ctx context.Context, group groupInput, rules []ingressRule, what string) (*clients, []ingressRule, error) {
	for _, r := range rules {
		if !slices.Contains(everywhere, r.CIDR) {
			return nil, nil, badInput("%s: %s was not open to the whole Internet", what, r)
		}
	}
	c, err := s.in(ctx, group.Account, group.Region)
	if err != nil {
		return nil, nil, err
	}
	_, now, err := s.rulesOf(ctx, c, group, what)
	if err != nil {
		return nil, nil, err
	}
	have := map[ingressRule]bool{}
	for _, r := range now {
		if open(r) {
			have[readRule(r).key()] = true
		}
	}
	absent := []ingressRule{}
	for _, r := range rules {
		if !have[r.key()] {
			absent = append(absent, r)
		}
	}
	return c, absent, nil
}

// permission is the rule as EC2 takes it.
func (r ingressRule) permission() types.IpPermission {
	p := types.IpPermission{IpProtocol: &r.Protocol}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = sdk.Int32(int32(r.FromPort)), sdk.Int32(int32(r.ToPort)) //nolint:gosec // EC2 refuses what is no port
	}
	var description *string
	if r.Description != "" {
		description = &r.Description
	}
	if strings.Contains(r.CIDR, ":") {
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &r.CIDR, Description: description}}
	} else {
		p.IpRanges = []types.IpRange{{CidrIp: &r.CIDR, Description: description}}
	}
	return p
}
