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

// iamTimeout leaves room to read back.
const iamTimeout = time.Minute

func (s *service) registerAccessKey(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.get_access_key_last_used",
		Title:       "Find whose an IAM access key is and when it was last used",
		Doc:         "AWS brings the last use up to date with a delay of some hours, so a recent use may be missing.",
		Effect:      activities.Read,
		Targets:     []string{"access_key_id"},
		Permissions: []string{"iam:GetAccessKeyLastUsed"},
		Scopes:      scopes(anyUser, "iam:GetAccessKeyLastUsed"),
	}, s.getAccessKeyLastUsed)
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.disable_access_key",
		Title: "Disable an IAM access key",
		Doc: "Whatever uses the key stops working. Sessions that were made with the key live on, for up to 36 hours: " +
			"follow with aws.iam.revoke_user_sessions.",
		Effect:      activities.Change,
		Undo:        "aws.iam.enable_access_key",
		Targets:     []string{"user", "access_key_id"},
		Permissions: []string{"iam:GetUser", "iam:ListAccessKeys", "iam:UpdateAccessKey"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:ListAccessKeys", "iam:UpdateAccessKey"),
		Timeout:     iamTimeout,
	}, s.disableAccessKey)
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.enable_access_key",
		Title:       "Enable an IAM access key again",
		Effect:      activities.Change,
		Undo:        "aws.iam.disable_access_key",
		Targets:     []string{"user", "access_key_id"},
		Permissions: []string{"iam:ListAccessKeys", "iam:UpdateAccessKey"},
		Scopes:      scopes(userARNs, "iam:ListAccessKeys", "iam:UpdateAccessKey"),
		Timeout:     iamTimeout,
	}, s.enableAccessKey)
}

type accessKeyLastUsedInput struct {
	Account     string `json:"account" jsonschema:"AWS account of twelve digits that the key belongs to"`
	AccessKeyID string `json:"access_key_id" jsonschema:"access key to look up, as AKIAIOSFODNN7EXAMPLE"`
}

type accessKeyLastUsedOutput struct {
	User      string    `json:"user" jsonschema:"IAM user that owns the key"`
	NeverUsed bool      `json:"never_used" jsonschema:"true if AWS knows of no use"`
	LastUsed  time.Time `json:"last_used,omitzero" jsonschema:"last known use; absent if never_used"`
	Service   string    `json:"service" jsonschema:"service the key was last used with, as s3; empty if never_used"`
	Region    string    `json:"region" jsonschema:"region the key was last used in; empty if never_used or unknown"`
}

func (s *service) getAccessKeyLastUsed(ctx context.Context, in accessKeyLastUsedInput) (accessKeyLastUsedOutput, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return accessKeyLastUsedOutput{}, err
	}
	out, err := c.IAM().GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &in.AccessKeyID})
	if err != nil {
		return accessKeyLastUsedOutput{}, failed(err, "look up access key %s in account %s", in.AccessKeyID, in.Account)
	}
	used := accessKeyLastUsedOutput{User: sdk.ToString(out.UserName), NeverUsed: true}
	if last := out.AccessKeyLastUsed; last != nil && last.LastUsedDate != nil {
		used.NeverUsed, used.LastUsed = false, last.LastUsedDate.UTC()
		used.Service, used.Region = known(last.ServiceName), known(last.Region)
	}
	return used, nil
}

// known drops the "N/A" that IAM writes where it knows nothing.
func known(s *string) string {
	if sdk.ToString(s) == "N/A" {
		return ""
	}
	return sdk.ToString(s)
}

type accessKeyInput struct {
	Account        string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User           string `json:"user" jsonschema:"IAM user that owns the key"`
	AccessKeyID    string `json:"access_key_id" jsonschema:"access key to act on, as AKIAIOSFODNN7EXAMPLE"`
	PreviousStatus string `json:"previous_status,omitempty" jsonschema:"set when undoing: Active or Inactive, the status that the call to undo had found; a key that it had found as it wanted it is left alone"`
}

func (in accessKeyInput) String() string {
	return fmt.Sprintf("access key %s of user %s in account %s", in.AccessKeyID, in.User, in.Account)
}

// leave reports that the call to undo had found the key as it wanted it and changed nothing, so
// neither does this one.
func (in accessKeyInput) leave(want types.StatusType) bool {
	return in.PreviousStatus != "" && in.PreviousStatus != string(want)
}

type accessKeyOutput struct {
	PreviousStatus string `json:"previous_status" jsonschema:"status found before: Active, Inactive or Expired"`
	Changed        bool   `json:"changed" jsonschema:"false if the key already was so"`
	Verified       bool   `json:"verified" jsonschema:"true if the status was read back as it should be"`
}

func (s *service) disableAccessKey(ctx context.Context, in accessKeyInput) (accessKeyOutput, error) {
	return s.setAccessKey(ctx, in, "disable", types.StatusTypeInactive)
}

func (s *service) enableAccessKey(ctx context.Context, in accessKeyInput) (accessKeyOutput, error) {
	return s.setAccessKey(ctx, in, "enable", types.StatusTypeActive)
}

func (s *service) setAccessKey(ctx context.Context, in accessKeyInput, verb string, want types.StatusType) (accessKeyOutput, error) {
	what := verb + " " + in.String()
	ctx, c, now, err := s.findAccessKey(ctx, in, want, what)
	if err != nil {
		return accessKeyOutput{}, err
	}
	if in.leave(want) {
		return accessKeyOutput{PreviousStatus: string(now), Verified: string(now) == in.PreviousStatus}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return accessKeyOutput{}, err
	}
	if now != want {
		if _, err := c.IAM().UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
			UserName: &in.User, AccessKeyId: &in.AccessKeyID, Status: want,
		}); err != nil {
			return accessKeyOutput{}, failed(err, "%s", what)
		}
		if err := s.settle(ctx, what, func(ctx context.Context) (bool, error) {
			now, err := accessKeyStatus(ctx, c, in, what)
			return now == want, err
		}); err != nil {
			return accessKeyOutput{}, err
		}
	}
	return accessKeyOutput{PreviousStatus: string(first), Changed: first != want, Verified: true}, nil
}

// findAccessKey is what both the change and its preview look at first.
func (s *service) findAccessKey(ctx context.Context, in accessKeyInput, want types.StatusType, what string) (context.Context, *clients, types.StatusType, error) {
	switch types.StatusType(in.PreviousStatus) {
	case "", types.StatusTypeActive, types.StatusTypeInactive, types.StatusTypeExpired:
	default:
		return nil, nil, "", badInput("%s: previous_status %q: want Active or Inactive", what, in.PreviousStatus)
	}
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return nil, nil, "", err
	}
	now, err := accessKeyStatus(ctx, c, in, what)
	if err != nil {
		return nil, nil, "", err
	}
	if want == types.StatusTypeActive {
		return released(ctx), c, now, nil
	}
	ctx, err = s.clearUser(ctx, c, what, in.User)
	return ctx, c, now, err
}

// noSuchKey is the kind of error for a key that its user does not have.
const noSuchKey = "NoSuchAccessKey"

// accessKeyStatus lists the user's keys: there is no call that reads one.
func accessKeyStatus(ctx context.Context, c *clients, in accessKeyInput, what string) (types.StatusType, error) {
	pages := iam.NewListAccessKeysPaginator(c.IAM(), &iam.ListAccessKeysInput{UserName: &in.User})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", failed(err, "%s: list the keys of the user", what)
		}
		for _, key := range page.AccessKeyMetadata {
			if sdk.ToString(key.AccessKeyId) == in.AccessKeyID {
				return key.Status, nil
			}
		}
	}
	return "", activities.Permanent(noSuchKey, fmt.Errorf("%s: the user has no such key", what))
}
