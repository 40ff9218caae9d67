package aws

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/activities"
)

// protectedTag marks what no effect may touch, whatever people approve: any value but "false" counts.
const protectedTag = "secops:protected"

// thing is what an effect is about to change.
type thing struct {
	arn  string
	tags map[string]string
}

type clearedKey struct{}

// clear lets an effect act on a thing, or refuses as it is protected. What it returns is the context
// for the calls that change something. The preview of the effect asks it too.
func (s *service) clear(ctx context.Context, _ *clients, what string, t thing) (context.Context, error) {
	if value, tagged := t.tags[protectedTag]; tagged && value != "false" {
		return nil, activities.Permanent("Protected", fmt.Errorf("%s: %s is protected by its tag %s; nothing is changed", what, t.arn, protectedTag))
	}
	return context.WithValue(ctx, clearedKey{}, t.arn), nil
}

// released is clear for what takes an effect back, which is never refused: what was contained by
// mistake must be let go, whoever has protected it meanwhile.
func released(ctx context.Context) context.Context {
	return context.WithValue(ctx, clearedKey{}, "")
}
