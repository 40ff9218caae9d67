package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
)

// groupsBeforeTag keeps, on a network interface, the groups it had before it was isolated.
//
// It is written before the interface is changed. An attempt that dies half way leaves interfaces
// in the quarantine groups; its successor, or another run, would else save those as the state to
// go back to, and an undo would "restore" the isolation. The tag counts only while the interface
// is in a quarantine group: on any other it is old, or planted by whoever may write tags.
const groupsBeforeTag = "countersign:groups-before"

const isolateTimeout = 2 * time.Minute

func (s *service) registerIsolate(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.isolate_instance",
		Title: "Isolate an EC2 instance from the network",
		Doc: "Moves every network interface first into a group that is open, so that connections already made are no longer tracked, " +
			"then into one without rules, which ends them. The groups are made once a VPC. For the moment between, the security groups " +
			"let everything through. Traffic that security groups do not rule goes on: instance metadata, Amazon DNS and time. " +
			"An auto scaling group or load balancer may replace an instance that stops answering: take it out of service first.",
		Effect:  activities.Change,
		Undo:    "aws.ec2.restore_instance",
		Targets: []string{"instance_id"},
		Permissions: []string{
			"ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
			"ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress",
			"ec2:RevokeSecurityGroupEgress", "ec2:CreateTags", "ec2:ModifyNetworkInterfaceAttribute",
		},
		Timeout: isolateTimeout,
	}, s.isolateInstance)
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

type isolatedInterface struct {
	NetworkInterfaceID string   `json:"network_interface_id" jsonschema:"network interface, as eni-0123456789abcdef0"`
	VPCID              string   `json:"vpc_id" jsonschema:"VPC it is in"`
	GroupsBefore       []string `json:"groups_before" jsonschema:"ids of the security groups it has when it is not isolated"`
}

type isolateOutput struct {
	Interfaces         []isolatedInterface `json:"interfaces" jsonschema:"every network interface of the instance, with the groups it had"`
	QuarantineGroupIDs []string            `json:"quarantine_group_ids" jsonschema:"groups without rules that the interfaces are in, one a VPC"`
	AlreadyIsolated    bool                `json:"already_isolated" jsonschema:"true if every interface was isolated before"`
	Changed            bool                `json:"changed" jsonschema:"false if the instance was isolated already"`
	Verified           bool                `json:"verified" jsonschema:"true if every interface was read back as it should be"`
}

func (s *service) isolateInstance(ctx context.Context, in instanceInput) (isolateOutput, error) {
	what := "isolate " + in.String()
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return isolateOutput{}, err
	}
	ids, nics, err := readInterfaces(ctx, c, in, what)
	if err != nil {
		return isolateOutput{}, err
	}
	groups := map[string]quarantineGroups{} // by VPC
	plan := make([]isolatedInterface, 0, len(nics))
	already := true
	for _, nic := range nics {
		vpc := sdk.ToString(nic.VpcId)
		if _, ok := groups[vpc]; !ok {
			if groups[vpc], err = s.ensureGroups(ctx, c, vpc, what); err != nil {
				return isolateOutput{}, err
			}
		}
		before, err := groupsBefore(nic, groups[vpc], what)
		if err != nil {
			return isolateOutput{}, err
		}
		plan = append(plan, isolatedInterface{NetworkInterfaceID: sdk.ToString(nic.NetworkInterfaceId), VPCID: vpc, GroupsBefore: before})
		already = already && isIsolated(nic, groups)
	}
	already, err = activities.Remember(ctx, already)
	if err != nil {
		return isolateOutput{}, err
	}
	// All tags first: from here on an attempt may die anywhere.
	for i, nic := range nics {
		if isIsolated(nic, groups) {
			continue
		}
		if err := saveGroups(ctx, c, nic, plan[i].GroupsBefore, what); err != nil {
			return isolateOutput{}, err
		}
	}
	for i, nic := range nics {
		if isIsolated(nic, groups) {
			continue
		}
		if err := isolateInterface(ctx, c, nic, groups[plan[i].VPCID], what); err != nil {
			return isolateOutput{}, err
		}
	}
	out := isolateOutput{Interfaces: plan, QuarantineGroupIDs: []string{}, AlreadyIsolated: already, Changed: !already, Verified: true}
	for _, q := range groups {
		out.QuarantineGroupIDs = append(out.QuarantineGroupIDs, q.isolated)
	}
	slices.Sort(out.QuarantineGroupIDs)
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		nics, err := describeInterfaces(ctx, c, ids, what)
		return !slices.ContainsFunc(nics, func(nic types.NetworkInterface) bool { return !isIsolated(nic, groups) }), err
	})
}

func isIsolated(nic types.NetworkInterface, groups map[string]quarantineGroups) bool {
	return slices.Equal(groupIDs(nic.Groups), []string{groups[sdk.ToString(nic.VpcId)].isolated})
}

// isolateInterface takes the two steps, or the second alone where an attempt died between them.
func isolateInterface(ctx context.Context, c *clients, nic types.NetworkInterface, q quarantineGroups, what string) error {
	id := sdk.ToString(nic.NetworkInterfaceId)
	if !slices.Equal(groupIDs(nic.Groups), []string{q.untracked}) {
		if err := setGroups(ctx, c, id, []string{q.untracked}, what+": untrack the connections of "+id); err != nil {
			return err
		}
	}
	// The interface is open now. A run cancelled at this moment must not leave it so.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return setGroups(ctx, c, id, []string{q.isolated}, what+": close "+id)
}

func setGroups(ctx context.Context, c *clients, id string, groups []string, what string) error {
	_, err := c.ec2.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &id, Groups: groups})
	if err != nil {
		return failed(err, "%s", what)
	}
	return nil
}

// readInterfaces returns the network interfaces of an instance, by id. Only an interface itself,
// not the instance, shows its tags.
func readInterfaces(ctx context.Context, c *clients, in instanceInput, what string) ([]string, []types.NetworkInterface, error) {
	instance, err := findInstance(ctx, c, in, what)
	if err != nil {
		return nil, nil, err
	}
	ids := interfacesOf(instance)
	if len(ids) == 0 {
		return nil, nil, activities.Permanent("NoInterfaces", fmt.Errorf("%s: it has no network interface; is it terminated?", what))
	}
	nics, err := describeInterfaces(ctx, c, ids, what)
	return ids, nics, err
}

func describeInterfaces(ctx context.Context, c *clients, ids []string, what string) ([]types.NetworkInterface, error) {
	var nics []types.NetworkInterface
	pages := ec2.NewDescribeNetworkInterfacesPaginator(c.ec2, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: ids})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: read its network interfaces", what)
		}
		nics = append(nics, page.NetworkInterfaces...)
	}
	slices.SortFunc(nics, func(a, b types.NetworkInterface) int {
		return strings.Compare(sdk.ToString(a.NetworkInterfaceId), sdk.ToString(b.NetworkInterfaceId))
	})
	return nics, nil
}

// groupsBefore returns the groups that an interface has when it is not isolated: those it has, or
// those that its tag keeps.
func groupsBefore(nic types.NetworkInterface, q quarantineGroups, what string) ([]string, error) {
	now := groupIDs(nic.Groups)
	if !q.in(now) {
		return now, nil
	}
	var kept []string
	for i := 1; ; i++ {
		value, ok := tagOf(nic.TagSet, groupsBeforeKey(i))
		if !ok || value == "" {
			break
		}
		kept = append(kept, strings.Fields(value)...)
	}
	if len(kept) == 0 || q.in(kept) {
		// A replica that lags may not show the tag yet, so a retry may find it.
		return nil, activities.Passing("UnknownGroupsBefore", 0, fmt.Errorf(
			"%s: %s is in a quarantine group but its tag %s does not say what it was in before",
			what, sdk.ToString(nic.NetworkInterfaceId), groupsBeforeTag))
	}
	slices.Sort(kept)
	return kept, nil
}

// groupsPerTag ids of 20 characters fit the 256 of one tag. Five groups an interface are usual,
// sixteen the most that a quota allows, so there is rarely a second tag.
const groupsPerTag = 12

func groupsBeforeKey(n int) string {
	if n == 1 {
		return groupsBeforeTag
	}
	return groupsBeforeTag + "-" + strconv.Itoa(n)
}

// saveGroups writes the tags of an interface about to be isolated, unless they say the same.
func saveGroups(ctx context.Context, c *clients, nic types.NetworkInterface, before []string, what string) error {
	var tags []types.Tag
	add := func(key, value string) {
		if now, _ := tagOf(nic.TagSet, key); now != value {
			tags = append(tags, tag(key, value))
		}
	}
	n := 1
	for some := range slices.Chunk(before, groupsPerTag) {
		add(groupsBeforeKey(n), strings.Join(some, " "))
		n++
	}
	if _, old := tagOf(nic.TagSet, groupsBeforeKey(n)); old {
		add(groupsBeforeKey(n), "") // ends the list
	}
	add(caseTag, caseOf(ctx))
	if len(tags) == 0 {
		return nil
	}
	_, err := c.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{sdk.ToString(nic.NetworkInterfaceId)}, Tags: tags})
	if err != nil {
		return failed(err, "%s: save the groups of %s", what, sdk.ToString(nic.NetworkInterfaceId))
	}
	return nil
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
