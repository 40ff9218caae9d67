package aws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func serviceCalls(s *service) calls {
	return calls{
		"aws.autoscaling.enter_standby": erased(s.enterStandby),
		"aws.autoscaling.exit_standby":  erased(s.exitStandby),
		"aws.elbv2.deregister_target":   erased(s.deregisterTarget),
		"aws.elbv2.register_target":     erased(s.registerTarget),
	}
}

const lowerJSON = inSampleRegion + `"instance_id":"i-0abc123def4567890","lower_capacity":true}`

var standbyChanges = []change{
	{
		name: "aws.autoscaling.enter_standby", input: lowerJSON, acts: []string{"EnterStandby"},
		service: "autoscaling", act: "EnterStandby", pauses: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound",
	},
	{
		name: "aws.autoscaling.enter_standby", input: instanceJSON, acts: []string{"EnterStandby"},
		service: "autoscaling", act: "EnterStandby", pauses: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound",
		// The group that kept its capacity has one instance more afterwards.
		leaves: func(s *standin.State) { scalingGroup(s).Desired = 2 },
	},
	{
		name: "aws.autoscaling.exit_standby", after: []before{{"aws.autoscaling.enter_standby", lowerJSON}}, acts: []string{"ExitStandby"},
		service: "autoscaling", act: "ExitStandby", pauses: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound",
	},
}

func scalingGroup(s *standin.State) *standin.ScalingGroup {
	return region(s).ScalingGroups[standin.SampleScalingGroup]
}

func scalingMember(s *standin.State) *standin.ScalingMember {
	return scalingGroup(s).Instances[standin.SampleInstance]
}

var serviceViews = map[string]view{
	"aws.autoscaling.enter_standby": seeMember,
	"aws.autoscaling.exit_standby":  seeMember,
	"aws.elbv2.deregister_target":   seeTargets,
	"aws.elbv2.register_target":     seeTargets,
}

func seeMember(s *standin.State) seen {
	return seen{sampleInstanceText + ": membership of Auto Scaling group payments-web": fmt.Sprintf("%s, the group wants %d", scalingMember(s).State, scalingGroup(s).Desired)}
}

var serviceMeddling = merged(targetMeddling, meddlers{
	"aws.autoscaling.enter_standby": {
		"it is in service": func(s *standin.State) { scalingMember(s).State = "InService" },
		"the group grows":  func(s *standin.State) { scalingGroup(s).Desired++ },
		"it is detached":   func(s *standin.State) { delete(scalingGroup(s).Instances, standin.SampleInstance) },
		"it is in another": func(s *standin.State) {
			region(s).ScalingGroups["other"] = &standin.ScalingGroup{Max: 3, Instances: scalingGroup(s).Instances}
			scalingGroup(s).Instances = nil
		},
	},
	"aws.autoscaling.exit_standby": {
		"it stands by": func(s *standin.State) { scalingMember(s).State = "Standby" },
	},
})

func TestStandby(t *testing.T) {
	w := newWorld(t)
	out := decode[standbyOutput](t, w.run(t, "aws.autoscaling.enter_standby", instanceJSON))
	require.Equal(t, standbyOutput{Group: standin.SampleScalingGroup, LifecycleState: "InService", Changed: true, Verified: true}, out)
	state := w.State()
	require.Equal(t, 2, scalingGroup(&state).Desired, "it keeps its capacity")

	// What has only begun to stand by is waited for before it leaves.
	w.Update(func(s *standin.State) { scalingMember(s).State = "EnteringStandby" })
	require.True(t, decode[standbyOutput](t, w.run(t, "aws.autoscaling.exit_standby", instanceJSON)).Changed)
}

func TestStandbyRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change         func(*standin.State)
		activity, kind string
		input          string
	}{
		"no group":     {func(s *standin.State) { scalingGroup(s).Instances = nil }, "aws.autoscaling.enter_standby", "NotInAGroup", instanceJSON},
		"too few left": {func(s *standin.State) { scalingGroup(s).Min = 2 }, "aws.autoscaling.enter_standby", "ValidationError", lowerJSON},
		"too many": {func(s *standin.State) {
			scalingMember(s).State, scalingGroup(s).Max = "Standby", 2
		}, "aws.autoscaling.exit_standby", "ValidationError", instanceJSON},
		"another group": {
			func(s *standin.State) { scalingMember(s).State = "Standby" }, "aws.autoscaling.exit_standby", "Moved",
			strings.Replace(instanceJSON, `}`, `,"group":"other"}`, 1),
		},
		"a protected instance": {func(s *standin.State) { instance(s).Tags[protectedTag] = "true" }, "aws.autoscaling.enter_standby", "Protected", instanceJSON},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(tc.change)
			_, err := w.attempt(step(t.Context()), t, tc.activity, tc.input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			require.Empty(t, w.effects())
		})
	}
}
