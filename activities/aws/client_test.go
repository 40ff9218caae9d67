package aws

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

func TestRegisterMakesNoCall(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.Validate())
	require.Len(t, w.calls, len(w.registry.All()))
	require.Empty(t, w.Calls())
}

func TestWrongAccount(t *testing.T) {
	w := newWorld(t)
	for name, input := range map[string]string{
		"aws.iam.disable_access_key": `{"account":"999999999999","user":"ci-deployer","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`,
		"aws.ec2.isolate_instance":   `{"account":"999999999999","region":"us-east-1","instance_id":"i-0abc123def4567890"}`,
		"aws.ec2.describe_instance":  `{"account":"999999999999","region":"us-east-1","instance_id":"i-0abc123def4567890"}`,
	} {
		_, err := w.attempt(step(t.Context()), t, name, input)
		require.True(t, kindOf(t, err).Permanent)
		require.ErrorContains(t, err, "the credentials are for account 111122223333, the call names account 999999999999")
	}
	for _, call := range w.Calls() {
		require.Equal(t, "GetCallerIdentity", call.Action)
	}
}

func TestAccountIsAskedOnceARegion(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := w.calls["aws.guardduty.get_finding"](t.Context(), json.RawMessage(findingInput))
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.run(t, "aws.iam.get_access_key_last_used", `{"account":"111122223333","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`)
	asked := 0
	for _, call := range w.Calls() {
		if call.Action == "GetCallerIdentity" {
			asked++
		}
	}
	require.Equal(t, 2, asked, "once for us-east-1, once for the services without regions")
}

// Not to know whose credentials they are is no reason to act, and none to give up.
func TestAccountUnknown(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Service: "sts", Kind: standin.ServerError, Times: session.SDKAttempts})
	_, err := w.attempt(step(t.Context()), t, "aws.iam.disable_access_key", keyInput)
	require.False(t, kindOf(t, err).Permanent)
	require.Empty(t, w.Mutations())
	w.run(t, "aws.iam.disable_access_key", keyInput)
}

func TestHostileNames(t *testing.T) {
	w := newWorld(t)
	for _, input := range []string{
		`{"account":"111122223333","region":"us-east-1.attacker.example.com/","finding_id":"x"}`,
		`{"account":"111122223333","region":"../us-east-1","finding_id":"x"}`,
		`{"account":"111122223333","region":"US-EAST-1","finding_id":"x"}`,
		`{"account":"11112222333","region":"us-east-1","finding_id":"x"}`,
		`{"account":"111122223333\n","region":"us-east-1","finding_id":"x"}`,
	} {
		_, err := w.attempt(step(t.Context()), t, "aws.guardduty.get_finding", input)
		require.Equal(t, "BadInput", kindOf(t, err).Kind, input)
		require.True(t, kindOf(t, err).Permanent, input)
	}
	require.Empty(t, w.Calls())
}

// What an operator sets in the environment is all that the worker needs.
func TestEnvironmentIsHonoured(t *testing.T) {
	server, err := standin.New(standin.Options{})
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL": web.URL, "AWS_ACCESS_KEY_ID": standin.SampleAccessKeyID, "AWS_SECRET_ACCESS_KEY": standin.SampleSecretKey,
	} {
		t.Setenv(key, value)
	}
	s := newService(Options{})
	out, err := s.getAccessKeyLastUsed(t.Context(), accessKeyLastUsedInput{Account: standin.SampleAccount, AccessKeyID: standin.SampleUserAccessKey})
	require.NoError(t, err)
	require.Equal(t, standin.SampleUser, out.User)
	_, err = s.getFinding(t.Context(), getFindingInput{standin.SampleAccount, "us-east-1", standin.SampleFindingAccessKey})
	require.NoError(t, err)
}

func TestOptions(t *testing.T) {
	w := newWorld(t)
	asked := 0
	s := newService(Options{
		Endpoint: "http://aws.example.com",
		HTTPClient: doer(func(r *http.Request) (*http.Response, error) {
			asked++
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, r)
			return answer.Result(), nil
		}),
		Credentials: credentialsOf(standin.SampleAccessKeyID),
	})
	_, err := s.describeInstance(t.Context(), instanceInput{standin.SampleAccount, "us-east-1", standin.SampleInstance})
	require.NoError(t, err)
	require.Equal(t, 2, asked)
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// A run that is cancelled must hear it as that, and not as a failure of AWS.
func TestCancelled(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(step(t.Context()))
	cancel()
	_, err := w.attempt(ctx, t, "aws.iam.disable_access_key", keyInput)
	require.ErrorIs(t, err, context.Canceled)
	var kind *activities.Error
	require.NotErrorAs(t, err, &kind)

	require.ErrorIs(t, pause(ctx, time.Hour), context.Canceled)
	require.NoError(t, pause(t.Context(), time.Nanosecond))
}
