package session

import (
	"context"
	"fmt"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/policy"
)

type clearedKey struct{}

// Cleared is the context of calls that change something, after what they change was found to be free of
// protection. [Sessions.Protected] finds that.
func Cleared(ctx context.Context) context.Context {
	return context.WithValue(ctx, clearedKey{}, true)
}

// IsCleared reports whether calls with the context may change something.
func IsCleared(ctx context.Context) bool {
	cleared, _ := ctx.Value(clearedKey{}).(bool)
	return cleared
}

// NotCleared is the kind of the error of a call that would change something and whose context is not
// cleared.
const NotCleared = "NotCleared"

// refuseUncleared stops, before anything is sent, every call that changes something and for which nobody
// has asked whether it may: an activity cannot forget to ask.
func refuseUncleared(stack *middleware.Stack) error {
	check := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		service, operation := awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)
		if !policy.Looks(operation) && !IsCleared(ctx) {
			return middleware.InitializeOutput{}, middleware.Metadata{}, activities.Permanent(NotCleared,
				fmt.Errorf("%s %s: nothing was sent: it changes something, and nobody has asked whether that is protected", service, operation))
		}
		return next.HandleInitialize(ctx, in)
	}
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("CountersignCleared", check), middleware.After)
}
