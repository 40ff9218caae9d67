package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
)

// sessionsPolicy is the inline policy that Countersign owns, one a user or role. It alone is ever
// written or deleted here.
const sessionsPolicy = "CountersignRevokeOlderSessions"

// sessionsDocument is the policy that ends every session issued before a time, in the words that
// the AWS console uses for the same. Long-term access keys have no issue time and are not met.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
func sessionsDocument(before time.Time) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"CountersignRevokeOlderSessions","Effect":"Deny","Action":["*"],"Resource":["*"],` +
		`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"` + before.UTC().Format(time.RFC3339) + `"}}}]}`
}

// revokedBefore reads the time back from a policy, if it is exactly one that sessionsDocument writes.
func revokedBefore(document string) (time.Time, bool) {
	var policy struct {
		Statement []struct {
			Condition struct {
				DateLessThan map[string]time.Time
			}
		}
	}
	if json.Unmarshal([]byte(document), &policy) != nil || len(policy.Statement) != 1 {
		return time.Time{}, false
	}
	before, ok := policy.Statement[0].Condition.DateLessThan["aws:TokenIssueTime"]
	return before, ok && plain(document) && sameDocument(document, sessionsDocument(before))
}

// sameDocument compares policies by meaning; IAM may give one back spaced otherwise.
func sameDocument(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	x, errX := digest.Of(json.RawMessage(a))
	y, errY := digest.Of(json.RawMessage(b))
	return errX == nil && errY == nil && x == y
}

// principal is whose inline policy is meant: a user or a role. Both work alike under different
// names; iam_sessions_user.go and iam_sessions_role.go are the names.
type principal interface {
	fmt.Stringer
	// check looks up who it is, and refuses whose policies are not ours to write.
	check(ctx context.Context) (*clients, thing, error)
	// exists refuses who is not there where the policies of nobody read as none.
	exists(ctx context.Context) error
	get(ctx context.Context) (document *string, err error)
	put(ctx context.Context, document string) error
	remove(ctx context.Context) error
}

// sessionsOf returns the policy as it is, "" if there is none.
func sessionsOf(ctx context.Context, p principal) (string, error) {
	encoded, err := p.get(ctx)
	if answered(err, "NoSuchEntity") || encoded == nil && err == nil {
		return "", nil
	}
	if err != nil {
		return "", failed(err, "read policy %s of %s", sessionsPolicy, p)
	}
	document, err := url.PathUnescape(*encoded) // IAM percent-encodes policies, by RFC 3986
	if err != nil {
		return "", activities.Permanent("BadPolicy", fmt.Errorf("read policy %s of %s: %w", sessionsPolicy, p, err))
	}
	return document, nil
}

// revoked is what a revocation returns, beside its JSON.
type revoked struct {
	PolicyName     string    `json:"policy_name" jsonschema:"inline policy that ends the sessions"`
	RevokedBefore  time.Time `json:"revoked_before" jsonschema:"sessions issued before this time are denied everything"`
	PreviousPolicy string    `json:"previous_policy" jsonschema:"policy of that name found before, as JSON; empty if there was none"`
	Changed        bool      `json:"changed" jsonschema:"false if sessions of that age were revoked already"`
	Verified       bool      `json:"verified" jsonschema:"true if the policy was read back as it should be"`
}

// findSessions is what both a revocation and its preview look at first: the line, and the policy.
func (s *service) findSessions(ctx context.Context, p principal, asked time.Time, what string) (_ context.Context, line time.Time, now string, err error) {
	scheduled := activities.InfoFrom(ctx).Scheduled
	if scheduled.IsZero() {
		return nil, line, "", activities.Permanent("NoStep", fmt.Errorf("%s: no time: only a step of a run may call it", what))
	}
	// Policies count in seconds. Up, not down: a session of that very second must not slip through.
	line = scheduled.UTC().Truncate(time.Second)
	if line.Before(scheduled) {
		line = line.Add(time.Second)
	}
	if !asked.IsZero() {
		if asked.After(line) {
			return nil, line, "", badInput("%s: revoked_before %s is in the future, and would deny sessions yet to come", what, asked.Format(time.RFC3339))
		}
		line = asked.UTC().Truncate(time.Second)
	}
	c, who, err := p.check(ctx)
	if err != nil {
		return nil, line, "", err
	}
	if ctx, err = s.clear(ctx, c, what, who); err != nil {
		return nil, line, "", err
	}
	now, err = sessionsOf(ctx, p)
	return ctx, line, now, err
}

// revokeSessions ends the sessions issued before a time: at the latest, and by default, the time
// that the step asked. That is the same at every attempt, so a retry never moves the line.
func (s *service) revokeSessions(ctx context.Context, p principal, asked time.Time) (revoked, error) {
	what := fmt.Sprintf("revoke the sessions of %s", p)
	ctx, line, now, err := s.findSessions(ctx, p, asked, what)
	if err != nil {
		return revoked{}, err
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return revoked{}, err
	}
	out := revoked{PolicyName: sessionsPolicy, RevokedBefore: line, PreviousPolicy: first, Verified: true}
	if there, ours := revokedBefore(first); ours && !there.Before(line) {
		out.RevokedBefore = there
		return out, nil
	}
	out.Changed = true
	if there, ours := revokedBefore(now); ours && !there.Before(line) {
		return out, nil // by an earlier attempt
	}
	if err := p.put(ctx, sessionsDocument(line)); err != nil {
		return revoked{}, failed(err, "%s", what)
	}
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		now, err := sessionsOf(ctx, p)
		return sameDocument(now, sessionsDocument(line)), err
	})
}

// restored is what a restore returns.
type restored struct {
	PreviousPolicy string `json:"previous_policy" jsonschema:"policy found before, as JSON; empty if there was none"`
	Changed        bool   `json:"changed" jsonschema:"false if the policy was no longer the one to take back"`
	Verified       bool   `json:"verified" jsonschema:"true if the policy was read back as it should be, or was left alone"`
}

// revocation is one to take back: what it found, and what it wrote.
type revocation struct {
	policy, previous string
	before           time.Time
}

// find is what both a restore and its preview look at first.
func (r revocation) find(ctx context.Context, p principal, what string) (now string, err error) {
	if r.policy != sessionsPolicy {
		return "", badInput("%s: policy %s is not Countersign's; want %s", what, r.policy, sessionsPolicy)
	}
	if _, ours := revokedBefore(r.previous); r.previous != "" && !ours {
		// Writing what the caller says would be a way to grant rights.
		return "", badInput("%s: Countersign did not write the policy to put back; put it back by hand", what)
	}
	if err := p.exists(ctx); err != nil {
		return "", err
	}
	return sessionsOf(ctx, p)
}

// stands reports whether the policy is still the one that the revocation wrote.
func (r revocation) stands(document string) bool {
	there, ours := revokedBefore(document)
	return ours && there.Equal(r.before) && !sameDocument(document, r.previous)
}

// restoreSessions takes back the revocation of a time, if it still stands: a later one is another
// run's, and a changed one is somebody's.
func (s *service) restoreSessions(ctx context.Context, p principal, r revocation) (restored, error) {
	what := fmt.Sprintf("take back the revocation of sessions of %s", p)
	now, err := r.find(ctx, p, what)
	if err != nil {
		return restored{}, err
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return restored{}, err
	}
	ctx, previous := released(ctx), r.previous
	out := restored{PreviousPolicy: first, Changed: r.stands(first), Verified: true}
	if !r.stands(now) {
		return out, nil
	}
	if previous == "" {
		err = p.remove(ctx)
	} else {
		err = p.put(ctx, previous)
	}
	if err != nil && (previous != "" || !answered(err, "NoSuchEntity")) {
		return restored{}, failed(err, "%s", what)
	}
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		now, err := sessionsOf(ctx, p)
		return sameDocument(now, previous), err
	})
}
