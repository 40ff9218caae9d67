package aws

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

const targetGroups = "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/*"

func (s *service) registerBalancing(r *activities.Registry) {
	reads := []string{"ec2:DescribeInstances", "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTags"}
	activities.Register(r, activities.Spec{
		Name:  "aws.elbv2.deregister_target",
		Title: "Take an instance or address out of its load balancers",
		Doc: "Looks through every target group of the region, and takes it out at every port. Requests under way are answered for as long as the group drains, " +
			"by default five minutes. An Auto Scaling group puts back a member that is in service: take it out with aws.autoscaling.enter_standby instead.",
		Effect: activities.Change, Undo: "aws.elbv2.register_target", Targets: []string{"target_id"},
		Permissions: append([]string{"elasticloadbalancing:DeregisterTargets"}, reads...),
		Scopes:      map[string][]string{"elasticloadbalancing:DeregisterTargets": {targetGroups}},
		Timeout:     ec2Timeout,
	}, s.deregisterTarget)
	activities.Register(r, activities.Spec{
		Name:   "aws.elbv2.register_target",
		Title:  "Put an instance or address back into the load balancers it was taken out of",
		Doc:    "Group by group, at the ports it had. A group that is gone meanwhile is left out.",
		Effect: activities.Change, Undo: "aws.elbv2.deregister_target", Targets: []string{"target_id"},
		Permissions: append([]string{"elasticloadbalancing:RegisterTargets"}, reads[1:3]...),
		Scopes:      map[string][]string{"elasticloadbalancing:RegisterTargets": {targetGroups}},
		Timeout:     ec2Timeout,
	}, s.registerTarget)
	activities.Previews(r, "aws.elbv2.deregister_target", s.previewDeregister)
	activities.Previews(r, "aws.elbv2.register_target", s.previewRegister)
}

type savedTarget struct {
	TargetGroupARN string `json:"target_group_arn" jsonschema:"target group, by ARN"`
	Port           int    `json:"port" jsonschema:"port of the target"`
	Zone           string `json:"zone,omitempty" jsonschema:"availability zone, or all, of an address outside the VPC; absent otherwise"`
	Health         string `json:"health,omitempty" jsonschema:"health found, as healthy or unhealthy"`
}

func (t savedTarget) key() savedTarget {
	return savedTarget{TargetGroupARN: t.TargetGroupARN, Port: t.Port}
}

type deregisterInput struct {
	Account  string        `json:"account" jsonschema:"AWS account of twelve digits that the target is in"`
	Region   string        `json:"region" jsonschema:"region that the target is in, as eu-west-1"`
	TargetID string        `json:"target_id" jsonschema:"instance, as i-0123456789abcdef0, or address, as target groups name it"`
	Targets  []savedTarget `json:"targets,omitempty" jsonschema:"set when undoing: the only groups and ports to take it out of"`
}

type registerInput struct {
	Account  string        `json:"account" jsonschema:"AWS account of twelve digits that the target is in"`
	Region   string        `json:"region" jsonschema:"region that the target is in, as eu-west-1"`
	TargetID string        `json:"target_id" jsonschema:"instance, as i-0123456789abcdef0, or address, as target groups name it"`
	Targets  []savedTarget `json:"targets" jsonschema:"groups and ports to put it back into, as the call to undo returned them"`
}

type targetOutput struct {
	Targets  []savedTarget `json:"targets" jsonschema:"groups and ports that it was taken out of, or put back into, by this call"`
	Changed  bool          `json:"changed" jsonschema:"false if there was none"`
	Verified bool          `json:"verified" jsonschema:"true if all groups were read back as they should be"`
}

func targetOf(id, account, region string) string {
	return fmt.Sprintf("target %s in account %s, %s", id, account, region)
}

func (s *service) deregisterTarget(ctx context.Context, in deregisterInput) (targetOutput, error) {
	what := "deregister " + targetOf(in.TargetID, in.Account, in.Region)
	acting, c, found, err := s.findRegistered(ctx, in, what)
	if err != nil {
		return targetOutput{}, err
	}
	first, err := activities.Remember(ctx, found)
	if err != nil {
		return targetOutput{}, err
	}
	for group, ports := range byGroup(found, in.TargetID) {
		_, err := c.Balancing().DeregisterTargets(acting, &elasticloadbalancingv2.DeregisterTargetsInput{TargetGroupArn: &group, Targets: ports})
		if err != nil && !answered(err, "TargetGroupNotFound") { // gone, and the target with it
			return targetOutput{}, failed(err, "%s: from %s", what, group)
		}
	}
	return targetOutput{Targets: first, Changed: len(first) > 0, Verified: true}, s.settleTargets(ctx, c, in.TargetID, found, false, what)
}

func (s *service) registerTarget(ctx context.Context, in registerInput) (targetOutput, error) {
	what := "register " + targetOf(in.TargetID, in.Account, in.Region)
	c, absent, err := s.findUnregistered(ctx, in, what)
	if err != nil {
		return targetOutput{}, err
	}
	first, err := activities.Remember(ctx, absent)
	if err != nil {
		return targetOutput{}, err
	}
	for group, ports := range byGroup(absent, in.TargetID) {
		if _, err := c.Balancing().RegisterTargets(released(ctx), &elasticloadbalancingv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: ports}); err != nil {
			return targetOutput{}, failed(err, "%s: with %s", what, group)
		}
	}
	return targetOutput{Targets: first, Changed: len(first) > 0, Verified: true}, s.settleTargets(ctx, c, in.TargetID, absent, true, what)
}

// byGroup puts the ports of each group together, group after group.
func byGroup(targets []savedTarget, id string) func(yield func(string, []types.TargetDescription) bool) {
	return func(yield func(string, []types.TargetDescription) bool) {
		for at := 0; at < len(targets); {
			group, ports := targets[at].TargetGroupARN, []types.TargetDescription(nil)
			for ; at < len(targets) && targets[at].TargetGroupARN == group; at++ {
				d := types.TargetDescription{Id: &id, Port: sdk.Int32(int32(targets[at].Port))} //nolint:gosec // AWS refuses what is no port
				if zone := targets[at].Zone; zone == "all" {
					d.AvailabilityZone = &zone // of another it is AWS that says which
				}
				ports = append(ports, d)
			}
			if !yield(group, ports) {
				return
			}
		}
	}
}

// settleTargets waits until the groups show a target registered, or draining or gone.
func (s *service) settleTargets(ctx context.Context, c *clients, id string, touched []savedTarget, want bool, what string) error {
	if len(touched) == 0 {
		return nil
	}
	return s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		for group := range byGroup(touched, id) {
			now, err := registeredIn(ctx, c, group, id, what)
			if err != nil {
				return false, err
			}
			for _, t := range touched {
				if t.TargetGroupARN == group && has(now, t) != want {
					return false, nil
				}
			}
		}
		return true, nil
	})
}

func has(all []savedTarget, t savedTarget) bool {
	return slices.ContainsFunc(all, func(o savedTarget) bool { return o.key() == t.key() })
}

// registeredIn lists the ports at which a group has a target that is not draining. Of a group that is
// gone it is none.
func registeredIn(ctx context.Context, c *clients, group, id, what string) ([]savedTarget, error) {
	out, err := c.Balancing().DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &group})
	if answered(err, "TargetGroupNotFound") {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err, "%s: look at %s", what, group)
	}
	var found []savedTarget
	for _, d := range out.TargetHealthDescriptions {
		if d.Target == nil || sdk.ToString(d.Target.Id) != id || d.TargetHealth != nil && d.TargetHealth.State == types.TargetHealthStateEnumDraining {
			continue
		}
		t := savedTarget{TargetGroupARN: group, Port: int(sdk.ToInt32(d.Target.Port)), Zone: sdk.ToString(d.Target.AvailabilityZone)}
		if d.TargetHealth != nil {
			t.Health = string(d.TargetHealth.State)
		}
		found = append(found, t)
	}
	return found, nil
}

// groupsOf lists the target groups of the region.
func groupsOf(ctx context.Context, c *clients, what string) ([]string, error) {
	var arns []string
	pages := elasticloadbalancingv2.NewDescribeTargetGroupsPaginator(c.Balancing(), &elasticloadbalancingv2.DescribeTargetGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: list the target groups", what)
		}
		for _, g := range page.TargetGroups {
			arns = append(arns, sdk.ToString(g.TargetGroupArn))
		}
	}
	return arns, nil
}

func sortTargets(targets []savedTarget) {
	slices.SortFunc(targets, func(a, b savedTarget) int {
		return cmp.Or(strings.Compare(a.TargetGroupARN, b.TargetGroupARN), cmp.Compare(a.Port, b.Port))
	})
}

// findRegistered is what both a deregistration and its preview look at first: where the target is
// registered, in groups that may be touched.
func (s *service) findRegistered(ctx context.Context, in deregisterInput, what string) (acting context.Context, c *clients, found []savedTarget, err error) {
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return nil, nil, nil, err
	}
	acting = ctx
	if strings.HasPrefix(in.TargetID, "i-") {
		instance := instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.TargetID}
		i, err := findInstance(ctx, c, instance, what)
		if err != nil {
			return nil, nil, nil, err
		}
		if acting, err = s.clear(ctx, c, what, thingOf(i, instance)); err != nil {
			return nil, nil, nil, err
		}
	}
	groups, err := groupsOf(ctx, c, what)
	if err != nil {
		return nil, nil, nil, err
	}
	found = []savedTarget{}
	for _, group := range groups {
		now, err := registeredIn(ctx, c, group, in.TargetID, what)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, t := range now {
			if in.Targets == nil || has(in.Targets, t) {
				found = append(found, t)
			}
		}
	}
	sortTargets(found)
	for group := range byGroup(found, in.TargetID) {
		out, err := c.Balancing().DescribeTags(ctx, &elasticloadbalancingv2.DescribeTagsInput{ResourceArns: []string{group}})
		if err != nil {
			return nil, nil, nil, failed(err, "%s: read the tags of %s", what, group)
		}
		t := thing{arn: group, tags: map[string]string{}}
		for _, d := range out.TagDescriptions {
			for _, tag := range d.Tags {
				t.tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
			}
		}
		if acting, err = s.clear(ctx, c, what, t); err != nil {
			return nil, nil, nil, err
		}
	}
	return acting, c, found, nil
}

// findUnregistered is what both a registration and its preview look at first: which of the saved
// targets are not registered, in groups that still are.
func (s *service) findUnregistered(ctx context.Context, in registerInput, what string) (*clients, []savedTarget, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return nil, nil, err
	}
	groups, err := groupsOf(ctx, c, what)
	if err != nil {
		return nil, nil, err
	}
	absent := []savedTarget{}
	for _, group := range groups {
		if !slices.ContainsFunc(in.Targets, func(t savedTarget) bool { return t.TargetGroupARN == group }) {
			continue
		}
		now, err := registeredIn(ctx, c, group, in.TargetID, what)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range in.Targets {
			if t.TargetGroupARN == group && !has(now, t) {
				absent = append(absent, t)
			}
		}
	}
	sortTargets(absent)
	return c, absent, nil
}

func (s *service) previewDeregister(ctx context.Context, in deregisterInput) (preview.Preview, error) {
	_, _, found, err := s.findRegistered(ctx, in, "preview of "+targetOf(in.TargetID, in.Account, in.Region))
	return showTargets(targetOf(in.TargetID, in.Account, in.Region), found, "registered", "not registered"), err
}

func (s *service) previewRegister(ctx context.Context, in registerInput) (preview.Preview, error) {
	_, absent, err := s.findUnregistered(ctx, in, "preview of "+targetOf(in.TargetID, in.Account, in.Region))
	return showTargets(targetOf(in.TargetID, in.Account, in.Region), absent, "not registered", "registered"), err
}

func showTargets(target string, list []savedTarget, before, after string) preview.Preview {
	var changes []preview.Change
	for _, t := range list {
		changes = append(changes, preview.Change{Target: target, What: fmt.Sprintf("port %d in %s", t.Port, t.TargetGroupARN), Before: before, After: after})
	}
	return shown(changes...)
}
