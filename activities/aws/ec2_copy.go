package aws

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// copyTag names, on a copy, the snapshot that it is of.
const copyTag = "secops:copy-of"

func (s *service) registerCopy(r *activities.Registry) {
	const toKey = "{kms_key}"
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.copy_snapshot",
		Title: "Copy a snapshot under a key of your own",
		Doc: "Copies a snapshot of the account, or one that another shared with it, into a region, encrypted with a KMS key there: once a run and snapshot, " +
			"tagged " + caseTag + " with the run. To keep evidence where the account it is of cannot reach it, share it first, then copy it in the forensic account. " +
			"Waits until the copy is complete. Large disks take longer than one attempt, and the next goes on waiting for the same copy.",
		Effect: activities.Change, Undo: "aws.ec2.delete_case_snapshots", Targets: []string{"snapshot_id"},
		Permissions: []string{
			"ec2:DescribeSnapshots", "ec2:CopySnapshot", "ec2:CreateTags",
			"kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
		},
		Scopes: map[string][]string{
			"ec2:CopySnapshot": {"arn:aws:ec2:{region}::snapshot/*", "arn:aws:ec2:{source_region}::snapshot/*"},
			"ec2:CreateTags":   {"arn:aws:ec2:{region}::snapshot/*"},
			"kms:CreateGrant":  {toKey}, "kms:GenerateDataKeyWithoutPlaintext": {toKey}, "kms:ReEncryptTo": {toKey},
		},
		Timeout: 30 * time.Minute, Heartbeat: time.Minute,
	}, s.copySnapshot)
	activities.Previews(r, "aws.ec2.copy_snapshot", s.previewCopy)
}

type copyInput struct {
	Account      string `json:"account" jsonschema:"AWS account of twelve digits to copy into"`
	Region       string `json:"region" jsonschema:"region to copy into, as eu-west-1"`
	SourceRegion string `json:"source_region" jsonschema:"region that the snapshot is in; may be the same"`
	SnapshotID   string `json:"snapshot_id" jsonschema:"snapshot to copy, as snap-0123456789abcdef0"`
	KMSKey       string `json:"kms_key" jsonschema:"ARN of the key to encrypt the copy with, in the region to copy into"`
}

func (in copyInput) String() string {
	return fmt.Sprintf("snapshot %s of %s into account %s, %s", in.SnapshotID, in.SourceRegion, in.Account, in.Region)
}

func (s *service) copySnapshot(ctx context.Context, in copyInput) (snapshotOutput, error) {
	what, run := "copy "+in.String(), caseOf(ctx)
	acting, c, copies, err := s.findCopy(ctx, in, what)
	if err != nil {
		return snapshotOutput{}, err
	}
	had, err := activities.Remember(ctx, len(copies) > 0)
	if err != nil {
		return snapshotOutput{}, err
	}
	if len(copies) == 0 {
		// EC2 has no token that makes the call idempotent, so the SDK must not repeat it when an answer is
		// lost: the next attempt looks for the copy by its tags first.
		_, err := c.EC2().CopySnapshot(acting, &ec2.CopySnapshotInput{
			SourceRegion: &in.SourceRegion, SourceSnapshotId: &in.SnapshotID, Encrypted: sdk.Bool(true), KmsKeyId: &in.KMSKey,
			Description: sdk.String("Countersign: copy of " + in.SnapshotID),
			TagSpecifications: []types.TagSpecification{{
				ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{tag(caseTag, run), tag(copyTag, in.SnapshotID)},
			}},
		}, func(o *ec2.Options) { o.Retryer = sdk.NopRetryer{} })
		if err != nil {
			return snapshotOutput{}, failed(err, "%s", what)
		}
	}
	set, err := s.awaitSnapshots(ctx, c, what, copyOf(run, in.SnapshotID), 1)
	return snapshotOutput{Snapshots: set, Changed: !had}, err
}

func copyOf(run, source string) []types.Filter {
	return []types.Filter{filter("tag:"+caseTag, run), filter("tag:"+copyTag, source)}
}

// findCopy is what both the change and its preview look at first: the copies that the run has made
// before, and if there is none the source.
func (s *service) findCopy(ctx context.Context, in copyInput, what string) (acting context.Context, c *clients, copies []types.Snapshot, err error) {
	run := caseOf(ctx)
	if run == "" {
		return nil, nil, nil, activities.Permanent("NoStep", fmt.Errorf("%s: no case to tag it with: only a step of a run may call it", what))
	}
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return nil, nil, nil, err
	}
	if copies, err = listSnapshots(ctx, c, what, copyOf(run, in.SnapshotID)); err != nil {
		return nil, nil, nil, err
	}
	acting, err = s.clear(ctx, c, what, thing{arn: "arn:aws:ec2:" + in.Region + "::snapshot/*"}) // it is about to be made
	if err != nil || len(copies) > 0 {
		return acting, c, copies, err
	}
	from, err := s.in(ctx, in.Account, in.SourceRegion)
	if err != nil {
		return nil, nil, nil, err
	}
	source, err := ownSnapshot(ctx, from, in.SnapshotID, what)
	if err == nil && source.State != types.SnapshotStateCompleted {
		err = activities.Passing("SnapshotNotComplete", 0, fmt.Errorf("%s: it is %s", what, source.State))
	}
	return acting, c, nil, err
}

func (s *service) previewCopy(ctx context.Context, in copyInput) (preview.Preview, error) {
	_, _, copies, err := s.findCopy(ctx, in, "preview of the copy of "+in.String())
	if err != nil || len(copies) > 0 {
		return unchanged, err
	}
	return shown(preview.Change{Target: in.String(), What: "copy", Before: "none for this run", After: "one for this run, under " + in.KMSKey}), nil
}
