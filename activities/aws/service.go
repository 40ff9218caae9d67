package aws

import (
	"context"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
)

// service carries what the activities share.
type service struct {
	sessions *session.Sessions
	// findings are what audits found; nil: there are none.
	findings Findings
	// pause waits between looks at something that takes time. Tests count instead.
	pause func(context.Context, time.Duration) error
}

func newService(opts Options) *service {
	return &service{sessions: session.New(opts), pause: pause}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// clients are those of one account and region.
type clients = session.Clients

// global returns the clients for services without regions.
func (s *service) global(ctx context.Context, account string) (*clients, error) {
	return s.sessions.Global(ctx, account)
}

// in returns the clients for a region.
func (s *service) in(ctx context.Context, account, region string) (*clients, error) {
	return s.sessions.In(ctx, account, region)
}

func failed(err error, format string, args ...any) error {
	return session.Failed(err, format, args...)
}

func answered(err error, codes ...string) bool { return session.Answered(err, codes...) }

func permanent(err error) bool { return session.Permanent(err) }

func badInput(format string, args ...any) error { return session.BadInput(format, args...) }

// Reading back: eight looks in about fifteen seconds, which is far beyond the usual lag of IAM
// and EC2 and still inside one attempt.
const (
	settleLooks = 8
	settleFirst = 250 * time.Millisecond
	settleMost  = 4 * time.Second
)

// settle looks until what was done shows. Not in time is a passing error: the next attempt finds
// it done and looks again.
func (s *service) settle(ctx context.Context, what string, look func(context.Context) (bool, error)) error {
	wait := settleFirst
	for i := range settleLooks {
		if i > 0 {
			if err := s.pause(ctx, wait); err != nil {
				return fmt.Errorf("%s: wait until it shows: %w", what, err)
			}
			wait = min(2*wait, settleMost)
		}
		shows, err := look(ctx)
		if err != nil {
			return err
		}
		if shows {
			return nil
		}
	}
	return activities.Passing("NotVerified", 0, fmt.Errorf("%s: done, but it does not show yet after %d looks", what, settleLooks))
}
