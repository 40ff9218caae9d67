package aws

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

// now is the time at the stand-in, and scheduled when the steps of these tests asked for their
// calls. The fraction shows that no session of that second slips through.
var (
	now       = time.Date(2026, time.November, 23, 10, 0, 5, 0, time.UTC)
	scheduled = time.Date(2026, time.November, 23, 10, 0, 0, 400_000_000, time.UTC)
)

// TestMain keeps the machine's own AWS settings out of the tests.
func TestMain(m *testing.M) {
	for _, setting := range os.Environ() {
		if key, _, _ := strings.Cut(setting, "="); strings.HasPrefix(key, "AWS_") {
			_ = os.Unsetenv(key)
		}
	}
	_ = os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	_ = os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Exit(m.Run())
}

// world is a stand-in for AWS with the sample estate, and the activities that reach it.
type world struct {
	*standin.Server
	registry *activities.Registry
	options  Options
	calls    calls
	found    *fakeFindings // what audits found
	// pauses counts the waits that a worker would have slept.
	pauses int
	// answered, if set, is called after each call, before its answer goes out.
	answered func()
}

// tester is what a test and a rapid property have in common.
type tester interface {
	require.TestingT
	Helper()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, nil)
}

// newWorldOf is a world that is reached by the roles of some accounts.
func newWorldOf(t *testing.T, accounts *session.Accounts) *world {
	t.Helper()
	w, stop := startWorld(t, accounts)
	t.Cleanup(stop)
	return w
}

func startWorld(t tester, accounts *session.Accounts) (*world, func()) {
	t.Helper()
	server, err := standin.New(standin.Options{Clock: func() time.Time { return now }})
	require.NoError(t, err)
	w := &world{Server: server, registry: activities.NewRegistry()}
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		server.ServeHTTP(rw, r)
		if w.answered != nil {
			w.answered()
		}
	}))
	w.options = Options{
		Endpoint:    web.URL,
		Clock:       func() time.Time { return now },
		Credentials: credentialsOf(standin.SampleAccessKeyID),
		Backoff:     retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil }),
	}
	w.reach(accounts)
	return w, web.Close
}

// reach makes the activities anew, for some accounts.
func (w *world) reach(accounts *session.Accounts) {
	w.options.Accounts, w.registry = accounts, activities.NewRegistry()
	s := newService(w.options)
	w.found = sampleAudit()
	s.findings = w.found
	s.pause = func(ctx context.Context, _ time.Duration) error {
		w.pauses++
		return ctx.Err()
	}
	s.register(w.registry)
	w.calls = callsOf(s)
}

// calls are the activities by name, without the guard that stands before effects.
type calls map[string]func(context.Context, json.RawMessage) (json.RawMessage, error)

func callsOf(s *service) calls {
	return merged(coreCalls(s), accountsCalls(s),
		powerCalls(s), sharingCalls(s), serviceCalls(s), addressCalls(s),
		principalCalls(s), keyCalls(s), functionCalls(s), rotationCalls(s), hubCalls(s), importCalls(s), documentCalls(s), organizationCalls(s),
	)
}

func coreCalls(s *service) calls {
	return calls{
		"aws.cloudtrail.get_event":         erased(s.getEvent),
		"aws.cloudtrail.get_trail_status":  erased(s.getTrailStatus),
		"aws.cloudtrail.lookup_events":     erased(s.lookupEvents),
		"aws.cloudtrail.start_logging":     erased(s.startLogging),
		"aws.cloudtrail.stop_logging":      erased(s.stopLogging),
		"aws.ec2.delete_case_snapshots":    erased(s.deleteCaseSnapshots),
		"aws.ec2.describe_instance":        erased(s.describeInstance),
		"aws.ec2.isolate_instance":         erased(s.isolateInstance),
		"aws.ec2.list_open_ingress":        erased(s.listOpenIngress),
		"aws.ec2.restore_ingress":          erased(s.restoreIngress),
		"aws.ec2.restore_instance":         erased(s.restoreInstance),
		"aws.ec2.revoke_open_ingress":      erased(s.revokeOpenIngress),
		"aws.ec2.snapshot_instance":        erased(s.snapshotInstance),
		"aws.guardduty.archive_finding":    erased(s.archiveFinding),
		"aws.guardduty.get_finding":        erased(s.getFinding),
		"aws.guardduty.unarchive_finding":  erased(s.unarchiveFinding),
		"aws.iam.attach_quarantine_policy": erased(s.attachQuarantine),
		"aws.iam.detach_quarantine_policy": erased(s.detachQuarantine),
		"aws.iam.disable_access_key":       erased(s.disableAccessKey),
		"aws.iam.enable_access_key":        erased(s.enableAccessKey),
		"aws.iam.get_access_key_last_used": erased(s.getAccessKeyLastUsed),
		"aws.iam.get_account_summary":      erased(s.getAccountSummary),
		"aws.iam.list_access_keys":         erased(s.listAccessKeys),
		"aws.iam.restore_role_sessions":    erased(s.restoreRoleSessions),
		"aws.iam.restore_user_sessions":    erased(s.restoreUserSessions),
		"aws.iam.revoke_role_sessions":     erased(s.revokeRoleSessions),
		"aws.iam.revoke_user_sessions":     erased(s.revokeUserSessions),
		"aws.s3.block_public_access":       erased(s.blockPublicAccess),
		"aws.s3.get_bucket_exposure":       erased(s.getExposure),
		"aws.s3.restore_public_access":     erased(s.restorePublicAccess),
	}
}

func credentialsOf(accessKeyID string) sdk.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(accessKeyID, standin.SampleSecretKey, "")
}

// erased calls a typed activity as the registry would.
func erased[In, Out any](fn func(context.Context, In) (Out, error)) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
		var in In
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, err
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// step is the context of one step of a run, with the memory that its attempts share.
func step(ctx context.Context) context.Context {
	ctx = activities.WithInfo(ctx, activities.Info{Run: "case-1", Step: "contain", Attempt: 1, Scheduled: scheduled})
	return activities.WithMemory(ctx, &activities.Memory{})
}

// attempt calls an activity once, and holds its input and output against their schemas.
func (w *world) attempt(ctx context.Context, t tester, name, input string) (json.RawMessage, error) {
	t.Helper()
	a, ok := w.registry.Lookup(name)
	require.True(t, ok, name)
	require.NoError(t, a.Input.Validate(json.RawMessage(input)), "input of %s", name)
	out, err := w.calls[name](ctx, json.RawMessage(input))
	if err == nil {
		require.NoError(t, a.Output.Validate(out), "output of %s", name)
		require.NotContains(t, string(out), "null", "output of %s", name)
	}
	return out, err
}

// run calls an activity for a step of its own, which must succeed.
func (w *world) run(t *testing.T, name, input string) json.RawMessage {
	t.Helper()
	out, err := w.attempt(step(t.Context()), t, name, input)
	require.NoError(t, err)
	return out
}

// undo makes the input that takes back a call.
func (w *world) undo(t tester, name, input string, output json.RawMessage) (undo, undoInput string) {
	t.Helper()
	a, _ := w.registry.Lookup(name)
	u, ok := w.registry.Lookup(a.Undo)
	require.True(t, ok, a.Undo)
	raw, err := activities.UndoInput(u, json.RawMessage(input), output)
	require.NoError(t, err)
	return u.Name, string(raw)
}

// effects are the actions that changed the world.
func (w *world) effects() []string {
	actions := []string{}
	for _, m := range w.Mutations() {
		if m.Changed {
			actions = append(actions, m.Action)
		}
	}
	return actions
}

// kindOf reads what the engine reads of an error.
func kindOf(t tester, err error) *activities.Error {
	t.Helper()
	var e *activities.Error
	require.Truef(t, errors.As(err, &e), "want an error of the engine's, got %v", err)
	return e
}

func decode[T any](t tester, raw json.RawMessage) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}
