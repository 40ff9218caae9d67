package redteam

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/activitytest"
	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/digest"
)

// effect is one activity of AWS with a call that changes the sample estate.
type effect struct {
	name string
	// input is that of the call; one that has after takes back that effect, with its input.
	input, after string
	// sent is found in the first request that changes something: the one that the worker dies around.
	sent string
}

const (
	keyInput      = `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`
	userInput     = `{"account":"111122223333","user":"ci-deployer"}`
	roleInput     = `{"account":"111122223333","role":"web-server-role"}`
	findingInput  = `{"account":"111122223333","region":"us-east-1","finding_id":"7ab9d1cb6248e05a0e419a79528761cb"}`
	instanceInput = `{"account":"111122223333","region":"us-east-1","instance_id":"i-0abc123def4567890"}`
	ruleInput     = `{"account":"111122223333","region":"us-east-1","group_id":"sg-0000000000000000b","rule_ids":["sgr-00000000000000009"]}`
	bucketInput   = `{"account":"111122223333","region":"us-east-1","bucket":"example-payments-exports"}`
	trailInput    = `{"account":"111122223333","region":"us-east-1","trail":"management-events"}`
)

// effects are all of them; a test holds that.
var effects = slices.Concat(coreEffects, computeEffects, identityEffects, servicesEffects, controlsEffects, importEffects)

var coreEffects = []effect{
	{name: "aws.iam.disable_access_key", input: keyInput, sent: "Action=UpdateAccessKey&"},
	{name: "aws.iam.enable_access_key", after: "aws.iam.disable_access_key", input: keyInput, sent: "Action=UpdateAccessKey&"},
	{name: "aws.iam.attach_quarantine_policy", input: userInput, sent: "Action=AttachUserPolicy&"},
	{name: "aws.iam.detach_quarantine_policy", after: "aws.iam.attach_quarantine_policy", input: userInput, sent: "Action=DetachUserPolicy&"},
	{name: "aws.iam.revoke_user_sessions", input: userInput, sent: "Action=PutUserPolicy&"},
	{name: "aws.iam.restore_user_sessions", after: "aws.iam.revoke_user_sessions", input: userInput, sent: "Action=DeleteUserPolicy&"},
	{name: "aws.iam.revoke_role_sessions", input: roleInput, sent: "Action=PutRolePolicy&"},
	{name: "aws.iam.restore_role_sessions", after: "aws.iam.revoke_role_sessions", input: roleInput, sent: "Action=DeleteRolePolicy&"},
	{name: "aws.guardduty.archive_finding", input: findingInput, sent: "/findings/archive"},
	{name: "aws.guardduty.unarchive_finding", after: "aws.guardduty.archive_finding", input: findingInput, sent: "/findings/unarchive"},
	{name: "aws.ec2.isolate_instance", input: instanceInput, sent: "Action=ModifyNetworkInterfaceAttribute&"},
	{name: "aws.ec2.restore_instance", after: "aws.ec2.isolate_instance", input: instanceInput, sent: "Action=ModifyNetworkInterfaceAttribute&"},
	{name: "aws.ec2.snapshot_instance", input: instanceInput, sent: "Action=CreateSnapshots&"},
	{name: "aws.ec2.delete_case_snapshots", after: "aws.ec2.snapshot_instance", input: instanceInput, sent: "Action=DeleteSnapshot&"},
	{name: "aws.ec2.revoke_open_ingress", input: ruleInput, sent: "Action=RevokeSecurityGroupIngress&"},
	{name: "aws.ec2.restore_ingress", after: "aws.ec2.revoke_open_ingress", input: ruleInput, sent: "Action=AuthorizeSecurityGroupIngress&"},
	{name: "aws.s3.block_public_access", input: bucketInput, sent: "PUT /example-payments-exports?publicAccessBlock"},
	{name: "aws.s3.restore_public_access", after: "aws.s3.block_public_access", input: bucketInput, sent: "DELETE /example-payments-exports?publicAccessBlock"},
	{name: "aws.cloudtrail.start_logging", input: trailInput, sent: "CloudTrail_20131101.StartLogging"},
	{name: "aws.cloudtrail.stop_logging", after: "aws.cloudtrail.start_logging", input: trailInput, sent: "CloudTrail_20131101.StopLogging"},
}

func TestEveryEffectIsKilled(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range effects {
		listed[e.name] = true
	}
	for _, a := range registryOf("http://aws.example.com").All() {
		require.Equal(t, a.Effect != activities.Read, listed[a.Name], a.Name)
	}
}

// registryOf has the activities of AWS alone, at an endpoint.
func registryOf(endpoint string) *activities.Registry {
	r := activities.NewRegistry()
	aws.Register(r, awsAt(endpoint), oneFinding{})
	return r
}

func awsAt(endpoint string) aws.Options {
	return aws.Options{
		Endpoint:    endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, ""),
	}
}

// alone makes a call outside of every run, with nobody to ask.
func alone(t *testing.T, r *activities.Registry, name, input string) json.RawMessage {
	t.Helper()
	call := activities.Call{Activity: name, Version: 1, Input: json.RawMessage(input)}
	covered, err := call.Digest()
	require.NoError(t, err)
	r.Guard(activitytest.NewAllow(t))
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(activitytest.WithoutEngine())
	r.Bind(env)
	got, err := env.ExecuteActivity(name, call.Input, &activities.Permit{Approval: "a", By: []string{"alice"}, Covers: []digest.Digest{covered}})
	require.NoError(t, err)
	var out json.RawMessage
	require.NoError(t, got.Get(&out))
	return out
}

// arrange brings a world to where the effect is about to be made, and gives the input of the call.
func (e effect) arrange(t *testing.T, aws *standin.Server) string {
	t.Helper()
	if e.after == "" {
		return e.input
	}
	web := httptest.NewServer(aws)
	defer web.Close()
	r := registryOf(web.URL)
	out := alone(t, r, e.after, e.input)
	undo, ok := r.Lookup(e.name)
	require.True(t, ok)
	raw, err := activities.UndoInput(undo, json.RawMessage(e.input), out)
	require.NoError(t, err)
	return string(raw)
}

// smooth is what the effect does to the world when nothing goes wrong.
func (e effect) smooth(t *testing.T) []string {
	t.Helper()
	aws, err := standin.New(standin.Options{})
	require.NoError(t, err)
	input := e.arrange(t, aws)
	already := len(changed(aws))
	web := httptest.NewServer(aws)
	defer web.Close()
	alone(t, registryOf(web.URL), e.name, input)
	return changed(aws)[already:]
}

// changed are the mutations that changed something.
func changed(aws *standin.Server) []string {
	done := []string{}
	for _, m := range aws.Mutations() {
		if m.Changed {
			done = append(done, m.Service+":"+m.Action)
		}
	}
	return done
}
