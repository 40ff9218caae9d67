package aws

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerPrincipal(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.get_principal",
		Title: "Find what an IAM user or role is and has",
		Doc: "Its groups, policies, keys and last use: who a finding is about. What the policies allow, also those of its groups, is not looked at. " +
			"The output is sensitive and kept in the history of the run.",
		Effect: activities.Read,
		Permissions: []string{
			"iam:GetUser", "iam:ListGroupsForUser", "iam:ListAttachedUserPolicies", "iam:ListUserPolicies", "iam:ListAccessKeys",
			"iam:GetAccessKeyLastUsed", "iam:GetLoginProfile", "iam:ListMFADevices",
			"iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
		},
		Timeout: iamTimeout,
	}, s.getPrincipal)
}

type principalInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits to look in"`
	User    string `json:"user,omitempty" jsonschema:"IAM user to look at; exactly one of user and role"`
	Role    string `json:"role,omitempty" jsonschema:"IAM role to look at; exactly one of user and role"`
}

type principalTag struct {
	Key   string `json:"key" jsonschema:"name of the tag"`
	Value string `json:"value" jsonschema:"what it says"`
}

type principalKey struct {
	AccessKeyID string    `json:"access_key_id" jsonschema:"the key, as AKIAIOSFODNN7EXAMPLE"`
	Status      string    `json:"status" jsonschema:"Active, Inactive or Expired"`
	Created     time.Time `json:"created" jsonschema:"when it was made"`
	LastUsed    time.Time `json:"last_used,omitzero" jsonschema:"last known use; absent if never"`
}

type principalOutput struct {
	Kind          string         `json:"kind" jsonschema:"user or role"`
	ARN           string         `json:"arn" jsonschema:"its ARN"`
	ID            string         `json:"id" jsonschema:"its unique id, as AIDAIOSFODNN7EXAMPLE"`
	Created       time.Time      `json:"created" jsonschema:"when it was made"`
	Description   string         `json:"description" jsonschema:"of a role"`
	ServiceLinked bool           `json:"service_linked" jsonschema:"true for a role that only its service may change"`
	Protected     bool           `json:"protected" jsonschema:"true if its tags keep effects away from it"`
	Quarantined   bool           `json:"quarantined" jsonschema:"true if it has the inline policy CountersignQuarantine"`
	Tags          []principalTag `json:"tags" jsonschema:"its tags, by name"`
	Groups        []string       `json:"groups" jsonschema:"groups of a user, by name"`
	Attached      []string       `json:"attached" jsonschema:"ARNs of managed policies that are attached to itself"`
	Inline        []string       `json:"inline" jsonschema:"names of its inline policies"`
	Boundary      string         `json:"boundary" jsonschema:"ARN of its permissions boundary; empty if it has none"`
	Console       bool           `json:"console" jsonschema:"true if a user has a password for the console"`
	MFADevices    int            `json:"mfa_devices" jsonschema:"second factors of a user"`
	Keys          []principalKey `json:"keys" jsonschema:"access keys of a user"`
	NeverUsed     bool           `json:"never_used" jsonschema:"true if IAM knows of no use: of a user, by password or key"`
	LastUsed      time.Time      `json:"last_used,omitzero" jsonschema:"last known use; absent if never_used"`
}

func (s *service) getPrincipal(ctx context.Context, in principalInput) (principalOutput, error) {
	if (in.User == "") == (in.Role == "") {
		return principalOutput{}, badInput("look at a principal of account %s: want exactly one of user and role", in.Account)
	}
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return principalOutput{}, err
	}
	f := facts{c: c, out: principalOutput{Kind: "user", Tags: []principalTag{}, Groups: []string{}, Attached: []string{}, Inline: []string{}, Keys: []principalKey{}}}
	if in.User != "" {
		f.what = fmt.Sprintf("look at user %s in account %s", in.User, in.Account)
		err = f.all(ctx, in.User, f.user, f.groups, f.userAttached, f.userInline, f.keys, f.signIn)
	} else {
		f.out.Kind, f.what = "role", fmt.Sprintf("look at role %s in account %s", in.Role, in.Account)
		err = f.all(ctx, in.Role, f.role, f.roleAttached, f.roleInline)
	}
	if err != nil {
		return principalOutput{}, err
	}
	slices.SortFunc(f.out.Tags, func(a, b principalTag) int { return cmp.Compare(a.Key, b.Key) })
	f.out.Quarantined = slices.Contains(f.out.Inline, denyPolicy)
	f.out.NeverUsed = f.out.LastUsed.IsZero()
	return f.out, nil
}

// facts collects what is known of one principal, one request after the other.
type facts struct {
	c    *clients
	what string
	out  principalOutput
}

func (f *facts) all(ctx context.Context, name string, looks ...func(context.Context, string) error) error {
	for _, look := range looks {
		if err := look(ctx, name); err != nil {
			return failed(err, "%s", f.what)
		}
	}
	return nil
}

func (f *facts) used(t *time.Time) {
	if t != nil && t.After(f.out.LastUsed) {
		f.out.LastUsed = t.UTC()
	}
}

func (f *facts) common(arn, id *string, created *time.Time, tags []types.Tag, boundary *types.AttachedPermissionsBoundary) {
	f.out.ARN, f.out.ID, f.out.Created = sdk.ToString(arn), sdk.ToString(id), sdk.ToTime(created).UTC()
	for _, t := range tags {
		f.out.Tags = append(f.out.Tags, principalTag{sdk.ToString(t.Key), sdk.ToString(t.Value)})
		f.out.Protected = f.out.Protected || sdk.ToString(t.Key) == protectedTag && sdk.ToString(t.Value) != "false"
	}
	if boundary != nil {
		f.out.Boundary = sdk.ToString(boundary.PermissionsBoundaryArn)
	}
}

func (f *facts) user(ctx context.Context, name string) error {
	out, err := f.c.IAM().GetUser(ctx, &iam.GetUserInput{UserName: &name})
	if err != nil {
		return err
	}
	f.common(out.User.Arn, out.User.UserId, out.User.CreateDate, out.User.Tags, out.User.PermissionsBoundary)
	f.used(out.User.PasswordLastUsed)
	return nil
}

func (f *facts) role(ctx context.Context, name string) error {
	out, err := f.c.IAM().GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return err
	}
	f.common(out.Role.Arn, out.Role.RoleId, out.Role.CreateDate, out.Role.Tags, out.Role.PermissionsBoundary)
	f.out.Description = sdk.ToString(out.Role.Description)
	f.out.ServiceLinked = strings.HasPrefix(sdk.ToString(out.Role.Path), serviceLinked)
	if last := out.Role.RoleLastUsed; last != nil {
		f.used(last.LastUsedDate)
	}
	return nil
}

func (f *facts) groups(ctx context.Context, name string) error {
	for pages := iam.NewListGroupsForUserPaginator(f.c.IAM(), &iam.ListGroupsForUserInput{UserName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.Groups {
			f.out.Groups = append(f.out.Groups, sdk.ToString(g.GroupName))
		}
	}
	return nil
}

func (f *facts) attached(policies []types.AttachedPolicy) {
	for _, p := range policies {
		f.out.Attached = append(f.out.Attached, sdk.ToString(p.PolicyArn))
	}
}

func (f *facts) userAttached(ctx context.Context, name string) error {
	for pages := iam.NewListAttachedUserPoliciesPaginator(f.c.IAM(), &iam.ListAttachedUserPoliciesInput{UserName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		f.attached(page.AttachedPolicies)
	}
	return nil
}

func (f *facts) roleAttached(ctx context.Context, name string) error {
	for pages := iam.NewListAttachedRolePoliciesPaginator(f.c.IAM(), &iam.ListAttachedRolePoliciesInput{RoleName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		f.attached(page.AttachedPolicies)
	}
	return nil
}

func (f *facts) userInline(ctx context.Context, name string) error {
	for pages := iam.NewListUserPoliciesPaginator(f.c.IAM(), &iam.ListUserPoliciesInput{UserName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		f.out.Inline = append(f.out.Inline, page.PolicyNames...)
	}
	return nil
}

func (f *facts) roleInline(ctx context.Context, name string) error {
	for pages := iam.NewListRolePoliciesPaginator(f.c.IAM(), &iam.ListRolePoliciesInput{RoleName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		f.out.Inline = append(f.out.Inline, page.PolicyNames...)
	}
	return nil
}

func (f *facts) keys(ctx context.Context, name string) error {
	for pages := iam.NewListAccessKeysPaginator(f.c.IAM(), &iam.ListAccessKeysInput{UserName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, k := range page.AccessKeyMetadata {
			key := principalKey{AccessKeyID: sdk.ToString(k.AccessKeyId), Status: string(k.Status), Created: sdk.ToTime(k.CreateDate).UTC()}
			used, err := f.c.IAM().GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId})
			switch {
			case answered(err, "NoSuchEntity"):
				continue // deleted since the keys were listed
			case err != nil:
				return err
			case used.AccessKeyLastUsed != nil && used.AccessKeyLastUsed.LastUsedDate != nil:
				key.LastUsed = used.AccessKeyLastUsed.LastUsedDate.UTC()
				f.used(used.AccessKeyLastUsed.LastUsedDate)
			}
			f.out.Keys = append(f.out.Keys, key)
		}
	}
	return nil
}

func (f *facts) signIn(ctx context.Context, name string) error {
	_, err := f.c.IAM().GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: &name})
	if err != nil && !answered(err, "NoSuchEntity") {
		return err
	}
	f.out.Console = err == nil
	for pages := iam.NewListMFADevicesPaginator(f.c.IAM(), &iam.ListMFADevicesInput{UserName: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		f.out.MFADevices += len(page.MFADevices)
	}
	return nil
}
