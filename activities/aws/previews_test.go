package aws

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/preview"
)

// looker is an authority that takes the preview of an attempt, and admits none.
type looker struct {
	look func(context.Context) (preview.Preview, error)
}

func (l *looker) Begin(_ context.Context, a activities.Attempt) (activities.Turn, error) {
	l.look = a.Preview
	return nil, activities.Permanent("Looked", errors.New("seen enough"))
}

// lookAt reads what the guard compares, for a step that asked at a time.
func (w *world) lookAt(t *testing.T, at time.Time, name, input string) (preview.Preview, error) {
	t.Helper()
	call := activities.Call{Activity: name, Version: 1, Input: json.RawMessage(input)}
	covered, err := call.Digest()
	require.NoError(t, err)
	l := &looker{}
	w.registry.Guard(l)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler))) // it would tell of every refusal
	env := suite.NewTestActivityEnvironment()
	w.registry.Bind(env)
	_, err = env.ExecuteActivity(name, call.Input, &activities.Permit{Approval: "contain", By: []string{"ada"}, Covers: []digest.Digest{covered}})
	require.ErrorContains(t, err, "seen enough")
	require.NotNil(t, l.look, "%s has no preview", name)
	already := len(w.Mutations())
	got, err := l.look(activities.WithInfo(t.Context(), activities.Info{Run: "case-1", Step: "contain", Attempt: 1, Scheduled: at}))
	require.Len(t, w.Mutations(), already, "a preview is a read")
	return got, err
}

// look is lookAt for what must succeed.
func (w *world) look(t *testing.T, name, input string) preview.Preview {
	t.Helper()
	got, err := w.lookAt(t, scheduled, name, input)
	require.NoError(t, err)
	return got
}

func digestOf(t *testing.T, p preview.Preview) digest.Digest {
	t.Helper()
	d, err := p.Digest()
	require.NoError(t, err)
	return d
}

// destroys are the effects that nothing takes back.
var destroys = slices.Concat([]change{
	{name: "aws.ec2.delete_case_snapshots", after: []before{{"aws.ec2.snapshot_instance", instanceJSON}}},
}, principalDestroys, documentDestroys, powerDestroys)

// forEachEffect is forEachChange, and the destroys.
func forEachEffect(t *testing.T, test func(t *testing.T, c change, w *world)) {
	forEachChange(t, test)
	for _, c := range destroys {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.prepare(t, w)
			test(t, c, w)
		})
	}
}

func TestEveryEffectHasAPreview(t *testing.T) {
	w := newWorld(t)
	for _, a := range w.registry.All() {
		require.Equal(t, a.Effect != activities.Read, a.HasPreview(), a.Name)
		require.Equal(t, a.Effect != activities.Read, views[a.Name] != nil, "%s: how the stand-in shows it", a.Name)
	}
}

// What is shown before is what the world says before, and what it says after is what was shown;
// then there is nothing left to do.
func TestPreviewIsWhatHappens(t *testing.T) {
	forEachEffect(t, func(t *testing.T, c change, w *world) {
		p := w.look(t, c.name, c.input)
		state := w.State()
		was := views[c.name](&state)
		require.Len(t, p.Changes, len(was))
		w.run(t, c.name, c.input)
		state = w.State()
		is := views[c.name](&state)
		for _, change := range p.Changes {
			key := change.Target + ": " + change.What
			require.Contains(t, was, key)
			require.Equal(t, was[key], change.Before)
			require.NotEqual(t, change.Before, change.After)
			if !vague(c.name, change.After, is[key]) && change.After != is[key] {
				require.Equal(t, is[key], change.After, key)
			}
		}
		require.Empty(t, w.look(t, c.name, c.input).Changes, "it is done")
	})
}

// The same world gives the same preview: whenever it is read, and whatever order AWS answers in.
func TestPreviewIsStable(t *testing.T) {
	forEachEffect(t, func(t *testing.T, c change, w *world) {
		first := w.look(t, c.name, c.input)
		later, err := w.lookAt(t, scheduled.Add(49*time.Hour), c.name, c.input)
		require.NoError(t, err)
		require.Equal(t, digestOf(t, first), digestOf(t, later))
		require.IsNonDecreasing(t, targets(first))
	})
}

func targets(p preview.Preview) []string {
	out := []string{""}
	for _, c := range p.Changes {
		out = append(out, c.Target)
	}
	return out
}

// A preview fails as its effect does, and then says nothing.
func TestPreviewOfNothingThere(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		if c.missing == "" {
			t.Skip("what is not there needs no restoring")
		}
		if c.name == "aws.iam.revoke_user_sessions" {
			t.Skip("IAM answers for a user that does not exist as for one without the policy")
		}
		p, err := w.lookAt(t, scheduled, c.name, c.missing)
		require.Equal(t, c.kind, kindOf(t, err).Kind)
		require.True(t, kindOf(t, err).Permanent)
		require.Empty(t, p.Changes)
	})
}

func TestPreviewRefused(t *testing.T) {
	forEachEffect(t, func(t *testing.T, c change, w *world) {
		w.Inject(standin.Fault{Kind: standin.Deny})
		p, err := w.lookAt(t, scheduled, c.name, c.input)
		require.True(t, kindOf(t, err).Permanent, err)
		require.Empty(t, p.Changes)
	})
}

// The effect after the approval of several finds what it needs made by the one before; what people
// saw of it is still so.
func TestPreviewOfASecondInstance(t *testing.T) {
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
	second := strings.Replace(instanceJSON, standin.SampleInstance, other, 1)
	shown := w.look(t, "aws.ec2.isolate_instance", second)
	w.run(t, "aws.ec2.isolate_instance", instanceJSON)
	require.Equal(t, digestOf(t, shown), digestOf(t, w.look(t, "aws.ec2.isolate_instance", second)))
}

func TestPreviewOfAGroupWithRules(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.ec2.isolate_instance", instanceJSON)
	w.Update(func(s *standin.State) {
		port := 22
		region(s).SecurityGroups[quarantineIn(s, isolated)].Ingress = []standin.Rule{{ID: "sgr-0000000000000000f", Protocol: "tcp", From: &port, To: &port, CIDR: "0.0.0.0/0"}}
	})
	_, err := w.lookAt(t, scheduled, "aws.ec2.isolate_instance", instanceJSON)
	require.Equal(t, "QuarantineGroupNotEmpty", kindOf(t, err).Kind)
}

// What people wrote at AWS is shown, and ends where it ends.
func TestPreviewOfHostileText(t *testing.T) {
	w := newWorld(t)
	const hostile = "<!channel> *urgent*\u202e\n\", After: \"none\""
	w.Update(func(s *standin.State) {
		region(s).SecurityGroups[standin.SampleSSHGroup].Ingress[1].Description = hostile
		user(s).Inline = map[string]string{sessionsPolicy: `{"Statement":"` + "<!channel>" + `"}`}
	})
	require.Equal(t, []preview.Change{{
		Target: "security group sg-0000000000000000b" + inRegion, What: "inbound rule",
		Before: `sgr-00000000000000009: tcp 22 from 0.0.0.0/0, "<!channel> *urgent*\u202e\n\", After: \"none\""`, After: "none",
	}}, w.look(t, "aws.ec2.revoke_open_ingress", ruleInput).Changes)

	before := w.look(t, "aws.iam.revoke_user_sessions", userInput).Changes[0].Before
	require.Regexp(t, `^as policy CountersignRevokeOlderSessions says, which somebody has written \([0-9a-f]{12}\)$`, before)
	w.Update(func(s *standin.State) { user(s).Inline[sessionsPolicy] = `no JSON` })
	require.NotEqual(t, before, w.look(t, "aws.iam.revoke_user_sessions", userInput).Changes[0].Before)
}

func TestSayBlock(t *testing.T) {
	for want, block := range map[string]publicAccessBlock{
		"none":               {},
		"nothing blocked":    {Exists: true},
		"everything blocked": everythingBlocked,
		"on: BlockPublicAcls, RestrictPublicBuckets; off: IgnorePublicAcls, BlockPublicPolicy": {
			Exists: true, BlockPublicAcls: true, RestrictPublicBuckets: true,
		},
	} {
		require.Equal(t, want, block.say())
	}
}

// Whoever may make an effect may see what it would do.
func TestPreviewNeedsNoOtherPermission(t *testing.T) {
	forEachEffect(t, func(t *testing.T, c change, w *world) {
		a, _ := w.registry.Lookup(c.name)
		already := len(w.Calls())
		w.look(t, c.name, c.input)
		require.NotEmpty(t, w.Calls()[already:])
		for _, call := range w.Calls()[already:] {
			permission := call.Service + ":" + call.Action
			switch permission {
			case "sts:GetCallerIdentity": // is everybody's
				continue
			case "s3:GetPublicAccessBlock":
				permission = "s3:GetBucketPublicAccessBlock"
			case "s3control:GetPublicAccessBlock":
				permission = "s3:GetAccountPublicAccessBlock"
			}
			require.Contains(t, a.Permissions, permission)
		}
	})
}
