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

// adminPorts are where a machine or its data is managed, and where nobody's customers come in:
// the ports that Security Hub's EC2.13, EC2.14 and EC2.19 warn of, without the web's own, and the
// interfaces of Docker and Kubernetes.
//
// https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19
var adminPorts = []int{
	20, 21, 22, 23, 110, 135, 143, 445, 1433, 1434, 2375, 2376, 3306, 3389, 4333, 5432, 5500, 5601, 5985, 5986, 6379, 6443,
	9200, 9300, 10250, 27017,
}

// everywhere are the two ranges that are the whole Internet.
var everywhere = []string{"0.0.0.0/0", "::/0"}

func (s *service) registerIngress(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.list_open_ingress",
		Title: "List what a security group lets in from the whole Internet",
		Doc: "The rules from 0.0.0.0/0 or ::/0 that reach one of the ports, by default those where machines and databases are managed. " +
			"A range that is nearly the whole Internet, as 0.0.0.0/1, and one behind a prefix list are not seen.",
		Effect:      activities.Read,
		Targets:     []string{"group_id"},
		Permissions: []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:DescribeNetworkInterfaces"},
	}, s.listOpenIngress)
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.revoke_open_ingress",
		Title: "Revoke security group rules that are open to the whole Internet",
		Doc: "Takes away the rules with these ids, and refuses one that is not ingress from 0.0.0.0/0 or ::/0. Whoever came in by such a rule " +
			"alone is shut out at the next connection; connections that EC2 tracks go on: isolate the instance to cut them. The rules' own tags are lost.",
		Effect:      activities.Change,
		Undo:        "aws.ec2.restore_ingress",
		Targets:     []string{"group_id", "rule_ids"},
		Permissions: []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupIngress"},
		Scopes:      scopes(theGroup, "ec2:RevokeSecurityGroupIngress"),
		Timeout:     ingressTimeout,
	}, s.revokeOpenIngress)
	s.registerRestoreIngress(r)
}

const ingressTimeout = iamTimeout

type groupInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits that the group is in"`
	Region  string `json:"region" jsonschema:"region that the group is in"`
	GroupID string `json:"group_id" jsonschema:"security group, as sg-0123456789abcdef0"`
}

func (in groupInput) String() string {
	return fmt.Sprintf("security group %s in account %s, %s", in.GroupID, in.Account, in.Region)
}

// ingressRule is a rule as it is shown and as it can be made again.
type ingressRule struct {
	RuleID      string `json:"rule_id" jsonschema:"rule, as sgr-0123456789abcdef0"`
	Protocol    string `json:"protocol" jsonschema:"tcp, udp, icmp, a number, or -1 for all"`
	FromPort    int    `json:"from_port" jsonschema:"first port; -1 for all"`
	ToPort      int    `json:"to_port" jsonschema:"last port; -1 for all"`
	CIDR        string `json:"cidr" jsonschema:"0.0.0.0/0 or ::/0"`
	Description string `json:"description,omitempty" jsonschema:"what its author wrote about it; absent if nothing"`
}

// key is what two rules must have in common to be the same one to EC2.
func (r ingressRule) key() ingressRule {
	r.RuleID, r.Description = "", ""
	return r
}

// reaches reports whether the rule lets through to one of ports.
func (r ingressRule) reaches(ports []int) bool {
	switch r.Protocol {
	case "-1":
		return true
	case "tcp", "udp":
		return slices.ContainsFunc(ports, func(port int) bool { return r.FromPort <= port && port <= r.ToPort })
	default:
		return false
	}
}

type openIngressInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits that the group is in"`
	Region  string `json:"region" jsonschema:"region that the group is in"`
	GroupID string `json:"group_id" jsonschema:"security group, as sg-0123456789abcdef0"`
	Ports   []int  `json:"ports,omitempty" jsonschema:"ports that must not be open; by default those of remote shells, desktops, databases and their like"`
}

type openIngressOutput struct {
	Name        string            `json:"name" jsonschema:"name of the group"`
	Description string            `json:"description" jsonschema:"what its author wrote about it"`
	VPCID       string            `json:"vpc_id" jsonschema:"VPC it is in"`
	Tags        map[string]string `json:"tags" jsonschema:"tags of the group"`
	Rules       []ingressRule     `json:"rules" jsonschema:"rules that are open to the whole Internet, by id"`
	RuleIDs     []string          `json:"rule_ids" jsonschema:"their ids"`
	Summary     string            `json:"summary" jsonschema:"the rules in words, as tcp 22 from 0.0.0.0/0; empty if there is none"`
	Interfaces  int               `json:"interfaces" jsonschema:"how many network interfaces are in the group, at most 1000"`
	Instances   []string          `json:"instances" jsonschema:"ids of the instances of those interfaces"`
}

func (s *service) listOpenIngress(ctx context.Context, in openIngressInput) (openIngressOutput, error) {
	group := groupInput{Account: in.Account, Region: in.Region, GroupID: in.GroupID}
	what := "look at " + group.String()
	if len(in.Ports) == 0 {
		in.Ports = adminPorts
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return openIngressOutput{}, err
	}
	described, err := c.EC2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{in.GroupID}})
	if err != nil {
		return openIngressOutput{}, failed(err, "%s", what)
	}
	rules, err := openRules(ctx, c, group, what)
	if err != nil {
		return openIngressOutput{}, err
	}
	nics, err := c.EC2().DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
		Filters: []types.Filter{filter("group-id", in.GroupID)}, MaxResults: sdk.Int32(1000),
	})
	if err != nil {
		return openIngressOutput{}, failed(err, "%s: list the network interfaces in it", what)
	}
	out := openIngressOutput{
		Tags: map[string]string{}, Rules: []ingressRule{}, RuleIDs: []string{},
		Interfaces: len(nics.NetworkInterfaces), Instances: []string{},
	}
	for _, g := range described.SecurityGroups {
		out.Name, out.Description, out.VPCID = sdk.ToString(g.GroupName), sdk.ToString(g.Description), sdk.ToString(g.VpcId)
		for _, tag := range g.Tags {
			out.Tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
		}
	}
	words := []string{}
	for _, r := range rules {
		if r.reaches(in.Ports) {
			out.Rules, out.RuleIDs = append(out.Rules, r), append(out.RuleIDs, r.RuleID)
			words = append(words, r.String())
		}
	}
	out.Summary = strings.Join(words, ", ")
	for _, nic := range nics.NetworkInterfaces {
		if nic.Attachment != nil && nic.Attachment.InstanceId != nil {
			out.Instances = append(out.Instances, *nic.Attachment.InstanceId)
		}
	}
	slices.Sort(out.Instances)
	out.Instances = slices.Compact(out.Instances)
	return out, nil
}

// String says what the rule lets in, as people say it.
func (r ingressRule) String() string {
	switch {
	case r.Protocol == "-1":
		return "everything from " + r.CIDR
	case r.FromPort == r.ToPort:
		return fmt.Sprintf("%s %d from %s", r.Protocol, r.FromPort, r.CIDR)
	default:
		return fmt.Sprintf("%s %d-%d from %s", r.Protocol, r.FromPort, r.ToPort, r.CIDR)
	}
}

// openRules lists the rules of a group that let the whole Internet in, on whatever port, by id.
func openRules(ctx context.Context, c *clients, in groupInput, what string) ([]ingressRule, error) {
	rules, err := allRules(ctx, c, in, what)
	rules = slices.DeleteFunc(rules, func(r types.SecurityGroupRule) bool { return !open(r) })
	out := make([]ingressRule, 0, len(rules))
	for _, r := range rules {
		out = append(out, readRule(r))
	}
	slices.SortFunc(out, func(a, b ingressRule) int { return strings.Compare(a.RuleID, b.RuleID) })
	return out, err
}

func allRules(ctx context.Context, c *clients, in groupInput, what string) ([]types.SecurityGroupRule, error) {
	var out []types.SecurityGroupRule
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(c.EC2(), &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{filter("group-id", in.GroupID)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: list its rules", what)
		}
		out = append(out, page.SecurityGroupRules...)
	}
	return out, nil
}

func open(r types.SecurityGroupRule) bool {
	return !sdk.ToBool(r.IsEgress) && (slices.Contains(everywhere, sdk.ToString(r.CidrIpv4)) || slices.Contains(everywhere, sdk.ToString(r.CidrIpv6)))
}

func readRule(r types.SecurityGroupRule) ingressRule {
	return ingressRule{
		RuleID:      sdk.ToString(r.SecurityGroupRuleId),
		Protocol:    sdk.ToString(r.IpProtocol),
		FromPort:    int(sdk.ToInt32(r.FromPort)),
		ToPort:      int(sdk.ToInt32(r.ToPort)),
		CIDR:        sdk.ToString(r.CidrIpv4) + sdk.ToString(r.CidrIpv6),
		Description: sdk.ToString(r.Description),
	}
}
