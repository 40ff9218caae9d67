package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
)

// answer is an error as the SDK returns it.
func answer(code string, status int, header http.Header) error {
	return &smithy.OperationError{ServiceID: "IAM", OperationName: "UpdateAccessKey", Err: &awshttp.ResponseError{
		RequestID: "req-1",
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: header}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "the provider's words"},
		},
	}}
}

func TestFailed(t *testing.T) {
	for _, tc := range []struct {
		code      string
		status    int
		permanent bool
	}{
		{"AccessDenied", 403, true},
		{"AccessDeniedException", 400, true},
		{"UnauthorizedOperation", 403, true},
		{"InvalidInstanceID.NotFound", 400, true},
		{"InvalidParameterValue", 400, true},
		{"InvalidInput", 400, true},
		{"InvalidClientTokenId", 403, true},
		{"NoSuchEntity", 404, true},
		{"NoSuchBucket", 404, true},
		{"PermanentRedirect", 301, true},
		{"AuthorizationHeaderMalformed", 400, true},
		{"TrailNotFoundException", 400, true},
		{"InvalidHomeRegionException", 400, true},
		{"ResourceNotFoundException", 404, true},
		{"MalformedPolicyDocument", 400, true},
		{"ValidationError", 400, true},
		{"LimitExceeded", 409, true},
		{"UnmodifiableEntity", 400, true},
		{"Throttling", 400, false},
		{"ThrottlingException", 400, false},
		{"SlowDown", 503, false},
		{"OperationAborted", 409, false}, // S3, of two changes at once
		{"RequestLimitExceeded", 503, false},
		{"TooManyRequestsException", 429, false},
		{"ExpiredToken", 403, false},
		{"ExpiredTokenException", 400, false},
		{"RequestExpired", 400, false},
		{"EntityTemporarilyUnmodifiable", 409, false},
		{"ConcurrentModification", 409, false},
		{"ServiceFailure", 500, false},
		{"InternalError", 500, false},
		{"AccessDenied", 503, false}, // a proxy's, not an answer to this request
		{"SomethingNew", 400, false},
	} {
		t.Run(fmt.Sprint(tc.code, " ", tc.status), func(t *testing.T) {
			err := Failed(answer(tc.code, tc.status, nil), "disable access key %s", "AKIAIOSFODNN7EXAMPLE")
			require.Equal(t, tc.permanent, kindOf(t, err).Permanent)
			require.Equal(t, tc.code, kindOf(t, err).Kind)
			require.EqualError(t, err, "disable access key AKIAIOSFODNN7EXAMPLE: "+tc.code+": the provider's words (request req-1)")
			require.True(t, Answered(err, "X", tc.code))
		})
	}
}

func TestFailedWaitsAsLongAsAsked(t *testing.T) {
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "": 0, "-1": 0, "soon": 0} {
		err := Failed(answer("Throttling", 429, http.Header{"Retry-After": {header}}), "ask")
		require.Equal(t, want, kindOf(t, err).After, header)
	}
}

func TestFailedWithoutAnswer(t *testing.T) {
	for _, cause := range []error{errors.New("connection refused"), context.DeadlineExceeded} {
		err := Failed(cause, "ask")
		require.False(t, kindOf(t, err).Permanent)
		require.Equal(t, "NoAnswer", kindOf(t, err).Kind)
		require.ErrorIs(t, err, cause)
	}
	require.False(t, Answered(errors.New("NoSuchEntity"), "NoSuchEntity"))
	require.False(t, Answered(nil, "NoSuchEntity"))
}

func kindOf(t *testing.T, err error) *activities.Error {
	t.Helper()
	var e *activities.Error
	require.ErrorAs(t, err, &e)
	return e
}

// A cancellation may come to us as its cause, in whatever the SDK makes of a body that was cut off.
func TestFailedAsCancelled(t *testing.T) {
	for _, cause := range []error{context.Canceled, temporal.NewCanceledError()} {
		err := Failed(fmt.Errorf("deserialization failed: %w", cause), "stop it")
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "stop it: ")
		require.False(t, Permanent(err))
	}
}
