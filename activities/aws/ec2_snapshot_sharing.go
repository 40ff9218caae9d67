package aws

import (
	"context"
	"fmt"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// snapshotARN is what a permission to change the snapshot of a call is narrowed to.
const snapshotARN = "arn:aws:ec2:{region}::snapshot/{snapshot_id}"

func (s *service) registerSnapshotSharing(r *activities.Registry) {
	permissions := []string{"ec2:DescribeSnapshots", "ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"}
	scopes := map[string][]string{"ec2:ModifySnapshotAttribute": {snapshotARN}}
	activities.Register(r, activities.Spec{
		Name:   "aws.ec2.unshare_public_snapshot",
		Title:  "Take a snapshot away from everybody it is shared with",
		Doc:    "Whoever made a volume or a copy of it keeps that. By default only everybody loses it: accounts by name stay, and from says otherwise.",
		Effect: activities.Change, Undo: "aws.ec2.restore_snapshot_sharing", Targets: []string{"snapshot_id"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.unshareSnapshot)
	activities.Register(r, activities.Spec{
		Name:   "aws.ec2.restore_snapshot_sharing",
		Title:  "Share a snapshot again with whom it was taken away from",
		Doc:    "Adds whom the call to undo had taken away, and takes nobody away.",
		Effect: activities.Change, Undo: "aws.ec2.unshare_public_snapshot", Targets: []string{"snapshot_id"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.reshareSnapshot)
	activities.Previews(r, "aws.ec2.unshare_public_snapshot", s.previewUnshareSnapshot)
	activities.Previews(r, "aws.ec2.restore_snapshot_sharing", s.previewReshareSnapshot)
}

type unshareSnapshotInput struct {
	Account    string   `json:"account" jsonschema:"AWS account of twelve digits that the snapshot is in"`
	Region     string   `json:"region" jsonschema:"region that the snapshot is in, as eu-west-1"`
	SnapshotID string   `json:"snapshot_id" jsonschema:"snapshot, as snap-0123456789abcdef0"`
	From       []string `json:"from,omitempty" jsonschema:"whom to take it away from: all for everybody, accounts, or * for whomever it is shared with; by default everybody, who then can use it only if shared with by name"`
}

type reshareSnapshotInput struct {
	Account    string   `json:"account" jsonschema:"AWS account of twelve digits that the snapshot is in"`
	Region     string   `json:"region" jsonschema:"region that the snapshot is in, as eu-west-1"`
	SnapshotID string   `json:"snapshot_id" jsonschema:"snapshot, as snap-0123456789abcdef0"`
	Removed    []string `json:"removed" jsonschema:"whom to share it with again, as the call to undo returned them"`
}

func (s *service) unshareSnapshot(ctx context.Context, in unshareSnapshotInput) (unshareOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unshareOutput{}, err
	}
	return sharesOfSnapshot(in.Account, in.Region, in.SnapshotID).unshare(ctx, s, c, in.From)
}

func (s *service) reshareSnapshot(ctx context.Context, in reshareSnapshotInput) (reshareOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return reshareOutput{}, err
	}
	return sharesOfSnapshot(in.Account, in.Region, in.SnapshotID).reshare(ctx, s, c, in.Removed)
}

func (s *service) previewUnshareSnapshot(ctx context.Context, in unshareSnapshotInput) (preview.Preview, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	return sharesOfSnapshot(in.Account, in.Region, in.SnapshotID).previewUnshare(ctx, s, c, in.From)
}

func (s *service) previewReshareSnapshot(ctx context.Context, in reshareSnapshotInput) (preview.Preview, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	return sharesOfSnapshot(in.Account, in.Region, in.SnapshotID).previewReshare(ctx, s, c, in.Removed)
}

func sharesOfSnapshot(account, region, id string) shares {
	return shares{
		target: fmt.Sprintf("snapshot %s in account %s, %s", id, account, region),
		read: func(ctx context.Context, c *clients, what string) ([]string, thing, error) {
			snapshot, err := ownSnapshot(ctx, c, id, what)
			if err != nil {
				return nil, thing{}, err
			}
			out, err := c.EC2().DescribeSnapshotAttribute(ctx, &ec2.DescribeSnapshotAttributeInput{
				SnapshotId: &id, Attribute: types.SnapshotAttributeNameCreateVolumePermission,
			})
			if err != nil {
				return nil, thing{}, failed(err, "%s: read whom it is shared with", what)
			}
			with := []string{}
			for _, p := range out.CreateVolumePermissions {
				with = append(with, string(p.Group)+sdk.ToString(p.UserId))
			}
			slices.Sort(with)
			return with, thing{arn: "arn:aws:ec2:" + region + "::snapshot/" + id, tags: tagMap(snapshot.Tags)}, nil
		},
		write: func(ctx context.Context, c *clients, what string, add, remove []string) error {
			_, err := c.EC2().ModifySnapshotAttribute(ctx, &ec2.ModifySnapshotAttributeInput{
				SnapshotId: &id, Attribute: types.SnapshotAttributeNameCreateVolumePermission,
				CreateVolumePermission: &types.CreateVolumePermissionModifications{Add: volumePermissions(add), Remove: volumePermissions(remove)},
			})
			if err != nil {
				return failed(err, "%s", what)
			}
			return nil
		},
	}
}

func volumePermissions(ids []string) []types.CreateVolumePermission {
	var out []types.CreateVolumePermission
	for _, id := range ids {
		if id == everybody {
			out = append(out, types.CreateVolumePermission{Group: types.PermissionGroupAll})
		} else {
			out = append(out, types.CreateVolumePermission{UserId: &id})
		}
	}
	return out
}

// ownSnapshot finds a snapshot of the account's.
func ownSnapshot(ctx context.Context, c *clients, id, what string) (types.Snapshot, error) {
	out, err := c.EC2().DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: []string{id}})
	if err != nil {
		return types.Snapshot{}, failed(err, "%s", what)
	}
	for _, snapshot := range out.Snapshots {
		if sdk.ToString(snapshot.SnapshotId) == id {
			return snapshot, nil
		}
	}
	return types.Snapshot{}, activities.Permanent("NoSuchSnapshot", fmt.Errorf("%s: there is no such snapshot", what))
}
