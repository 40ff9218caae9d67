package aws

import (
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerRoleSessions(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.revoke_role_sessions",
		Title: "Revoke the sessions of an IAM role",
		Doc: sessionsDoc + "Every holder of the role is met; instances and functions get new sessions by themselves, and so does a thief " +
			"who still can assume the role. Service-linked roles are refused.",
		Effect:      activities.Change,
		Undo:        "aws.iam.restore_role_sessions",
		Targets:     []string{"role"},
		Permissions: []string{"iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy"},
		Scopes:      scopes(roleARNs, "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy"),
		Timeout:     iamTimeout,
	}, s.revokeRoleSessions)
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.restore_role_sessions",
		Title:       "Take back the revocation of an IAM role's sessions",
		Doc:         "Leaves a later revocation alone, and a policy that somebody has changed. Undoing this revokes again.",
		Effect:      activities.Change,
		Undo:        "aws.iam.revoke_role_sessions",
		Targets:     []string{"role"},
		Permissions: []string{"iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"},
		Scopes:      scopes(roleARNs, "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"),
		Timeout:     iamTimeout,
	}, s.restoreRoleSessions)
}

type revokeRoleInput struct {
	Account       string    `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	Role          string    `json:"role" jsonschema:"IAM role whose sessions end"`
	RevokedBefore time.Time `json:"revoked_before,omitzero" jsonschema:"end only sessions issued before this time; by default, the time the step was scheduled"`
}

func (s *service) revokeRoleSessions(ctx context.Context, in revokeRoleInput) (revoked, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return revoked{}, err
	}
	return s.revokeSessions(ctx, rolePrincipal{c, in.Role}, in.RevokedBefore)
}

type restoreRoleInput struct {
	Account        string    `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	Role           string    `json:"role" jsonschema:"IAM role whose sessions were revoked"`
	PolicyName     string    `json:"policy_name" jsonschema:"policy_name of the revocation"`
	PreviousPolicy string    `json:"previous_policy,omitempty" jsonschema:"previous_policy of the revocation, which is put back; empty deletes the policy"`
	RevokedBefore  time.Time `json:"revoked_before" jsonschema:"revoked_before of the revocation; the policy is left alone if it says another time by now"`
}

func (s *service) restoreRoleSessions(ctx context.Context, in restoreRoleInput) (restored, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return restored{}, err
	}
	return s.restoreSessions(ctx, rolePrincipal{c, in.Role}, revocation{in.PolicyName, in.PreviousPolicy, in.RevokedBefore})
}

type rolePrincipal struct {
	*clients
	role string
}

func (p rolePrincipal) String() string {
	return fmt.Sprintf("role %s in account %s", p.role, p.Account)
}

// check refuses service-linked roles, whose policies only their service may write.
func (p rolePrincipal) check(ctx context.Context) (*clients, thing, error) {
	out, err := p.IAM().GetRole(ctx, &iam.GetRoleInput{RoleName: &p.role})
	if err != nil {
		return nil, thing{}, failed(err, "look up %s", p)
	}
	if out.Role == nil {
		return p.clients, thing{}, nil
	}
	if strings.HasPrefix(sdk.ToString(out.Role.Path), "/aws-service-role/") {
		return nil, thing{}, activities.Permanent("ServiceLinkedRole", fmt.Errorf("%s is linked to a service: its sessions cannot be revoked", p))
	}
	role := thing{arn: sdk.ToString(out.Role.Arn), tags: map[string]string{}}
	for _, tag := range out.Role.Tags {
		role.tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	return p.clients, role, nil
}

func (p rolePrincipal) exists(ctx context.Context) error {
	_, _, err := p.check(ctx)
	return err
}

func (p rolePrincipal) get(ctx context.Context) (*string, error) {
	out, err := p.IAM().GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &p.role, PolicyName: sdk.String(sessionsPolicy)})
	if err != nil {
		return nil, err
	}
	return out.PolicyDocument, nil
}

func (p rolePrincipal) put(ctx context.Context, document string) error {
	_, err := p.IAM().PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: &p.role, PolicyName: sdk.String(sessionsPolicy), PolicyDocument: &document,
	})
	return err
}

func (p rolePrincipal) remove(ctx context.Context) error {
	_, err := p.IAM().DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &p.role, PolicyName: sdk.String(sessionsPolicy)})
	return err
}
