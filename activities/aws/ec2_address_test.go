package aws

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func addressCalls(s *service) calls {
	return calls{
		"aws.ec2.block_address":   erased(s.blockAddress),
		"aws.ec2.unblock_address": erased(s.unblockAddress),
	}
}

const (
	addressJSON = inSampleRegion + `"vpc_id":"vpc-0a1b2c3d4e5f67890","address":"198.51.100.7"}`
	noVPC       = inSampleRegion + `"vpc_id":"vpc-00000000000000000","address":"198.51.100.7"}`
)

var addressChanges = []change{
	{
		name: "aws.ec2.block_address", input: addressJSON, acts: []string{"CreateNetworkAclEntry", "CreateNetworkAclEntry"},
		service: "ec2", act: "CreateNetworkAclEntry", back: "DescribeNetworkAcls", backCall: 1,
		missing: noVPC, kind: "NoNetworkACL",
	},
	{
		name: "aws.ec2.unblock_address", after: []before{{"aws.ec2.block_address", addressJSON}}, acts: []string{"DeleteNetworkAclEntry", "DeleteNetworkAclEntry"},
		service: "ec2", act: "DeleteNetworkAclEntry", back: "DescribeNetworkAcls", backCall: 1,
	},
}

func acl(s *standin.State) *standin.NetworkACL {
	return region(s).NetworkACLs[standin.SampleNetworkACL]
}

var addressViews = map[string]view{
	"aws.ec2.block_address":   seeBlocked,
	"aws.ec2.unblock_address": seeBlocked,
}

func seeBlocked(s *standin.State) seen {
	out := seen{}
	for egress, what := range map[bool]string{false: "traffic from ", true: "traffic to "} {
		say := "not blocked"
		for _, e := range acl(s).Entries {
			if e.Egress == egress && e.Action == "deny" && e.CIDR == "198.51.100.7/32" {
				say = "blocked"
			}
		}
		out["network ACL acl-0a1b2c3d4e5f67890"+inRegion+": "+what+"198.51.100.7/32"] = say
	}
	return out
}

func allowAll(s *standin.State) {
	acl(s).Entries = region(standin.Sample()).NetworkACLs[standin.SampleNetworkACL].Entries
}

var addressMeddling = meddlers{
	"aws.ec2.block_address": {
		"the entries are gone": allowAll,
		"one lets it through":  func(s *standin.State) { acl(s).Entries[0].Action = "allow" },
		"one is another's":     func(s *standin.State) { acl(s).Entries[0].CIDR = "192.0.2.0/24" },
		"the ACL is gone":      func(s *standin.State) { delete(region(s).NetworkACLs, standin.SampleNetworkACL) },
	},
	"aws.ec2.unblock_address": {
		"it is blocked": func(s *standin.State) {
			acl(s).Entries = append([]standin.ACLEntry{{Number: 9, Action: "deny", Protocol: "-1", CIDR: "198.51.100.7/32"}}, acl(s).Entries...)
		},
	},
}

func TestBlockable(t *testing.T) {
	for text, want := range map[string]string{
		"198.51.100.7":        "198.51.100.7/32",
		"198.51.100.200/24":   "198.51.100.0/24",
		"2001:db8::1":         "2001:db8::1/128",
		"2001:db8:7::/48":     "2001:db8:7::/48",
		"198.51.100.0/23":     "",
		"0.0.0.0/0":           "",
		"2001:db8::/47":       "",
		"10.1.2.3":            "",
		"172.31.0.1":          "",
		"192.168.0.0/24":      "",
		"100.64.3.4":          "",
		"169.254.169.254":     "",
		"127.0.0.1":           "",
		"224.0.0.1":           "",
		"255.255.255.255":     "",
		"::1":                 "",
		"::ffff:198.51.100.7": "",
		"64:ff9b::c633:6407":  "",
		"fd00::1":             "",
		"fe80::1%eth0":        "",
		"evil.example.com":    "",
		"":                    "",
		"203.0.113.0/24":      "", // ours
		"203.0.113.9":         "",
	} {
		got, err := blockable(text, []string{"203.0.113.8/29"})
		if want == "" {
			require.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, got.String())
	}
	_, err := blockable("198.51.100.7", []string{"the office"})
	require.ErrorContains(t, err, "own: ")
}

func TestBlockAddressRefused(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{"10.0.0.1", "198.51.0.0/16", "203.0.113.7"} {
		input := strings.Replace(addressJSON, `"198.51.100.7"`, `"`+address+`","own":["203.0.113.0/24"]`, 1)
		_, err := w.attempt(step(t.Context()), t, "aws.ec2.block_address", input)
		require.Equal(t, "NotBlockable", kindOf(t, err).Kind)
		_, err = w.lookAt(t, scheduled, "aws.ec2.block_address", input)
		require.Equal(t, "NotBlockable", kindOf(t, err).Kind)
	}
	// An entry that lets everything through before any number of ours could deny it.
	w.Update(func(s *standin.State) { acl(s).Entries[0].Number = 1 })
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.block_address", addressJSON)
	require.Equal(t, "NoRuleNumber", kindOf(t, err).Kind)
	// A VPC has no subnet of another.
	_, err = w.attempt(step(t.Context()), t, "aws.ec2.block_address", strings.Replace(addressJSON, `"address"`, `"subnet_id":"subnet-00000000000000000","address"`, 1))
	require.Equal(t, "NoNetworkACL", kindOf(t, err).Kind)
	require.Empty(t, w.effects())
}

// Numbers of others are kept clear of, and what is denied already is left.
func TestBlockAddressAmongOthers(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		acl(s).Entries = append([]standin.ACLEntry{
			{Number: 1, Action: "deny", Protocol: "-1", CIDR: "192.0.2.0/24"},
			{Number: 2, Action: "deny", Protocol: "6", CIDR: "198.51.100.0/24"},
			{Number: 4, Action: "allow", Protocol: "-1", CIDR: "203.0.113.0/24"},
			{Number: 50, Egress: true, Action: "deny", Protocol: "-1", CIDR: "198.51.100.0/24"},
		}, acl(s).Entries...)
	})
	out := decode[addressOutput](t, w.run(t, "aws.ec2.block_address", addressJSON))
	require.Equal(t, []aclEntry{{NetworkACLID: standin.SampleNetworkACL, RuleNumber: 3}}, out.Entries)
	v6 := decode[addressOutput](t, w.run(t, "aws.ec2.block_address", strings.Replace(addressJSON, "198.51.100.7", "2001:db8::7", 1)))
	require.False(t, v6.Changed, "no entry lets any of IPv6 through")
	w.Update(func(s *standin.State) {
		acl(s).Entries = append(acl(s).Entries, standin.ACLEntry{Number: 101, Action: "allow", Protocol: "-1", CIDRv6: "::/0"})
	})
	v6 = decode[addressOutput](t, w.run(t, "aws.ec2.block_address", strings.Replace(addressJSON, "198.51.100.7", "2001:db8::7", 1)))
	require.Equal(t, []aclEntry{{NetworkACLID: standin.SampleNetworkACL, RuleNumber: 5}}, v6.Entries)
}

// Somebody takes the number between the look and the call: the next attempt takes another.
func TestBlockAddressRace(t *testing.T) {
	w := newWorld(t)
	looked := false
	w.answered = func() {
		if calls := w.Calls(); !looked && calls[len(calls)-1].Action == "DescribeNetworkAcls" {
			looked = true
			w.Update(func(s *standin.State) {
				acl(s).Entries = append([]standin.ACLEntry{{Number: 1, Action: "deny", Protocol: "-1", CIDR: "192.0.2.0/24"}}, acl(s).Entries...)
			})
		}
	}
	ctx := step(t.Context())
	_, err := w.attempt(ctx, t, "aws.ec2.block_address", addressJSON)
	require.Equal(t, "NotVerified", kindOf(t, err).Kind)
	out, err := w.attempt(ctx, t, "aws.ec2.block_address", addressJSON)
	require.NoError(t, err)
	require.Equal(t, []aclEntry{
		{NetworkACLID: standin.SampleNetworkACL, RuleNumber: 2}, {NetworkACLID: standin.SampleNetworkACL, RuleNumber: 1, Egress: true},
	}, decode[addressOutput](t, out).Entries)
	undo, input := w.undo(t, "aws.ec2.block_address", addressJSON, out)
	w.run(t, undo, input)
	state := w.State()
	require.Len(t, acl(&state).Entries, 3, "and leaves the other's")
}
