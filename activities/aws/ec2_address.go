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
	"github.com/countersign/countersign/activities/preview"
)

// The numbers of entries that are kept for this: AWS and most people begin at 100, and the lowest
// number that fits decides.
const (
	reservedFirst = 1
	reservedLast  = 49
)

const networkACLs = "arn:aws:ec2:{region}:{account}:network-acl/*"

func (s *service) registerAddress(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.block_address",
		Title: "Block an address at the network ACLs of a VPC",
		Doc: "Denies all traffic from and to the address, before every entry that allows it, in each network ACL of the VPC, or in the one of a subnet alone, and " +
			"with it of every subnet that shares that ACL. Entries get numbers from 1 to 49, which others must leave free; of these an ACL holds few: 20 in one " +
			"direction, by default, with all others. Refuses private and other special addresses, ranges wider than /24 or, of IPv6, /48, and those in own. " +
			"Traffic that does not pass a subnet's edge, as between instances of one, is not seen.",
		Effect: activities.Change, Undo: "aws.ec2.unblock_address", Targets: []string{"vpc_id", "address"},
		Permissions: []string{"ec2:DescribeNetworkAcls", "ec2:CreateNetworkAclEntry"},
		Scopes:      map[string][]string{"ec2:CreateNetworkAclEntry": {networkACLs}},
		Timeout:     ec2Timeout,
	}, s.blockAddress)
	activities.Register(r, activities.Spec{
		Name:   "aws.ec2.unblock_address",
		Title:  "Take away the network ACL entries that block an address",
		Doc:    "Only those that still deny all traffic with exactly that address.",
		Effect: activities.Change, Undo: "aws.ec2.block_address", Targets: []string{"vpc_id", "address"},
		Permissions: []string{"ec2:DescribeNetworkAcls", "ec2:DeleteNetworkAclEntry"},
		Scopes:      map[string][]string{"ec2:DeleteNetworkAclEntry": {networkACLs}},
		Timeout:     ec2Timeout,
	}, s.unblockAddress)
	activities.Previews(r, "aws.ec2.block_address", s.previewBlockAddress)
	activities.Previews(r, "aws.ec2.unblock_address", s.previewUnblockAddress)
}

// aclEntry is an entry that was made, or is to be taken away.
type aclEntry struct {
	NetworkACLID string `json:"network_acl_id" jsonschema:"network ACL, as acl-0123456789abcdef0"`
	RuleNumber   int    `json:"rule_number" jsonschema:"number of the entry"`
	Egress       bool   `json:"egress" jsonschema:"true for what leaves the subnet, false for what enters it"`
}

type blockAddressInput struct {
	Account  string     `json:"account" jsonschema:"AWS account of twelve digits that the VPC is in"`
	Region   string     `json:"region" jsonschema:"region that the VPC is in, as eu-west-1"`
	VPCID    string     `json:"vpc_id" jsonschema:"VPC to block it in, as vpc-0123456789abcdef0"`
	SubnetID string     `json:"subnet_id,omitempty" jsonschema:"the only subnet of the VPC to block it in; by default all"`
	Address  string     `json:"address" jsonschema:"address, or range in CIDR form, of IPv4 or IPv6"`
	Own      []string   `json:"own,omitempty" jsonschema:"addresses and ranges that must never be blocked, as those by which the company reaches the Internet; a playbook names them itself, and never from an event"`
	Entries  []aclEntry `json:"entries,omitempty" jsonschema:"set when undoing: the only ACLs and directions to block it in again"`
}

type unblockAddressInput struct {
	Account string     `json:"account" jsonschema:"AWS account of twelve digits that the VPC is in"`
	Region  string     `json:"region" jsonschema:"region that the VPC is in, as eu-west-1"`
	VPCID   string     `json:"vpc_id" jsonschema:"VPC that it is blocked in, as vpc-0123456789abcdef0"`
	Address string     `json:"address" jsonschema:"address, or range in CIDR form"`
	Entries []aclEntry `json:"entries" jsonschema:"entries to take away, as aws.ec2.block_address returned them"`
}

type addressOutput struct {
	Entries  []aclEntry `json:"entries" jsonschema:"entries that this call made, or took away"`
	Changed  bool       `json:"changed" jsonschema:"false if there was nothing to do"`
	Verified bool       `json:"verified" jsonschema:"true if the ACLs were read back as they should be"`
}

// blocking is one of the two calls.
type blocking struct {
	account, region, vpc, subnet string
	address                      addressRange
}

func (b blocking) String() string {
	where := b.vpc
	if b.subnet != "" {
		where = b.subnet + " of " + b.vpc
	}
	return fmt.Sprintf("%s in %s in account %s, %s", b.address, where, b.account, b.region)
}

func (s *service) blockAddress(ctx context.Context, in blockAddressInput) (addressOutput, error) {
	acting, b, c, plan, err := s.findUnblocked(ctx, in, "block ")
	if err != nil {
		return addressOutput{}, err
	}
	what := "block " + b.String()
	first, err := activities.Remember(ctx, plan)
	if err != nil {
		return addressOutput{}, err
	}
	for _, e := range plan {
		_, err := c.EC2().CreateNetworkAclEntry(acting, b.entry(e))
		if err != nil && !answered(err, "NetworkAclEntryAlreadyExists") { // ours, by an answer that was lost, or somebody's: the look tells
			return addressOutput{}, failed(err, "%s: entry %d of %s", what, e.RuleNumber, e.NetworkACLID)
		}
	}
	out := addressOutput{Entries: []aclEntry{}, Changed: len(first) > 0, Verified: true}
	if len(first) == 0 {
		return out, nil
	}
	err = s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		acls, err := listACLs(ctx, c, b, what)
		if err != nil {
			return false, err
		}
		out.Entries = []aclEntry{}
		for _, e := range first {
			for _, acl := range acls {
				if sdk.ToString(acl.NetworkAclId) == e.NetworkACLID {
					if number, ok := b.address.deniedAt(acl.Entries, e.Egress); ok {
						out.Entries = append(out.Entries, aclEntry{NetworkACLID: e.NetworkACLID, RuleNumber: number, Egress: e.Egress})
					}
				}
			}
		}
		return len(out.Entries) == len(first), nil
	})
	return out, err
}

func (s *service) unblockAddress(ctx context.Context, in unblockAddressInput) (addressOutput, error) {
	b, c, there, err := s.findBlocking(ctx, in, "unblock ")
	if err != nil {
		return addressOutput{}, err
	}
	what := "unblock " + b.String()
	first, err := activities.Remember(ctx, there)
	if err != nil {
		return addressOutput{}, err
	}
	acting := released(ctx)
	for _, e := range there {
		_, err := c.EC2().DeleteNetworkAclEntry(acting, &ec2.DeleteNetworkAclEntryInput{
			NetworkAclId: &e.NetworkACLID, RuleNumber: sdk.Int32(int32(e.RuleNumber)), Egress: &e.Egress, //nolint:gosec // as EC2 gave it
		})
		if err != nil && !answered(err, "InvalidNetworkAclEntry.NotFound") {
			return addressOutput{}, failed(err, "%s: entry %d of %s", what, e.RuleNumber, e.NetworkACLID)
		}
	}
	out := addressOutput{Entries: first, Changed: len(first) > 0, Verified: true}
	if len(there) == 0 {
		return out, nil
	}
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		acls, err := listACLs(ctx, c, b, what)
		return len(b.address.still(acls, there)) == 0, err
	})
}

func (b blocking) entry(e aclEntry) *ec2.CreateNetworkAclEntryInput {
	in := &ec2.CreateNetworkAclEntryInput{
		NetworkAclId: &e.NetworkACLID, RuleNumber: sdk.Int32(int32(e.RuleNumber)), Egress: &e.Egress, //nolint:gosec // below 50
		Protocol: sdk.String("-1"), RuleAction: types.RuleActionDeny,
	}
	if cidr := b.address.String(); b.address.Addr().Is4() {
		in.CidrBlock = &cidr
	} else {
		in.Ipv6CidrBlock = &cidr
	}
	return in
}

func listACLs(ctx context.Context, c *clients, b blocking, what string) ([]types.NetworkAcl, error) {
	in := &ec2.DescribeNetworkAclsInput{Filters: []types.Filter{filter("vpc-id", b.vpc)}}
	if b.subnet != "" {
		in.Filters = append(in.Filters, filter("association.subnet-id", b.subnet))
	}
	var found []types.NetworkAcl
	for pages := ec2.NewDescribeNetworkAclsPaginator(c.EC2(), in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: list the network ACLs", what)
		}
		found = append(found, page.NetworkAcls...)
	}
	slices.SortFunc(found, func(a, b types.NetworkAcl) int {
		return strings.Compare(sdk.ToString(a.NetworkAclId), sdk.ToString(b.NetworkAclId))
	})
	return found, nil
}

// findUnblocked is what both a block and its preview look at first: where an entry is missing, and the
// number it gets.
func (s *service) findUnblocked(ctx context.Context, in blockAddressInput, verb string) (acting context.Context, b blocking, c *clients, plan []aclEntry, err error) {
	b = blocking{account: in.Account, region: in.Region, vpc: in.VPCID, subnet: in.SubnetID}
	if b.address, err = blockable(in.Address, in.Own); err != nil {
		return nil, b, nil, nil, activities.Permanent("NotBlockable", fmt.Errorf("%s%s in account %s: %w", verb, in.Address, in.Account, err))
	}
	what := verb + b.String()
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return nil, b, nil, nil, err
	}
	acls, err := listACLs(ctx, c, b, what)
	if err == nil && len(acls) == 0 {
		err = activities.Permanent("NoNetworkACL", fmt.Errorf("%s: it has no network ACL; is there such a VPC, and such a subnet in it?", what))
	}
	if err != nil {
		return nil, b, nil, nil, err
	}
	plan = []aclEntry{}
	acting = ctx
	for _, acl := range acls {
		id := sdk.ToString(acl.NetworkAclId)
		if acting, err = s.clear(ctx, c, what, thing{arn: "arn:aws:ec2:" + in.Region + ":" + in.Account + ":network-acl/" + id, tags: tagMap(acl.Tags)}); err != nil {
			return nil, b, nil, nil, err
		}
		for _, egress := range []bool{false, true} {
			if in.Entries != nil && !slices.ContainsFunc(in.Entries, func(e aclEntry) bool { return e.NetworkACLID == id && e.Egress == egress }) {
				continue
			}
			number, blocked := b.address.place(acl.Entries, egress)
			switch {
			case blocked:
				continue
			case number == 0:
				return nil, b, nil, nil, activities.Permanent("NoRuleNumber",
					fmt.Errorf("%s: no number from %d to %d is free in %s before an entry that allows it", what, reservedFirst, reservedLast, id))
			}
			plan = append(plan, aclEntry{NetworkACLID: id, RuleNumber: number, Egress: egress})
		}
	}
	return acting, b, c, plan, nil
}

// findBlocking is what both taking away and its preview look at first: which entries are still as they
// were made.
func (s *service) findBlocking(ctx context.Context, in unblockAddressInput, verb string) (blocking, *clients, []aclEntry, error) {
	b := blocking{account: in.Account, region: in.Region, vpc: in.VPCID}
	var err error
	if b.address, err = rangeOf(in.Address); err != nil {
		return b, nil, nil, badInput("%s%s in account %s: %v", verb, in.Address, in.Account, err)
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return b, nil, nil, err
	}
	acls, err := listACLs(ctx, c, b, verb+b.String())
	return b, c, b.address.still(acls, in.Entries), err
}

func (s *service) previewBlockAddress(ctx context.Context, in blockAddressInput) (preview.Preview, error) {
	_, b, _, plan, err := s.findUnblocked(ctx, in, "preview of ")
	return b.show(plan, "not blocked", "blocked"), err
}

func (s *service) previewUnblockAddress(ctx context.Context, in unblockAddressInput) (preview.Preview, error) {
	b, _, there, err := s.findBlocking(ctx, in, "preview of ")
	return b.show(there, "blocked", "not blocked"), err
}

// show names no number: of two blocks that are approved together the second gets another than it was
// shown.
func (b blocking) show(entries []aclEntry, before, after string) preview.Preview {
	var changes []preview.Change
	for _, e := range entries {
		changes = append(changes, preview.Change{
			Target: fmt.Sprintf("network ACL %s in account %s, %s", e.NetworkACLID, b.account, b.region),
			What:   map[bool]string{false: "traffic from ", true: "traffic to "}[e.Egress] + b.address.String(), Before: before, After: after,
		})
	}
	return shown(changes...)
}
