package aws

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// instanceARN is what a permission to change the instance of a call is narrowed to.
const instanceARN = "arn:aws:ec2:{region}:{account}:instance/{instance_id}"

func (s *service) registerProtect(r *activities.Registry) {
	permissions := []string{"ec2:DescribeInstances", "ec2:DescribeInstanceAttribute", "ec2:ModifyInstanceAttribute"}
	scopes := map[string][]string{"ec2:ModifyInstanceAttribute": {instanceARN}}
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.protect_instance",
		Title: "Protect an EC2 instance against termination",
		Doc: "Turns on termination protection, so that nobody deletes evidence by mistake. It does not keep an Auto Scaling group from " +
			"replacing the instance: take it out with aws.autoscaling.enter_standby.",
		Effect: activities.Change, Undo: "aws.ec2.unprotect_instance", Targets: []string{"instance_id"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.protectInstance)
	activities.Register(r, activities.Spec{
		Name:   "aws.ec2.unprotect_instance",
		Title:  "Take the termination protection off an EC2 instance",
		Effect: activities.Change, Undo: "aws.ec2.protect_instance", Targets: []string{"instance_id"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.unprotectInstance)
	activities.Previews(r, "aws.ec2.protect_instance", s.previewProtect)
	activities.Previews(r, "aws.ec2.unprotect_instance", s.previewUnprotect)
}

// ec2Timeout leaves room to read back.
const ec2Timeout = iamTimeout

type protectInput struct {
	Account      string `json:"account" jsonschema:"AWS account of twelve digits that the instance is in"`
	Region       string `json:"region" jsonschema:"region that the instance is in, as eu-west-1"`
	InstanceID   string `json:"instance_id" jsonschema:"instance, as i-0123456789abcdef0"`
	WasProtected *bool  `json:"was_protected,omitempty" jsonschema:"set when undoing: what the call to undo had found; an instance that it had found as it wanted it is left alone"`
}

type protectOutput struct {
	WasProtected bool `json:"was_protected" jsonschema:"true if the protection was on before"`
	Changed      bool `json:"changed" jsonschema:"false if the instance already was so, or had to stay"`
	Verified     bool `json:"verified" jsonschema:"true if the instance was read back as it should be"`
}

func (in protectInput) instance() instanceInput {
	return instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.InstanceID}
}

func (s *service) protectInstance(ctx context.Context, in protectInput) (protectOutput, error) {
	return s.setProtection(ctx, in, true, "protect ")
}

func (s *service) unprotectInstance(ctx context.Context, in protectInput) (protectOutput, error) {
	return s.setProtection(ctx, in, false, "unprotect ")
}

func (s *service) setProtection(ctx context.Context, in protectInput, want bool, verb string) (protectOutput, error) {
	t := s.protection(in, want, verb)
	first, verified, err := t.make(ctx, s)
	return protectOutput{WasProtected: first, Changed: t.changed(first), Verified: verified}, err
}

func (s *service) protection(in protectInput, want bool, verb string) toggle {
	var c *clients
	t := toggle{what: verb + in.instance().String(), want: want}
	t.leave = in.WasProtected != nil && *in.WasProtected != want
	t.look = func(ctx context.Context) (bool, error) { return terminationProtected(ctx, c, in.InstanceID, t.what) }
	t.find = func(ctx context.Context) (context.Context, bool, error) {
		var i types.Instance
		var err error
		if c, i, err = s.livingInstance(ctx, in.instance(), t.what); err != nil {
			return nil, false, err
		}
		if want {
			if ctx, err = s.clear(ctx, c, t.what, thingOf(i, in.instance())); err != nil {
				return nil, false, err
			}
		} else {
			ctx = released(ctx)
		}
		now, err := t.look(ctx)
		return ctx, now, err
	}
	t.set = func(ctx context.Context) error {
		_, err := c.EC2().ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{
			InstanceId: &in.InstanceID, DisableApiTermination: &types.AttributeBooleanValue{Value: &want},
		})
		if err != nil {
			return failed(err, "%s", t.what)
		}
		return nil
	}
	return t
}

func (s *service) previewProtect(ctx context.Context, in protectInput) (preview.Preview, error) {
	return s.previewProtection(ctx, in, true)
}

func (s *service) previewUnprotect(ctx context.Context, in protectInput) (preview.Preview, error) {
	return s.previewProtection(ctx, in, false)
}

func (s *service) previewProtection(ctx context.Context, in protectInput, want bool) (preview.Preview, error) {
	t := s.protection(in, want, "preview of ")
	_, now, err := t.find(ctx)
	if err != nil || t.leave || now == want {
		return unchanged, err
	}
	say := map[bool]string{false: "off", true: "on"}
	return shown(preview.Change{Target: in.instance().String(), What: "termination protection", Before: say[now], After: say[want]}), nil
}

func terminationProtected(ctx context.Context, c *clients, id, what string) (bool, error) {
	out, err := c.EC2().DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{
		InstanceId: &id, Attribute: types.InstanceAttributeNameDisableApiTermination,
	})
	if err != nil {
		return false, failed(err, "%s: read its termination protection", what)
	}
	return out.DisableApiTermination != nil && sdk.ToBool(out.DisableApiTermination.Value), nil
}

// livingInstance finds an instance that is not terminated, nor about to be.
func (s *service) livingInstance(ctx context.Context, in instanceInput, what string) (*clients, types.Instance, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return nil, types.Instance{}, err
	}
	i, err := findInstance(ctx, c, in, what)
	if err == nil && isTerminated(i) {
		err = activities.Permanent("Terminated", fmt.Errorf("%s: it is terminated", what))
	}
	return c, i, err
}

func stateOf(i types.Instance) types.InstanceStateName {
	if i.State == nil {
		return ""
	}
	return i.State.Name
}

func isTerminated(i types.Instance) bool {
	return stateOf(i) == types.InstanceStateNameTerminated || stateOf(i) == types.InstanceStateNameShuttingDown
}

// thingOf is an instance as clear asks for it.
func thingOf(i types.Instance, in instanceInput) thing {
	return thing{arn: "arn:aws:ec2:" + in.Region + ":" + in.Account + ":instance/" + in.InstanceID, tags: tagMap(i.Tags)}
}
