package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/organizations"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerFreezeAccount(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.organizations.freeze_account",
		Title: "Freeze an account by a service control policy",
		Doc: lastResort + managementDoc + "Attaches a policy that is there already and only denies, as one that denies everything but to the roles of responders. " +
			"It binds every principal of the account, its root user too; service-linked roles go on.",
		Effect: activities.Change, Undo: "aws.organizations.unfreeze_account", Targets: []string{"target_account"},
		Permissions: []string{
			"organizations:DescribeOrganization", "organizations:DescribePolicy", "organizations:ListPoliciesForTarget", "organizations:ListTagsForResource",
			"organizations:AttachPolicy",
		},
		Scopes:  map[string][]string{"organizations:DescribePolicy": {controlARN}, "organizations:AttachPolicy": {controlARN, memberARN}},
		Timeout: iamTimeout,
	}, s.freezeAccount)
	activities.Register(r, activities.Spec{
		Name:   "aws.organizations.unfreeze_account",
		Title:  "Detach the service control policy that froze an account",
		Doc:    "Acts in the management account, which account names. One that was attached before the freeze stays.",
		Effect: activities.Change, Undo: "aws.organizations.freeze_account", Targets: []string{"target_account"},
		Permissions: []string{"organizations:ListPoliciesForTarget", "organizations:DetachPolicy"},
		Scopes:      map[string][]string{"organizations:DetachPolicy": {controlARN, memberARN}},
		Timeout:     iamTimeout,
	}, s.unfreezeAccount)
	previewTurn(r, "aws.organizations.freeze_account", s.turnFreezeAccount)
	previewTurn(r, "aws.organizations.unfreeze_account", s.turnUnfreezeAccount)
}

type freezeAccountInput struct {
	Account            string `json:"account" jsonschema:"management account, of twelve digits: that of the credentials"`
	TargetAccount      string `json:"target_account" jsonschema:"account to act on"`
	PolicyID           string `json:"policy_id" jsonschema:"service control policy, as p-examplepolicyid111"`
	PreviouslyAttached *bool  `json:"previously_attached,omitempty" jsonschema:"set when undoing: whether the call to undo had found it attached; if it had found it as it wanted it, nothing is done"`
}

type freezeAccountOutput struct {
	PreviouslyAttached bool `json:"previously_attached" jsonschema:"true if the policy was attached before"`
	Changed            bool `json:"changed" jsonschema:"false if it already was so"`
	Verified           bool `json:"verified" jsonschema:"true if it was read back as it should be"`
}

func (s *service) freezeAccount(ctx context.Context, in freezeAccountInput) (freezeAccountOutput, error) {
	t, err := s.turnFreezeAccount(ctx, in)
	return s.turnedFreeze(ctx, t, err)
}

func (s *service) unfreezeAccount(ctx context.Context, in freezeAccountInput) (freezeAccountOutput, error) {
	t, err := s.turnUnfreezeAccount(ctx, in)
	return s.turnedFreeze(ctx, t, err)
}

func (s *service) turnedFreeze(ctx context.Context, t turn[bool], err error) (freezeAccountOutput, error) {
	if err != nil {
		return freezeAccountOutput{}, err
	}
	out, err := t.do(ctx, s)
	if err != nil {
		return freezeAccountOutput{}, err
	}
	return freezeAccountOutput{PreviouslyAttached: out.previous, Changed: out.changed, Verified: out.verified}, nil
}

func (s *service) turnFreezeAccount(ctx context.Context, in freezeAccountInput) (turn[bool], error) {
	t, c, err := s.turnControl(ctx, in, "freeze", true)
	if err != nil {
		return t, err
	}
	what := t.call
	t.admit = func(ctx context.Context) (context.Context, error) {
		if err := onlyDenies(ctx, c, in.PolicyID, what); err != nil {
			return nil, err
		}
		return s.admitMember(ctx, c, in.Account, in.TargetAccount, what)
	}
	t.write = func(ctx context.Context, _ bool) error {
		_, err := c.Organizations().AttachPolicy(ctx, &organizations.AttachPolicyInput{PolicyId: &in.PolicyID, TargetId: &in.TargetAccount})
		if err != nil && !answered(err, "DuplicatePolicyAttachmentException") { // an answer that was lost
			return failed(err, "%s", what)
		}
		return nil
	}
	return t, nil
}

func (s *service) turnUnfreezeAccount(ctx context.Context, in freezeAccountInput) (turn[bool], error) {
	t, c, err := s.turnControl(ctx, in, "unfreeze", false)
	if err != nil {
		return t, err
	}
	what := t.call
	t.admit = admitReleased
	t.write = func(ctx context.Context, _ bool) error {
		_, err := c.Organizations().DetachPolicy(ctx, &organizations.DetachPolicyInput{PolicyId: &in.PolicyID, TargetId: &in.TargetAccount})
		if err != nil && !answered(err, "PolicyNotAttachedException") { // an answer that was lost
			return failed(err, "%s", what)
		}
		return nil
	}
	return t, nil
}

func (s *service) turnControl(ctx context.Context, in freezeAccountInput, verb string, want bool) (turn[bool], *clients, error) {
	of := memberOf(in.Account, in.TargetAccount)
	t := turn[bool]{
		call: verb + " " + of, of: of, property: "service control policy " + in.PolicyID, want: want,
		say: func(on bool) string { return map[bool]string{true: "attached", false: "not attached"}[on] },
	}
	switch {
	case !memberForm.MatchString(in.TargetAccount):
		return t, nil, badInput("%s: want an account of twelve digits", t.call)
	case !controlForm.MatchString(in.PolicyID):
		return t, nil, badInput("%s: policy %q: want p- and letters and digits; the policy of AWS that allows everything is none", t.call, in.PolicyID)
	}
	if in.PreviouslyAttached != nil && *in.PreviouslyAttached != want {
		t.leave = in.PreviouslyAttached
	}
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return t, nil, err
	}
	what := t.call
	t.read = func(ctx context.Context) (bool, error) { return attached(ctx, c, in.TargetAccount, in.PolicyID, what) }
	return t, c, nil
}
