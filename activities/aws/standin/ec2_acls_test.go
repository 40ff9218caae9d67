package standin_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestNetworkACL(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := ec2.NewFromConfig(cfg)
	entry := func(number int32, cidr string) *ec2.CreateNetworkAclEntryInput {
		return &ec2.CreateNetworkAclEntryInput{
			NetworkAclId: aws.String(standin.SampleNetworkACL), RuleNumber: &number, Egress: aws.Bool(false),
			Protocol: aws.String("-1"), RuleAction: types.RuleActionDeny, CidrBlock: &cidr,
		}
	}
	_, err := client.CreateNetworkAclEntry(t.Context(), entry(7, "198.51.100.9/24"))
	require.NoError(t, err)
	_, err = client.CreateNetworkAclEntry(t.Context(), entry(7, "198.51.100.0/24"))
	require.Equal(t, "NetworkAclEntryAlreadyExists", code(t, err))

	out, err := client.DescribeNetworkAcls(t.Context(), &ec2.DescribeNetworkAclsInput{Filters: []types.Filter{
		filter("vpc-id", standin.SampleVPC), filter("association.subnet-id", standin.SampleSubnet), filter("default", "true"),
	}})
	require.NoError(t, err)
	require.Len(t, out.NetworkAcls, 1)
	got := out.NetworkAcls[0]
	require.True(t, *got.IsDefault)
	require.Equal(t, standin.SampleSubnet, *got.Associations[0].SubnetId)
	require.Len(t, got.Entries, 5)
	require.Equal(t, types.NetworkAclEntry{
		RuleNumber: aws.Int32(7), Protocol: aws.String("-1"), RuleAction: types.RuleActionDeny, Egress: aws.Bool(false), CidrBlock: aws.String("198.51.100.0/24"),
	}, got.Entries[0])
	require.Equal(t, int32(32767), *got.Entries[4].RuleNumber)

	remove := &ec2.DeleteNetworkAclEntryInput{NetworkAclId: aws.String(standin.SampleNetworkACL), RuleNumber: aws.Int32(7), Egress: aws.Bool(false)}
	_, err = client.DeleteNetworkAclEntry(t.Context(), remove)
	require.NoError(t, err)
	_, err = client.DeleteNetworkAclEntry(t.Context(), remove)
	require.Equal(t, "InvalidNetworkAclEntry.NotFound", code(t, err))
	require.Equal(t, []string{"CreateNetworkAclEntry", "DeleteNetworkAclEntry"}, changed(s))
}

func TestNetworkACLEntryRefused(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client := ec2.NewFromConfig(cfg)
	base := ec2.CreateNetworkAclEntryInput{
		NetworkAclId: aws.String(standin.SampleNetworkACL), RuleNumber: aws.Int32(1), Egress: aws.Bool(true),
		Protocol: aws.String("-1"), RuleAction: types.RuleActionDeny, Ipv6CidrBlock: aws.String("2001:db8::/48"),
	}
	for name, tt := range map[string]struct {
		change func(*ec2.CreateNetworkAclEntryInput)
		want   string
	}{
		"no such ACL":       {func(in *ec2.CreateNetworkAclEntryInput) { in.NetworkAclId = aws.String("acl-00000000000000009") }, "InvalidNetworkAclID.NotFound"},
		"the last number":   {func(in *ec2.CreateNetworkAclEntryInput) { in.RuleNumber = aws.Int32(32767) }, "InvalidParameterValue"},
		"both families":     {func(in *ec2.CreateNetworkAclEntryInput) { in.CidrBlock = aws.String("198.51.100.0/24") }, "InvalidParameterValue"},
		"the wrong family":  {func(in *ec2.CreateNetworkAclEntryInput) { in.Ipv6CidrBlock = aws.String("198.51.100.0/24") }, "InvalidParameterValue"},
		"TCP without ports": {func(in *ec2.CreateNetworkAclEntryInput) { in.Protocol = aws.String("6") }, "MissingParameter"},
	} {
		t.Run(name, func(t *testing.T) {
			in := base
			tt.change(&in)
			_, err := client.CreateNetworkAclEntry(t.Context(), &in)
			require.Equal(t, tt.want, code(t, err))
		})
	}
	for number := range int32(19) {
		in := base
		in.RuleNumber = aws.Int32(number + 1)
		_, err := client.CreateNetworkAclEntry(t.Context(), &in)
		require.NoError(t, err)
	}
	in := base
	in.RuleNumber = aws.Int32(50)
	_, err := client.CreateNetworkAclEntry(t.Context(), &in)
	require.Equal(t, "NetworkAclEntryLimitExceeded", code(t, err))
}
