package session

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

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

// dialed returns the clients with the worker's own credentials.
func (s *Sessions) dialed(ctx context.Context, region string) (*Clients, error) {
	r := s.base.get(region, func() *slot { return &slot{lock: make(turn, 1)} })
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
	return r.ready, nil
}

// homeRegions sign what has no region, where none is configured.
var homeRegions = map[string]string{"aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}

// dial loads the configuration for a region and asks whose credentials it holds.
func (s *Sessions) dial(ctx context.Context, region string) (*Clients, error) {
	cfg, err := config.LoadDefaultConfig(ctx, s.loadOptions(region)...)
	if err != nil {
		return nil, activities.Passing("NoConfiguration", 0, fmt.Errorf("load the AWS configuration: %w", err))
	}
	if cfg.Region == "" {
		cfg.Region = homeRegion
		if a := s.opts.Accounts; a != nil {
			cfg.Region = cmp.Or(homeRegions[a.Partition], homeRegion)
		}
	}
	if s.opts.HTTPClient != nil {
		cfg.HTTPClient = s.opts.HTTPClient
	}
	if cfg.HTTPClient == nil { // AWS_CA_BUNDLE makes one
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	cfg.HTTPClient = ownBody{cfg.HTTPClient}
	cfg.APIOptions = append(cfg.APIOptions, noteRequests)
	if known, ok := s.worker.Load().(string); ok && s.opts.Accounts != nil { // the same in every region
		return s.dressed(cfg, cfg.Credentials, known), nil
	}
	who, err := sts.NewFromConfig(with(cfg, cfg.Credentials)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, Failed(err, "ask whose credentials the worker holds")
	}
	arn := sdk.ToString(who.Arn)
	if strings.Count(arn, ":") < 5 {
		return nil, activities.Permanent("BadIdentity", fmt.Errorf("ask whose credentials the worker holds: STS says %q", arn))
	}
	s.worker.Store(arn)
	return s.dressed(cfg, cfg.Credentials, arn), nil
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
