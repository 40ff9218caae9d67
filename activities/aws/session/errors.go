package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
)

// passingCodes are refusals that time or fresh credentials mend although they look final by
// their status or by the prefixes below.
var passingCodes = []string{
	"ConcurrentModification",
	"EntityTemporarilyUnmodifiable",
	"ExpiredToken",
	"ExpiredTokenException",
	"RequestExpired",
}

// permanentCodes are answers that the same request will get again.
var permanentCodes = []string{
	"AWSOrganizationsNotInUseException",
	"AccessDenied",
	"AccessDeniedException",
	"AccountNotFoundException",
	"AuthFailure",
	"AuthorizationHeaderMalformed", // S3, of a bucket in another region
	"BadRequestException",
	"ChildNotFoundException",
	"CloudTrailARNInvalidException",
	"ConstraintViolationException", // Organizations
	"DestinationParentNotFoundException",
	"DBSnapshotNotFound",
	"EntityAlreadyExists",
	"KMSInvalidStateException",
	"LimitExceeded", // a quota of IAM, not a rate
	"MalformedPolicyDocument",
	"MissingParameter",
	"NetworkAclEntryLimitExceeded",
	"NoSuchBucket",
	"NoSuchEntity",
	"NotFoundException", // KMS
	"OperationNotPermitted",
	"OperationNotPermittedException",
	"OptInRequired",
	"OrganizationalUnitNotFoundException",
	"PasswordPolicyViolation",
	"PackedPolicyTooLarge",
	"PermanentRedirect", // S3, of a bucket in another region
	"PolicyNotAttachable",
	"PolicyNotFoundException",
	"ResourceNotFoundException",
	"TargetNotFoundException", // Organizations
	"TargetGroupNotFound",
	"TrailNotFoundException",
	"UnauthorizedOperation",
	"UnmodifiableEntity",
	"UnrecognizedClientException",
	"UnsupportedOperation",
	"UnsupportedOperationException",
	"ValidationError",
	"ValidationException",
}

// final decides by code and status whether a retry can help. What is unknown may pass: a run that
// waits for no good reason costs less than one that gives up for none.
func final(code string, status int) bool {
	switch {
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError, slices.Contains(passingCodes, code):
		return false
	case slices.Contains(permanentCodes, code):
		return true
	default:
		// InvalidInstanceID.NotFound, InvalidParameterValue, InvalidGroup.NotFound, InvalidInput
		return strings.HasPrefix(code, "Invalid")
	}
}

// Failed turns an error of the SDK into one of the engine's: what was attempted with what, the
// provider's code and words, its request id, and whether to try again.
func Failed(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", what, err) // the run was cancelled; the engine knows this error
	}
	if temporal.IsCanceledError(err) { // the cause of it, which net/http tells of a body that is cut off
		return fmt.Errorf("%s: %w: %w", what, context.Canceled, err)
	}
	var known *activities.Error
	if errors.As(err, &known) { // the call was stopped here, or its credentials could not be had
		wrapped := fmt.Errorf("%s: %w", what, known)
		if known.Permanent {
			return activities.Permanent(known.Kind, wrapped)
		}
		return activities.Passing(known.Kind, known.After, wrapped)
	}
	var response *awshttp.ResponseError
	status, request, after := 0, "", time.Duration(0)
	if errors.As(err, &response) {
		status, request = response.HTTPStatusCode(), response.ServiceRequestID()
		after = retryAfter(response)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return activities.Passing("NoAnswer", after, fmt.Errorf("%s: %w", what, err))
	}
	said := &apiError{text: what + ": " + api.ErrorCode() + ": " + api.ErrorMessage(), err: err}
	if request != "" {
		said.text += " (request " + request + ")"
	}
	if final(api.ErrorCode(), status) {
		return activities.Permanent(api.ErrorCode(), said)
	}
	return activities.Passing(api.ErrorCode(), after, said)
}

// apiError says what the provider answered without the layers of the SDK, which it still wraps.
type apiError struct {
	text string
	err  error
}

func (e *apiError) Error() string { return e.text }
func (e *apiError) Unwrap() error { return e.err }

func retryAfter(response *awshttp.ResponseError) time.Duration {
	if response.Response == nil || response.Response.Response == nil {
		return 0
	}
	seconds, err := strconv.Atoi(response.Response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// Answered reports whether err is the provider's answer with one of these codes.
func Answered(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// Permanent reports whether no retry will mend err.
func Permanent(err error) bool {
	var e *activities.Error
	return errors.As(err, &e) && e.Permanent
}

// BadInput is an error of whoever calls: the same call would get it again.
func BadInput(format string, args ...any) error {
	return activities.Permanent("BadInput", fmt.Errorf(format, args...))
}
