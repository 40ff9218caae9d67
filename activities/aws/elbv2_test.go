package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const targetJSON = inSampleRegion + `"target_id":"i-0abc123def4567890"}`

var targetChanges = []change{
	{
		name: "aws.elbv2.deregister_target", input: targetJSON, acts: []string{"DeregisterTargets"},
		service: "elasticloadbalancing", act: "DeregisterTargets", back: "DescribeTargetHealth", backCall: 1,
		missing: inSampleRegion + `"target_id":"i-00000000000000000"}`, kind: "InvalidInstanceID.NotFound",
	},
	{
		name: "aws.elbv2.register_target", after: []before{{"aws.elbv2.deregister_target", targetJSON}}, acts: []string{"RegisterTargets"},
		service: "elasticloadbalancing", act: "RegisterTargets", back: "DescribeTargetHealth", backCall: 1,
	},
}

func targetGroup(s *standin.State) *standin.TargetGroup {
	return region(s).TargetGroups[standin.SampleTargetGroup]
}

func seeTargets(s *standin.State) seen {
	out := seen{}
	for _, port := range []int{8443, 9443} {
		there := slices.ContainsFunc(targetGroup(s).Targets, func(t standin.Target) bool { return t.Port == port && t.Health != "draining" })
		out[fmt.Sprintf("target i-0abc123def4567890%s: port %d in %s", inRegion, port, standin.SampleTargetGroup)] = either(there, "registered", "not registered")
	}
	return out
}

var targetMeddling = meddlers{
	"aws.elbv2.deregister_target": {
		"one port is back": func(s *standin.State) {
			targetGroup(s).Targets = []standin.Target{{ID: standin.SampleInstance, Port: 8443, Health: "healthy"}}
		},
		"the group is gone": func(s *standin.State) { delete(region(s).TargetGroups, standin.SampleTargetGroup) },
	},
	"aws.elbv2.register_target": {
		"one port drains": func(s *standin.State) { targetGroup(s).Targets[0].Health = "draining" },
	},
}

// An address is a target in groups of its own kind; of several groups each is taken care of, and one
// that is deleted meanwhile does not keep the others from being restored.
func TestTargetsOfAnAddress(t *testing.T) {
	w := newWorld(t)
	const address, second, third = "203.0.113.9", "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/b/1", "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/c/2"
	w.Update(func(s *standin.State) {
		for _, arn := range []string{second, third} {
			region(s).TargetGroups[arn] = &standin.TargetGroup{Name: arn, Type: "ip", Port: 80, Targets: []standin.Target{
				{ID: address, Port: 80, Zone: "all", Health: "unhealthy"}, {ID: "203.0.113.10", Port: 80, Health: "healthy"},
			}}
		}
	})
	input := inSampleRegion + `"target_id":"` + address + `"}`
	out := w.run(t, "aws.elbv2.deregister_target", input)
	require.Equal(t, []savedTarget{
		{TargetGroupARN: second, Port: 80, Zone: "all", Health: "unhealthy"}, {TargetGroupARN: third, Port: 80, Zone: "all", Health: "unhealthy"},
	}, decode[targetOutput](t, out).Targets)
	state := w.State()
	require.Len(t, region(&state).TargetGroups[second].Targets, 1)

	w.Update(func(s *standin.State) { delete(region(s).TargetGroups, second) })
	undo, undoInput := w.undo(t, "aws.elbv2.deregister_target", input, out)
	back := decode[targetOutput](t, w.run(t, undo, undoInput))
	require.Len(t, back.Targets, 1)
	state = w.State()
	require.True(t, slices.ContainsFunc(region(&state).TargetGroups[third].Targets, func(t standin.Target) bool { return t.ID == address && t.Zone == "all" }))

	// What is registered nowhere is left alone.
	nowhere := w.run(t, "aws.elbv2.deregister_target", strings.Replace(input, address, "203.0.113.77", 1))
	require.JSONEq(t, `{"targets":[],"changed":false,"verified":true}`, string(nowhere))
}
