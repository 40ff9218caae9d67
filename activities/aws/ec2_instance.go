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
)

// caseTag names, on what Countersign makes or changes, the run it was for.
const caseTag = "secops:case"

func (s *service) registerInstance(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:        "aws.ec2.describe_instance",
		Title:       "Describe an EC2 instance",
		Effect:      activities.Read,
		Targets:     []string{"instance_id"},
		Permissions: []string{"ec2:DescribeInstances"},
	}, s.describeInstance)
}

type instanceInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits that the instance is in"`
	Region     string `json:"region" jsonschema:"region that the instance is in, as eu-west-1"`
	InstanceID string `json:"instance_id" jsonschema:"instance, as i-0123456789abcdef0"`
}

func (in instanceInput) String() string {
	return fmt.Sprintf("instance %s in account %s, %s", in.InstanceID, in.Account, in.Region)
}

type instanceInterface struct {
	NetworkInterfaceID string   `json:"network_interface_id" jsonschema:"network interface, as eni-0123456789abcdef0"`
	SecurityGroups     []string `json:"security_groups" jsonschema:"ids of its security groups"`
}

type instanceOutput struct {
	State           string              `json:"state" jsonschema:"pending, running, shutting-down, terminated, stopping or stopped"`
	InstanceType    string              `json:"instance_type" jsonschema:"type, as m7g.large"`
	ImageID         string              `json:"image_id" jsonschema:"image it was started from"`
	LaunchTime      time.Time           `json:"launch_time" jsonschema:"last start"`
	InstanceProfile string              `json:"instance_profile" jsonschema:"ARN of the instance profile; empty if none"`
	VPCID           string              `json:"vpc_id" jsonschema:"VPC; empty once terminated"`
	SubnetID        string              `json:"subnet_id" jsonschema:"subnet; empty once terminated"`
	PrivateIP       string              `json:"private_ip" jsonschema:"primary private address; empty if none"`
	PublicIP        string              `json:"public_ip" jsonschema:"public address; empty if none"`
	Interfaces      []instanceInterface `json:"interfaces" jsonschema:"network interfaces, by id"`
	Volumes         []string            `json:"volumes" jsonschema:"ids of the EBS volumes"`
	Tags            map[string]string   `json:"tags" jsonschema:"tags of the instance"`
}

func (s *service) describeInstance(ctx context.Context, in instanceInput) (instanceOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return instanceOutput{}, err
	}
	i, err := findInstance(ctx, c, in, "describe "+in.String())
	if err != nil {
		return instanceOutput{}, err
	}
	out := instanceOutput{
		InstanceType: string(i.InstanceType),
		ImageID:      sdk.ToString(i.ImageId),
		LaunchTime:   sdk.ToTime(i.LaunchTime).UTC(),
		VPCID:        sdk.ToString(i.VpcId),
		SubnetID:     sdk.ToString(i.SubnetId),
		PrivateIP:    sdk.ToString(i.PrivateIpAddress),
		PublicIP:     sdk.ToString(i.PublicIpAddress),
		Interfaces:   []instanceInterface{},
		Volumes:      volumesOf(i),
		Tags:         map[string]string{},
	}
	if i.State != nil {
		out.State = string(i.State.Name)
	}
	if i.IamInstanceProfile != nil {
		out.InstanceProfile = sdk.ToString(i.IamInstanceProfile.Arn)
	}
	byID := map[string][]types.GroupIdentifier{}
	for _, n := range i.NetworkInterfaces {
		byID[sdk.ToString(n.NetworkInterfaceId)] = n.Groups
	}
	for _, id := range interfacesOf(i) {
		out.Interfaces = append(out.Interfaces, instanceInterface{NetworkInterfaceID: id, SecurityGroups: groupIDs(byID[id])})
	}
	for _, tag := range i.Tags {
		out.Tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	return out, nil
}

func findInstance(ctx context.Context, c *clients, in instanceInput, what string) (types.Instance, error) {
	out, err := c.EC2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{in.InstanceID}})
	if err != nil {
		return types.Instance{}, failed(err, "%s", what)
	}
	for _, reservation := range out.Reservations {
		for _, i := range reservation.Instances {
			if sdk.ToString(i.InstanceId) == in.InstanceID {
				return i, nil
			}
		}
	}
	return types.Instance{}, activities.Permanent("NoSuchInstance", fmt.Errorf("%s: there is no such instance", what))
}

func interfacesOf(i types.Instance) []string {
	ids := []string{}
	for _, n := range i.NetworkInterfaces {
		ids = append(ids, sdk.ToString(n.NetworkInterfaceId))
	}
	slices.Sort(ids)
	return ids
}

func volumesOf(i types.Instance) []string {
	ids := []string{}
	for _, d := range i.BlockDeviceMappings {
		if d.Ebs != nil {
			ids = append(ids, sdk.ToString(d.Ebs.VolumeId))
		}
	}
	slices.Sort(ids)
	return ids
}

// groupIDs returns the ids sorted: the order of an interface's groups means nothing.
func groupIDs(groups []types.GroupIdentifier) []string {
	ids := []string{}
	for _, g := range groups {
		ids = append(ids, sdk.ToString(g.GroupId))
	}
	slices.Sort(ids)
	return ids
}

func tagOf(tags []types.Tag, key string) (string, bool) {
	for _, tag := range tags {
		if sdk.ToString(tag.Key) == key {
			return sdk.ToString(tag.Value), true
		}
	}
	return "", false
}

func tagMap(tags []types.Tag) map[string]string {
	out := map[string]string{}
	for _, tag := range tags {
		out[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	return out
}

func tag(key, value string) types.Tag {
	return types.Tag{Key: &key, Value: &value}
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// caseOf names the run in a tag, of which EC2 takes 256 characters.
func caseOf(ctx context.Context) string {
	run := []rune(activities.InfoFrom(ctx).Run)
	return string(run[:min(len(run), 256)])
}
