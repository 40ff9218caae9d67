// Package session hands out the clients by which activities reach AWS accounts, with credentials for
// the account that a call names and for nothing else.
//
// Configuration is loaded at the first call for a region, by the SDK's own rules: environment,
// profile, web identity, container, instance. STS is asked whose credentials it holds. Without
// [Options].Accounts a call that names another account is refused, for good.
//
// With [Options].Accounts each account is reached by a role in it: one that only looks, and one that
// responds, which is taken while an effect is being made (see activities.ActingFrom) and cut to that
// effect's permissions on what its input names. The sessions bear the run and who approved it, last a
// quarter of an hour, and are shared by the calls of a run.
//
// What changes something is sent only with a context that is [Cleared].
//
// errors.go decides which of the provider's errors are worth a retry.
package session

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

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
	// Accounts are the accounts to act in, by roles in each; nil is the one of the credentials.
	Accounts *Accounts
	// Clock tells the time; nil is time.Now.
	Clock func() time.Time
	// Backoff is the SDK's between its own retries; nil is its default.
	Backoff retry.BackoffDelayer
}

// Sessions hands out clients. It is safe for concurrent use.
type Sessions struct {
	opts Options
	// base are the clients with the worker's own credentials, by region; roles the credentials for
	// accounts, and clients those that use them.
	base    lru[*slot]
	roles   lru[*assumed]
	clients lru[*Clients]
	hubs    lru[*assumed]
	// worker is the ARN of who the worker itself is, once it is known.
	worker  atomic.Value
	members members
}

// slot holds the clients of one region once they are there.
type slot struct {
	lock  turn
	ready *Clients
}

// How much is kept. Clients are the heavy ones, some ten KiB each, and an audit of hundreds of accounts
// comes back to few of them.
const (
	keptRegions     = 64
	keptCredentials = 1024
	keptClients     = 128
)

// New makes no call.
func New(opts Options) *Sessions {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	return &Sessions{
		opts: opts, base: lru[*slot]{most: keptRegions}, roles: lru[*assumed]{most: keptCredentials}, clients: lru[*Clients]{most: keptClients},
		hubs: lru[*assumed]{most: keptRegions}, members: members{lock: make(turn, 1)},
	}
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	// A region becomes part of a host name, and may come from an event.
	regionForm = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]{2,10}){1,3}-[0-9]{1,2}$`)
)

// Global returns the clients for services without regions.
func (s *Sessions) Global(ctx context.Context, account string) (*Clients, error) {
	return s.reach(ctx, account, "")
}

// In returns the clients for a region.
func (s *Sessions) In(ctx context.Context, account, region string) (*Clients, error) {
	if !regionForm.MatchString(region) {
		return nil, BadInput("region %q: want a name as eu-west-1", region)
	}
	return s.reach(ctx, account, region)
}

// Home returns the clients with the worker's own credentials if they belong to the account, and else
// those that look at it: what an effect is made with, its secrets, is no part of what it may do.
func (s *Sessions) Home(ctx context.Context, account, region string) (*Clients, error) {
	if s.opts.Accounts == nil {
		return s.In(ctx, account, region)
	}
	if !regionForm.MatchString(region) {
		return nil, BadInput("region %q: want a name as eu-west-1", region)
	}
	c, err := s.dialed(ctx, region)
	if err != nil || c.Account == account {
		return c, err
	}
	return s.reach(activities.WithoutActing(ctx), account, region)
}

// reach returns the clients for a region of an account: with the worker's credentials if they belong to
// it, or by the account's role.
func (s *Sessions) reach(ctx context.Context, account, region string) (*Clients, error) {
	if !accountForm.MatchString(account) {
		return nil, BadInput("account %q: want twelve digits", account)
	}
	if s.opts.Accounts == nil {
		c, err := s.dialed(ctx, region)
		if err == nil && c.Account != account {
			return nil, activities.Permanent("WrongAccount",
				fmt.Errorf("the credentials are for account %s, the call names account %s", c.Account, account))
		}
		return c, err
	}
	if err := s.known(ctx, account); err != nil {
		return nil, err
	}
	who, err := s.as(ctx, account)
	if err != nil {
		return nil, err
	}
	return s.by(ctx, who, region)
}

// by returns the clients of a role.
func (s *Sessions) by(ctx context.Context, who identity, region string) (*Clients, error) {
	own, err := s.dialed(ctx, region)
	if err != nil {
		return nil, err
	}
	key := who.key()
	role := s.roles.get(key, func() *assumed {
		return newAssumed(s.opts.Clock, func(ctx context.Context) (sdk.Credentials, error) { return s.take(ctx, own, who) })
	})
	// Here, so that a role that cannot be taken is told as that, and not as the failure of a call.
	if _, err := role.Retrieve(ctx); err != nil {
		return nil, err
	}
	return s.clients.get(key+own.Region, func() *Clients {
		return s.dressed(own.plain, role, s.opts.Accounts.sessionARN(who))
	}), nil
}

// dressed makes clients that act with some credentials, and change nothing that nobody has asked about.
func (s *Sessions) dressed(plain sdk.Config, by sdk.CredentialsProvider, arn string) *Clients {
	cfg := with(plain, by)
	cfg.APIOptions = append(cfg.APIOptions, refuseUncleared)
	c := &Clients{Account: strings.Split(arn, ":")[4], ARN: arn, Principal: principalOf(arn), Region: plain.Region, config: cfg, plain: plain}
	c.Roles = []string{c.Principal}
	if a := s.opts.Accounts; a != nil {
		c.Roles = []string{a.role(c.Account, a.Roles.Read), a.role(c.Account, a.Roles.Respond)}
	}
	return c
}

// with is a configuration with credentials that are got anew when they have run out.
func with(plain sdk.Config, by sdk.CredentialsProvider) sdk.Config {
	cfg := plain.Copy()
	cfg.Credentials = by
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), renewed(by))
	return cfg
}

// take asks for a session of a role in the region where it will be used: STS has an endpoint in each, and
// one that is down does not stop the others. Where the hub has not opted into that region, it asks at home.
func (s *Sessions) take(ctx context.Context, own *Clients, who identity) (sdk.Credentials, error) {
	got, err := assume(ctx, s.hub(own), who)
	if !Answered(err, "RegionDisabledException") {
		return got, err
	}
	home, dialed := s.dialed(ctx, "")
	if dialed != nil || home.Region == own.Region {
		return got, err
	}
	return assume(ctx, s.hub(home), who)
}

// hub is the configuration with which roles in accounts are taken.
func (s *Sessions) hub(own *Clients) sdk.Config {
	arn := s.opts.Accounts.Hub
	if arn == "" {
		return with(own.plain, own.plain.Credentials)
	}
	return with(own.plain, s.hubs.get(own.Region, func() *assumed {
		who := identity{account: strings.Split(arn, ":")[4], role: arn, name: nobody}
		return newAssumed(s.opts.Clock, func(ctx context.Context) (sdk.Credentials, error) {
			return assume(ctx, with(own.plain, own.plain.Credentials), who)
		})
	}))
}
