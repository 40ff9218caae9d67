package control

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities/finding"
)

// adminPorts are those by which hosts are administered: SSH and RDP.
var adminPorts = []int32{22, 3389}

const (
	anywhere4 = "0.0.0.0/0"
	anywhere6 = "::/0"
)

var defaultGroup = &check{
	Control: finding.Control{
		ID: "EC2.2", Title: "Default security groups let nothing through", Severity: finding.High,
		Remedy:    "Give what uses the default group one of its own, and take all rules from the default group.",
		Standards: []string{cis("3.0.0", "5.4")},
	},
	scope:       ofRegion,
	permissions: []string{"ec2:DescribeSecurityGroups"},
	look: eachGroup(func(g types.SecurityGroup) (ok, about bool, _ map[string]string) {
		return len(g.IpPermissions)+len(g.IpPermissionsEgress) == 0, sdk.ToString(g.GroupName) == "default", map[string]string{
			"ingress": strconv.Itoa(len(g.IpPermissions)), "egress": strconv.Itoa(len(g.IpPermissionsEgress)),
		}
	}),
}

var adminPorts4 = openPorts("EC2.53", "5.2", anywhere4, func(p types.IpPermission) bool {
	return slices.ContainsFunc(p.IpRanges, func(r types.IpRange) bool { return sdk.ToString(r.CidrIp) == anywhere4 })
})

var adminPorts6 = openPorts("EC2.54", "5.3", anywhere6, func(p types.IpPermission) bool {
	return slices.ContainsFunc(p.Ipv6Ranges, func(r types.Ipv6Range) bool { return sdk.ToString(r.CidrIpv6) == anywhere6 })
})

// openPorts is the control of one address family.
func openPorts(id, number, anywhere string, from func(types.IpPermission) bool) *check {
	return &check{
		Control: finding.Control{
			ID: id, Title: "Security groups let nobody from " + anywhere + " at the ports for administration", Severity: finding.High,
			Remedy:    "Take the rule away, or let in only the networks that administer; better, use Session Manager and no port at all.",
			Playbook:  "aws-open-admin-ports",
			Standards: []string{cis("3.0.0", number)},
		},
		scope:       ofRegion,
		permissions: []string{"ec2:DescribeSecurityGroups"},
		look: eachGroup(func(g types.SecurityGroup) (ok, about bool, _ map[string]string) {
			var open []string
			for _, p := range g.IpPermissions {
				for _, port := range adminPorts {
					if from(p) && admits(sdk.ToString(p.IpProtocol), p.FromPort, p.ToPort, port) {
						open = append(open, strconv.Itoa(int(port)))
					}
				}
			}
			slices.Sort(open)
			open = slices.Compact(open)
			return len(open) == 0, true, map[string]string{"open to " + anywhere: cmp.Or(strings.Join(open, ", "), "none")}
		}),
	}
}

// admits reports whether a rule is about a port, by TCP or UDP.
func admits(protocol string, from, to *int32, port int32) bool {
	switch protocol {
	case "-1":
		return true
	case "tcp", "6", "udp", "17":
		return from == nil || to == nil || *from <= port && port <= *to
	default:
		return false
	}
}

// eachGroup looks at every security group; about is false where the control is not about it.
func eachGroup(look func(types.SecurityGroup) (ok, about bool, evidence map[string]string)) func(context.Context, *facts) ([]seen, error) {
	return func(ctx context.Context, f *facts) ([]seen, error) {
		groups, err := read(ctx, f, "security groups", func(ctx context.Context) ([]types.SecurityGroup, error) {
			var out []types.SecurityGroup
			pages := ec2.NewDescribeSecurityGroupsPaginator(f.c.EC2(), &ec2.DescribeSecurityGroupsInput{MaxResults: sdk.Int32(1000)})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx, patientlyEC2)
				if err != nil {
					return nil, f.failed(err, "ec2:DescribeSecurityGroups")
				}
				out = append(out, page.SecurityGroups...)
			}
			return out, nil
		})
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, g := range groups {
			ok, about, evidence := look(g)
			if about {
				evidence["GroupName"] = sdk.ToString(g.GroupName)
				out = append(out, verdict(f.arn("ec2", "security-group/"+sdk.ToString(g.GroupId)), ok, evidence))
			}
		}
		return out, nil
	}
}

func patientlyEC2(o *ec2.Options) { o.RetryMaxAttempts = patientAttempts }

var adminPortsACL = &check{
	Control: finding.Control{
		ID: "EC2.21", Title: "Network ACLs let nobody from everywhere at the ports for administration", Severity: finding.Medium,
		Remedy:    "Put a rule before the one that lets them in, that denies ports 22 and 3389 from everywhere.",
		Standards: []string{cis("3.0.0", "5.1")},
	},
	scope:       ofRegion,
	permissions: []string{"ec2:DescribeNetworkAcls"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		var out []seen
		pages := ec2.NewDescribeNetworkAclsPaginator(f.c.EC2(), &ec2.DescribeNetworkAclsInput{MaxResults: sdk.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyEC2)
			if err != nil {
				return nil, f.failed(err, "ec2:DescribeNetworkAcls")
			}
			for _, acl := range page.NetworkAcls {
				open := openEntries(acl.Entries)
				evidence := map[string]string{"rules": cmp.Or(listed(open), "none"), "vpc": sdk.ToString(acl.VpcId)}
				out = append(out, verdict(f.arn("ec2", "network-acl/"+sdk.ToString(acl.NetworkAclId)), len(open) == 0, evidence))
			}
		}
		return out, nil
	},
}

// openEntries are the rules that let everybody in at a port for administration: of the rules that are
// about everybody and the port, the first decides.
func openEntries(entries []types.NetworkAclEntry) []string {
	entries = slices.SortedFunc(slices.Values(entries), func(a, b types.NetworkAclEntry) int {
		return cmp.Compare(sdk.ToInt32(a.RuleNumber), sdk.ToInt32(b.RuleNumber))
	})
	var out []string
	for _, port := range adminPorts {
		for _, anywhere := range []string{anywhere4, anywhere6} {
			for _, e := range entries {
				var from, to *int32
				if e.PortRange != nil {
					from, to = e.PortRange.From, e.PortRange.To
				}
				cidr := sdk.ToString(e.CidrBlock) + sdk.ToString(e.Ipv6CidrBlock)
				protocol := sdk.ToString(e.Protocol)
				if sdk.ToBool(e.Egress) || cidr != anywhere || protocol == "17" || !admits(protocol, from, to, port) {
					continue // these ports are TCP's; a rule about UDP neither opens nor closes them
				}
				if e.RuleAction == types.RuleActionAllow {
					out = append(out, strconv.Itoa(int(sdk.ToInt32(e.RuleNumber)))+" ("+anywhere+" to "+strconv.Itoa(int(port))+")")
				}
				break
			}
		}
	}
	return out
}

var flowLogs = &check{
	Control: finding.Control{
		ID: "EC2.6", Title: "The traffic of VPCs is logged", Severity: finding.Medium,
		Remedy:    "Make a flow log of the VPC, of rejected traffic at the least.",
		Standards: []string{cis("3.0.0", "3.7")},
	},
	scope:       ofRegion,
	permissions: []string{"ec2:DescribeVpcs", "ec2:DescribeFlowLogs"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		logged, err := f.loggedVPCs(ctx)
		if err != nil {
			return nil, err
		}
		var out []seen
		pages := ec2.NewDescribeVpcsPaginator(f.c.EC2(), &ec2.DescribeVpcsInput{MaxResults: sdk.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyEC2)
			if err != nil {
				return nil, f.failed(err, "ec2:DescribeVpcs")
			}
			for _, v := range page.Vpcs {
				id := sdk.ToString(v.VpcId)
				evidence := map[string]string{"flow log": cmp.Or(logged[id], "none"), "default": strconv.FormatBool(sdk.ToBool(v.IsDefault))}
				out = append(out, verdict(f.arn("ec2", "vpc/"+id), logged[id] != "", evidence))
			}
		}
		return out, nil
	},
}

// loggedVPCs are flow logs that are active, can deliver and tell of what is rejected, by what they log.
func (f *facts) loggedVPCs(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	pages := ec2.NewDescribeFlowLogsPaginator(f.c.EC2(), &ec2.DescribeFlowLogsInput{MaxResults: sdk.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, patientlyEC2)
		if err != nil {
			return nil, f.failed(err, "ec2:DescribeFlowLogs")
		}
		for _, l := range page.FlowLogs {
			delivers := sdk.ToString(l.DeliverLogsStatus) != "FAILED"
			if sdk.ToString(l.FlowLogStatus) == "ACTIVE" && delivers && l.TrafficType != types.TrafficTypeAccept {
				out[sdk.ToString(l.ResourceId)] = sdk.ToString(l.FlowLogId)
			}
		}
	}
	return out, nil
}
