package aws

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

func (s *service) registerDeleteKey(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.delete_access_key",
		Title: "Delete an IAM access key for good",
		Doc: "Only a key that is Inactive: disable it first with aws.iam.disable_access_key, and wait to see what stops. " +
			"A key that the user does not have counts as deleted.",
		Effect:      activities.Destroy,
		Targets:     []string{"user", "access_key_id"},
		Permissions: []string{"iam:GetUser", "iam:ListAccessKeys", "iam:DeleteAccessKey"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:ListAccessKeys", "iam:DeleteAccessKey"),
		Timeout:     iamTimeout,
	}, s.deleteAccessKey)
	activities.Previews(r, "aws.iam.delete_access_key", s.previewDeleteKey)
}

type deleteKeyInput struct {
	Account     string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User        string `json:"user" jsonschema:"IAM user that owns the key"`
	AccessKeyID string `json:"access_key_id" jsonschema:"access key to delete, as AKIAIOSFODNN7EXAMPLE; it must be Inactive"`
}

func (in deleteKeyInput) key() accessKeyInput {
	return accessKeyInput{Account: in.Account, User: in.User, AccessKeyID: in.AccessKeyID}
}

type deleteKeyOutput struct {
	Changed  bool `json:"changed" jsonschema:"false if the user did not have the key"`
	Verified bool `json:"verified" jsonschema:"true if the user was read back without the key"`
}

func (s *service) deleteAccessKey(ctx context.Context, in deleteKeyInput) (deleteKeyOutput, error) {
	what := "delete " + in.key().String()
	ctx, c, there, err := s.findDeletable(ctx, in, what)
	if err != nil {
		return deleteKeyOutput{}, err
	}
	first, err := activities.Remember(ctx, there)
	if err != nil || !there {
		return deleteKeyOutput{Changed: first, Verified: true}, err
	}
	_, err = c.IAM().DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &in.User, AccessKeyId: &in.AccessKeyID})
	if err != nil && !answered(err, "NoSuchEntity") { // deleted already, by an answer that was lost
		return deleteKeyOutput{}, failed(err, "%s", what)
	}
	err = s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		_, there, err := keyThere(ctx, c, in, what)
		return !there, err
	})
	return deleteKeyOutput{Changed: first, Verified: err == nil}, err
}

// findDeletable is what both the effect and its preview look at first.
func (s *service) findDeletable(ctx context.Context, in deleteKeyInput, what string) (context.Context, *clients, bool, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return nil, nil, false, err
	}
	user, err := userThing(ctx, c, in.User, what)
	if err != nil {
		return nil, nil, false, err
	}
	status, there, err := keyThere(ctx, c, in, what)
	if err != nil {
		return nil, nil, false, err
	}
	if there && status != types.StatusTypeInactive {
		return nil, nil, false, activities.Permanent("KeyNotInactive",
			fmt.Errorf("%s: the key is %s; disable it first with aws.iam.disable_access_key and see what stops", what, status))
	}
	ctx, err = s.clear(ctx, c, what, user)
	return ctx, c, there, err
}

// keyThere tells the status of a key, or that the user has no such key.
func keyThere(ctx context.Context, c *clients, in deleteKeyInput, what string) (types.StatusType, bool, error) {
	status, err := accessKeyStatus(ctx, c, in.key(), what)
	if gone, ok := errors.AsType[*activities.Error](err); ok && gone.Kind == noSuchKey {
		return "", false, nil
	}
	return status, err == nil, err
}

func (s *service) previewDeleteKey(ctx context.Context, in deleteKeyInput) (preview.Preview, error) {
	_, _, there, err := s.findDeletable(ctx, in, "preview of "+in.key().String())
	if err != nil || !there {
		return unchanged, err
	}
	return shown(preview.Change{Target: in.key().String(), What: "status", Before: string(types.StatusTypeInactive), After: "deleted for good"}), nil
}
