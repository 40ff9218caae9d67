package all_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/activitytest"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/digest"
)

// The whole way of one call: Temporal, the guard, the activity, the SDK, the provider's protocol;
// with an attempt that dies between the effect and the answer.
func TestThroughTemporal(t *testing.T) {
	server, err := standin.New(standin.Options{})
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	r := activities.NewRegistry()
	all.Register(r, all.Options{AWS: aws.Options{
		Endpoint:    web.URL,
		Credentials: credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, ""),
	}})
	require.Empty(t, server.Calls(), "registering makes no call")

	const name = "aws.iam.disable_access_key"
	input := json.RawMessage(`{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`)
	call, err := activities.Call{Activity: name, Version: 1, Input: input}.Digest()
	require.NoError(t, err)
	permit := &activities.Permit{Covers: []digest.Digest{call}}

	var left json.RawMessage // what the first attempt told the engine
	attempt := func(permit *activities.Permit) (converter.EncodedValue, error) {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
			require.NoError(t, details.Get(&left))
		})
		if left != nil {
			env.SetHeartbeatDetails(left)
		}
		r.Guard(activitytest.NewAllow(t))
		r.Bind(env)
		return env.ExecuteActivity(name, input, permit)
	}

	_, err = attempt(nil)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, "NotPermitted", app.Type())
	require.Empty(t, server.Calls())

	// The key is disabled, the answer is lost, and the credentials run out before it can be asked for.
	server.Inject(standin.Fault{Action: "UpdateAccessKey", Kind: standin.TimeoutAfterEffect, Times: 1})
	server.Inject(standin.Fault{Action: "UpdateAccessKey", Kind: standin.Expired, Times: 1})
	_, err = attempt(permit)
	require.ErrorAs(t, err, &app)
	require.Equal(t, "ExpiredToken", app.Type())
	require.False(t, app.NonRetryable())

	got, err := attempt(permit)
	require.NoError(t, err)
	var out struct {
		PreviousStatus string `json:"previous_status"`
		Changed        bool   `json:"changed"`
		Verified       bool   `json:"verified"`
	}
	require.NoError(t, got.Get(&out))
	require.Equal(t, "Active", out.PreviousStatus)
	require.True(t, out.Changed)
	require.True(t, out.Verified)
	require.Len(t, server.Mutations(), 1)
}
