package aws

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities"
)

const (
	auditTimeout = 15 * time.Minute
	// auditAttempts bounds the SDK's retries of one of the many requests of an audit: to start again
	// with the first user for a throttled minute would be throttled again.
	auditAttempts = 10
	auditPage     = 1000
	keysLimit     = 1000
	keysLimitMost = 5000 // about 1 MB of the 2 that an answer may have
)

func (s *service) registerAudit(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.list_access_keys",
		Title: "List the access keys of all IAM users",
		Doc: "With age and last use, by user. It asks AWS once for each user and once for each key that is old enough, so an account of " +
			"thousands of users takes minutes. AWS brings the last use up to date with a delay of some hours.",
		Effect:      activities.Read,
		Permissions: []string{"iam:ListUsers", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"},
		Scopes:      scopes(anyUser, "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"),
		Timeout:     auditTimeout,
		Heartbeat:   time.Minute,
	}, s.listAccessKeys)
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.get_account_summary",
		Title:       "Find how the root user of an account is secured",
		Effect:      activities.Read,
		Permissions: []string{"iam:GetAccountSummary"},
	}, s.getAccountSummary)
}

type listKeysInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits to look in"`
	Status     string `json:"status,omitempty" jsonschema:"Active or Inactive, to leave the others out"`
	OlderThan  int    `json:"older_than_days,omitempty" jsonschema:"leaves out keys that were made since; 0 by default"`
	UnusedDays int    `json:"unused_days,omitempty" jsonschema:"leaves out keys that were used in so many days; 0 by default"`
	Limit      int    `json:"limit,omitempty" jsonschema:"how many keys to return; 1000 by default, at most 5000"`
}

type listedKey struct {
	Account     string    `json:"account" jsonschema:"account that it is of"`
	User        string    `json:"user" jsonschema:"IAM user that owns the key"`
	AccessKeyID string    `json:"access_key_id" jsonschema:"the key, as AKIAIOSFODNN7EXAMPLE"`
	Status      string    `json:"status" jsonschema:"Active, Inactive or Expired"`
	Created     time.Time `json:"created" jsonschema:"when it was made"`
	AgeDays     int       `json:"age_days" jsonschema:"whole days since then"`
	NeverUsed   bool      `json:"never_used" jsonschema:"true if AWS knows of no use"`
	LastUsed    time.Time `json:"last_used,omitzero" jsonschema:"last known use; absent if never_used"`
	IdleDays    int       `json:"idle_days" jsonschema:"whole days since the last use, or since it was made if never_used"`
	Service     string    `json:"service" jsonschema:"service it was last used with, as s3; empty if never_used"`
}

type listKeysOutput struct {
	Keys      []listedKey `json:"keys" jsonschema:"the keys, by user"`
	Users     int         `json:"users" jsonschema:"how many users were looked at"`
	Truncated bool        `json:"truncated" jsonschema:"true if there are more keys than the limit"`
}

func (s *service) listAccessKeys(ctx context.Context, in listKeysInput) (listKeysOutput, error) {
	what := "list the access keys of account " + in.Account
	if in.Limit == 0 {
		in.Limit = keysLimit
	}
	switch {
	case in.Limit < 0 || in.Limit > keysLimitMost:
		return listKeysOutput{}, badInput("%s: limit %d: want 1 to %d", what, in.Limit, keysLimitMost)
	case in.OlderThan < 0 || in.UnusedDays < 0:
		return listKeysOutput{}, badInput("%s: want days that are not negative", what)
	case in.Status != "" && in.Status != string(types.StatusTypeActive) && in.Status != string(types.StatusTypeInactive):
		return listKeysOutput{}, badInput("%s: status %q: want Active or Inactive", what, in.Status)
	}
	// Age is counted to when the step asked, not to now: every attempt finds the same.
	asked := activities.InfoFrom(ctx).Scheduled
	if asked.IsZero() {
		return listKeysOutput{}, activities.Permanent("NoStep", fmt.Errorf("%s: no time: only a step of a run may call it", what))
	}
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return listKeysOutput{}, err
	}
	out := listKeysOutput{Keys: []listedKey{}}
	users := iam.NewListUsersPaginator(c.IAM(), &iam.ListUsersInput{MaxItems: sdk.Int32(auditPage)})
	for users.HasMorePages() && !out.Truncated {
		page, err := users.NextPage(ctx, patiently)
		if err != nil {
			return listKeysOutput{}, failed(err, "%s: list the users", what)
		}
		for _, u := range page.Users {
			if err := out.add(ctx, c, in, sdk.ToString(u.UserName), asked, what); err != nil {
				return listKeysOutput{}, err
			}
			if out.Truncated {
				break
			}
			out.Users++
			activities.Heartbeat(ctx, fmt.Sprintf("%d users", out.Users))
		}
	}
	return out, nil
}

func patiently(o *iam.Options) { o.RetryMaxAttempts = auditAttempts }

// add adds those of a user's keys that were asked for.
func (out *listKeysOutput) add(ctx context.Context, c *clients, in listKeysInput, user string, asked time.Time, what string) error {
	pages := iam.NewListAccessKeysPaginator(c.IAM(), &iam.ListAccessKeysInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, patiently)
		if answered(err, "NoSuchEntity") {
			return nil // deleted since the users were listed
		}
		if err != nil {
			return failed(err, "%s: list the keys of user %s", what, user)
		}
		for _, k := range page.AccessKeyMetadata {
			key := listedKey{
				Account: in.Account, User: user, AccessKeyID: sdk.ToString(k.AccessKeyId), Status: string(k.Status),
				Created: sdk.ToTime(k.CreateDate).UTC(), AgeDays: days(asked.Sub(sdk.ToTime(k.CreateDate))),
			}
			if key.AgeDays < max(in.OlderThan, in.UnusedDays) || in.Status != "" && key.Status != in.Status {
				continue // a key younger than that has had no time to lie unused
			}
			if err := key.use(ctx, c, asked, what); err != nil {
				return err
			}
			if key.IdleDays < in.UnusedDays {
				continue
			}
			if len(out.Keys) == in.Limit {
				out.Truncated = true
				return nil
			}
			out.Keys = append(out.Keys, key)
		}
	}
	return nil
}

// use asks for the last use of a key.
func (k *listedKey) use(ctx context.Context, c *clients, asked time.Time, what string) error {
	k.NeverUsed, k.IdleDays = true, k.AgeDays
	out, err := c.IAM().GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &k.AccessKeyID}, patiently)
	if answered(err, "NoSuchEntity") {
		return nil
	}
	if err != nil {
		return failed(err, "%s: look up key %s", what, k.AccessKeyID)
	}
	if last := out.AccessKeyLastUsed; last != nil && last.LastUsedDate != nil {
		k.NeverUsed, k.LastUsed, k.Service = false, last.LastUsedDate.UTC(), known(last.ServiceName)
		k.IdleDays = days(asked.Sub(k.LastUsed))
	}
	return nil
}

func days(d time.Duration) int { return max(int(d/(24*time.Hour)), 0) }

type accountInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits to look in"`
}

type accountSummaryOutput struct {
	RootMFA          bool `json:"root_mfa" jsonschema:"true if the root user has a second factor"`
	RootAccessKeys   int  `json:"root_access_keys" jsonschema:"how many access keys the root user has; it should have none"`
	RootCertificates int  `json:"root_certificates" jsonschema:"how many signing certificates the root user has; it should have none"`
	Users            int  `json:"users" jsonschema:"how many IAM users there are"`
}

func (s *service) getAccountSummary(ctx context.Context, in accountInput) (accountSummaryOutput, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return accountSummaryOutput{}, err
	}
	out, err := c.IAM().GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return accountSummaryOutput{}, failed(err, "look at the summary of account %s", in.Account)
	}
	return accountSummaryOutput{
		RootMFA:          out.SummaryMap[string(types.SummaryKeyTypeAccountMFAEnabled)] > 0,
		RootAccessKeys:   int(out.SummaryMap[string(types.SummaryKeyTypeAccountAccessKeysPresent)]),
		RootCertificates: int(out.SummaryMap[string(types.SummaryKeyTypeAccountSigningCertificatesPresent)]),
		Users:            int(out.SummaryMap[string(types.SummaryKeyTypeUsers)]),
	}, nil
}
