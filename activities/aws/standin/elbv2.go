package standin

import (
	"net/http"
	"slices"
	"strconv"
)

var elbOperations = map[string]operation{
	"DescribeTargetGroups": {run: describeTargetGroups},
	"DescribeTargetHealth": {run: describeTargetHealth, effect: advances, rests: targetsSettled},
	"DescribeTags":         {run: describeTargetTags},
	"RegisterTargets":      {run: registerTargets, effect: changes},
	"DeregisterTargets":    {run: deregisterTargets, effect: changes},
}

func targetsSettled(c *call) bool {
	for _, g := range c.here().TargetGroups {
		if slices.ContainsFunc(g.Targets, func(t Target) bool { return t.Health == "initial" || t.Health == "draining" }) {
			return false
		}
	}
	return true
}

func describeTargetGroups(c *call) (any, error) {
	all := c.here().TargetGroups
	arns := sorted(all)
	for _, arn := range c.params.strs("TargetGroupArns") {
		if all[arn] == nil {
			return nil, bad("TargetGroupNotFound", "One or more target groups not found")
		}
	}
	if want := c.params.strs("TargetGroupArns"); len(want) > 0 {
		arns = unique(want)
	}
	size := 400
	if n, err := strconv.Atoi(c.params.str("PageSize")); err == nil && n >= 1 && n <= 400 {
		size = n
	}
	arns, next, ok := page(arns, c.params.str("Marker"), size)
	if !ok {
		return nil, bad("ValidationError", "The marker is invalid")
	}
	list := elements{}
	for _, arn := range arns {
		g := all[arn]
		list = append(list, element{"member", elements{
			{"TargetGroupArn", arn}, {"TargetGroupName", g.Name}, {"TargetType", g.Type},
			{"Protocol", g.Protocol}, {"Port", g.Port}, {"VpcId", g.VPC},
		}})
	}
	return elements{{"TargetGroups", list}, {"NextMarker", some(next)}}, nil
}

// targetGroup finds the group that a call names.
func (c *call) targetGroup() (*TargetGroup, error) {
	if g := c.here().TargetGroups[c.params.str("TargetGroupArn")]; g != nil {
		return g, nil
	}
	return nil, bad("TargetGroupNotFound", "Target group '%s' not found", c.params.str("TargetGroupArn"))
}

// targets reads those that a call names; a port that is left out is the group's.
func (c *call) targets(g *TargetGroup) ([]Target, error) {
	var out []Target
	for _, p := range c.params.list("Targets") {
		t := Target{ID: p.str("Id"), Port: g.Port, Zone: p.str("AvailabilityZone")}
		if p.has("Port") {
			n, err := strconv.Atoi(p.str("Port"))
			if err != nil || n < 1 || n > 65535 {
				return nil, bad("ValidationError", "Port '%s' is not valid", p.str("Port"))
			}
			t.Port = n
		}
		if t.ID == "" || g.Type == "instance" && c.here().Instances[t.ID] == nil {
			return nil, bad("InvalidTarget", "The following targets are not valid instances: '%s'", t.ID)
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fail(http.StatusBadRequest, "ValidationError", "A target must be specified")
	}
	return out, nil
}

func (g *TargetGroup) at(t Target) int {
	return slices.IndexFunc(g.Targets, func(o Target) bool { return o.ID == t.ID && o.Port == t.Port })
}

// describeTargetHealth tells of all targets of a group. One that is new is healthy at the next look,
// one that drains is gone.
func describeTargetHealth(c *call) (any, error) {
	g, err := c.targetGroup()
	if err != nil {
		return nil, err
	}
	list, left := elements{}, []Target(nil)
	for _, t := range g.Targets {
		list = append(list, element{"member", elements{
			{"Target", elements{{"Id", t.ID}, {"Port", t.Port}, {"AvailabilityZone", some(t.Zone)}}},
			{"HealthCheckPort", strconv.Itoa(t.Port)},
			{"TargetHealth", elements{{"State", t.Health}}},
		}})
		switch t.Health {
		case "draining":
			c.changed = true
			continue
		case "initial":
			t.Health, c.changed = "healthy", true
		}
		left = append(left, t)
	}
	if c.changed {
		g.Targets = left
	}
	return elements{{"TargetHealthDescriptions", list}}, nil
}

func describeTargetTags(c *call) (any, error) {
	arns := c.params.strs("ResourceArns")
	if len(arns) == 0 || len(arns) > 20 {
		return nil, bad("ValidationError", "Between 1 and 20 resources must be specified")
	}
	list := elements{}
	for _, arn := range arns {
		g := c.here().TargetGroups[arn]
		if g == nil {
			return nil, bad("TargetGroupNotFound", "Target group '%s' not found", arn)
		}
		tags := elements{}
		for _, key := range sorted(g.Tags) {
			tags = append(tags, element{"member", elements{{"Key", key}, {"Value", g.Tags[key]}}})
		}
		list = append(list, element{"member", elements{{"ResourceArn", arn}, {"Tags", tags}}})
	}
	return elements{{"TagDescriptions", list}}, nil
}

func registerTargets(c *call) (any, error) {
	g, err := c.targetGroup()
	if err != nil {
		return nil, err
	}
	add, err := c.targets(g)
	if err != nil {
		return nil, err
	}
	for _, t := range add {
		t.Health = "initial"
		switch at := g.at(t); {
		case at < 0:
			g.Targets, c.changed = append(g.Targets, t), true
		case g.Targets[at].Health == "draining":
			g.Targets[at], c.changed = t, true
		}
	}
	slices.SortFunc(g.Targets, compareTargets)
	return elements{}, nil
}

func deregisterTargets(c *call) (any, error) {
	g, err := c.targetGroup()
	if err != nil {
		return nil, err
	}
	remove, err := c.targets(g)
	if err != nil {
		return nil, err
	}
	for _, t := range remove {
		if at := g.at(t); at >= 0 && g.Targets[at].Health != "draining" {
			g.Targets[at].Health, c.changed = "draining", true
		}
	}
	return elements{}, nil
}

func compareTargets(a, b Target) int {
	if a.ID != b.ID {
		if a.ID < b.ID {
			return -1
		}
		return 1
	}
	return a.Port - b.Port
}
