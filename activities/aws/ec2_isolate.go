package aws

import (
	"context"
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
			"let everything through; an interface that EC2 then refuses to close is put back to the groups it had. Traffic that security groups do not rule goes on: instance metadata, Amazon DNS and time. " +
			"An auto scaling group or load balancer may replace an instance that stops answering: take it out of service first.",
		Effect:  activities.Change,
		Undo:    "aws.ec2.restore_instance",
		Targets: []string{"instance_id"},
		Permissions: []string{
			"ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
			"ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress",
			"ec2:RevokeSecurityGroupEgress", "ec2:CreateTags", "ec2:ModifyNetworkInterfaceAttribute",
		},
		Scopes: map[string][]string{
			"ec2:CreateSecurityGroup":             slices.Concat(anyGroup, anyVPC),
			"ec2:AuthorizeSecurityGroupIngress":   anyGroup,
			"ec2:AuthorizeSecurityGroupEgress":    anyGroup,
			"ec2:RevokeSecurityGroupEgress":       anyGroup,
			"ec2:CreateTags":                      slices.Concat(anyGroup, anyNIC),
			"ec2:ModifyNetworkInterfaceAttribute": slices.Concat(theInstance, anyNIC, anyGroup),
		},
		Only: map[string]map[string][]string{
			"ec2:AuthorizeSecurityGroupIngress": ofQuarantine, "ec2:AuthorizeSecurityGroupEgress": ofQuarantine, "ec2:RevokeSecurityGroupEgress": ofQuarantine,
		},
		Timeout: isolateTimeout,
	}, s.isolateInstance)
	s.registerRestore(r)
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
	instance, ids, nics, err := readInstance(ctx, c, in, what)
	if err != nil {
		return isolateOutput{}, err
	}
	if ctx, err = s.clearInstance(ctx, c, instance, what); err != nil {
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
			return isolateOutput{}, leftAt(ctx, c, nics, plan, groups, -1, false, err)
		}
	}
	for i, nic := range nics {
		if isIsolated(nic, groups) {
			continue
		}
		if opened, err := isolateInterface(ctx, c, nic, groups[plan[i].VPCID], what); err != nil {
			return isolateOutput{}, leftAt(ctx, c, nics, plan, groups, i, opened, err)
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

// Time for one step, and for putting an interface back, once neither is the run's to stop.
const (
	stepTime    = 30 * time.Second
	putBackTime = 30 * time.Second
)

// isolateInterface takes the two steps, or the second alone where an attempt died between them. It
// reports whether it may have left the interface open.
func isolateInterface(ctx context.Context, c *clients, nic types.NetworkInterface, q quarantineGroups, what string) (opened bool, err error) {
	id := sdk.ToString(nic.NetworkInterfaceId)
	opened = slices.Equal(groupIDs(nic.Groups), []string{q.untracked})
	if err := ctx.Err(); err != nil {
		return opened, fmt.Errorf("%s: %w", what, err)
	}
	// A run cancelled from here on must not leave the interface open, and a request that is cut off
	// may have opened it.
	ctx = context.WithoutCancel(ctx)
	step := func(group, what string) error {
		ctx, cancel := context.WithTimeout(ctx, stepTime)
		defer cancel()
		return setGroups(ctx, c, id, []string{group}, what)
	}
	if !opened {
		if err := step(q.untracked, what+": untrack the connections of "+id); err != nil {
			return !permanent(err), err // what was refused for good was not done
		}
	}
	if err := step(q.isolated, what+": close "+id); err != nil {
		return true, err
	}
	return false, nil
}

// leftAt ends an isolation that failed at interface at, or before the first with -1: it adds to the
// error in what state each interface is. Where no attempt follows, which would close an interface that is open, it first
// puts that back into the groups it had.
func leftAt(ctx context.Context, c *clients, nics []types.NetworkInterface, plan []isolatedInterface,
	groups map[string]quarantineGroups, at int, opened bool, err error,
) error {
	last := permanent(err) || activities.Cancelled(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBackTime)
	defer cancel()
	var states []string
	for i, nic := range nics {
		id, q := plan[i].NetworkInterfaceID, groups[plan[i].VPCID]
		open := slices.Equal(groupIDs(nic.Groups), []string{q.untracked}) // by an earlier attempt
		if i == at {
			open = opened
		}
		switch {
		case i < at, isIsolated(nic, groups):
			states = append(states, id+" is isolated")
		case open && last:
			states = append(states, putBack(ctx, c, plan[i], q))
		case open:
			states = append(states, id+" IS OPEN TO EVERYTHING until the next attempt closes it")
		default:
			states = append(states, id+" is as it was, in "+strings.Join(plan[i].GroupsBefore, ", "))
		}
	}
	return fmt.Errorf("%w; %s", err, strings.Join(states, "; "))
}

// putBack gives an interface that may be open its groups again, and says where it is then. It looks
// first: if the answer alone was lost, or another attempt was faster, the interface is isolated.
func putBack(ctx context.Context, c *clients, saved isolatedInterface, q quarantineGroups) string {
	id, before := saved.NetworkInterfaceID, strings.Join(saved.GroupsBefore, ", ")
	what := "put back " + id
	nics, err := describeInterfaces(ctx, c, []string{id}, what)
	if err == nil && len(nics) == 1 {
		switch now := groupIDs(nics[0].Groups); {
		case slices.Equal(now, []string{q.isolated}):
			return id + " is isolated"
		case !q.in(now) && !sameGroups(now, saved.GroupsBefore):
			return id + " was moved by somebody to " + strings.Join(now, ", ")
		}
	}
	if err := setGroups(ctx, c, id, saved.GroupsBefore, what); err != nil {
		return fmt.Sprintf("%s IS OPEN TO EVERYTHING: it is in %s, was in %s, and could not be put back: %v", id, q.untracked, before, err)
	}
	return id + " was put back to " + before
}

func setGroups(ctx context.Context, c *clients, id string, groups []string, what string) error {
	_, err := c.EC2().ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &id, Groups: groups})
	if err != nil {
		return failed(err, "%s", what)
	}
	return nil
}

// readInterfaces returns the network interfaces of an instance, by id. Only an interface itself,
// not the instance, shows its tags.
func readInterfaces(ctx context.Context, c *clients, in instanceInput, what string) ([]string, []types.NetworkInterface, error) {
	_, ids, nics, err := readInstance(ctx, c, in, what)
	return ids, nics, err
}

func readInstance(ctx context.Context, c *clients, in instanceInput, what string) (types.Instance, []string, []types.NetworkInterface, error) {
	instance, err := findInstance(ctx, c, in, what)
	if err != nil {
		return instance, nil, nil, err
	}
	ids := interfacesOf(instance)
	if len(ids) == 0 {
		return instance, nil, nil, activities.Permanent("NoInterfaces", fmt.Errorf("%s: it has no network interface; is it terminated?", what))
	}
	nics, err := describeInterfaces(ctx, c, ids, what)
	return instance, ids, nics, err
}

// clearInstance is clear for an instance.
func (s *service) clearInstance(ctx context.Context, c *clients, i types.Instance, what string) (context.Context, error) {
	return s.clear(ctx, c, what, thing{arn: c.ARNOf("ec2", "instance/"+sdk.ToString(i.InstanceId)), tags: tagMap(i.Tags)})
}

func describeInterfaces(ctx context.Context, c *clients, ids []string, what string) ([]types.NetworkInterface, error) {
	var nics []types.NetworkInterface
	pages := ec2.NewDescribeNetworkInterfacesPaginator(c.EC2(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: ids})
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
	_, err := c.EC2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{sdk.ToString(nic.NetworkInterfaceId)}, Tags: tags})
	if err != nil {
		return failed(err, "%s: save the groups of %s", what, sdk.ToString(nic.NetworkInterfaceId))
	}
	return nil
}
