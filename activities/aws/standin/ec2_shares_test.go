package standin_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func home(s *standin.State) *standin.Region {
	return s.Accounts[standin.SampleAccount].Regions[standin.SampleRegion]
}

func TestSnapshotSharing(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := ec2.NewFromConfig(cfg)
	id := aws.String(standin.SamplePublicSnapshot)
	look := func() []types.CreateVolumePermission {
		out, err := client.DescribeSnapshotAttribute(t.Context(), &ec2.DescribeSnapshotAttributeInput{
			SnapshotId: id, Attribute: types.SnapshotAttributeNameCreateVolumePermission,
		})
		require.NoError(t, err)
		return out.CreateVolumePermissions
	}
	require.Equal(t, []types.CreateVolumePermission{
		{UserId: aws.String(standin.SampleOtherAccount)}, {Group: types.PermissionGroupAll},
	}, look())

	public, err := client.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, RestorableByUserIds: []string{"all"}})
	require.NoError(t, err)
	require.Len(t, public.Snapshots, 1)
	require.Equal(t, standin.SamplePublicSnapshot, *public.Snapshots[0].SnapshotId)

	for range 2 { // taking away what is away is no error
		_, err = client.ModifySnapshotAttribute(t.Context(), &ec2.ModifySnapshotAttributeInput{
			SnapshotId: id, CreateVolumePermission: &types.CreateVolumePermissionModifications{Remove: []types.CreateVolumePermission{{Group: types.PermissionGroupAll}}},
		})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"ModifySnapshotAttribute"}, changed(s))
	require.Len(t, look(), 1)
	_, err = client.ModifySnapshotAttribute(t.Context(), &ec2.ModifySnapshotAttributeInput{
		SnapshotId: id, Attribute: types.SnapshotAttributeNameCreateVolumePermission, OperationType: types.OperationTypeAdd, UserIds: []string{"777788889999"},
	})
	require.NoError(t, err)
	require.Len(t, look(), 2)
}

func TestSnapshotSharingRefused(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		home(st).Snapshots["snap-00000000000000001"] = &standin.Snapshot{Volume: standin.SampleBootVolume, State: "completed", Encrypted: true}
	})
	client := ec2.NewFromConfig(cfg)
	someone, all := types.CreateVolumePermission{UserId: aws.String(standin.SampleOtherAccount)}, types.CreateVolumePermission{Group: types.PermissionGroupAll}
	for name, tt := range map[string]struct {
		id          string
		add, remove []types.CreateVolumePermission
		want        string
	}{
		"under the default key":    {"snap-00000000000000001", []types.CreateVolumePermission{someone}, nil, "InvalidParameter"},
		"encrypted, to everybody":  {standin.SamplePrivateSnapshot, []types.CreateVolumePermission{all}, nil, "InvalidParameter"},
		"encrypted, to one":        {standin.SamplePrivateSnapshot, []types.CreateVolumePermission{someone}, nil, ""},
		"both ways":                {standin.SamplePublicSnapshot, []types.CreateVolumePermission{someone}, []types.CreateVolumePermission{all}, "InvalidParameterCombination"},
		"nobody":                   {standin.SamplePublicSnapshot, nil, nil, "MissingParameter"},
		"an account that is none":  {standin.SamplePublicSnapshot, []types.CreateVolumePermission{{UserId: aws.String("ada")}}, nil, "InvalidUserID.Malformed"},
		"a snapshot that is none":  {"snap-00000000000000009", []types.CreateVolumePermission{someone}, nil, "InvalidSnapshot.NotFound"},
		"an id that is none":       {"snapshot", []types.CreateVolumePermission{someone}, nil, "InvalidSnapshotID.Malformed"},
		"closing one that is open": {standin.SamplePublicSnapshot, nil, []types.CreateVolumePermission{someone, all}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.ModifySnapshotAttribute(t.Context(), &ec2.ModifySnapshotAttributeInput{
				SnapshotId: &tt.id, CreateVolumePermission: &types.CreateVolumePermissionModifications{Add: tt.add, Remove: tt.remove},
			})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, tt.want, code(t, err))
		})
	}
	_, err := client.DescribeSnapshotAttribute(t.Context(), &ec2.DescribeSnapshotAttributeInput{
		SnapshotId: aws.String(standin.SamplePublicSnapshot), Attribute: types.SnapshotAttributeNameProductCodes,
	})
	require.Equal(t, "InvalidParameterValue", code(t, err))
}

func TestImageSharing(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := ec2.NewFromConfig(cfg)
	const unit = "arn:aws:organizations::111122223333:ou/o-exampleorgid/ou-ab12-22222222"
	public, err := client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Owners: []string{"self"}, ExecutableUsers: []string{"all"}})
	require.NoError(t, err)
	require.Len(t, public.Images, 1)
	require.True(t, *public.Images[0].Public)
	require.Equal(t, standin.SampleImageSnapshot, *public.Images[0].BlockDeviceMappings[0].Ebs.SnapshotId)

	_, err = client.ModifyImageAttribute(t.Context(), &ec2.ModifyImageAttributeInput{
		ImageId: aws.String(standin.SampleImage), LaunchPermission: &types.LaunchPermissionModifications{
			Add:    []types.LaunchPermission{{OrganizationalUnitArn: aws.String(unit)}},
			Remove: []types.LaunchPermission{{Group: types.PermissionGroupAll}},
		},
	})
	require.NoError(t, err)
	out, err := client.DescribeImageAttribute(t.Context(), &ec2.DescribeImageAttributeInput{
		ImageId: aws.String(standin.SampleImage), Attribute: types.ImageAttributeNameLaunchPermission,
	})
	require.NoError(t, err)
	require.Equal(t, []types.LaunchPermission{{UserId: aws.String(standin.SampleOtherAccount)}, {OrganizationalUnitArn: aws.String(unit)}}, out.LaunchPermissions)
	public, err = client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{ExecutableUsers: []string{"all"}})
	require.NoError(t, err)
	require.Empty(t, public.Images)

	s.Update(func(st *standin.State) { home(st).Snapshots[standin.SampleImageSnapshot].Encrypted = true })
	_, err = client.ModifyImageAttribute(t.Context(), &ec2.ModifyImageAttributeInput{
		ImageId:          aws.String(standin.SampleImage),
		LaunchPermission: &types.LaunchPermissionModifications{Add: []types.LaunchPermission{{Group: types.PermissionGroupAll}}},
	})
	require.Equal(t, "InvalidParameter", code(t, err))
	_, err = client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{ImageIds: []string{"ami-00000000000000009"}})
	require.Equal(t, "InvalidAMIID.NotFound", code(t, err))
}
