package aws

import (
	"context"
	"fmt"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// dbSnapshotARN is what a permission to change the snapshot of a call is narrowed to.
const dbSnapshotARN = "arn:aws:rds:{region}:{account}:snapshot:{snapshot}"

func (s *service) registerDBSnapshotSharing(r *activities.Registry) {
	permissions := []string{"rds:DescribeDBSnapshots", "rds:DescribeDBSnapshotAttributes", "rds:ModifyDBSnapshotAttribute"}
	scopes := map[string][]string{"rds:ModifyDBSnapshotAttribute": {dbSnapshotARN}}
	activities.Register(r, activities.Spec{
		Name:  "aws.rds.unshare_snapshot",
		Title: "Take a database snapshot away from everybody it is shared with",
		Doc: "Snapshots of instances, not those of clusters. Whoever restored or copied it keeps that. By default only everybody loses it: accounts by name stay, " +
			"and from says otherwise.",
		Effect: activities.Change, Undo: "aws.rds.restore_snapshot_sharing", Targets: []string{"snapshot"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.unshareDBSnapshot)
	activities.Register(r, activities.Spec{
		Name:   "aws.rds.restore_snapshot_sharing",
		Title:  "Share a database snapshot again with whom it was taken away from",
		Doc:    "Adds whom the call to undo had taken away, and takes nobody away.",
		Effect: activities.Change, Undo: "aws.rds.unshare_snapshot", Targets: []string{"snapshot"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.reshareDBSnapshot)
	activities.Previews(r, "aws.rds.unshare_snapshot", s.previewUnshareDBSnapshot)
	activities.Previews(r, "aws.rds.restore_snapshot_sharing", s.previewReshareDBSnapshot)
}

type unshareDBSnapshotInput struct {
	Account  string   `json:"account" jsonschema:"AWS account of twelve digits that the snapshot is in"`
	Region   string   `json:"region" jsonschema:"region that the snapshot is in, as eu-west-1"`
	Snapshot string   `json:"snapshot" jsonschema:"name of the snapshot of a database instance"`
	From     []string `json:"from,omitempty" jsonschema:"whom to take it away from: all for everybody, accounts, or * for whomever it is shared with; by default everybody, who then can use it only if shared with by name"`
}

type reshareDBSnapshotInput struct {
	Account  string   `json:"account" jsonschema:"AWS account of twelve digits that the snapshot is in"`
	Region   string   `json:"region" jsonschema:"region that the snapshot is in, as eu-west-1"`
	Snapshot string   `json:"snapshot" jsonschema:"name of the snapshot of a database instance"`
	Removed  []string `json:"removed" jsonschema:"whom to share it with again, as the call to undo returned them"`
}

func (s *service) unshareDBSnapshot(ctx context.Context, in unshareDBSnapshotInput) (unshareOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unshareOutput{}, err
	}
	return sharesOfDBSnapshot(in.Account, in.Region, in.Snapshot).unshare(ctx, s, c, in.From)
}

func (s *service) reshareDBSnapshot(ctx context.Context, in reshareDBSnapshotInput) (reshareOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return reshareOutput{}, err
	}
	return sharesOfDBSnapshot(in.Account, in.Region, in.Snapshot).reshare(ctx, s, c, in.Removed)
}

func (s *service) previewUnshareDBSnapshot(ctx context.Context, in unshareDBSnapshotInput) (preview.Preview, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	return sharesOfDBSnapshot(in.Account, in.Region, in.Snapshot).previewUnshare(ctx, s, c, in.From)
}

func (s *service) previewReshareDBSnapshot(ctx context.Context, in reshareDBSnapshotInput) (preview.Preview, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	return sharesOfDBSnapshot(in.Account, in.Region, in.Snapshot).previewReshare(ctx, s, c, in.Removed)
}

func sharesOfDBSnapshot(account, region, name string) shares {
	return shares{
		target: fmt.Sprintf("database snapshot %s in account %s, %s", name, account, region),
		read: func(ctx context.Context, c *clients, what string) ([]string, thing, error) {
			found, err := c.RDS().DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: &name})
			if err != nil {
				return nil, thing{}, failed(err, "%s", what)
			}
			t := thing{arn: "arn:aws:rds:" + region + ":" + account + ":snapshot:" + name, tags: map[string]string{}}
			for _, snapshot := range found.DBSnapshots {
				for _, tag := range snapshot.TagList {
					t.tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
				}
			}
			out, err := c.RDS().DescribeDBSnapshotAttributes(ctx, &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: &name})
			if err != nil {
				return nil, thing{}, failed(err, "%s: read whom it is shared with", what)
			}
			with := []string{}
			if out.DBSnapshotAttributesResult != nil {
				for _, a := range out.DBSnapshotAttributesResult.DBSnapshotAttributes {
					if sdk.ToString(a.AttributeName) == restoreAttribute {
						with = append(with, a.AttributeValues...)
					}
				}
			}
			slices.Sort(with)
			return with, t, nil
		},
		write: func(ctx context.Context, c *clients, what string, add, remove []string) error {
			_, err := c.RDS().ModifyDBSnapshotAttribute(ctx, &rds.ModifyDBSnapshotAttributeInput{
				DBSnapshotIdentifier: &name, AttributeName: sdk.String(restoreAttribute), ValuesToAdd: add, ValuesToRemove: remove,
			})
			if err != nil {
				return failed(err, "%s", what)
			}
			return nil
		},
	}
}

// restoreAttribute is the attribute of a database snapshot that lists who may restore it.
const restoreAttribute = "restore"
