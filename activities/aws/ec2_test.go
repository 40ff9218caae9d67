package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

func region(s *standin.State) *standin.Region {
	return s.Accounts[standin.SampleAccount].Regions[standin.SampleRegion]
}

// groupsNow are the groups of each interface of the sample instance.
func groupsNow(w *world) map[string][]string {
	state, now := w.State(), map[string][]string{}
	for id, nic := range region(&state).NetworkInterfaces {
		now[id] = slices.Sorted(slices.Values(nic.Groups))
	}
	return now
}

// quarantine returns the id of the one group of a role in the sample VPC; "" if there is none.
func quarantineGroup(w *world, role string) string {
	state := w.State()
	return quarantineIn(&state, role)
}

func quarantineIn(s *standin.State, role string) string {
	for id, group := range region(s).SecurityGroups {
		if group.Tags[quarantineTag] == role {
			return id
		}
	}
	return ""
}

func TestDescribeInstance(t *testing.T) {
	w := newWorld(t)
	require.JSONEq(t, `{
		"state":"running","instance_type":"m7g.large","image_id":"ami-0abcdef1234567890","launch_time":"2026-09-14T07:30:00Z",
		"instance_profile":"arn:aws:iam::111122223333:instance-profile/web-server-role",
		"vpc_id":"vpc-0a1b2c3d4e5f67890","subnet_id":"subnet-0a1b2c3d4e5f67890","private_ip":"10.0.1.17","public_ip":"",
		"interfaces":[
			{"network_interface_id":"eni-0aaa111122223333a","security_groups":["sg-0000000000000000a","sg-0000000000000000b"]},
			{"network_interface_id":"eni-0bbb111122223333b","security_groups":["sg-0000000000000000c"]}],
		"volumes":["vol-0aaa444455556666a","vol-0bbb444455556666b"],
		"tags":{"Name":"payments-web-1","owner":"payments@example.com"}}`,
		string(w.run(t, "aws.ec2.describe_instance", instanceJSON)))
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.describe_instance", noInstance)
	require.True(t, kindOf(t, err).Permanent)
}

func TestIsolate(t *testing.T) {
	w := newWorld(t)
	out := decode[isolateOutput](t, w.run(t, "aws.ec2.isolate_instance", instanceJSON))
	empty, open := quarantineGroup(w, isolated), quarantineGroup(w, untracked)
	require.Equal(t, isolateOutput{
		Interfaces: []isolatedInterface{
			{standin.SamplePrimaryInterface, standin.SampleVPC, []string{standin.SampleWebGroup, standin.SampleSSHGroup}},
			{standin.SampleSecondaryInterface, standin.SampleVPC, []string{standin.SampleInternalGroup}},
		},
		QuarantineGroupIDs: []string{empty}, Changed: true, Verified: true,
	}, out)
	require.Equal(t, map[string][]string{standin.SamplePrimaryInterface: {empty}, standin.SampleSecondaryInterface: {empty}}, groupsNow(w))

	state := w.State()
	require.Empty(t, region(&state).SecurityGroups[empty].Ingress)
	require.Empty(t, region(&state).SecurityGroups[empty].Egress)
	for _, rules := range [][]standin.Rule{region(&state).SecurityGroups[open].Ingress, region(&state).SecurityGroups[open].Egress} {
		require.Len(t, rules, 2)
		require.Equal(t, "0.0.0.0/0::/0", rules[0].CIDR+rules[1].CIDR+rules[0].CIDRv6+rules[1].CIDRv6)
	}
	require.Equal(t, map[string]string{groupsBeforeTag: "sg-0000000000000000a sg-0000000000000000b", caseTag: "case-1"},
		region(&state).NetworkInterfaces[standin.SamplePrimaryInterface].Tags)

	// First open, then empty, for each interface, and its groups saved before either.
	var steps []string
	for _, m := range w.Mutations() {
		if m.Action == "ModifyNetworkInterfaceAttribute" || m.Action == "CreateTags" {
			raw, err := json.Marshal(m.Parameters)
			require.NoError(t, err)
			steps = append(steps, strings.NewReplacer(open, "OPEN", empty, "EMPTY").Replace(m.Action+" "+string(raw)))
		}
	}
	require.Len(t, steps, 6)
	for i, want := range []string{"CreateTags", "CreateTags", "OPEN", "EMPTY", "OPEN", "EMPTY"} {
		require.Contains(t, steps[i], want)
	}
}

// A second instance finds the groups that the first had made.
func TestIsolateSharesGroups(t *testing.T) {
	w := newWorld(t)
	const other = "i-0fff000011112222f"
	w.Update(func(s *standin.State) {
		r := region(s)
		r.Instances[other] = &standin.Instance{State: "running", VPC: standin.SampleVPC, Subnet: standin.SampleSubnet}
		r.NetworkInterfaces["eni-0ccc111122223333c"] = &standin.NetworkInterface{
			VPC: standin.SampleVPC, Subnet: standin.SampleSubnet, Groups: []string{standin.SampleWebGroup},
			Attachment: &standin.Attachment{ID: "eni-attach-0ccc111122223333c", Instance: other},
		}
	})
	w.run(t, "aws.ec2.isolate_instance", instanceJSON)
	already := len(w.effects())
	w.run(t, "aws.ec2.isolate_instance", strings.Replace(instanceJSON, standin.SampleInstance, other, 1))
	require.Equal(t, []string{"CreateTags", "ModifyNetworkInterfaceAttribute", "ModifyNetworkInterfaceAttribute"}, w.effects()[already:])
}

// A group with a rule would not isolate; neither is the rule ours to remove.
func TestIsolateRefusesAGroupWithRules(t *testing.T) {
	for name, spoil := range map[string]func(*standin.SecurityGroup){
		"a way in": func(g *standin.SecurityGroup) {
			g.Ingress = []standin.Rule{{ID: "sgr-1", Protocol: "-1", CIDR: "10.0.0.0/8"}}
		},
		"a way out": func(g *standin.SecurityGroup) {
			g.Egress = []standin.Rule{{ID: "sgr-1", Protocol: "-1", CIDR: "10.0.0.0/8"}}
		},
		"everything in": func(g *standin.SecurityGroup) {
			g.Ingress = []standin.Rule{{ID: "sgr-1", Protocol: "-1", CIDR: "0.0.0.0/0"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := groupsNow(w)
			w.Update(func(s *standin.State) {
				g := &standin.SecurityGroup{Name: "countersign-quarantine-isolated", VPC: standin.SampleVPC, Tags: map[string]string{quarantineTag: isolated}}
				spoil(g)
				region(s).SecurityGroups["sg-0000000000000000f"] = g
			})
			_, err := w.attempt(step(t.Context()), t, "aws.ec2.isolate_instance", instanceJSON)
			require.Equal(t, "QuarantineGroupNotEmpty", kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			require.Equal(t, before, groupsNow(w))
		})
	}
}

// Another run made the group between our look and our attempt to make it.
func TestIsolateFindsAGroupMadeMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.ec2.isolate_instance", instanceJSON)
	w.Update(func(s *standin.State) {
		for _, nic := range region(s).NetworkInterfaces {
			nic.Groups, nic.Tags = []string{standin.SampleWebGroup}, nil
		}
	})
	w.Inject(standin.Fault{Action: "DescribeSecurityGroups", Kind: standin.Stale, Times: 1})
	already := len(w.effects())
	out := decode[isolateOutput](t, w.run(t, "aws.ec2.isolate_instance", instanceJSON))
	require.Equal(t, []string{quarantineGroup(w, isolated)}, out.QuarantineGroupIDs)
	require.NotContains(t, w.effects()[already:], "CreateSecurityGroup")
}

// The name is taken by a group that is not ours: it is not used, whatever its rules.
func TestIsolateUsesNoUntaggedGroup(t *testing.T) {
	w := newWorld(t)
	before := groupsNow(w)
	w.Update(func(s *standin.State) {
		region(s).SecurityGroups["sg-0000000000000000f"] = &standin.SecurityGroup{Name: "countersign-quarantine-isolated", VPC: standin.SampleVPC}
	})
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.isolate_instance", instanceJSON)
	require.Equal(t, "NotVerified", kindOf(t, err).Kind)
	require.Equal(t, before, groupsNow(w))
}

func TestGroupsBeforeTagCountsOnlyInQuarantine(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Tags = map[string]string{groupsBeforeTag: "sg-planted0"}
	})
	out := decode[isolateOutput](t, w.run(t, "aws.ec2.isolate_instance", instanceJSON))
	require.Equal(t, []string{standin.SampleWebGroup, standin.SampleSSHGroup}, out.Interfaces[0].GroupsBefore)

	w.Update(func(s *standin.State) { region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Tags = nil })
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.isolate_instance", instanceJSON)
	require.Equal(t, "UnknownGroupsBefore", kindOf(t, err).Kind)
	require.False(t, kindOf(t, err).Permanent)
}

// Sixteen groups need two tags, and come back from both.
func TestIsolateSavesManyGroups(t *testing.T) {
	w := newWorld(t)
	var many []string
	w.Update(func(s *standin.State) {
		for i := range 16 {
			id := fmt.Sprintf("sg-%017x", 0x100+i)
			region(s).SecurityGroups[id] = &standin.SecurityGroup{Name: id, VPC: standin.SampleVPC}
			many = append(many, id)
		}
		region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Groups = many
	})
	w.run(t, "aws.ec2.isolate_instance", instanceJSON)
	state := w.State()
	require.Len(t, region(&state).NetworkInterfaces[standin.SamplePrimaryInterface].Tags, 3)
	out := w.run(t, "aws.ec2.isolate_instance", instanceJSON)
	require.Equal(t, many, decode[isolateOutput](t, out).Interfaces[0].GroupsBefore)
	require.True(t, decode[isolateOutput](t, out).AlreadyIsolated)
}

func TestRestoreSkipsWhatSomebodyChanged(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.ec2.isolate_instance", instanceJSON)
	undo, input := w.undo(t, "aws.ec2.isolate_instance", instanceJSON, out)
	change := func(id string, groups ...string) {
		w.Update(func(s *standin.State) { region(s).NetworkInterfaces[id].Groups = groups })
	}
	change(standin.SamplePrimaryInterface, standin.SampleDefaultGroup)
	got := decode[restoreOutput](t, w.run(t, undo, input))
	require.Equal(t, []skippedInterface{{standin.SamplePrimaryInterface, "it is in other groups: " + standin.SampleDefaultGroup}}, got.Skipped)
	require.Len(t, got.Interfaces, 1)
	require.Equal(t, []string{standin.SampleDefaultGroup}, groupsNow(w)[standin.SamplePrimaryInterface])
	require.Equal(t, []string{standin.SampleInternalGroup}, groupsNow(w)[standin.SampleSecondaryInterface])

	// With a group beside the quarantine group it is no longer as it was left either.
	change(standin.SamplePrimaryInterface, quarantineGroup(w, isolated), standin.SampleSSHGroup)
	w.Update(func(s *standin.State) { region(s).NetworkInterfaces[standin.SampleSecondaryInterface].Attachment = nil })
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "NothingToRestore", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
	require.ErrorContains(t, err, "it is no longer attached to the instance")
}

// Any sequence of isolating and restoring, cut off at any call and retried until it succeeds, ends
// with the instance isolated or as it was, never between, and never with an interface left open.
func TestIsolateRestoreProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, stop := startWorld(t, nil)
		defer stop()
		original := groupsNow(w)
		var saved json.RawMessage // what the last isolation that changed something returned
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			name, input := "aws.ec2.isolate_instance", instanceJSON
			if saved != nil && rapid.Bool().Draw(t, "restore") {
				name, input = w.undo(t, name, input, saved)
			}
			ctx := step(t.Context())
			for crashes := rapid.IntRange(0, 2).Draw(t, "crashes"); ; crashes-- {
				w.ClearFaults()
				if crashes > 0 {
					kind := rapid.SampledFrom([]standin.FaultKind{standin.TimeoutAfterEffect, standin.Throttle, standin.ServerError, standin.Expired}).Draw(t, "kind")
					w.Inject(standin.Fault{Service: "ec2", Kind: kind, After: rapid.IntRange(0, 16).Draw(t, "at")})
				}
				if rapid.Bool().Draw(t, "forgetful") {
					ctx = step(t.Context()) // the engine has lost what the first attempt told it
				}
				out, err := w.attempt(ctx, t, name, input)
				if err != nil {
					require.False(t, kindOf(t, err).Permanent, err)
					continue
				}
				if name == "aws.ec2.isolate_instance" {
					for _, nic := range decode[isolateOutput](t, out).Interfaces {
						require.Equal(t, original[nic.NetworkInterfaceID], nic.GroupsBefore)
					}
					if decode[isolateOutput](t, out).Changed {
						saved = out
					}
				}
				break
			}
			empty := quarantineGroup(w, isolated)
			want := original
			if name == "aws.ec2.isolate_instance" {
				want = map[string][]string{standin.SamplePrimaryInterface: {empty}, standin.SampleSecondaryInterface: {empty}}
			}
			require.Equal(t, want, groupsNow(w))
		}
	})
}

// EC2 lets us open an interface and not close it: then it must not stay open, and if that is
// refused too, the error must shout.
func TestIsolateRefusedHalfWay(t *testing.T) {
	const first, second, modify = standin.SamplePrimaryInterface, standin.SampleSecondaryInterface, "ModifyNetworkInterfaceAttribute"
	deny := func(after, times int) standin.Fault {
		return standin.Fault{Action: modify, Kind: standin.Deny, After: after, Times: times}
	}
	const firstBefore, secondBefore = standin.SampleWebGroup + ", " + standin.SampleSSHGroup, standin.SampleInternalGroup
	for name, tc := range map[string]struct {
		faults []standin.Fault
		want   []string // of the error
		open   []string // interfaces
		closed []string
	}{
		"the first cannot be opened": {
			faults: []standin.Fault{deny(0, 0)},
			want:   []string{"untrack the connections of " + first, first + " is as it was, in " + firstBefore + "; " + second + " is as it was, in " + secondBefore},
		},
		"the first cannot be closed": {
			faults: []standin.Fault{deny(1, 1)},
			want:   []string{": close " + first, first + " was put back to " + firstBefore + "; " + second + " is as it was, in " + secondBefore},
		},
		"the second cannot be closed": {
			faults: []standin.Fault{deny(3, 1)},
			want:   []string{": close " + second, first + " is isolated; " + second + " was put back to " + secondBefore},
			closed: []string{first},
		},
		"nor put back": {
			faults: []standin.Fault{deny(1, 0)},
			want:   []string{first + " IS OPEN TO EVERYTHING: it is in ", "was in " + firstBefore + ", and could not be put back: put back " + first + ": UnauthorizedOperation"},
			open:   []string{first},
		},
		"nor looked at": {
			faults: []standin.Fault{deny(1, 1), {Action: "DescribeNetworkInterfaces", Kind: standin.Deny, After: 1}},
			want:   []string{first + " was put back to " + firstBefore},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			want := groupsNow(w)
			for _, f := range tc.faults {
				w.Inject(f)
			}
			_, err := w.attempt(step(t.Context()), t, "aws.ec2.isolate_instance", instanceJSON)
			require.True(t, kindOf(t, err).Permanent)
			require.Equal(t, "UnauthorizedOperation", kindOf(t, err).Kind)
			for _, text := range tc.want {
				require.ErrorContains(t, err, text)
			}
			for _, id := range tc.open {
				want[id] = []string{quarantineGroup(w, untracked)}
			}
			for _, id := range tc.closed {
				want[id] = []string{quarantineGroup(w, isolated)}
			}
			require.Equal(t, want, groupsNow(w))
		})
	}
}

// An error that passes leaves the interface to the next attempt, which knows what it was.
func TestIsolateLeavesToTheNextAttempt(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Action: "ModifyNetworkInterfaceAttribute", Kind: standin.Expired, After: 1})
	ctx := step(t.Context())
	_, err := w.attempt(ctx, t, "aws.ec2.isolate_instance", instanceJSON)
	require.False(t, kindOf(t, err).Permanent)
	require.ErrorContains(t, err, standin.SamplePrimaryInterface+" IS OPEN TO EVERYTHING until the next attempt closes it")
	require.Equal(t, []string{quarantineGroup(w, untracked)}, groupsNow(w)[standin.SamplePrimaryInterface])

	// One that is then refused for good puts back what the first had opened.
	w.ClearFaults()
	w.Inject(standin.Fault{Action: "ModifyNetworkInterfaceAttribute", Kind: standin.Deny, Times: 1})
	_, err = w.attempt(ctx, t, "aws.ec2.isolate_instance", instanceJSON)
	require.True(t, kindOf(t, err).Permanent)
	require.ErrorContains(t, err, standin.SamplePrimaryInterface+" was put back to "+standin.SampleWebGroup)
	require.Equal(t, []string{standin.SampleWebGroup, standin.SampleSSHGroup}, groupsNow(w)[standin.SamplePrimaryInterface])
}

// Somebody took the interface in hand between our two steps: it is theirs.
func TestIsolatePutsBackOnlyWhatItOpened(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Action: "ModifyNetworkInterfaceAttribute", Kind: standin.Deny, After: 1})
	w.answered = func() {
		if len(w.Mutations()) > 0 && groupsNow(w)[standin.SamplePrimaryInterface][0] == quarantineGroup(w, untracked) {
			w.Update(func(s *standin.State) {
				region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Groups = []string{standin.SampleDefaultGroup}
			})
		}
	}
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.isolate_instance", instanceJSON)
	require.ErrorContains(t, err, standin.SamplePrimaryInterface+" was moved by somebody to "+standin.SampleDefaultGroup)
	require.Equal(t, []string{standin.SampleDefaultGroup}, groupsNow(w)[standin.SamplePrimaryInterface])
}

func TestSnapshot(t *testing.T) {
	w := newWorld(t)
	out := decode[snapshotOutput](t, w.run(t, "aws.ec2.snapshot_instance", instanceJSON))
	require.True(t, out.Changed)
	require.Len(t, out.Snapshots, 2)
	require.Equal(t, standin.SampleBootVolume, out.Snapshots[0].VolumeID)
	require.Equal(t, standin.SampleDataVolume, out.Snapshots[1].VolumeID)
	state := w.State()
	for _, s := range out.Snapshots {
		require.Equal(t, "completed", s.State)
		tags := region(&state).Snapshots[s.SnapshotID].Tags
		require.Equal(t, "case-1", tags[caseTag])
		require.Equal(t, standin.SampleInstance, tags[instanceTag])
	}
	// Another run has its own set.
	ctx := activities.WithInfo(t.Context(), activities.Info{Run: "case-2", Scheduled: scheduled})
	raw, err := w.attempt(ctx, t, "aws.ec2.snapshot_instance", instanceJSON)
	require.NoError(t, err)
	require.NotEqual(t, out.Snapshots, decode[snapshotOutput](t, raw).Snapshots)
	// Without one there is no case to keep it for.
	_, err = w.attempt(t.Context(), t, "aws.ec2.snapshot_instance", instanceJSON)
	require.Equal(t, "NoStep", kindOf(t, err).Kind)
}

// caseSnapshots are those that a run took.
func caseSnapshots(s *standin.State) map[string]*standin.Snapshot {
	out := maps.Clone(region(s).Snapshots)
	maps.DeleteFunc(out, func(_ string, snapshot *standin.Snapshot) bool { return snapshot.Tags[caseTag] == "" })
	return out
}

func TestSnapshotFails(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Action: "CreateSnapshots", Kind: standin.FailItems, Times: 1})
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.snapshot_instance", instanceJSON)
	require.Equal(t, "SnapshotFailed", kindOf(t, err).Kind)

	w.Update(func(s *standin.State) { region(s).Instances[standin.SampleInstance].Devices = nil })
	_, err = w.attempt(activities.WithInfo(t.Context(), activities.Info{Run: "case-2"}), t, "aws.ec2.snapshot_instance", instanceJSON)
	require.Equal(t, "NoVolumes", kindOf(t, err).Kind)
}

func TestDeleteCaseSnapshots(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.ec2.snapshot_instance", instanceJSON)
	set := decode[snapshotOutput](t, out).Snapshots
	_, input := w.undo(t, "aws.ec2.snapshot_instance", instanceJSON, out)

	// One that is not a case's spoils the whole call.
	w.Update(func(s *standin.State) {
		region(s).Snapshots["snap-00000000000000000"] = &standin.Snapshot{Volume: standin.SampleBootVolume, State: "completed"}
	})
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.delete_case_snapshots",
		strings.Replace(input, set[1].SnapshotID, "snap-00000000000000000", 1))
	require.Equal(t, "NotOfACase", kindOf(t, err).Kind)
	require.NotContains(t, w.effects(), "DeleteSnapshot")

	// Cut off half way, the next attempt ends it and still tells what was deleted.
	w.Inject(standin.Fault{Action: "DeleteSnapshot", Kind: standin.TimeoutAfterEffect, Times: 1})
	w.Inject(standin.Fault{Action: "DeleteSnapshot", Kind: standin.ServerError, After: 1})
	ctx := step(t.Context())
	_, err = w.attempt(ctx, t, "aws.ec2.delete_case_snapshots", input)
	require.False(t, kindOf(t, err).Permanent)
	w.ClearFaults()
	got, err := w.attempt(ctx, t, "aws.ec2.delete_case_snapshots", input)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{set[0].SnapshotID, set[1].SnapshotID}, decode[deleteSnapshotsOutput](t, got).Deleted)

	require.JSONEq(t, `{"deleted":[],"changed":false}`, string(w.run(t, "aws.ec2.delete_case_snapshots", input)))
	state := w.State()
	require.Empty(t, caseSnapshots(&state))
	require.Contains(t, region(&state).Snapshots, "snap-00000000000000000")
}

// A run that is cancelled between the two steps must not leave the interface open.
func TestIsolateCancelledBetweenTheSteps(t *testing.T) {
	w := newWorld(t)
	before := groupsNow(w)
	ctx, cancel := context.WithCancel(step(t.Context()))
	defer cancel()
	s := newService(Options{
		Endpoint: "http://aws.example.com", Credentials: credentialsOf(standin.SampleAccessKeyID),
		HTTPClient: doer(func(r *http.Request) (*http.Response, error) {
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, r)
			if slices.Contains(w.effects(), "ModifyNetworkInterfaceAttribute") {
				cancel()
			}
			return answer.Result(), nil
		}),
	})
	s.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	_, err := s.isolateInstance(ctx, instanceInput{standin.SampleAccount, "us-east-1", standin.SampleInstance})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, map[string][]string{
		standin.SamplePrimaryInterface:   {quarantineGroup(w, isolated)},
		standin.SampleSecondaryInterface: before[standin.SampleSecondaryInterface],
	}, groupsNow(w))
}
