package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
)

// instanceTag names, on a snapshot, the instance it was taken of.
const instanceTag = "secops:instance"

func (s *service) registerSnapshot(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.snapshot_instance",
		Title: "Snapshot the disks of an EC2 instance",
		Doc: "Takes one crash-consistent set of all EBS volumes, once a run and instance, tagged " + caseTag + " with the run, and waits until it is " +
			"complete; instance store is not part of it. Large disks take longer than one attempt, and the next goes on waiting for the same set.",
		Effect:      activities.Change,
		Undo:        "aws.ec2.delete_case_snapshots",
		Targets:     []string{"instance_id"},
		Permissions: []string{"ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:CreateSnapshots", "ec2:CreateTags"},
		Scopes: map[string][]string{
			"ec2:CreateSnapshots": slices.Concat(theInstance, anyVolume, anySnapshot), "ec2:CreateTags": anySnapshot,
		},
		Only:      onlyIf("ec2:CreateTags", "ec2:CreateAction", "CreateSnapshots"),
		Timeout:   30 * time.Minute,
		Heartbeat: time.Minute,
	}, s.snapshotInstance)
	activities.Register(r, activities.Spec{
		Name:        "aws.ec2.delete_case_snapshots",
		Title:       "Delete the snapshots of a case",
		Doc:         "Deletes evidence, for good. Refuses all of them if one lacks the tag " + caseTag + "; one that is gone already is no error.",
		Effect:      activities.Destroy,
		Targets:     []string{"snapshots"},
		Permissions: []string{"ec2:DescribeSnapshots", "ec2:DeleteSnapshot"},
		Scopes:      scopes(anySnapshot, "ec2:DeleteSnapshot"),
		Only:        onlyIf("ec2:DeleteSnapshot", "aws:ResourceTag/"+caseTag, "*"),
		Timeout:     time.Minute,
	}, s.deleteCaseSnapshots)
}

type caseSnapshot struct {
	SnapshotID string `json:"snapshot_id" jsonschema:"snapshot, as snap-0123456789abcdef0"`
	VolumeID   string `json:"volume_id" jsonschema:"volume it was taken of"`
	State      string `json:"state" jsonschema:"pending, completed, error, recoverable or recovering"`
}

type snapshotOutput struct {
	Snapshots []caseSnapshot `json:"snapshots" jsonschema:"the set, one snapshot a volume"`
	Changed   bool           `json:"changed" jsonschema:"false if the run had taken a set of this instance before"`
}

func (s *service) snapshotInstance(ctx context.Context, in instanceInput) (snapshotOutput, error) {
	what, run := "snapshot "+in.String(), caseOf(ctx)
	ctx, c, _, set, err := s.findSet(ctx, in, what)
	if err != nil {
		return snapshotOutput{}, err
	}
	had, err := activities.Remember(ctx, len(set) > 0)
	if err != nil {
		return snapshotOutput{}, err
	}
	want := max(len(set), 1)
	if len(set) == 0 {
		if want, err = createSnapshots(ctx, c, in.InstanceID, run, what); err != nil {
			return snapshotOutput{}, err
		}
	}
	taken, err := s.awaitSnapshots(ctx, c, what, setOf(run, in.InstanceID), want)
	return snapshotOutput{Snapshots: taken, Changed: !had}, err
}

// awaitSnapshots waits until so many snapshots are there, and all of them complete: a new one may not
// show at once.
func (s *service) awaitSnapshots(ctx context.Context, c *clients, what string, filters []types.Filter, want int) ([]caseSnapshot, error) {
	var out []caseSnapshot
	err := s.await(ctx, what, func(ctx context.Context) (bool, string, error) {
		set, err := listSnapshots(ctx, c, what, filters)
		if err != nil {
			return false, "", err
		}
		out = []caseSnapshot{}
		completed := 0
		for _, snapshot := range set {
			switch snapshot.State {
			case types.SnapshotStateError:
				return false, "", activities.Permanent("SnapshotFailed", fmt.Errorf("%s: %s of %s: %s", what,
					sdk.ToString(snapshot.SnapshotId), sdk.ToString(snapshot.VolumeId), sdk.ToString(snapshot.StateMessage)))
			case types.SnapshotStateCompleted:
				completed++
			}
			out = append(out, caseSnapshot{
				SnapshotID: sdk.ToString(snapshot.SnapshotId), VolumeID: sdk.ToString(snapshot.VolumeId), State: string(snapshot.State),
			})
		}
		return len(set) >= want && completed == len(set), fmt.Sprintf("%d of %d snapshots completed", completed, want), nil
	})
	return out, err
}

// findSet is what both the change and its preview look at first: the instance's volumes, and the set
// that the run took of them before.
//
// Evidence is taken of what is tagged as protected, too: nothing of it changes.
func (s *service) findSet(ctx context.Context, in instanceInput, what string) (_ context.Context, c *clients, volumes []string, set []types.Snapshot, err error) {
	run := caseOf(ctx)
	if run == "" {
		return nil, nil, nil, nil, activities.Permanent("NoStep", fmt.Errorf("%s: no case to tag it with: only a step of a run may call it", what))
	}
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return nil, nil, nil, nil, err
	}
	instance, err := findInstance(ctx, c, in, what)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if volumes = volumesOf(instance); len(volumes) == 0 {
		return nil, nil, nil, nil, activities.Permanent("NoVolumes", fmt.Errorf("%s: it has no EBS volume", what))
	}
	if set, err = listSnapshots(ctx, c, what, setOf(run, in.InstanceID)); err != nil {
		return nil, nil, nil, nil, err
	}
	ctx, err = s.clear(ctx, c, what, thing{arn: c.ARNOf("ec2", "instance/"+in.InstanceID)})
	return ctx, c, volumes, set, err
}

// setOf finds the snapshots that a run took of an instance.
func setOf(run, instance string) []types.Filter {
	return []types.Filter{filter("tag:"+caseTag, run), filter("tag:"+instanceTag, instance)}
}

// createSnapshots takes the set. EC2 has no token that makes the call idempotent, so the SDK must
// not repeat it when an answer is lost: the next attempt looks for the set by its tags first.
// It returns how many snapshots the set has.
func createSnapshots(ctx context.Context, c *clients, instance, run, what string) (int, error) {
	out, err := c.EC2().CreateSnapshots(ctx, &ec2.CreateSnapshotsInput{
		InstanceSpecification: &types.InstanceSpecification{InstanceId: &instance},
		Description:           sdk.String("Countersign: evidence of " + instance),
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeSnapshot,
			Tags:         []types.Tag{tag(caseTag, run), tag(instanceTag, instance)},
		}},
	}, func(o *ec2.Options) { o.Retryer = sdk.NopRetryer{} })
	if err != nil {
		return 0, failed(err, "%s", what)
	}
	return len(out.Snapshots), nil
}

// listSnapshots finds the account's own snapshots, by volume.
func listSnapshots(ctx context.Context, c *clients, what string, filters []types.Filter) ([]types.Snapshot, error) {
	var found []types.Snapshot
	pages := ec2.NewDescribeSnapshotsPaginator(c.EC2(), &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: list the snapshots", what)
		}
		found = append(found, page.Snapshots...)
	}
	slices.SortFunc(found, func(a, b types.Snapshot) int {
		return strings.Compare(sdk.ToString(a.VolumeId)+sdk.ToString(a.SnapshotId), sdk.ToString(b.VolumeId)+sdk.ToString(b.SnapshotId))
	})
	return found, nil
}

type deleteSnapshotsInput struct {
	Account   string         `json:"account" jsonschema:"AWS account of twelve digits that the snapshots are in"`
	Region    string         `json:"region" jsonschema:"region that the snapshots are in, as eu-west-1"`
	Snapshots []caseSnapshot `json:"snapshots" jsonschema:"snapshots to delete, as aws.ec2.snapshot_instance returned them"`
}

type deleteSnapshotsOutput struct {
	Deleted []string `json:"deleted" jsonschema:"ids of the snapshots that were there and are deleted"`
	Changed bool     `json:"changed" jsonschema:"false if all were gone already"`
}

func (s *service) deleteCaseSnapshots(ctx context.Context, in deleteSnapshotsInput) (deleteSnapshotsOutput, error) {
	what := in.what()
	ctx, c, there, err := s.findCaseSnapshots(ctx, in)
	if err != nil {
		return deleteSnapshotsOutput{}, err
	}
	found := []string{}
	for _, snapshot := range there {
		found = append(found, sdk.ToString(snapshot.SnapshotId))
	}
	slices.Sort(found)
	first, err := activities.Remember(ctx, found)
	if err != nil {
		return deleteSnapshotsOutput{}, err
	}
	for _, id := range found {
		_, err := c.EC2().DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: &id})
		if err != nil && !answered(err, "InvalidSnapshot.NotFound") {
			return deleteSnapshotsOutput{}, failed(err, "%s: %s", what, id)
		}
	}
	return deleteSnapshotsOutput{Deleted: first, Changed: len(first) > 0}, nil
}

func (in deleteSnapshotsInput) what() string {
	return fmt.Sprintf("delete the snapshots of a case in account %s, %s", in.Account, in.Region)
}

// findCaseSnapshots is what both the deletion and its preview look at first: those of the snapshots
// that are there, all of a case.
func (s *service) findCaseSnapshots(ctx context.Context, in deleteSnapshotsInput) (context.Context, *clients, []types.Snapshot, error) {
	what := in.what()
	ids := []string{}
	for _, snapshot := range in.Snapshots {
		ids = append(ids, snapshot.SnapshotID)
	}
	if len(ids) == 0 || slices.Contains(ids, "") {
		return nil, nil, nil, badInput("%s: want the id of each", what)
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return nil, nil, nil, err
	}
	// By filter: asked for by id, one that is gone would make the whole call an error.
	there, err := listSnapshots(ctx, c, what, []types.Filter{filter("snapshot-id", ids...)})
	if err != nil {
		return nil, nil, nil, err
	}
	var foreign []error
	for _, snapshot := range there {
		if run, _ := tagOf(snapshot.Tags, caseTag); run == "" {
			foreign = append(foreign, fmt.Errorf("%s has no tag %s", sdk.ToString(snapshot.SnapshotId), caseTag))
		}
	}
	if len(foreign) > 0 {
		return nil, nil, nil, activities.Permanent("NotOfACase", fmt.Errorf("%s: nothing deleted: %w", what, errors.Join(foreign...)))
	}
	for _, snapshot := range there { // protected, a snapshot is on hold
		t := thing{arn: c.ARNOf("ec2", "snapshot/"+sdk.ToString(snapshot.SnapshotId)), tags: tagMap(snapshot.Tags)}
		if _, err := s.clear(ctx, c, what, t); err != nil {
			return nil, nil, nil, err
		}
	}
	ctx, err = s.clear(ctx, c, what, thing{})
	return ctx, c, there, err
}
