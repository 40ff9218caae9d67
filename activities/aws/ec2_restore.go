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
	instance := instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.InstanceID}
	what := "restore " + instance.String()
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return restoreOutput{}, err
	}
	// Only interfaces of the named instance: the list is the caller's, the instance was approved.
	_, nics, err := readInterfaces(ctx, c, instance, what)
	if err != nil {
		return restoreOutput{}, err
	}
	attached := map[string]types.NetworkInterface{}
	for _, nic := range nics {
		attached[sdk.ToString(nic.NetworkInterfaceId)] = nic
	}
	out := restoreOutput{Interfaces: []isolatedInterface{}, Skipped: []skippedInterface{}, Verified: true}
	if in.AlreadyIsolated {
		// Somebody else's isolation, which is not ours to lift.
		for _, saved := range in.Interfaces {
			out.Skipped = append(out.Skipped, skippedInterface{saved.NetworkInterfaceID, "it was isolated before the call to undo"})
		}
		return out, nil
	}
	changed := false
	groups := map[string]quarantineGroups{}
	for _, saved := range in.Interfaces {
		nic, ok := attached[saved.NetworkInterfaceID]
		if !ok {
			out.Skipped = append(out.Skipped, skippedInterface{saved.NetworkInterfaceID, "it is no longer attached to the instance"})
			continue
		}
		vpc := sdk.ToString(nic.VpcId)
		if _, ok := groups[vpc]; !ok {
			if groups[vpc], err = s.findGroups(ctx, c, vpc, what); err != nil {
				return restoreOutput{}, err
			}
		}
		switch now := groupIDs(nic.Groups); {
		case sameGroups(now, saved.GroupsBefore):
		case groups[vpc].is(now):
			changed = true
		default:
			out.Skipped = append(out.Skipped, skippedInterface{saved.NetworkInterfaceID, "it is in other groups: " + strings.Join(now, ", ")})
			continue
		}
		out.Interfaces = append(out.Interfaces, saved)
	}
	if len(out.Interfaces) == 0 {
		var reasons []error
		for _, skipped := range out.Skipped {
			reasons = append(reasons, fmt.Errorf("%s: %s", skipped.NetworkInterfaceID, skipped.Reason))
		}
		return restoreOutput{}, activities.Permanent("NothingToRestore", fmt.Errorf("%s: no interface is as it was left: %w", what, errors.Join(reasons...)))
	}
	if out.Changed, err = activities.Remember(ctx, changed); err != nil {
		return restoreOutput{}, err
	}
	ids := []string{}
	for _, saved := range out.Interfaces {
		ids = append(ids, saved.NetworkInterfaceID)
		if err := restoreInterface(ctx, c, attached[saved.NetworkInterfaceID], saved, what); err != nil {
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
	_, err := c.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{saved.NetworkInterfaceID}, Tags: ours})
	if err != nil {
		return failed(err, "%s: remove the tags of %s", what, saved.NetworkInterfaceID)
	}
	return nil
}

func sameGroups(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
