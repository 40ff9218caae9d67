package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerRestore(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.restore_instance",
		Title: "Connect an isolated EC2 instance again",
		Doc: "Puts the saved groups back on each network interface that is still isolated. One that somebody has changed or detached " +
			"since is left alone and reported as skipped; it is an error only if that leaves nothing restored. Undoing this isolates again.",
		Effect:  activities.Change,
		Undo:    "aws.ec2.isolate_instance",
		Targets: []string{"instance_id", "interfaces"},
		Permissions: []string{
			"ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
			"ec2:ModifyNetworkInterfaceAttribute", "ec2:DeleteTags",
		},
		Scopes: map[string][]string{
			"ec2:ModifyNetworkInterfaceAttribute": slices.Concat(theInstance, anyNIC, anyGroup), "ec2:DeleteTags": anyNIC,
		},
		Timeout: isolateTimeout,
	}, s.restoreInstance)
}

type restoreInput struct {
	Account         string              `json:"account" jsonschema:"AWS account of twelve digits that the instance is in"`
	Region          string              `json:"region" jsonschema:"region that the instance is in, as eu-west-1"`
	InstanceID      string              `json:"instance_id" jsonschema:"isolated instance, as i-0123456789abcdef0"`
	Interfaces      []isolatedInterface `json:"interfaces" jsonschema:"interfaces of the isolation, with the groups to put back"`
	AlreadyIsolated bool                `json:"already_isolated,omitempty" jsonschema:"set when undoing: true if the isolation had found the instance isolated, and then it stays so"`
}

func (in restoreInput) instance() instanceInput {
	return instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.InstanceID}
}

type skippedInterface struct {
	NetworkInterfaceID string `json:"network_interface_id" jsonschema:"network interface that was left alone"`
	Reason             string `json:"reason" jsonschema:"why"`
}

type restoreOutput struct {
	Interfaces []isolatedInterface `json:"interfaces" jsonschema:"interfaces that have their groups again"`
	Skipped    []skippedInterface  `json:"skipped" jsonschema:"interfaces that somebody has changed or detached since, left alone"`
	Changed    bool                `json:"changed" jsonschema:"false if every interface had its groups already"`
	Verified   bool                `json:"verified" jsonschema:"true if every restored interface was read back as it should be"`
}

func (s *service) restoreInstance(ctx context.Context, in restoreInput) (restoreOutput, error) {
	what := "restore " + in.instance().String()
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return restoreOutput{}, err
	}
	plan, err := s.planRestore(ctx, c, in, what)
	if err != nil {
		return restoreOutput{}, err
	}
	out := restoreOutput{Interfaces: []isolatedInterface{}, Skipped: plan.skipped, Verified: true}
	if in.AlreadyIsolated {
		return out, nil
	}
	changed := false
	for _, step := range plan.steps {
		out.Interfaces = append(out.Interfaces, step.saved)
		changed = changed || step.isolated()
	}
	if out.Changed, err = activities.Remember(ctx, changed); err != nil {
		return restoreOutput{}, err
	}
	ctx = released(ctx)
	ids := []string{}
	for _, step := range plan.steps {
		ids = append(ids, step.saved.NetworkInterfaceID)
		if err := restoreInterface(ctx, c, step.nic, step.saved, what); err != nil {
			return restoreOutput{}, err
		}
	}
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		nics, err := describeInterfaces(ctx, c, ids, what)
		for _, nic := range nics {
			i := slices.Index(ids, sdk.ToString(nic.NetworkInterfaceId))
			if !sameGroups(groupIDs(nic.Groups), out.Interfaces[i].GroupsBefore) {
				return false, err
			}
		}
		return true, err
	})
}

// restorePlan is what a restore will do: the interfaces that are as the isolation left them, or have
// their groups already, and those to leave alone.
type restorePlan struct {
	steps   []restoreStep
	skipped []skippedInterface
}

type restoreStep struct {
	nic    types.NetworkInterface // as it is now
	groups quarantineGroups       // of its VPC
	saved  isolatedInterface
}

// isolated reports that the groups of the interface are yet to be put back.
func (r restoreStep) isolated() bool {
	return !sameGroups(groupIDs(r.nic.Groups), r.saved.GroupsBefore)
}

// planRestore is what both a restore and its preview look at first.
func (s *service) planRestore(ctx context.Context, c *clients, in restoreInput, what string) (restorePlan, error) {
	// Only interfaces of the named instance: the list is the caller's, the instance was approved.
	_, nics, err := readInterfaces(ctx, c, in.instance(), what)
	if err != nil {
		return restorePlan{}, err
	}
	attached := map[string]types.NetworkInterface{}
	for _, nic := range nics {
		attached[sdk.ToString(nic.NetworkInterfaceId)] = nic
	}
	plan := restorePlan{skipped: []skippedInterface{}}
	skip := func(id, why string) { plan.skipped = append(plan.skipped, skippedInterface{id, why}) }
	if in.AlreadyIsolated {
		// Somebody else's isolation, which is not ours to lift.
		for _, saved := range in.Interfaces {
			skip(saved.NetworkInterfaceID, "it was isolated before the call to undo")
		}
		return plan, nil
	}
	groups := map[string]quarantineGroups{}
	for _, saved := range in.Interfaces {
		nic, ok := attached[saved.NetworkInterfaceID]
		if !ok {
			skip(saved.NetworkInterfaceID, "it is no longer attached to the instance")
			continue
		}
		vpc := sdk.ToString(nic.VpcId)
		if _, ok := groups[vpc]; !ok {
			if groups[vpc], err = s.findGroups(ctx, c, vpc, what); err != nil {
				return restorePlan{}, err
			}
		}
		if now := groupIDs(nic.Groups); !sameGroups(now, saved.GroupsBefore) && !groups[vpc].is(now) {
			skip(saved.NetworkInterfaceID, "it is in other groups: "+strings.Join(now, ", "))
			continue
		}
		plan.steps = append(plan.steps, restoreStep{nic: nic, groups: groups[vpc], saved: saved})
	}
	if len(plan.steps) == 0 {
		var reasons []error
		for _, skipped := range plan.skipped {
			reasons = append(reasons, fmt.Errorf("%s: %s", skipped.NetworkInterfaceID, skipped.Reason))
		}
		return restorePlan{}, activities.Permanent("NothingToRestore", fmt.Errorf("%s: no interface is as it was left: %w", what, errors.Join(reasons...)))
	}
	return plan, nil
}

// restoreInterface puts the groups back, and only then forgets them.
func restoreInterface(ctx context.Context, c *clients, nic types.NetworkInterface, saved isolatedInterface, what string) error {
	if !sameGroups(groupIDs(nic.Groups), saved.GroupsBefore) {
		if err := setGroups(ctx, c, saved.NetworkInterfaceID, saved.GroupsBefore, what+": put back the groups of "+saved.NetworkInterfaceID); err != nil {
			return err
		}
	}
	var ours []types.Tag
	for _, t := range nic.TagSet {
		key := sdk.ToString(t.Key)
		if key == caseTag || key == groupsBeforeTag || strings.HasPrefix(key, groupsBeforeTag+"-") {
			ours = append(ours, types.Tag{Key: t.Key}) // whatever it says
		}
	}
	if len(ours) == 0 {
		return nil
	}
	_, err := c.EC2().DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{saved.NetworkInterfaceID}, Tags: ours})
	if err != nil {
		return failed(err, "%s: remove the tags of %s", what, saved.NetworkInterfaceID)
	}
	return nil
}

func sameGroups(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
