package aws

import (
	"context"
	"fmt"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

func (s *service) registerTerminate(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.terminate_instance",
		Title: "Terminate an EC2 instance",
		Doc: "For good, with the volumes that are set to go with it: take aws.ec2.snapshot_instance first. Refuses an instance whose termination " +
			"protection is on, whoever turned it on: aws.ec2.unprotect_instance is a step, and an approval, of its own. Waits until it is terminated.",
		Effect: activities.Destroy, Targets: []string{"instance_id"},
		Permissions: []string{"ec2:DescribeInstances", "ec2:DescribeInstanceAttribute", "ec2:TerminateInstances"},
		Scopes:      map[string][]string{"ec2:TerminateInstances": {instanceARN}},
		Timeout:     powerTimeout, Heartbeat: time.Minute,
	}, s.terminateInstance)
	activities.Previews(r, "aws.ec2.terminate_instance", s.previewTerminate)
}

type terminateOutput struct {
	PreviousState  string   `json:"previous_state" jsonschema:"state found before, as running"`
	VolumesDeleted []string `json:"volumes_deleted" jsonschema:"ids of the volumes that went with it"`
	Changed        bool     `json:"changed" jsonschema:"false if it was terminated already"`
	Verified       bool     `json:"verified" jsonschema:"true if it was seen to be terminated"`
}

func (s *service) terminateInstance(ctx context.Context, in instanceInput) (terminateOutput, error) {
	what := "terminate " + in.String()
	acting, c, i, err := s.findDoomed(ctx, in, what)
	if err != nil {
		return terminateOutput{}, err
	}
	first, err := activities.Remember(ctx, terminateOutput{PreviousState: string(stateOf(i)), VolumesDeleted: goWith(i), Changed: !isTerminated(i), Verified: true})
	if err != nil {
		return terminateOutput{}, err
	}
	if !isTerminated(i) {
		if _, err := c.EC2().TerminateInstances(acting, &ec2.TerminateInstancesInput{InstanceIds: []string{in.InstanceID}}); err != nil {
			return terminateOutput{}, failed(err, "%s", what)
		}
	}
	err = s.await(ctx, what, func(ctx context.Context) (bool, string, error) {
		i, err := findInstance(ctx, c, in, what)
		return stateOf(i) == types.InstanceStateNameTerminated, "the instance is " + string(stateOf(i)), err
	})
	if err != nil {
		return terminateOutput{}, err
	}
	return first, nil
}

// findDoomed is what both the effect and its preview look at first.
func (s *service) findDoomed(ctx context.Context, in instanceInput, what string) (acting context.Context, c *clients, i types.Instance, err error) {
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return nil, nil, i, err
	}
	if i, err = findInstance(ctx, c, in, what); err != nil {
		return nil, nil, i, err
	}
	if acting, err = s.clear(ctx, c, what, thingOf(i, in)); err != nil || isTerminated(i) {
		return acting, c, i, err
	}
	protected, err := terminationProtected(ctx, c, in.InstanceID, what)
	if err == nil && protected {
		err = activities.Permanent("TerminationProtected",
			fmt.Errorf("%s: its termination protection is on; take it off with aws.ec2.unprotect_instance first, if it may go", what))
	}
	return acting, c, i, err
}

// goWith are the volumes that EC2 deletes with an instance.
func goWith(i types.Instance) []string {
	ids := []string{}
	for _, d := range i.BlockDeviceMappings {
		if d.Ebs != nil && sdk.ToBool(d.Ebs.DeleteOnTermination) {
			ids = append(ids, sdk.ToString(d.Ebs.VolumeId))
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *service) previewTerminate(ctx context.Context, in instanceInput) (preview.Preview, error) {
	_, _, i, err := s.findDoomed(ctx, in, "preview of "+in.String())
	if err != nil || isTerminated(i) {
		return unchanged, err
	}
	changes := []preview.Change{{Target: in.String(), What: "state", Before: string(stateOf(i)), After: "terminated for good"}}
	for _, volume := range goWith(i) {
		changes = append(changes, preview.Change{
			Target: fmt.Sprintf("volume %s of %s", volume, in), What: "data", Before: "kept", After: "deleted with the instance",
		})
	}
	return shown(changes...), nil
}
