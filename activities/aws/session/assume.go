package session

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/policy"
)

const (
	// sessionTime is how long credentials for an account last: the shortest that STS gives.
	sessionTime = 15 * time.Minute
	// renewEarly is how long before their end credentials are not used for new calls.
	renewEarly = 3 * time.Minute
	// nobody is who is behind a session for which no people decided.
	nobody = "countersign"
)

// identity is as whom a call is made: what a request for a session says.
type identity struct {
	account, role string // the role by its ARN
	name, source  string
	tags          []types.Tag
	policy        string
	external      string
}

// as decides as whom a call is made in an account. While an effect is being made it is the responding
// role, cut to that effect, and the session names who approved it; else it is the reading one.
func (s *Sessions) as(ctx context.Context, account string) (identity, error) {
	a := s.opts.Accounts
	run := activities.InfoFrom(ctx).Run
	who := identity{account: account, role: a.role(account, a.Roles.Read), source: nobody, external: a.ExternalID}
	acting, changes := activities.ActingFrom(ctx)
	if changes {
		run = acting.Run
		who.role = a.role(account, a.Roles.Respond)
		if len(acting.By) > 0 {
			who.source = name(acting.By[0])
		}
		cut, err := policy.Session(acting.Spec, acting.Input, a.Partition)
		if err != nil {
			return identity{}, BadInput("cut the credentials to the call: %w", err)
		}
		who.policy = cut.String()
	}
	who.name = name(run)
	for key, value := range map[string]string{"case": run, "step": acting.Step, "approval": acting.Approval} {
		if value = tagText(value); value != "" {
			who.tags = append(who.tags, types.Tag{Key: sdk.String(key), Value: &value})
		}
	}
	slices.SortFunc(who.tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return who, nil
}

// key is the same for calls that may share a session.
func (who identity) key() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q", who.role, who.name, who.source, who.policy)
	for _, tag := range who.tags {
		fmt.Fprintf(h, " %q=%q", *tag.Key, *tag.Value)
	}
	return string(h.Sum(nil))
}

// name makes a text one that STS takes as the name of a session or of who is behind it.
func name(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("+=,.@-_", r)) {
			return r
		}
		return '-'
	}, text)
	if len(text) > 64 {
		text = text[:64]
	}
	if len(text) < 2 {
		return nobody
	}
	return text
}

// tagText makes a text one that STS takes as the value of a tag.
func tagText(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.:/=+-@ ", r) {
			return r
		}
		return '-'
	}, text)
	if runes := []rune(text); len(runes) > 256 {
		text = string(runes[:256])
	}
	return text
}

// assumed are the credentials of a role, got when they are needed and again before they end. It caches by
// itself: the SDK's own cache goes by the machine's clock, and cannot be told of credentials that were
// refused.
type assumed struct {
	clock func() time.Time
	ask   func(context.Context) (sdk.Credentials, error)

	lock turn
	has  sdk.Credentials
}

func newAssumed(clock func() time.Time, ask func(context.Context) (sdk.Credentials, error)) *assumed {
	return &assumed{clock: clock, ask: ask, lock: make(turn, 1)}
}

// Retrieve is what the SDK calls before it signs a request.
func (a *assumed) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	select {
	case a.lock <- struct{}{}:
		defer func() { <-a.lock }()
	case <-ctx.Done():
		return sdk.Credentials{}, ctx.Err()
	}
	left := a.has.Expires.Sub(a.clock())
	if a.has.HasKeys() && left > renewEarly {
		return a.has, nil
	}
	got, err := a.ask(ctx)
	if err != nil {
		if a.has.HasKeys() && left > 0 && !Permanent(err) {
			return a.has, nil // the next call asks again
		}
		return sdk.Credentials{}, err
	}
	a.has = got
	return got, nil
}

// forget drops credentials that were refused as expired, unless there are others already.
func (a *assumed) forget(ctx context.Context, accessKeyID string) bool {
	select {
	case a.lock <- struct{}{}:
		defer func() { <-a.lock }()
	case <-ctx.Done():
		return false
	}
	if a.has.AccessKeyID == accessKeyID {
		a.has = sdk.Credentials{}
	}
	return true
}

// assume asks STS for a session, as by, in the region where it will be used.
func assume(ctx context.Context, by sdk.Config, who identity) (sdk.Credentials, error) {
	in := &sts.AssumeRoleInput{
		RoleArn: &who.role, RoleSessionName: &who.name, DurationSeconds: sdk.Int32(int32(sessionTime / time.Second)), Tags: who.tags,
	}
	for to, value := range map[**string]string{&in.SourceIdentity: who.source, &in.ExternalId: who.external, &in.Policy: who.policy} {
		if value != "" {
			*to = &value
		}
	}
	out, err := sts.NewFromConfig(by).AssumeRole(ctx, in)
	if err != nil {
		return sdk.Credentials{}, Failed(err, "take the role %s", who.role)
	}
	as := ""
	if out.AssumedRoleUser != nil {
		as = sdk.ToString(out.AssumedRoleUser.Arn)
	}
	if part := strings.Split(as, ":"); out.Credentials == nil || len(part) != 6 || part[4] != who.account || !strings.HasPrefix(part[5], "assumed-role/") {
		return sdk.Credentials{}, activities.Permanent("WrongAccount", fmt.Errorf("take the role %s: STS gave a session of %q", who.role, as))
	}
	return sdk.Credentials{
		AccessKeyID: sdk.ToString(out.Credentials.AccessKeyId), SecretAccessKey: sdk.ToString(out.Credentials.SecretAccessKey),
		SessionToken: sdk.ToString(out.Credentials.SessionToken), Source: "countersign",
		CanExpire: true, Expires: sdk.ToTime(out.Credentials.Expiration), AccountID: who.account,
	}, nil
}
