package aws

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// scalingGroups is what a permission to change an Auto Scaling group is narrowed to: which group an
// instance is in is not known before the call.
const scalingGroups = "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*"

func (s *service) registerStandby(r *activities.Registry) {
	reads := []string{"ec2:DescribeInstances", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeAutoScalingGroups"}
	activities.Register(r, activities.Spec{
		Name:  "aws.autoscaling.enter_standby",
		Title: "Take an EC2 instance out of its Auto Scaling group, to stand by",
		Doc: "The instance runs on, and its group no longer checks, replaces or terminates it: do it before an isolation, or the group ends the evidence. " +
			"Load balancers of the group let it go. By default the group keeps its capacity and starts another instance in its place; leaving standby then " +
			"raises the desired capacity by one. Refuses what is in no group.",
		Effect: activities.Change, Undo: "aws.autoscaling.exit_standby", Targets: []string{"instance_id"},
		Permissions: append([]string{"autoscaling:EnterStandby"}, reads...),
		Scopes:      map[string][]string{"autoscaling:EnterStandby": {scalingGroups}},
		Timeout:     powerTimeout, Heartbeat: time.Minute,
	}, s.enterStandby)
	activities.Register(r, activities.Spec{
		Name:  "aws.autoscaling.exit_standby",
		Title: "Put an EC2 instance that stands by back into its Auto Scaling group",
		Doc: "AWS raises the desired capacity of the group by one, and refuses if that is more than its maximum. What it terminates, should somebody lower it " +
			"again, the group chooses.",
		Effect: activities.Change, Undo: "aws.autoscaling.enter_standby", Targets: []string{"instance_id"},
		Permissions: append([]string{"autoscaling:ExitStandby"}, reads...),
		Scopes:      map[string][]string{"autoscaling:ExitStandby": {scalingGroups}},
		Timeout:     powerTimeout, Heartbeat: time.Minute,
	}, s.exitStandby)
	activities.Previews(r, "aws.autoscaling.enter_standby", s.previewEnterStandby)
	activities.Previews(r, "aws.autoscaling.exit_standby", s.previewExitStandby)
}

type enterStandbyInput struct {
	Account       string `json:"account" jsonschema:"AWS account of twelve digits that the instance is in"`
	Region        string `json:"region" jsonschema:"region that the instance is in, as eu-west-1"`
	InstanceID    string `json:"instance_id" jsonschema:"instance, as i-0123456789abcdef0"`
	LowerCapacity bool   `json:"lower_capacity,omitempty" jsonschema:"true lowers the desired capacity by one, so that no other instance is started in its place"`
	WasStandby    *bool  `json:"was_standby,omitempty" jsonschema:"set when undoing: false if the call to undo had found it in service, and then it stays so"`
}

type exitStandbyInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits that the instance is in"`
	Region     string `json:"region" jsonschema:"region that the instance is in, as eu-west-1"`
	InstanceID string `json:"instance_id" jsonschema:"instance, as i-0123456789abcdef0"`
	Group      string `json:"group,omitempty" jsonschema:"set when undoing: the group it was taken out of; one that is in another by now is left alone"`
	WasStandby *bool  `json:"was_standby,omitempty" jsonschema:"set when undoing: true if the call to undo had found it standing by, and then it stays so"`
}

type standbyOutput struct {
	Group          string `json:"group" jsonschema:"Auto Scaling group that the instance is a member of"`
	LifecycleState string `json:"lifecycle_state" jsonschema:"state found before, as InService or Standby"`
	WasStandby     bool   `json:"was_standby" jsonschema:"true if it stood by before, or was about to"`
	LowerCapacity  bool   `json:"lower_capacity" jsonschema:"of an entry, whether it lowered the desired capacity; of an exit, which raises it, that undoing lowers it again"`
	Changed        bool   `json:"changed" jsonschema:"false if it already was so, or had to stay"`
	Verified       bool   `json:"verified" jsonschema:"true if it was seen standing by, or in service, as it should be"`
}

// standby is one of the two calls.
type standby struct {
	instanceInput
	want, lower, leave bool
	group              string // that it must be in; "" is any
}

func (in enterStandbyInput) call() standby {
	return standby{
		instanceInput: instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.InstanceID},
		want:          true, lower: in.LowerCapacity, leave: in.WasStandby != nil && !*in.WasStandby,
	}
}

func (in exitStandbyInput) call() standby {
	return standby{
		instanceInput: instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.InstanceID},
		group:         in.Group, leave: in.WasStandby != nil && *in.WasStandby,
	}
}

func (s *service) enterStandby(ctx context.Context, in enterStandbyInput) (standbyOutput, error) {
	return s.setStandby(ctx, in.call())
}

func (s *service) exitStandby(ctx context.Context, in exitStandbyInput) (standbyOutput, error) {
	return s.setStandby(ctx, in.call())
}

func (s *service) setStandby(ctx context.Context, b standby) (standbyOutput, error) {
	what := map[bool]string{true: "put on standby ", false: "return to service "}[b.want] + b.String()
	acting, c, member, _, err := s.findMember(ctx, b, what)
	if err != nil {
		return standbyOutput{}, err
	}
	now := standsBy(member)
	out := standbyOutput{Group: sdk.ToString(member.AutoScalingGroupName), LifecycleState: sdk.ToString(member.LifecycleState), WasStandby: now, LowerCapacity: b.lower || !b.want}
	if b.leave {
		out.Verified = now != b.want
		return out, nil
	}
	if out, err = activities.Remember(ctx, out); err != nil {
		return standbyOutput{}, err
	}
	if now != b.want {
		if err := b.ask(acting, s, c, out.Group, what); err != nil {
			return standbyOutput{}, err
		}
	}
	end := map[bool]string{true: string(types.LifecycleStateStandby), false: string(types.LifecycleStateInService)}[b.want]
	err = s.await(ctx, what, func(ctx context.Context) (bool, string, error) {
		member, err := scalingMemberOf(ctx, c, b.InstanceID, what)
		return sdk.ToString(member.LifecycleState) == end, "the instance is " + sdk.ToString(member.LifecycleState), err
	})
	if err != nil {
		return standbyOutput{}, err
	}
	out.Changed, out.Verified = out.WasStandby != b.want, true
	return out, nil
}

// ask makes the call that changes something. AWS refuses it for an instance that is on its way already,
// as it is when the answer to a first request was lost.
func (b standby) ask(ctx context.Context, s *service, c *clients, group, what string) (err error) {
	if b.want {
		_, err = c.AutoScaling().EnterStandby(ctx, &autoscaling.EnterStandbyInput{
			AutoScalingGroupName: &group, InstanceIds: []string{b.InstanceID}, ShouldDecrementDesiredCapacity: &b.lower,
		})
	} else {
		// What has only begun to stand by cannot leave yet.
		if err := s.await(ctx, what, func(ctx context.Context) (bool, string, error) {
			member, err := scalingMemberOf(ctx, c, b.InstanceID, what)
			state := sdk.ToString(member.LifecycleState)
			return state != string(types.LifecycleStateEnteringStandby), "the instance is " + state, err
		}); err != nil {
			return err
		}
		_, err = c.AutoScaling().ExitStandby(ctx, &autoscaling.ExitStandbyInput{AutoScalingGroupName: &group, InstanceIds: []string{b.InstanceID}})
	}
	if err == nil {
		return nil
	}
	if answered(err, "ValidationError") {
		looked := s.settle(ctx, what, func(ctx context.Context) (bool, error) {
			member, err := scalingMemberOf(ctx, c, b.InstanceID, what)
			return standsBy(member) == b.want, err
		})
		if e := (*activities.Error)(nil); !errors.As(looked, &e) || e.Kind != "NotVerified" {
			return looked
		}
	}
	return failed(err, "%s: group %s", what, group)
}

// findMember is what both the change and its preview look at first: the instance as its group sees it,
// and that group.
func (s *service) findMember(ctx context.Context, b standby, what string) (acting context.Context, c *clients, member types.AutoScalingInstanceDetails, group types.AutoScalingGroup, err error) {
	c, i, err := s.livingInstance(ctx, b.instanceInput, what)
	if err != nil {
		return nil, nil, member, group, err
	}
	if member, err = scalingMemberOf(ctx, c, b.InstanceID, what); err != nil {
		return nil, nil, member, group, err
	}
	name := sdk.ToString(member.AutoScalingGroupName)
	if b.group != "" && b.group != name {
		return nil, nil, member, group, activities.Permanent("Moved", fmt.Errorf("%s: it is in group %s by now, and was taken out of %s", what, name, b.group))
	}
	groups, err := c.AutoScaling().DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		return nil, nil, member, group, failed(err, "%s: look at group %s", what, name)
	}
	if len(groups.AutoScalingGroups) != 1 {
		return nil, nil, member, group, activities.Permanent("NoSuchGroup", fmt.Errorf("%s: its group %s is not there", what, name))
	}
	group = groups.AutoScalingGroups[0]
	if !b.want {
		return released(ctx), c, member, group, nil
	}
	t := thing{arn: sdk.ToString(group.AutoScalingGroupARN), tags: map[string]string{}}
	for _, tag := range group.Tags {
		t.tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	if _, err = s.clear(ctx, c, what, t); err == nil {
		acting, err = s.clear(ctx, c, what, thingOf(i, b.instanceInput))
	}
	return acting, c, member, group, err
}

// scalingMemberOf finds an instance among the members of all groups.
func scalingMemberOf(ctx context.Context, c *clients, id, what string) (types.AutoScalingInstanceDetails, error) {
	out, err := c.AutoScaling().DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		return types.AutoScalingInstanceDetails{}, failed(err, "%s: look for its Auto Scaling group", what)
	}
	for _, member := range out.AutoScalingInstances {
		if sdk.ToString(member.InstanceId) == id {
			return member, nil
		}
	}
	return types.AutoScalingInstanceDetails{}, activities.Permanent("NotInAGroup", fmt.Errorf("%s: it is in no Auto Scaling group", what))
}

func standsBy(member types.AutoScalingInstanceDetails) bool {
	state := types.LifecycleState(sdk.ToString(member.LifecycleState))
	return state == types.LifecycleStateStandby || state == types.LifecycleStateEnteringStandby
}

func (s *service) previewEnterStandby(ctx context.Context, in enterStandbyInput) (preview.Preview, error) {
	return s.previewStandby(ctx, in.call())
}

func (s *service) previewExitStandby(ctx context.Context, in exitStandbyInput) (preview.Preview, error) {
	return s.previewStandby(ctx, in.call())
}

func (s *service) previewStandby(ctx context.Context, b standby) (preview.Preview, error) {
	_, _, member, group, err := s.findMember(ctx, b, "preview of "+b.String())
	if err != nil || b.leave || standsBy(member) == b.want {
		return unchanged, err
	}
	before := sdk.ToInt32(group.DesiredCapacity)
	after := before
	switch {
	case !b.want:
		after++
	case b.lower:
		after--
	}
	say := func(by bool, wanted int32) string {
		return fmt.Sprintf("%s, the group wants %d", map[bool]string{true: "Standby", false: "InService"}[by], wanted)
	}
	return shown(preview.Change{
		Target: b.String(), What: "membership of Auto Scaling group " + sdk.ToString(group.AutoScalingGroupName),
		Before: say(!b.want, before), After: say(b.want, after),
	}), nil
}
