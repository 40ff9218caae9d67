package aws

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
)

// protectedTag marks what no effect may touch, whatever people approve: any value but "false" counts.
const protectedTag = session.ProtectedTag

// thing is what an effect is about to change.
type thing struct {
	arn  string
	tags map[string]string
}

// Protected is the kind of the error of an effect on what is protected.
const Protected = "Protected"

// clear lets an effect act on a thing, or refuses as it is protected: by its tags, by the accounts file,
// or as the worker itself stands on it. What it returns is the context for the calls that change
// something, and without it none is sent. The preview of the effect asks it too.
func (s *service) clear(ctx context.Context, c *clients, what string, t thing) (context.Context, error) {
	if why := s.sessions.Protected(c, t.arn, t.tags); why != "" {
		return nil, activities.Permanent(Protected, fmt.Errorf("%s: %s is protected: %s; nothing is changed", what, t.arn, why))
	}
	return session.Cleared(ctx), nil
}

// released is clear for what takes an effect back, which is never refused: what was contained by
// mistake must be let go, whoever has protected it meanwhile.
func released(ctx context.Context) context.Context { return session.Cleared(ctx) }
