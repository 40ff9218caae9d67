package aws

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// powerTimeout is for servers that take long to stop: EC2 forces them after some minutes.
const powerTimeout = 15 * time.Minute

func (s *service) registerPower(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.stop_instance",
		Title: "Stop an EC2 instance",
		Doc: "What is in memory and on instance store is lost, and so is a public address that is no Elastic IP. Collect evidence first. " +
			"An Auto Scaling group replaces and terminates a stopped member: take it out with aws.autoscaling.enter_standby first. " +
			"Waits until the instance is stopped.",
		Effect: activities.Change, Undo: "aws.ec2.start_instance", Targets: []string{"instance_id"},
		Permissions: []string{"ec2:DescribeInstances", "ec2:StopInstances"},
		Scopes:      map[string][]string{"ec2:StopInstances": {instanceARN}},
		Timeout:     powerTimeout, Heartbeat: time.Minute,
	}, s.stopInstance)
	activities.Register(r, activities.Spec{
		Name:   "aws.ec2.start_instance",
		Title:  "Start an EC2 instance that is stopped",
		Doc:    "Waits until the instance is running. One with an encrypted disk needs the key of the disk besides: see kms:CreateGrant in the manual of EC2.",
		Effect: activities.Change, Undo: "aws.ec2.stop_instance", Targets: []string{"instance_id"},
		Permissions: []string{"ec2:DescribeInstances", "ec2:StartInstances"},
		Scopes:      map[string][]string{"ec2:StartInstances": {instanceARN}},
		Timeout:     powerTimeout, Heartbeat: time.Minute,
	}, s.startInstance)
	activities.Previews(r, "aws.ec2.stop_instance", s.previewStop)
	activities.Previews(r, "aws.ec2.start_instance", s.previewStart)
}

type powerInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits that the instance is in"`
	Region     string `json:"region" jsonschema:"region that the instance is in, as eu-west-1"`
	InstanceID string `json:"instance_id" jsonschema:"instance, as i-0123456789abcdef0"`
	WasRunning *bool  `json:"was_running,omitempty" jsonschema:"set when undoing: what the call to undo had found; an instance that it had found as it wanted it is left alone"`
}

type powerOutput struct {
	WasRunning bool `json:"was_running" jsonschema:"true if the instance was running before, or about to"`
	Changed    bool `json:"changed" jsonschema:"false if the instance already was so, or had to stay"`
	Verified   bool `json:"verified" jsonschema:"true if the instance was seen to be running, or stopped, as it should be"`
}

func (in powerInput) instance() instanceInput {
	return instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.InstanceID}
}

func (s *service) stopInstance(ctx context.Context, in powerInput) (powerOutput, error) {
	return s.setPower(ctx, in, false)
}

func (s *service) startInstance(ctx context.Context, in powerInput) (powerOutput, error) {
	return s.setPower(ctx, in, true)
}

func (s *service) setPower(ctx context.Context, in powerInput, want bool) (powerOutput, error) {
	what := map[bool]string{false: "stop ", true: "start "}[want] + in.instance().String()
	acting, c, now, err := s.findPower(ctx, in, want, what)
	if err != nil {
		return powerOutput{}, err
	}
	if in.WasRunning != nil && *in.WasRunning != want {
		return powerOutput{WasRunning: now, Verified: now != want}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return powerOutput{}, err
	}
	if now != want {
		if want {
			_, err = c.EC2().StartInstances(acting, &ec2.StartInstancesInput{InstanceIds: []string{in.InstanceID}})
		} else {
			_, err = c.EC2().StopInstances(acting, &ec2.StopInstancesInput{InstanceIds: []string{in.InstanceID}})
		}
		if err != nil {
			return powerOutput{}, failed(err, "%s", what)
		}
	}
	end := map[bool]types.InstanceStateName{false: types.InstanceStateNameStopped, true: types.InstanceStateNameRunning}[want]
	err = s.await(ctx, what, func(ctx context.Context) (bool, string, error) {
		i, err := findInstance(ctx, c, in.instance(), what)
		if err == nil && isTerminated(i) {
			err = activities.Permanent("Terminated", fmt.Errorf("%s: somebody has terminated it meanwhile", what))
		}
		return stateOf(i) == end, "the instance is " + string(stateOf(i)), err
	})
	if err != nil {
		return powerOutput{}, err
	}
	return powerOutput{WasRunning: first, Changed: first != want, Verified: true}, nil
}

// findPower is what both the change and its preview look at first: whether the instance runs, or is
// about to.
func (s *service) findPower(ctx context.Context, in powerInput, want bool, what string) (acting context.Context, c *clients, now bool, err error) {
	c, i, err := s.livingInstance(ctx, in.instance(), what)
	if err != nil {
		return nil, nil, false, err
	}
	if want {
		acting = released(ctx)
	} else if acting, err = s.clear(ctx, c, what, thingOf(i, in.instance())); err != nil {
		return nil, nil, false, err
	}
	return acting, c, stateOf(i) == types.InstanceStateNameRunning || stateOf(i) == types.InstanceStateNamePending, nil
}

func (s *service) previewStop(ctx context.Context, in powerInput) (preview.Preview, error) {
	return s.previewPower(ctx, in, false)
}

func (s *service) previewStart(ctx context.Context, in powerInput) (preview.Preview, error) {
	return s.previewPower(ctx, in, true)
}

func (s *service) previewPower(ctx context.Context, in powerInput, want bool) (preview.Preview, error) {
	_, _, now, err := s.findPower(ctx, in, want, "preview of "+in.instance().String())
	if err != nil || now == want || in.WasRunning != nil && *in.WasRunning != want {
		return unchanged, err
	}
	say := map[bool]string{false: "stopped", true: "running"}
	return shown(preview.Change{Target: in.instance().String(), What: "state", Before: say[now], After: say[want]}), nil
}
