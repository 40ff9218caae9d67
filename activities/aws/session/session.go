// Package session hands out the clients by which activities reach AWS accounts, with credentials for
// the account that a call names and for nothing else.
//
// Configuration is loaded at the first call for a region, by the SDK's own rules: environment,
// profile, web identity, container, instance. Before a client is used STS is asked whose credentials
// it holds; a call that names another account is refused, for good.
//
// errors.go decides which of the provider's errors are worth a retry.
package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/countersign/countersign/activities"
)

const (
	// SDKAttempts bounds the SDK's retries of one request. They bridge a throttled second; the
	// engine bridges the rest.
	SDKAttempts = 3
	// homeRegion signs the calls of IAM, which has no regions, where no region is configured.
	homeRegion = "us-east-1"
)

// Options says how to reach AWS. The zero value is right in production.
type Options struct {
	// Endpoint replaces the address of every AWS service; tests point it at a stand-in. Empty:
	// AWS_ENDPOINT_URL, else the provider's own.
	Endpoint string
	// HTTPClient replaces the SDK's client for the calls of the activities. The SDK still fetches
	// credentials with its own, and only its own knows AWS_CA_BUNDLE.
	HTTPClient sdk.HTTPClient
	// Credentials replaces the SDK's default chain.
	Credentials sdk.CredentialsProvider
	// Backoff is the SDK's between its own retries; nil is its default.
	Backoff retry.BackoffDelayer
}

// Sessions hands out clients. It is safe for concurrent use.
type Sessions struct {
	opts    Options
	mu      sync.Mutex
	regions map[string]*regional
}

// regional holds the clients of one region once they are there. The one-place channel is a lock
// that a cancelled call need not wait for.
type regional struct {
	lock  chan struct{}
	ready *Clients
}

// New makes no call.
func New(opts Options) *Sessions {
	return &Sessions{opts: opts, regions: map[string]*regional{}}
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	// A region becomes part of a host name, and may come from an event.
	regionForm = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]{2,10}){1,3}-[0-9]{1,2}$`)
)

// Global returns the clients for services without regions.
func (s *Sessions) Global(ctx context.Context, account string) (*Clients, error) {
	return s.clients(ctx, account, "")
}

// In returns the clients for a region.
func (s *Sessions) In(ctx context.Context, account, region string) (*Clients, error) {
	if !regionForm.MatchString(region) {
		return nil, BadInput("region %q: want a name as eu-west-1", region)
	}
	return s.clients(ctx, account, region)
}

// clients returns the clients for a region if their credentials belong to account.
func (s *Sessions) clients(ctx context.Context, account, region string) (*Clients, error) {
	if !accountForm.MatchString(account) {
		return nil, BadInput("account %q: want twelve digits", account)
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
	if r.ready.Account != account {
		return nil, activities.Permanent("WrongAccount",
			fmt.Errorf("the credentials are for account %s, the call names account %s", r.ready.Account, account))
	}
	return r.ready, nil
}

// dial loads the configuration for a region and asks whose credentials it holds.
func (s *Sessions) dial(ctx context.Context, region string) (*Clients, error) {
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
		return nil, Failed(err, "ask whose credentials the worker holds")
	}
	return &Clients{Account: sdk.ToString(who.Account), ARN: sdk.ToString(who.Arn), Region: cfg.Region, config: cfg}, nil
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

func (s *Sessions) loadOptions(region string) []func(*config.LoadOptions) error {
	opts := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}), // it would write to standard error; what matters is in the errors
		config.WithRetryer(func() sdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = SDKAttempts
				if s.opts.Backoff != nil {
					o.Backoff = s.opts.Backoff
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
