package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

// change is one activity with a call that has an effect on the sample estate. Every promise of
// the package is held for every one of them below.
type change struct {
	name  string
	input string
	// after are activities to call first, and the input is then the undo of the last.
	after []before
	// acts are the effects expected, in order.
	acts []string
	// service and act are the mutating call that faults hit.
	service, act string
	// back is the read that verifies, and the one of its calls that is the first to verify.
	back     string
	backCall int
	// pauses is how often it waits although nothing goes wrong.
	pauses int
	// missing is an input for something that is not there, and kind the error for it.
	missing, kind string
	// leaves takes out of the state what the undo leaves behind on purpose.
	leaves func(*standin.State)
}

// once says of a call that EC2 has no token for it, so that the SDK must not repeat it.
func (c change) once() bool { return c.act == "CreateSnapshots" || c.act == "CopySnapshot" }

type before struct{ name, input string }

const (
	keyInput      = `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`
	noKeyInput    = `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIANOSUCHKEYEXAMPLE"}`
	userInput     = `{"account":"111122223333","user":"ci-deployer"}`
	noUserInput   = `{"account":"111122223333","user":"nobody"}`
	roleInput     = `{"account":"111122223333","role":"web-server-role"}`
	noRoleInput   = `{"account":"111122223333","role":"nobody"}`
	findingInput  = `{"account":"111122223333","region":"us-east-1","finding_id":"7ab9d1cb6248e05a0e419a79528761cb"}`
	noFinding     = `{"account":"111122223333","region":"us-east-1","finding_id":"00000000000000000000000000000000"}`
	instanceJSON  = `{"account":"111122223333","region":"us-east-1","instance_id":"i-0abc123def4567890"}`
	noInstance    = `{"account":"111122223333","region":"us-east-1","instance_id":"i-00000000000000000"}`
	ruleInput     = `{"account":"111122223333","region":"us-east-1","group_id":"sg-0000000000000000b","rule_ids":["sgr-00000000000000009"]}`
	noGroup       = `{"account":"111122223333","region":"us-east-1","group_id":"sg-0123456789abcdef0"`
	bucketJSON    = `{"account":"111122223333","region":"us-east-1","bucket":"example-payments-exports"}`
	noBucket      = `{"account":"111122223333","region":"us-east-1","bucket":"example-nobody-has-it"`
	trailJSON     = `{"account":"111122223333","region":"us-east-1","trail":"management-events"}`
	noTrail       = `{"account":"111122223333","region":"us-east-1","trail":"nobody"`
	quarantineARN = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
)

// changes are all of them; a test holds that.
var changes = slices.Concat(coreChanges,
	powerChanges, sharingChanges, standbyChanges, targetChanges, addressChanges,
	principalChanges, keyChanges, functionChanges, rotationChanges, hubChanges, importChanges, organizationChanges,
)

var coreChanges = []change{
	{
		name: "aws.iam.disable_access_key", input: keyInput, acts: []string{"UpdateAccessKey"},
		service: "iam", act: "UpdateAccessKey", back: "ListAccessKeys", backCall: 1,
		missing: noKeyInput, kind: "NoSuchAccessKey",
	},
	{
		name: "aws.iam.enable_access_key", after: []before{{"aws.iam.disable_access_key", keyInput}}, acts: []string{"UpdateAccessKey"},
		service: "iam", act: "UpdateAccessKey", back: "ListAccessKeys", backCall: 1,
		missing: `{"account":"111122223333","user":"nobody","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.attach_quarantine_policy", input: userInput, acts: []string{"AttachUserPolicy"},
		service: "iam", act: "AttachUserPolicy", back: "ListAttachedUserPolicies", backCall: 1,
		missing: noUserInput, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.detach_quarantine_policy", after: []before{{"aws.iam.attach_quarantine_policy", userInput}}, acts: []string{"DetachUserPolicy"},
		service: "iam", act: "DetachUserPolicy", back: "ListAttachedUserPolicies", backCall: 1,
		missing: `{"account":"111122223333","user":"nobody","policy_arn":"` + quarantineARN + `"}`, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.revoke_user_sessions", input: userInput, acts: []string{"PutUserPolicy"},
		service: "iam", act: "PutUserPolicy", back: "GetUserPolicy", backCall: 1,
		missing: noUserInput, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.restore_user_sessions", after: []before{{"aws.iam.revoke_user_sessions", userInput}}, acts: []string{"DeleteUserPolicy"},
		service: "iam", act: "DeleteUserPolicy", back: "GetUserPolicy", backCall: 1,
	},
	{
		name: "aws.iam.revoke_role_sessions", input: roleInput, acts: []string{"PutRolePolicy"},
		service: "iam", act: "PutRolePolicy", back: "GetRolePolicy", backCall: 1,
		missing: noRoleInput, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.restore_role_sessions", after: []before{{"aws.iam.revoke_role_sessions", roleInput}}, acts: []string{"DeleteRolePolicy"},
		service: "iam", act: "DeleteRolePolicy", back: "GetRolePolicy", backCall: 1,
		missing: `{"account":"111122223333","role":"nobody","policy_name":"CountersignRevokeOlderSessions","revoked_before":"2026-11-23T10:00:01Z"}`,
		kind:    "NoSuchEntity",
	},
	{
		name: "aws.guardduty.archive_finding", input: findingInput, acts: []string{"ArchiveFindings"},
		service: "guardduty", act: "ArchiveFindings", back: "GetFindings", backCall: 1,
		missing: noFinding, kind: "NoSuchFinding",
	},
	{
		name: "aws.guardduty.unarchive_finding", after: []before{{"aws.guardduty.archive_finding", findingInput}}, acts: []string{"UnarchiveFindings"},
		service: "guardduty", act: "UnarchiveFindings", back: "GetFindings", backCall: 1,
		missing: noFinding, kind: "NoSuchFinding",
	},
	{
		name: "aws.ec2.isolate_instance", input: instanceJSON,
		acts: []string{
			"CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress",
			"CreateSecurityGroup", "RevokeSecurityGroupEgress", "CreateTags", "CreateTags",
			"ModifyNetworkInterfaceAttribute", "ModifyNetworkInterfaceAttribute",
			"ModifyNetworkInterfaceAttribute", "ModifyNetworkInterfaceAttribute",
		},
		service: "ec2", act: "ModifyNetworkInterfaceAttribute", back: "DescribeNetworkInterfaces", backCall: 1, pauses: 2,
		missing: noInstance, kind: "InvalidInstanceID.NotFound", leaves: forgetQuarantineGroups,
	},
	{
		name: "aws.ec2.restore_instance", after: []before{{"aws.ec2.isolate_instance", instanceJSON}},
		acts:    []string{"ModifyNetworkInterfaceAttribute", "DeleteTags", "ModifyNetworkInterfaceAttribute", "DeleteTags"},
		service: "ec2", act: "ModifyNetworkInterfaceAttribute",
		missing: `{"account":"111122223333","region":"us-east-1","instance_id":"i-00000000000000000","interfaces":[{"network_interface_id":"eni-1","vpc_id":"vpc-1","groups_before":["sg-1"]}]}`,
		kind:    "InvalidInstanceID.NotFound",
	},
	{
		name: "aws.ec2.snapshot_instance", input: instanceJSON, acts: []string{"CreateSnapshots"},
		service: "ec2", act: "CreateSnapshots", pauses: 1,
		missing: noInstance, kind: "InvalidInstanceID.NotFound",
	},
	{
		name: "aws.ec2.revoke_open_ingress", input: ruleInput, acts: []string{"RevokeSecurityGroupIngress"},
		service: "ec2", act: "RevokeSecurityGroupIngress", back: "DescribeSecurityGroupRules", backCall: 1,
		missing: noGroup + `,"rule_ids":["sgr-00000000000000009"]}`, kind: "InvalidGroup.NotFound", leaves: oldRuleIDs,
	},
	{
		name: "aws.ec2.restore_ingress", after: []before{{"aws.ec2.revoke_open_ingress", ruleInput}}, acts: []string{"AuthorizeSecurityGroupIngress"},
		service: "ec2", act: "AuthorizeSecurityGroupIngress", back: "DescribeSecurityGroupRules", backCall: 1,
		missing: noGroup + `,"rules":[{"rule_id":"sgr-00000000000000009","protocol":"tcp","from_port":22,"to_port":22,"cidr":"0.0.0.0/0"}]}`,
		kind:    "InvalidGroup.NotFound",
	},
	{
		name: "aws.s3.block_public_access", input: bucketJSON, acts: []string{"PutPublicAccessBlock"},
		service: "s3", act: "PutPublicAccessBlock", back: "GetPublicAccessBlock", backCall: 1,
		missing: noBucket + `}`, kind: "NoSuchBucket",
	},
	{
		name: "aws.s3.restore_public_access", after: []before{{"aws.s3.block_public_access", bucketJSON}}, acts: []string{"DeletePublicAccessBlock"},
		service: "s3", act: "DeletePublicAccessBlock", back: "GetPublicAccessBlock", backCall: 1,
		missing: noBucket + `,"previous_block":{"exists":false,"block_public_acls":false,"ignore_public_acls":false,"block_public_policy":false,"restrict_public_buckets":false}}`,
		kind:    "NoSuchBucket",
	},
	{
		name: "aws.cloudtrail.start_logging", input: trailJSON, acts: []string{"StartLogging"},
		service: "cloudtrail", act: "StartLogging", back: "GetTrailStatus", backCall: 1,
		missing: noTrail + `}`, kind: "TrailNotFoundException", leaves: oldTrailTimes,
	},
	{
		name: "aws.cloudtrail.stop_logging", after: []before{{"aws.cloudtrail.start_logging", trailJSON}}, acts: []string{"StopLogging"},
		service: "cloudtrail", act: "StopLogging", back: "GetTrailStatus", backCall: 1,
		missing: noTrail + `,"was_logging":false}`, kind: "TrailNotFoundException", leaves: oldTrailTimes,
	},
}

// oldRuleIDs gives a rule that was made again the id it had: EC2 gives it another.
func oldRuleIDs(s *standin.State) {
	for i, r := range region(s).SecurityGroups[standin.SampleSSHGroup].Ingress {
		if r.CIDR == "0.0.0.0/0" {
			region(s).SecurityGroups[standin.SampleSSHGroup].Ingress[i].ID = standin.SampleOpenRule
		}
	}
}

// oldTrailTimes takes back the times at which the trail was last started and stopped.
func oldTrailTimes(s *standin.State) {
	trail, sample := region(s).Trails[standin.SampleTrail], region(standin.Sample()).Trails[standin.SampleTrail]
	trail.Started, trail.Stopped = sample.Started, sample.Stopped
}

// forgetQuarantineGroups takes the groups away that isolating makes once a VPC and keeps.
func forgetQuarantineGroups(s *standin.State) {
	groups := s.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].SecurityGroups
	maps.DeleteFunc(groups, func(_ string, g *standin.SecurityGroup) bool { return g.Tags[quarantineTag] != "" })
}

// forEachChange runs a test for every change, each in a world where it is about to be made.
func forEachChange(t *testing.T, test func(t *testing.T, c change, w *world)) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.prepare(t, w)
			test(t, c, w)
		})
	}
}

func (c *change) prepare(t *testing.T, w *world) {
	t.Helper()
	for _, b := range c.after {
		out := w.run(t, b.name, b.input)
		var undo string
		undo, c.input = w.undo(t, b.name, b.input, out)
		require.Equal(t, c.name, undo)
	}
	w.pauses = 0
}

func TestChangeIsMadeAndVerified(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		already := len(w.effects())
		out := decode[map[string]any](t, w.run(t, c.name, c.input))
		require.Equal(t, true, out["changed"])
		if v, ok := out["verified"]; ok {
			require.Equal(t, true, v)
		}
		require.Equal(t, c.acts, w.effects()[already:])
		require.Equal(t, c.pauses, w.pauses)
	})
}

func TestChangeTwiceIsOne(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		already := len(w.effects())
		w.run(t, c.name, c.input)
		out := decode[map[string]any](t, w.run(t, c.name, c.input))
		require.Equal(t, false, out["changed"])
		require.Equal(t, c.acts, w.effects()[already:])
	})
}

func TestUndoRestoresExactly(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		start := w.State()
		out := w.run(t, c.name, c.input)
		require.NotEmpty(t, cmp.Diff(start, w.State()))
		undo, input := w.undo(t, c.name, c.input, out)
		w.run(t, undo, input)
		end := w.State()
		if c.leaves != nil {
			c.leaves(&start)
			c.leaves(&end)
		}
		require.Empty(t, cmp.Diff(start, end))
	})
}

// The undo of a call that changed nothing changes nothing.
func TestUndoOfNothingIsNothing(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		w.run(t, c.name, c.input)
		start, already := w.State(), len(w.effects())
		out := w.run(t, c.name, c.input)
		switch c.name {
		case "aws.iam.restore_user_sessions", "aws.iam.restore_role_sessions", "aws.ec2.restore_instance":
			t.Skip("undoing it contains again, as it says")
		case "aws.ec2.snapshot_instance", "aws.ec2.copy_snapshot":
			t.Skip("a delete is never left undone")
		}
		undo, input := w.undo(t, c.name, c.input, out)
		got := decode[map[string]any](t, w.run(t, undo, input))
		require.Equal(t, false, got["changed"])
		require.Empty(t, cmp.Diff(start, w.State()))
		require.Len(t, w.effects(), already)
	})
}

// An answer lost once is the SDK's to ask for again.
func TestLostAnswerWithinAnAttempt(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		if c.once() {
			t.Skip("the SDK must not repeat it")
		}
		already := len(w.effects())
		w.Inject(standin.Fault{Service: c.service, Action: c.act, Kind: standin.TimeoutAfterEffect, Times: 1})
		out := decode[map[string]any](t, w.run(t, c.name, c.input))
		require.Equal(t, true, out["changed"])
		require.Equal(t, c.acts, w.effects()[already:])
	})
}

// Whichever call an attempt dies at, after its effect, the attempts that follow end in the same
// world with the same output, previous state and all, as if nothing had happened.
func TestCrashAnywhere(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			smooth := newWorld(t)
			c.prepare(t, smooth)
			calls, effects := len(smooth.Calls()), len(smooth.effects())
			want := smooth.run(t, c.name, c.input)
			calls, effects = len(smooth.Calls())-calls, len(smooth.effects())-effects

			died := 0
			for at := range calls {
				t.Run(fmt.Sprintf("call %d", at), func(t *testing.T) {
					w := newWorld(t)
					c := c
					c.prepare(t, w)
					already := len(w.effects())
					// From this call on no answer arrives, however often the SDK asks.
					w.Inject(standin.Fault{Kind: standin.TimeoutAfterEffect, After: at})
					ctx := step(t.Context())
					var out json.RawMessage
					failures := 0
					for {
						var err error
						if out, err = w.attempt(ctx, t, c.name, c.input); err == nil {
							break
						}
						failures++
						require.False(t, kindOf(t, err).Permanent, err)
						require.Less(t, failures, 5)
						w.ClearFaults()
					}
					died += failures
					sameIgnoringIDs(t, want, out)
					require.Len(t, w.effects()[already:], effects)
				})
			}
			// An error is an answer even where no other arrives, so not every call is one to die at.
			require.Positive(t, died)
		})
	}
}

// sameIgnoringIDs compares outputs of two worlds, whose new groups, rules and snapshots have other ids.
func sameIgnoringIDs(t tester, want, got json.RawMessage) {
	t.Helper()
	a, b := decode[map[string]any](t, want), decode[map[string]any](t, got)
	for _, field := range []string{"quarantine_group_ids", "rule_ids", "snapshots"} {
		if list, ok := a[field].([]any); ok {
			require.Len(t, b[field], len(list))
			delete(a, field)
			delete(b, field)
		}
	}
	require.Empty(t, cmp.Diff(a, b))
}

// Whichever call a run is cancelled at, the call ends as if it had not been, or with an error that
// the guard knows for a cancellation and reports as "may be done" if it changed something. Never
// is an interface left open.
func TestCancelAnywhere(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			smooth := newWorld(t)
			c.prepare(t, smooth)
			calls := len(smooth.Calls())
			smooth.run(t, c.name, c.input)
			calls = len(smooth.Calls()) - calls

			cut := 0
			for at := range calls {
				w := newWorld(t)
				c := c
				c.prepare(t, w)
				effects := len(w.effects())
				ctx, cancel := context.WithCancelCause(t.Context())
				already := len(w.Calls())
				w.answered = func() {
					if len(w.Calls())-already > at {
						cancel(temporal.NewCanceledError())
					}
				}
				ctx = step(ctx)
				_, err := w.attempt(ctx, t, c.name, c.input)
				cancel(nil)
				if err != nil {
					cut++
					require.ErrorIs(t, err, context.Canceled, "call %d", at)
				}
				if len(w.effects()) > effects && c.act != "ModifyNetworkInterfaceAttribute" { // a group made is nothing done
					_, err := activities.Remember(ctx, "asked after all")
					require.NotErrorIs(t, err, context.Canceled, "the guard must see that it began")
				}
				for id, groups := range groupsNow(w) {
					require.NotEqual(t, []string{quarantineGroup(w, untracked)}, groups, "%s after call %d: %v", id, at, err)
				}
			}
			require.Positive(t, cut)
		})
	}
}

func TestThrottling(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		if !c.once() {
			w.Inject(standin.Fault{Service: c.service, Kind: standin.Throttle, Times: 2})
		}
		already := len(w.effects())
		w.Inject(standin.Fault{Service: c.service, Action: c.act, Kind: standin.Throttle})
		ctx := step(t.Context())
		_, err := w.attempt(ctx, t, c.name, c.input)
		kind := kindOf(t, err)
		require.False(t, kind.Permanent, err)
		require.Contains(t, []string{"Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown", "TooManyRequestsException"}, kind.Kind)
		require.NotContains(t, w.effects()[already:], c.act)

		w.ClearFaults()
		out, err := w.attempt(ctx, t, c.name, c.input)
		require.NoError(t, err)
		require.Equal(t, true, decode[map[string]any](t, out)["changed"])
	})
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		fault     standin.FaultKind
		permanent bool
	}{
		"denied":        {standin.Deny, true},
		"expired token": {standin.Expired, false},
		"server error":  {standin.ServerError, false},
	} {
		t.Run(name, func(t *testing.T) {
			forEachChange(t, func(t *testing.T, c change, w *world) {
				already := len(w.effects())
				w.Inject(standin.Fault{Service: c.service, Action: c.act, Kind: tc.fault})
				_, err := w.attempt(step(t.Context()), t, c.name, c.input)
				require.Equal(t, tc.permanent, kindOf(t, err).Permanent, err)
				require.NotContains(t, w.effects()[already:], c.act)
				// What was attempted, where, and the request to ask the provider about.
				require.Contains(t, err.Error(), "account 111122223333")
				calls := w.Calls()
				require.Contains(t, err.Error(), "(request "+calls[len(calls)-1].RequestID+")")
			})
		})
	}
}

func TestNothingThere(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		if c.missing == "" {
			t.Skip("what is not there needs no restoring")
		}
		already := len(w.effects())
		_, err := w.attempt(step(t.Context()), t, c.name, c.missing)
		require.True(t, kindOf(t, err).Permanent, err)
		require.Equal(t, c.kind, kindOf(t, err).Kind)
		require.Len(t, w.effects(), already)
	})
}

// A replica that lags shows the change late; it counts as made only when it shows.
func TestVerifyWaits(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		if c.back == "" {
			t.Skip("nothing is read back")
		}
		w.Inject(standin.Fault{Service: c.service, Action: c.back, Kind: standin.Stale, After: c.backCall, Times: 2})
		out := decode[map[string]any](t, w.run(t, c.name, c.input))
		require.Equal(t, true, out["verified"])
		require.Equal(t, c.pauses+2, w.pauses)
	})
}

func TestVerifyGivesUp(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		if c.back == "" {
			t.Skip("nothing is read back")
		}
		w.Inject(standin.Fault{Service: c.service, Action: c.back, Kind: standin.Stale, After: c.backCall})
		ctx := step(t.Context())
		_, err := w.attempt(ctx, t, c.name, c.input)
		require.Equal(t, "NotVerified", kindOf(t, err).Kind)
		require.False(t, kindOf(t, err).Permanent)
		require.Equal(t, c.pauses+settleLooks-1, w.pauses)

		w.ClearFaults()
		out, err := w.attempt(ctx, t, c.name, c.input)
		require.NoError(t, err)
		require.Equal(t, true, decode[map[string]any](t, out)["changed"], "the retry knows what the first attempt found")
	})
}

// Every effect is in the table: a new one must keep the same promises.
func TestTableIsComplete(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range changes {
		covered[c.name] = true
	}
	for _, a := range newWorld(t).registry.All() {
		if a.Effect == "change" && !covered[a.Name] {
			t.Errorf("%s is in no row of changes", a.Name)
		}
		for _, permission := range a.Permissions {
			require.Len(t, strings.Split(permission, ":"), 2, a.Name)
		}
	}
}
