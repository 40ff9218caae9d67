package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func powerCalls(s *service) calls {
	return calls{
		"aws.ec2.protect_instance":   erased(s.protectInstance),
		"aws.ec2.unprotect_instance": erased(s.unprotectInstance),
		"aws.ec2.stop_instance":      erased(s.stopInstance),
		"aws.ec2.start_instance":     erased(s.startInstance),
		"aws.ec2.terminate_instance": erased(s.terminateInstance),
	}
}

var powerChanges = []change{
	{
		name: "aws.ec2.protect_instance", input: instanceJSON, acts: []string{"ModifyInstanceAttribute"},
		service: "ec2", act: "ModifyInstanceAttribute", back: "DescribeInstanceAttribute", backCall: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound",
	},
	{
		name: "aws.ec2.unprotect_instance", after: []before{{"aws.ec2.protect_instance", instanceJSON}}, acts: []string{"ModifyInstanceAttribute"},
		service: "ec2", act: "ModifyInstanceAttribute", back: "DescribeInstanceAttribute", backCall: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound",
	},
	{
		name: "aws.ec2.stop_instance", input: instanceJSON, acts: []string{"StopInstances"},
		service: "ec2", act: "StopInstances", pauses: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound", leaves: oldLaunchTime,
	},
	{
		name: "aws.ec2.start_instance", after: []before{{"aws.ec2.stop_instance", instanceJSON}}, acts: []string{"StartInstances"},
		service: "ec2", act: "StartInstances", pauses: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound", leaves: oldLaunchTime,
	},
}

// powerDestroys are the effects on instances that nothing takes back.
var powerDestroys = []change{{name: "aws.ec2.terminate_instance", input: instanceJSON}}

// oldLaunchTime takes back when the instance was last started.
func oldLaunchTime(s *standin.State) {
	instance(s).Launched = region(standin.Sample()).Instances[standin.SampleInstance].Launched
}

func instance(s *standin.State) *standin.Instance { return region(s).Instances[standin.SampleInstance] }

var powerViews = map[string]view{
	"aws.ec2.protect_instance":   seeProtection,
	"aws.ec2.unprotect_instance": seeProtection,
	"aws.ec2.stop_instance":      seePower,
	"aws.ec2.start_instance":     seePower,
	"aws.ec2.terminate_instance": seeTermination,
}

const sampleInstanceText = "instance i-0abc123def4567890" + inRegion

func seeProtection(s *standin.State) seen {
	return seen{sampleInstanceText + ": termination protection": either(instance(s).NoTermination, "on", "off")}
}

func seePower(s *standin.State) seen {
	return seen{sampleInstanceText + ": state": instance(s).State}
}

func seeTermination(s *standin.State) seen {
	out := seePower(s)
	if region(s).Volumes[standin.SampleBootVolume] != nil {
		out["volume "+standin.SampleBootVolume+" of "+sampleInstanceText+": data"] = "kept"
	}
	return out
}

var powerMeddling = meddlers{
	"aws.ec2.protect_instance": {
		"it is taken off":         func(s *standin.State) { instance(s).NoTermination = false },
		"the instance is no more": func(s *standin.State) { instance(s).State = "terminated" },
	},
	"aws.ec2.unprotect_instance": {
		"it is on": func(s *standin.State) { instance(s).NoTermination = true },
	},
	"aws.ec2.stop_instance": {
		"it is started":           func(s *standin.State) { instance(s).State = "running" },
		"the instance is no more": func(s *standin.State) { instance(s).State = "terminated" },
		"it is gone": func(s *standin.State) {
			delete(region(s).Instances, standin.SampleInstance)
		},
	},
	"aws.ec2.start_instance": {
		"it is stopped": func(s *standin.State) { instance(s).State = "stopped" },
	},
}

func TestTerminate(t *testing.T) {
	w := newWorld(t)
	out := decode[terminateOutput](t, w.run(t, "aws.ec2.terminate_instance", instanceJSON))
	require.Equal(t, terminateOutput{PreviousState: "running", VolumesDeleted: []string{standin.SampleBootVolume}, Changed: true, Verified: true}, out)
	state := w.State()
	require.Equal(t, "terminated", instance(&state).State)
	require.Contains(t, region(&state).Volumes, standin.SampleDataVolume)
	again := decode[terminateOutput](t, w.run(t, "aws.ec2.terminate_instance", instanceJSON))
	require.False(t, again.Changed)
	require.Empty(t, again.VolumesDeleted)
	require.Equal(t, []string{"TerminateInstances"}, w.effects())

	// Nothing is done any more to what is gone.
	for _, name := range []string{"aws.ec2.protect_instance", "aws.ec2.stop_instance", "aws.ec2.start_instance"} {
		_, err := w.attempt(step(t.Context()), t, name, instanceJSON)
		require.Equal(t, "Terminated", kindOf(t, err).Kind)
	}
}

// A protected instance is refused, whatever protects it, until that is taken off in a step of its own.
func TestTerminateRefused(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.ec2.protect_instance", instanceJSON)
	for range 2 {
		_, err := w.attempt(step(t.Context()), t, "aws.ec2.terminate_instance", instanceJSON)
		require.Equal(t, "TerminationProtected", kindOf(t, err).Kind)
		require.ErrorContains(t, err, "aws.ec2.unprotect_instance")
		_, err = w.lookAt(t, scheduled, "aws.ec2.terminate_instance", instanceJSON)
		require.Equal(t, "TerminationProtected", kindOf(t, err).Kind)
	}
	undo, input := w.undo(t, "aws.ec2.protect_instance", instanceJSON, out)
	w.run(t, undo, input)
	w.Update(func(s *standin.State) { instance(s).Tags[protectedTag] = "yes" })
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.terminate_instance", instanceJSON)
	require.Equal(t, "Protected", kindOf(t, err).Kind)
	require.NotContains(t, w.effects(), "TerminateInstances")
}

// Whichever call an attempt dies at, the next ends it and tells what the first found.
func TestTerminateCrashes(t *testing.T) {
	for at := range 6 {
		w := newWorld(t)
		w.Inject(standin.Fault{Kind: standin.TimeoutAfterEffect, After: at})
		ctx := step(t.Context())
		_, err := w.attempt(ctx, t, "aws.ec2.terminate_instance", instanceJSON)
		require.False(t, kindOf(t, err).Permanent, err)
		w.ClearFaults()
		out, err := w.attempt(ctx, t, "aws.ec2.terminate_instance", instanceJSON)
		require.NoError(t, err)
		require.Equal(t, terminateOutput{PreviousState: "running", VolumesDeleted: []string{standin.SampleBootVolume}, Changed: true, Verified: true},
			decode[terminateOutput](t, out), "call %d", at)
		require.Equal(t, []string{"TerminateInstances"}, w.effects())
	}
}

func TestStopMeetsATermination(t *testing.T) {
	w := newWorld(t)
	w.answered = func() {
		if len(w.Mutations()) > 0 {
			w.Update(func(s *standin.State) { instance(s).State = "terminated" })
		}
	}
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.stop_instance", instanceJSON)
	require.Equal(t, "Terminated", kindOf(t, err).Kind)

	// One that is only starting cannot be stopped yet, and one attempt later it can.
	w = newWorld(t)
	w.Update(func(s *standin.State) { instance(s).State = "pending" })
	out := decode[powerOutput](t, w.run(t, "aws.ec2.stop_instance", instanceJSON))
	require.True(t, out.WasRunning)
}
