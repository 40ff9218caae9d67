package standin_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestDescribeInstance(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client := ec2.NewFromConfig(cfg)
	out, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{standin.SampleInstance}})
	require.NoError(t, err)
	require.Len(t, out.Reservations, 1)
	i := out.Reservations[0].Instances[0]
	require.Equal(t, types.InstanceStateNameRunning, i.State.Name)
	require.Equal(t, int32(16), *i.State.Code)
	require.Equal(t, standin.SampleVPC, *i.VpcId)
	require.Equal(t, "arn:aws:iam::111122223333:instance-profile/web-server-role", *i.IamInstanceProfile.Arn)
	require.Len(t, i.BlockDeviceMappings, 2)
	require.Equal(t, standin.SampleBootVolume, *i.BlockDeviceMappings[0].Ebs.VolumeId)
	require.Equal(t, "Name", *i.Tags[0].Key)
	require.Equal(t, "payments-web-1", *i.Tags[0].Value)
	require.Len(t, i.NetworkInterfaces, 2)
	require.Equal(t, standin.SamplePrimaryInterface, *i.NetworkInterfaces[0].NetworkInterfaceId)
	require.Equal(t, int32(1), *i.NetworkInterfaces[1].Attachment.DeviceIndex)
	require.Equal(t, []types.GroupIdentifier{
		{GroupId: aws.String(standin.SampleWebGroup), GroupName: aws.String("payments-web")},
		{GroupId: aws.String(standin.SampleSSHGroup), GroupName: aws.String("ssh-admin")},
	}, i.NetworkInterfaces[0].Groups)

	enis, err := client.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("attachment.instance-id", standin.SampleInstance)}})
	require.NoError(t, err)
	require.Len(t, enis.NetworkInterfaces, 2)
	require.Equal(t, standin.SampleInstance, *enis.NetworkInterfaces[0].Attachment.InstanceId)
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}

func TestFilters(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		region := st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion]
		region.Instances["i-00000000000000001"] = &standin.Instance{State: "stopped", VPC: standin.SampleVPC, Tags: map[string]string{"Name": "star*"}}
	})
	client := ec2.NewFromConfig(cfg)
	both := []string{"i-00000000000000001", standin.SampleInstance}
	for name, tt := range map[string]struct {
		filters []types.Filter
		want    []string
	}{
		"none":          {nil, both},
		"tag":           {[]types.Filter{filter("tag:owner", "payments@example.com")}, both[1:]},
		"wildcards":     {[]types.Filter{filter("tag:Name", "pay*-web-?")}, both[1:]},
		"escaped":       {[]types.Filter{filter("tag:Name", `star\*`)}, both[:1]},
		"either value":  {[]types.Filter{filter("instance-state-name", "running", "stopped")}, both},
		"both filters":  {[]types.Filter{filter("vpc-id", standin.SampleVPC), filter("tag-key", "owner")}, both[1:]},
		"of interfaces": {[]types.Filter{filter("network-interface.network-interface-id", standin.SampleSecondaryInterface)}, both[1:]},
		"group":         {[]types.Filter{filter("instance.group-id", standin.SampleSSHGroup)}, both[1:]},
		"no match":      {[]types.Filter{filter("tag:owner", "pay")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{Filters: tt.filters, MaxResults: aws.Int32(5)}); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				require.NoError(t, err)
				for _, r := range page.Reservations {
					got = append(got, *r.Instances[0].InstanceId)
				}
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// TestIsolation walks the way of a host into quarantine and back.
func TestIsolation(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := ec2.NewFromConfig(cfg), t.Context()
	create := &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("quarantine"), Description: aws.String("isolated hosts"), VpcId: aws.String(standin.SampleVPC),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroup, Tags: []types.Tag{{Key: aws.String("secops:case"), Value: aws.String("c-1")}}}},
	}
	made, err := client.CreateSecurityGroup(ctx, create)
	require.NoError(t, err)
	require.Equal(t, "c-1", *made.Tags[0].Value)
	_, err = client.CreateSecurityGroup(ctx, create)
	require.Equal(t, "InvalidGroup.Duplicate", code(t, err))

	find := &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("tag:secops:case", "c-1"), filter("vpc-id", standin.SampleVPC)}}
	found, err := client.DescribeSecurityGroups(ctx, find)
	require.NoError(t, err)
	require.Len(t, found.SecurityGroups, 1)
	group := found.SecurityGroups[0]
	require.Equal(t, *made.GroupId, *group.GroupId)
	require.Empty(t, group.IpPermissions)
	require.Len(t, group.IpPermissionsEgress, 1, "a new group lets everything out")
	require.Equal(t, "0.0.0.0/0", *group.IpPermissionsEgress[0].IpRanges[0].CidrIp)
	require.Nil(t, group.IpPermissionsEgress[0].FromPort)

	revoke := &ec2.RevokeSecurityGroupEgressInput{GroupId: group.GroupId, IpPermissions: group.IpPermissionsEgress}
	revoked, err := client.RevokeSecurityGroupEgress(ctx, revoke)
	require.NoError(t, err)
	require.True(t, *revoked.Return)
	require.Len(t, revoked.RevokedSecurityGroupRules, 1)
	_, err = client.RevokeSecurityGroupEgress(ctx, revoke)
	require.Equal(t, "InvalidPermission.NotFound", code(t, err))

	isolate := &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String(standin.SamplePrimaryInterface), Groups: []string{*group.GroupId}}
	for range 2 {
		_, err = client.ModifyNetworkInterfaceAttribute(ctx, isolate)
		require.NoError(t, err)
	}
	_, err = client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group.GroupId})
	require.Equal(t, "DependencyViolation", code(t, err))
	enis, err := client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{standin.SamplePrimaryInterface}})
	require.NoError(t, err)
	require.Equal(t, []types.GroupIdentifier{{GroupId: group.GroupId, GroupName: aws.String("quarantine")}}, enis.NetworkInterfaces[0].Groups)

	isolate.Groups = []string{standin.SampleWebGroup, standin.SampleSSHGroup}
	_, err = client.ModifyNetworkInterfaceAttribute(ctx, isolate)
	require.NoError(t, err)
	_, err = client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group.GroupId})
	require.NoError(t, err)

	require.Equal(t, []string{
		"CreateSecurityGroup", "RevokeSecurityGroupEgress", "ModifyNetworkInterfaceAttribute", "ModifyNetworkInterfaceAttribute", "DeleteSecurityGroup",
	}, changed(s))
	require.Equal(t, []any{*group.GroupId}, s.Mutations()[2].Parameters["SecurityGroupId"])
	require.False(t, s.Mutations()[3].Changed)
}

func TestRules(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client, ctx := ec2.NewFromConfig(cfg), t.Context()
	permissions := []types.IpPermission{
		{
			IpProtocol: aws.String("6"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
			IpRanges:         []types.IpRange{{CidrIp: aws.String("198.51.100.9/24"), Description: aws.String("jump")}, {CidrIp: aws.String("203.0.113.1/32")}},
			Ipv6Ranges:       []types.Ipv6Range{{CidrIpv6: aws.String("2001:db8::/32")}},
			UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: aws.String(standin.SampleSSHGroup)}},
		},
		{IpProtocol: aws.String("-1"), PrefixListIds: []types.PrefixListId{{PrefixListId: aws.String("pl-12345678")}}},
	}
	group := aws.String(standin.SampleInternalGroup)
	added, err := client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: permissions})
	require.NoError(t, err)
	require.Len(t, added.SecurityGroupRules, 5)
	require.Equal(t, "198.51.100.0/24", *added.SecurityGroupRules[0].CidrIpv4)
	require.False(t, *added.SecurityGroupRules[0].IsEgress)
	require.Equal(t, standin.SampleSSHGroup, *added.SecurityGroupRules[3].ReferencedGroupInfo.GroupId)
	_, err = client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: permissions[:1]})
	require.Equal(t, "InvalidPermission.Duplicate", code(t, err))

	got, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*group}})
	require.NoError(t, err)
	in := got.SecurityGroups[0].IpPermissions
	require.Len(t, in, 3, "put together by protocol and ports")
	require.Equal(t, "tcp", *in[1].IpProtocol)
	require.Len(t, in[1].IpRanges, 2)
	require.Equal(t, "jump", *in[1].IpRanges[0].Description)

	_, err = client.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: group, SecurityGroupRuleIds: []string{*added.SecurityGroupRules[4].SecurityGroupRuleId}})
	require.NoError(t, err)
	_, err = client.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: group, IpPermissions: in})
	require.Equal(t, "InvalidPermission.NotFound", code(t, err), "all or none: one rule is gone already")
	_, err = client.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: group, IpPermissions: in[:2]})
	require.NoError(t, err)
	_, err = client.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: group, IpPermissions: permissions[:1]})
	require.NoError(t, err)
	got, err = client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*group}})
	require.NoError(t, err)
	require.Empty(t, got.SecurityGroups[0].IpPermissions)
	require.Len(t, got.SecurityGroups[0].IpPermissionsEgress, 2)
}

func TestSnapshots(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := ec2.NewFromConfig(cfg), t.Context()
	in := &ec2.CreateSnapshotsInput{
		InstanceSpecification: &types.InstanceSpecification{InstanceId: aws.String(standin.SampleInstance)},
		Description:           aws.String("forensics"), CopyTagsFromSource: types.CopyTagsFromSourceVolume,
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("secops:case"), Value: aws.String("c-1")}}}},
	}
	made, err := client.CreateSnapshots(ctx, in)
	require.NoError(t, err)
	require.Len(t, made.Snapshots, 2)
	require.Equal(t, types.SnapshotStatePending, made.Snapshots[0].State)
	require.Equal(t, int32(20), *made.Snapshots[0].VolumeSize)

	look := &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, Filters: []types.Filter{filter("tag:secops:case", "c-1"), filter("volume-id", standin.SampleBootVolume, standin.SampleDataVolume)}}
	for _, want := range []types.SnapshotState{types.SnapshotStatePending, types.SnapshotStateCompleted, types.SnapshotStateCompleted} {
		out, err := client.DescribeSnapshots(ctx, look)
		require.NoError(t, err)
		require.Len(t, out.Snapshots, 2)
		for _, snapshot := range out.Snapshots {
			require.Equal(t, want, snapshot.State)
			require.Len(t, snapshot.Tags, 2, "the volume's name and the case")
		}
	}
	others, err := client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"amazon"}})
	require.NoError(t, err)
	require.Empty(t, others.Snapshots)

	id := made.Snapshots[0].SnapshotId
	_, err = client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{*id, standin.SampleInstance}, Tags: []types.Tag{{Key: aws.String("hold"), Value: aws.String("legal")}}})
	require.NoError(t, err)
	tags, err := client.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: []types.Filter{filter("key", "hold")}})
	require.NoError(t, err)
	require.Len(t, tags.Tags, 2)
	require.Equal(t, types.ResourceTypeInstance, tags.Tags[0].ResourceType)
	for _, drop := range []types.Tag{{Key: aws.String("hold"), Value: aws.String("other")}, {Key: aws.String("hold")}} {
		_, err = client.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{standin.SampleInstance}, Tags: []types.Tag{drop}})
		require.NoError(t, err)
	}
	require.NotContains(t, s.State().Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Instances[standin.SampleInstance].Tags, "hold")
	_, err = client.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: id})
	require.NoError(t, err)
	_, err = client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: []string{*id}})
	require.Equal(t, "InvalidSnapshot.NotFound", code(t, err))

	in.InstanceSpecification.ExcludeBootVolume = aws.Bool(true)
	made, err = client.CreateSnapshots(ctx, in)
	require.NoError(t, err)
	require.Len(t, made.Snapshots, 1)
	require.Equal(t, standin.SampleDataVolume, *made.Snapshots[0].VolumeId)
	require.Equal(t, []string{"CreateSnapshots", "CreateTags", "DeleteTags", "DeleteSnapshot", "CreateSnapshots"}, changed(s), "to look is no mutation")
}

func TestEC2Errors(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		region := st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion]
		region.VPCs["vpc-00000000000000002"] = &standin.VPC{CIDR: "10.1.0.0/16"}
		region.SecurityGroups["sg-00000000000000099"] = &standin.SecurityGroup{Name: "elsewhere", VPC: "vpc-00000000000000002"}
	})
	client := ec2.NewFromConfig(cfg)
	modify := func(eni string, groups ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &eni, Groups: groups})
			return err
		}
	}
	describe := func(in *ec2.DescribeInstancesInput) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.DescribeInstances(ctx, in)
			return err
		}
	}
	create := func(name, vpc string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: &name, Description: aws.String("d"), VpcId: &vpc})
			return err
		}
	}
	remove := func(in *ec2.DeleteSecurityGroupInput) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.DeleteSecurityGroup(ctx, in)
			return err
		}
	}
	allow := func(permission types.IpPermission) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(standin.SampleWebGroup), IpPermissions: []types.IpPermission{permission}})
			return err
		}
	}
	tagIt := func(id, key string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: &key}}})
			return err
		}
	}
	const gone = "sg-0123456789abcdef0"
	for name, tt := range map[string]struct {
		call   func(context.Context) error
		want   string
		status int
	}{
		"unknown instance":    {describe(&ec2.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}}), "InvalidInstanceID.NotFound", 400},
		"malformed instance":  {describe(&ec2.DescribeInstancesInput{InstanceIds: []string{"web-1"}}), "InvalidInstanceID.Malformed", 400},
		"ids and pages":       {describe(&ec2.DescribeInstancesInput{InstanceIds: []string{standin.SampleInstance}, MaxResults: aws.Int32(5)}), "InvalidParameterCombination", 400},
		"small page":          {describe(&ec2.DescribeInstancesInput{MaxResults: aws.Int32(1)}), "InvalidParameterValue", 400},
		"unknown filter":      {describe(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("colour", "red")}}), "InvalidParameterValue", 400},
		"dry run of a read":   {describe(&ec2.DescribeInstancesInput{DryRun: aws.Bool(true)}), "DryRunOperation", 412},
		"dry run of a change": {remove(&ec2.DeleteSecurityGroupInput{GroupId: aws.String(standin.SampleWebGroup), DryRun: aws.Bool(true)}), "DryRunOperation", 412},
		"unknown interface":   {modify("eni-0123456789abcdef0", standin.SampleWebGroup), "InvalidNetworkInterfaceID.NotFound", 400},
		"unknown group":       {modify(standin.SamplePrimaryInterface, gone), "InvalidGroup.NotFound", 400},
		"group of other VPC":  {modify(standin.SamplePrimaryInterface, "sg-00000000000000099"), "InvalidGroup.NotFound", 400},
		"no groups":           {modify(standin.SamplePrimaryInterface), "InvalidParameterCombination", 400},
		"unknown VPC":         {create("x", "vpc-0123456789abcdef0"), "InvalidVpcID.NotFound", 400},
		"reserved name":       {create("default", standin.SampleVPC), "InvalidGroup.Reserved", 400},
		"odd name":            {create("sg-x", standin.SampleVPC), "InvalidParameterValue", 400},
		"delete unknown":      {remove(&ec2.DeleteSecurityGroupInput{GroupId: aws.String(gone)}), "InvalidGroup.NotFound", 400},
		"delete default":      {remove(&ec2.DeleteSecurityGroupInput{GroupId: aws.String(standin.SampleDefaultGroup)}), "CannotDelete", 400},
		"delete nothing":      {remove(&ec2.DeleteSecurityGroupInput{}), "MissingParameter", 400},
		"bad range":           {allow(types.IpPermission{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/33")}}}), "InvalidParameterValue", 400},
		"no ports":            {allow(types.IpPermission{IpProtocol: aws.String("tcp"), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}}), "InvalidParameterValue", 400},
		"no peer":             {allow(types.IpPermission{IpProtocol: aws.String("-1")}), "MissingParameter", 400},
		"unknown peer":        {allow(types.IpPermission{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: aws.String(gone)}}}), "InvalidGroup.NotFound", 400},
		"tag nothing":         {tagIt("snap-0123456789abcdef0", "a"), "InvalidSnapshot.NotFound", 400},
		"reserved tag":        {tagIt(standin.SampleInstance, "aws:x"), "InvalidParameterValue", 400},
		"unknown action": {func(ctx context.Context) error {
			_, err := client.DescribeSpotPriceHistory(ctx, &ec2.DescribeSpotPriceHistoryInput{})
			return err
		}, "InvalidAction", 400},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.call(t.Context())
			require.Equal(t, tt.want, code(t, err))
			var response *awshttp.ResponseError
			require.True(t, errors.As(err, &response))
			require.Equal(t, tt.status, response.HTTPStatusCode())
			require.NotEmpty(t, response.ServiceRequestID())
		})
	}
	require.Empty(t, s.Mutations(), "what failed is no mutation")
}

func TestDescribeSecurityGroupRules(t *testing.T) {
	_, cfg := start(t, standin.Options{})
	client := ec2.NewFromConfig(cfg)
	list := func(in *ec2.DescribeSecurityGroupRulesInput) ([]types.SecurityGroupRule, error) {
		out, err := client.DescribeSecurityGroupRules(t.Context(), in)
		if err != nil {
			return nil, err
		}
		return out.SecurityGroupRules, nil
	}
	rules, err := list(&ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", standin.SampleSSHGroup)}})
	require.NoError(t, err)
	require.Len(t, rules, 3)
	require.Equal(t, types.SecurityGroupRule{
		SecurityGroupRuleId: aws.String(standin.SampleOpenRule), GroupId: aws.String(standin.SampleSSHGroup), GroupOwnerId: aws.String(standin.SampleAccount),
		IsEgress: aws.Bool(false), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIpv4: aws.String("0.0.0.0/0"),
		Description: aws.String("temporary"), Tags: []types.Tag{},
	}, rules[2])
	require.True(t, *rules[1].IsEgress)
	require.Equal(t, int32(-1), *rules[1].FromPort)

	_, err = list(&ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{"sgr-0123456789abcdef0"}})
	require.Equal(t, "InvalidSecurityGroupRuleId.NotFound", code(t, err))
	rules, err = list(&ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", "sg-0123456789abcdef0")}})
	require.NoError(t, err)
	require.Empty(t, rules, "no error, as in the real API")
}
