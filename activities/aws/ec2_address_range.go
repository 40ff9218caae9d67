package aws

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// The widest ranges that may be blocked: what one network of an attacker is, and no provider.
const (
	widestV4 = 24
	widestV6 = 48
)

// special are the ranges that nobody on the Internet sends from: private and shared networks, loopback,
// link-local with the metadata of instances, multicast, and IPv4 in the clothes of IPv6.
//
// https://www.iana.org/assignments/iana-ipv4-special-registry/ and iana-ipv6-special-registry
var special = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
	"224.0.0.0/3", "::/8", "64:ff9b::/96", "64:ff9b:1::/48", "fc00::/7", "fe80::/10", "ff00::/8")

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// addressRange is an address or a range, as EC2 writes it.
type addressRange struct{ netip.Prefix }

// rangeOf reads an address, or a range in CIDR form.
func rangeOf(text string) (addressRange, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addressRange{netip.PrefixFrom(addr, addr.BitLen())}, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return addressRange{}, fmt.Errorf("%q is neither an address nor a range, as 203.0.113.7 or 203.0.113.0/24", text)
	}
	return addressRange{prefix.Masked()}, nil
}

// blockable reads what is to be blocked, and refuses what must not be.
func blockable(text string, own []string) (addressRange, error) {
	r, err := rangeOf(text)
	if err != nil {
		return r, err
	}
	widest := widestV6
	if r.Addr().Is4() {
		widest = widestV4
	}
	if r.Bits() < widest {
		return r, fmt.Errorf("%s is wider than /%d, and would block too many", r, widest)
	}
	for _, s := range special {
		if s.Overlaps(r.Prefix) {
			return r, fmt.Errorf("%s is in %s, which is not on the Internet", r, s)
		}
	}
	for _, text := range own {
		ours, err := rangeOf(text)
		if err != nil {
			return r, fmt.Errorf("own: %w", err)
		}
		if ours.Overlaps(r.Prefix) {
			return r, fmt.Errorf("%s has addresses of our own: %s", r, ours)
		}
	}
	return r, nil
}

// denies reports whether an entry denies all traffic with exactly the range.
func (r addressRange) denies(e types.NetworkAclEntry) bool {
	return e.RuleAction == types.RuleActionDeny && sdk.ToString(e.Protocol) == "-1" && sdk.ToString(e.CidrBlock)+sdk.ToString(e.Ipv6CidrBlock) == r.String()
}

// deniedAt finds the reserved number of an entry that denies exactly the range.
func (r addressRange) deniedAt(entries []types.NetworkAclEntry, egress bool) (int, bool) {
	for _, e := range entries {
		if number := int(sdk.ToInt32(e.RuleNumber)); sdk.ToBool(e.Egress) == egress && r.denies(e) && number <= reservedLast {
			return number, true
		}
	}
	return 0, false
}

// place tells whether an ACL lets nothing of the range through in a direction, and else the lowest
// reserved number at which an entry would see to that; 0 if there is none.
func (r addressRange) place(entries []types.NetworkAclEntry, egress bool) (number int, blocked bool) {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b types.NetworkAclEntry) int {
		return cmp.Compare(sdk.ToInt32(a.RuleNumber), sdk.ToInt32(b.RuleNumber))
	})
	free, before := reservedFirst, 0
	for _, e := range sorted {
		if sdk.ToBool(e.Egress) != egress {
			continue
		}
		if int(sdk.ToInt32(e.RuleNumber)) == free {
			free++
		}
		with, err := netip.ParsePrefix(sdk.ToString(e.CidrBlock) + sdk.ToString(e.Ipv6CidrBlock))
		if err != nil || !with.Overlaps(r.Prefix) {
			continue
		}
		if e.RuleAction == types.RuleActionAllow {
			before = int(sdk.ToInt32(e.RuleNumber))
			break
		}
		if sdk.ToString(e.Protocol) == "-1" && with.Bits() <= r.Bits() {
			return 0, true
		}
	}
	switch {
	case before == 0:
		return 0, true // what no entry allows is denied
	case free > reservedLast || free >= before:
		return 0, false
	default:
		return free, false
	}
}

// still are those of some entries that deny the range as they did.
func (r addressRange) still(acls []types.NetworkAcl, entries []aclEntry) []aclEntry {
	out := []aclEntry{}
	for _, acl := range acls {
		for _, e := range acl.Entries {
			at := aclEntry{NetworkACLID: sdk.ToString(acl.NetworkAclId), RuleNumber: int(sdk.ToInt32(e.RuleNumber)), Egress: sdk.ToBool(e.Egress)}
			if r.denies(e) && slices.Contains(entries, at) {
				out = append(out, at)
			}
		}
	}
	slices.SortFunc(out, func(a, b aclEntry) int {
		return cmp.Or(strings.Compare(a.NetworkACLID, b.NetworkACLID), cmp.Compare(fmt.Sprint(a.Egress), fmt.Sprint(b.Egress)), cmp.Compare(a.RuleNumber, b.RuleNumber))
	})
	return out
}
