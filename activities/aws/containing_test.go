package aws

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// What is protected is left alone, and its preview says so before anybody decides; what takes an effect
// back goes on.
func TestContainingLeavesWhatIsProtected(t *testing.T) {
	instance := func(s *standin.State) map[string]string { return region(s).Instances[standin.SampleInstance].Tags }
	for name, tags := range map[string]func(*standin.State) map[string]string{
		"aws.ec2.protect_instance": instance,
		"aws.ec2.stop_instance":    instance,
		"aws.autoscaling.enter_standby": func(s *standin.State) map[string]string {
			return region(s).ScalingGroups[standin.SampleScalingGroup].Tags
		},
		"aws.elbv2.deregister_target": func(s *standin.State) map[string]string {
			return region(s).TargetGroups[standin.SampleTargetGroup].Tags
		},
		"aws.ec2.share_snapshot": func(s *standin.State) map[string]string {
			return region(s).Snapshots[standin.SamplePrivateSnapshot].Tags
		},
		"aws.ec2.unshare_public_snapshot": func(s *standin.State) map[string]string {
			return region(s).Snapshots[standin.SamplePublicSnapshot].Tags
		},
		"aws.ec2.unshare_public_image": func(s *standin.State) map[string]string { return region(s).Images[standin.SampleImage].Tags },
		"aws.rds.unshare_snapshot":     func(s *standin.State) map[string]string { return region(s).DBSnapshots[standin.SampleDBSnapshot].Tags },
		"aws.ec2.block_address": func(s *standin.State) map[string]string {
			region(s).NetworkACLs[standin.SampleNetworkACL].Tags = map[string]string{}
			return region(s).NetworkACLs[standin.SampleNetworkACL].Tags
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := slices.IndexFunc(changes, func(c change) bool { return c.name == name })
			w, c := newWorld(t), changes[at]
			protect := func(s *standin.State) { tags(s)[protectedTag] = "true" }
			w.Update(protect)
			_, err := w.attempt(step(t.Context()), t, name, c.input)
			require.Equal(t, "Protected", kindOf(t, err).Kind)
			_, err = w.lookAt(t, scheduled, name, c.input)
			require.Equal(t, "Protected", kindOf(t, err).Kind)
			require.Empty(t, w.effects())

			w = newWorld(t)
			out := w.run(t, name, c.input)
			w.Update(protect)
			undo, input := w.undo(t, name, c.input, out)
			require.NotEmpty(t, w.look(t, undo, input).Changes)
			require.Equal(t, true, decode[map[string]any](t, w.run(t, undo, input))["changed"])
		})
	}
}

// What takes its time is waited for, also where replicas lag.
func TestContainingWaits(t *testing.T) {
	for name, read := range map[string]string{
		"aws.ec2.stop_instance": "DescribeInstances", "aws.ec2.start_instance": "DescribeInstances",
		"aws.autoscaling.enter_standby": "DescribeAutoScalingInstances", "aws.autoscaling.exit_standby": "DescribeAutoScalingInstances",
		"aws.ec2.copy_snapshot": "DescribeSnapshots",
	} {
		t.Run(name, func(t *testing.T) {
			at := slices.IndexFunc(changes, func(c change) bool { return c.name == name })
			w, c := newWorld(t), changes[at]
			c.prepare(t, w)
			w.answered = func() { // from the moment it is done
				if calls := w.Calls(); calls[len(calls)-1].Action == c.act {
					w.Inject(standin.Fault{Action: read, Kind: standin.Stale, Times: 3})
				}
			}
			out := decode[map[string]any](t, w.run(t, c.name, c.input))
			require.Equal(t, true, out["changed"])
			require.Equal(t, c.pauses+3, w.pauses)
		})
	}
}
