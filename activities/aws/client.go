package aws

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/countersign/countersign/activities"
)

const (
	// sdkAttempts bounds the SDK's retries of one request. They bridge a throttled second; the
	// engine bridges the rest.
	sdkAttempts = 3
	// homeRegion signs the calls of IAM, which has no regions, where no region is configured.
	homeRegion = "us-east-1"
)

// service carries what the activities share.
type service struct {
	opts Options
	// pause waits between looks at something that takes time. Tests count instead.
	pause func(context.Context, time.Duration) error
	// backoff is the SDK's between its own retries; nil is its default.
	backoff retry.BackoffDelayer
	mu      sync.Mutex
	regions map[string]*regional
}

// regional holds the clients of one region once they are there. The one-place channel is a lock
// that a cancelled call need not wait for.
type regional struct {
	lock  chan struct{}
	ready *clients
}

// clients are the AWS clients for one region, and the account that their credentials belong to.
type clients struct {
	account    string
	iam        *iam.Client
	ec2        *ec2.Client
	guardduty  *guardduty.Client
	cloudtrail *cloudtrail.Client
	s3         *s3.Client
	secrets    *secretsmanager.Client
}

func newService(opts Options) *service {
	return &service{
		opts:    opts,
		pause:   pause,
		regions: map[string]*regional{},
	}
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

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	// A region becomes part of a host name, and may come from an event.
	regionForm = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]{2,10}){1,3}-[0-9]{1,2}$`)
)

// global returns the clients for services without regions.
func (s *service) global(ctx context.Context, account string) (*clients, error) {
	return s.clients(ctx, account, "")
}

// in returns the clients for a region.
func (s *service) in(ctx context.Context, account, region string) (*clients, error) {
	if !regionForm.MatchString(region) {
		return nil, badInput("region %q: want a name as eu-west-1", region)
	}
	return s.clients(ctx, account, region)
}

// clients returns the clients for a region if their credentials belong to account.
func (s *service) clients(ctx context.Context, account, region string) (*clients, error) {
	if !accountForm.MatchString(account) {
		return nil, badInput("account %q: want twelve digits", account)
	}
	s.mu.Lock()
	r, ok := s.regions[region]
	if !ok {
		r = &regional{lock: make(chan struct{}, 1)}
		s.regions[region] = r
	}
	s.mu.Unlock()

	select {
	case r.lock <- struct{}{}:
		defer func() { <-r.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r.ready == nil {
		c, err := s.dial(ctx, region)
		if err != nil {
			return nil, err
		}
		r.ready = c
	}
	if r.ready.account != account {
		return nil, activities.Permanent("WrongAccount",
			fmt.Errorf("the credentials are for account %s, the call names account %s", r.ready.account, account))
	}
	return r.ready, nil
}

// dial loads the configuration for a region and asks whose credentials it holds.
func (s *service) dial(ctx context.Context, region string) (*clients, error) {
	cfg, err := config.LoadDefaultConfig(ctx, s.loadOptions(region)...)
	if err != nil {
		return nil, activities.Passing("NoConfiguration", 0, fmt.Errorf("load the AWS configuration: %w", err))
	}
	if cfg.Region == "" {
		cfg.Region = homeRegion
	}
	if s.opts.HTTPClient != nil {
		cfg.HTTPClient = s.opts.HTTPClient
	}
	if cfg.HTTPClient == nil { // AWS_CA_BUNDLE makes one
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	cfg.HTTPClient = ownBody{cfg.HTTPClient}
	cfg.APIOptions = append(cfg.APIOptions, noteRequests)
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, failed(err, "ask whose credentials the worker holds")
	}
	return &clients{
		account:    sdk.ToString(who.Account),
		iam:        iam.NewFromConfig(cfg),
		ec2:        ec2.NewFromConfig(cfg),
		guardduty:  guardduty.NewFromConfig(cfg),
		cloudtrail: cloudtrail.NewFromConfig(cfg),
		secrets:    secretsmanager.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.UsePathStyle = o.BaseEndpoint != nil // another endpoint need not have a name for every bucket
		}),
	}, nil
}

// ownBody sends a copy of each request's body. The SDK closes the body as soon as the answer begins,
// while net/http may still be looking for the end of it; from an endpoint that answers at once that
// breaks the connection, and with it the rest of a long answer.
type ownBody struct{ next sdk.HTTPClient }

func (c ownBody) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("read the request to send: %w", err)
		}
		r = r.Clone(r.Context())
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return c.next.Do(r)
}

// noteRequests tells the record of an effect which requests were made for it, by the ids that AWS
// gave them: each answer, also one that is an error or that the SDK tries again after.
func noteRequests(stack *middleware.Stack) error {
	note := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if id, ok := awsmiddleware.GetRequestIDMetadata(metadata); ok {
			activities.Requested(ctx, id)
		}
		return out, metadata, err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("CountersignRequests", note), middleware.Before)
}

func (s *service) loadOptions(region string) []func(*config.LoadOptions) error {
	opts := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}), // it would write to standard error; what matters is in the errors
		config.WithRetryer(func() sdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = sdkAttempts
				if s.backoff != nil {
					o.Backoff = s.backoff
				}
			})
		}),
	}
	if region != "" {
		opts = append(opts, config.WithRegion(region))
	}
	if s.opts.Endpoint != "" {
		opts = append(opts, config.WithBaseEndpoint(s.opts.Endpoint))
	}
	if s.opts.Credentials != nil {
		opts = append(opts, config.WithCredentialsProvider(s.opts.Credentials))
	}
	return opts
}

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
