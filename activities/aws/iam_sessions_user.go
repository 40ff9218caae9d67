package aws

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countersign/countersign/activities"
)

const sessionsDoc = "Puts the inline policy " + sessionsPolicy + ", which denies everything to sessions issued before the step was scheduled. " +
	"New sessions work: stop first what makes them. Long-term access keys are not met. "

func (s *service) registerSessions(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.revoke_user_sessions",
		Title:       "Revoke the sessions of an IAM user",
		Doc:         sessionsDoc + "For a leaked key, disable the key first.",
		Effect:      activities.Change,
		Undo:        "aws.iam.restore_user_sessions",
		Targets:     []string{"user"},
		Permissions: []string{"iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy"),
		Timeout:     iamTimeout,
	}, s.revokeUserSessions)
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.restore_user_sessions",
		Title:       "Take back the revocation of an IAM user's sessions",
		Doc:         "Leaves a later revocation alone, and a policy that somebody has changed. Undoing this revokes again.",
		Effect:      activities.Change,
		Undo:        "aws.iam.revoke_user_sessions",
		Targets:     []string{"user"},
		Permissions: []string{"iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"},
		Scopes:      scopes(userARNs, "iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"),
		Timeout:     iamTimeout,
	}, s.restoreUserSessions)
	s.registerRoleSessions(r)
}

type revokeUserInput struct {
	Account       string    `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User          string    `json:"user" jsonschema:"IAM user whose sessions end"`
	RevokedBefore time.Time `json:"revoked_before,omitzero" jsonschema:"end only sessions issued before this time; by default, the time the step was scheduled"`
}

func (s *service) revokeUserSessions(ctx context.Context, in revokeUserInput) (revoked, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return revoked{}, err
	}
	return s.revokeSessions(ctx, userPrincipal{c, in.User}, in.RevokedBefore)
}

type restoreUserInput struct {
	Account        string    `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User           string    `json:"user" jsonschema:"IAM user whose sessions were revoked"`
	PolicyName     string    `json:"policy_name" jsonschema:"policy_name of the revocation"`
	PreviousPolicy string    `json:"previous_policy,omitempty" jsonschema:"previous_policy of the revocation, which is put back; empty deletes the policy"`
	RevokedBefore  time.Time `json:"revoked_before" jsonschema:"revoked_before of the revocation; the policy is left alone if it says another time by now"`
}

func (s *service) restoreUserSessions(ctx context.Context, in restoreUserInput) (restored, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return restored{}, err
	}
	return s.restoreSessions(ctx, userPrincipal{c, in.User}, revocation{in.PolicyName, in.PreviousPolicy, in.RevokedBefore})
}

type userPrincipal struct {
	*clients
	user string
}

func (p userPrincipal) String() string {
	return fmt.Sprintf("user %s in account %s", p.user, p.Account)
}

func (p userPrincipal) check(ctx context.Context) (*clients, thing, error) {
	user, err := userThing(ctx, p.clients, p.user, "revoke the sessions of "+p.String())
	return p.clients, user, err
}

func (p userPrincipal) exists(context.Context) error { return nil }

func (p userPrincipal) get(ctx context.Context) (*string, error) {
	out, err := p.IAM().GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &p.user, PolicyName: sdk.String(sessionsPolicy)})
	if err != nil {
		return nil, err
	}
	return out.PolicyDocument, nil
}

func (p userPrincipal) put(ctx context.Context, document string) error {
	_, err := p.IAM().PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: &p.user, PolicyName: sdk.String(sessionsPolicy), PolicyDocument: &document,
	})
	return err
}

func (p userPrincipal) remove(ctx context.Context) error {
	_, err := p.IAM().DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &p.user, PolicyName: sdk.String(sessionsPolicy)})
	return err
}
