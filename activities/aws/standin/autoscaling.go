package standin

import (
	"fmt"
	"slices"
)

var scalingOperations = map[string]operation{
	"DescribeAutoScalingGroups":    {run: describeScalingGroups},
	"DescribeAutoScalingInstances": {run: describeScalingInstances, effect: advances, rests: scalingSettled},
	"EnterStandby":                 {run: enterStandby, effect: changes},
	"ExitStandby":                  {run: exitStandby, effect: changes},
}

// towards are the states that members pass through, and where these lead.
var towards = map[string]string{"EnteringStandby": "Standby", "Pending": "InService"}

func scalingSettled(c *call) bool {
	for _, g := range c.here().ScalingGroups {
		for _, m := range g.Instances {
			if towards[m.State] != "" {
				return false
			}
		}
	}
	return true
}

func (c *call) scalingARN(name string) string {
	return fmt.Sprintf("arn:aws:autoscaling:%s:%s:autoScalingGroup:0a1b2c3d-0000-4000-8000-0123456789ab:autoScalingGroupName/%s", c.region, c.caller.Account, name)
}

// scalingPage cuts a page of at most fifty.
func (c *call) scalingPage(ids []string) ([]string, elements, error) {
	ids, next, ok := page(ids, c.params.str("NextToken"), 50)
	if !ok {
		return nil, nil, bad("InvalidNextToken", "The token is invalid")
	}
	return ids, elements{{"NextToken", some(next)}}, nil
}

func describeScalingGroups(c *call) (any, error) {
	all := c.here().ScalingGroups
	names := sorted(all)
	if want := c.params.strs("AutoScalingGroupNames"); len(want) > 0 {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(want, name) })
	}
	names, rest, err := c.scalingPage(names)
	if err != nil {
		return nil, err
	}
	list := elements{}
	for _, name := range names {
		g := all[name]
		members, tags := elements{}, elements{}
		for _, id := range sorted(g.Instances) {
			members = append(members, element{"member", elements{
				{"InstanceId", id}, {"LifecycleState", g.Instances[id].State}, {"HealthStatus", "Healthy"}, {"ProtectedFromScaleIn", false},
			}})
		}
		for _, key := range sorted(g.Tags) {
			tags = append(tags, element{"member", elements{
				{"ResourceId", name}, {"ResourceType", "auto-scaling-group"}, {"Key", key}, {"Value", g.Tags[key]}, {"PropagateAtLaunch", true},
			}})
		}
		list = append(list, element{"member", elements{
			{"AutoScalingGroupName", name},
			{"AutoScalingGroupARN", c.scalingARN(name)},
			{"MinSize", g.Min},
			{"MaxSize", g.Max},
			{"DesiredCapacity", g.Desired},
			{"Instances", members},
			{"Tags", tags},
		}})
	}
	return append(elements{{"AutoScalingGroups", list}}, rest...), nil
}

// describeScalingInstances tells of the instances that are members of a group, and of no others. Those
// it tells of come closer to where they are going.
func describeScalingInstances(c *call) (any, error) {
	in := map[string]string{}
	for name, g := range c.here().ScalingGroups {
		for id := range g.Instances {
			in[id] = name
		}
	}
	ids := sorted(in)
	if want := c.params.strs("InstanceIds"); len(want) > 0 {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(want, id) })
	}
	ids, rest, err := c.scalingPage(ids)
	if err != nil {
		return nil, err
	}
	list := elements{}
	for _, id := range ids {
		m := c.here().ScalingGroups[in[id]].Instances[id]
		list = append(list, element{"member", elements{
			{"InstanceId", id},
			{"AutoScalingGroupName", in[id]},
			{"AvailabilityZone", c.region + "a"},
			{"LifecycleState", m.State},
			{"HealthStatus", "HEALTHY"},
			{"ProtectedFromScaleIn", false},
		}})
		if next := towards[m.State]; next != "" {
			m.State, c.changed = next, true
		}
	}
	return append(elements{{"AutoScalingInstances", list}}, rest...), nil
}

// members finds the group that a call names and the members that it is about, which must all be in
// one state.
func (c *call) members(state string) (*ScalingGroup, []string, error) {
	name, ids := c.params.str("AutoScalingGroupName"), c.params.strs("InstanceIds")
	g := c.here().ScalingGroups[name]
	if g == nil {
		return nil, nil, bad("ValidationError", "AutoScalingGroup name not found - no such group: %s", name)
	}
	for _, id := range ids {
		switch m := g.Instances[id]; {
		case m == nil:
			return nil, nil, bad("ValidationError", "The instance %s is not part of Auto Scaling group %s.", id, name)
		case m.State != state:
			return nil, nil, bad("ValidationError", "The instance %s is not in %s.", id, state)
		}
	}
	return g, ids, nil
}

// enterStandby takes instances out of service. A group that keeps its size would start others in
// their place; the stand-in starts none.
func enterStandby(c *call) (any, error) {
	g, ids, err := c.members("InService")
	if err != nil {
		return nil, err
	}
	switch c.params.str("ShouldDecrementDesiredCapacity") {
	case "true":
		if g.Desired-len(ids) < g.Min {
			return nil, bad("ValidationError", "AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To place into standby %d instance, please update the AutoScalingGroup sizes appropriately.",
				c.params.str("AutoScalingGroupName"), g.Min, g.Max, g.Desired, len(ids))
		}
		g.Desired -= len(ids)
	case "false":
	default:
		return nil, bad("ValidationError", "1 validation error detected: Value null at 'shouldDecrementDesiredCapacity' failed to satisfy constraint: Member must not be null")
	}
	for _, id := range ids {
		g.Instances[id].State, c.changed = "EnteringStandby", true
	}
	return elements{{"Activities", elements{}}}, nil
}

// exitStandby puts instances back, and counts them again: the desired capacity grows.
func exitStandby(c *call) (any, error) {
	g, ids, err := c.members("Standby")
	if err != nil {
		return nil, err
	}
	if g.Desired+len(ids) > g.Max {
		return nil, bad("ValidationError", "AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To exit standby %d instance, please update the AutoScalingGroup sizes appropriately.",
			c.params.str("AutoScalingGroupName"), g.Min, g.Max, g.Desired, len(ids))
	}
	g.Desired += len(ids)
	for _, id := range ids {
		g.Instances[id].State, c.changed = "Pending", true
	}
	return elements{{"Activities", elements{}}}, nil
}
