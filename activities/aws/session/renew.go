package session

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// expiredCodes are how services say that credentials have run out.
var expiredCodes = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}

// renewed makes a request again, once, whose credentials were refused as expired, with new ones: a clock
// that is wrong, or a long call, must not cost the attempt.
func renewed(by sdk.CredentialsProvider) func(*middleware.Stack) error {
	again := func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return next.HandleFinalize(ctx, in)
		}
		first := request.Clone()
		out, metadata, err := next.HandleFinalize(ctx, in)
		if !Answered(err, expiredCodes...) || !forgot(ctx, by) || first.RewindStream() != nil {
			return out, metadata, err
		}
		in.Request = first
		return next.HandleFinalize(ctx, in)
	}
	return func(stack *middleware.Stack) error {
		// Before everything else, the SDK's own retries among it: each of them signs anew.
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("CountersignRenew", again), middleware.Before)
	}
}

// forgot drops the credentials that a provider holds, if it can get others.
func forgot(ctx context.Context, by sdk.CredentialsProvider) bool {
	switch by := by.(type) {
	case *assumed:
		held, err := by.Retrieve(ctx)
		return err == nil && by.forget(ctx, held.AccessKeyID)
	case *sdk.CredentialsCache:
		held, err := by.Retrieve(ctx)
		if err != nil || !held.CanExpire {
			return false
		}
		by.Invalidate()
		return true
	}
	return false
}
