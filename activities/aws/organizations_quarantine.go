package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/organizations"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerQuarantineAccount(r *activities.Registry) {
	move := "organizations:MoveAccount"
	activities.Register(r, activities.Spec{
		Name:  "aws.organizations.quarantine_account",
		Title: "Move an account into a quarantine unit",
		Doc: lastResort + managementDoc + "What binds the account then is what the unit's policies say, and no longer what those of its own unit did: " +
			"what they denied may be allowed there.",
		Effect: activities.Change, Undo: "aws.organizations.release_account", Targets: []string{"target_account", "unit_id"},
		Permissions: []string{
			"organizations:DescribeOrganization", "organizations:DescribeOrganizationalUnit", "organizations:ListParents", "organizations:ListTagsForResource", move,
		},
		Scopes: map[string][]string{
			move: {memberARN, "arn:aws:organizations::{account}:ou/*", "arn:aws:organizations::{account}:root/*"}, "organizations:ListParents": {memberARN},
		},
		Timeout: iamTimeout,
	}, s.quarantineAccount)
	activities.Register(r, activities.Spec{
		Name:   "aws.organizations.release_account",
		Title:  "Move an account back out of the quarantine unit",
		Doc:    "Acts in the management account, which account names. Refused if the account is elsewhere by now: somebody has decided since.",
		Effect: activities.Change, Undo: "aws.organizations.quarantine_account", Targets: []string{"target_account", "unit_id"},
		Permissions: []string{"organizations:ListParents", move},
		Scopes: map[string][]string{
			move: {memberARN, "arn:aws:organizations::{account}:ou/*", "arn:aws:organizations::{account}:root/*"}, "organizations:ListParents": {memberARN},
		},
		Timeout: iamTimeout,
	}, s.releaseAccount)
	previewTurn(r, "aws.organizations.quarantine_account", s.turnQuarantine)
	previewTurn(r, "aws.organizations.release_account", s.turnRelease)
}

type quarantineAccountInput struct {
	Account        string `json:"account" jsonschema:"management account, of twelve digits: that of the credentials"`
	TargetAccount  string `json:"target_account" jsonschema:"account to move"`
	UnitID         string `json:"unit_id" jsonschema:"organizational unit of the quarantine, as ou-examplerootid111-exampleouid111"`
	PreviousParent string `json:"previous_parent,omitempty" jsonschema:"set when undoing: where the call to undo had found the account; if that was not the quarantine, nothing is done"`
}

type releaseAccountInput struct {
	Account        string `json:"account" jsonschema:"management account, of twelve digits: that of the credentials"`
	TargetAccount  string `json:"target_account" jsonschema:"account to move"`
	UnitID         string `json:"unit_id" jsonschema:"organizational unit of the quarantine"`
	PreviousParent string `json:"previous_parent" jsonschema:"unit or root to move it to, as the call to undo had found it; if that was the quarantine, nothing is done"`
}

type moveOutput struct {
	PreviousParent string `json:"previous_parent" jsonschema:"unit or root that it was in before"`
	Changed        bool   `json:"changed" jsonschema:"false if it was there before"`
	Verified       bool   `json:"verified" jsonschema:"true if it was read back as it should be"`
}

func (s *service) quarantineAccount(ctx context.Context, in quarantineAccountInput) (moveOutput, error) {
	t, err := s.turnQuarantine(ctx, in)
	return s.turnedMove(ctx, t, err)
}

func (s *service) releaseAccount(ctx context.Context, in releaseAccountInput) (moveOutput, error) {
	t, err := s.turnRelease(ctx, in)
	return s.turnedMove(ctx, t, err)
}

func (s *service) turnedMove(ctx context.Context, t turn[string], err error) (moveOutput, error) {
	if err != nil {
		return moveOutput{}, err
	}
	out, err := t.do(ctx, s)
	if err != nil {
		return moveOutput{}, err
	}
	return moveOutput{PreviousParent: out.previous, Changed: out.changed, Verified: out.verified}, nil
}

func (s *service) turnQuarantine(ctx context.Context, in quarantineAccountInput) (turn[string], error) {
	t, c, err := s.turnMove(ctx, "quarantine", in.Account, in.TargetAccount, in.UnitID, in.UnitID)
	if err != nil {
		return t, err
	}
	if in.PreviousParent != "" && in.PreviousParent != in.UnitID {
		t.leave = &in.PreviousParent
	}
	what := t.call
	t.admit = func(ctx context.Context) (context.Context, error) {
		if _, err := c.Organizations().DescribeOrganizationalUnit(ctx, &organizations.DescribeOrganizationalUnitInput{OrganizationalUnitId: &in.UnitID}); err != nil {
			return nil, failed(err, "%s: look at the unit", what)
		}
		return s.admitMember(ctx, c, in.Account, in.TargetAccount, what)
	}
	return t, nil
}

func (s *service) turnRelease(ctx context.Context, in releaseAccountInput) (turn[string], error) {
	t, _, err := s.turnMove(ctx, "release", in.Account, in.TargetAccount, in.UnitID, in.PreviousParent)
	if err != nil {
		return t, err
	}
	t.left, t.admit = &in.UnitID, admitReleased
	if in.PreviousParent == in.UnitID {
		t.leave = &in.PreviousParent
	}
	return t, nil
}

func (s *service) turnMove(ctx context.Context, verb, account, target, unit, to string) (turn[string], *clients, error) {
	of := memberOf(account, target)
	t := turn[string]{call: verb + " " + of, of: of, property: "parent", say: func(id string) string { return id }, want: to}
	switch {
	case !memberForm.MatchString(target):
		return t, nil, badInput("%s: want an account of twelve digits", t.call)
	case !unitForm.MatchString(unit):
		return t, nil, badInput("%s: unit %q: want ou-, that of the root, and its own", t.call, unit)
	case !parentForm.MatchString(to):
		return t, nil, badInput("%s: parent %q: want a unit or a root", t.call, to)
	}
	c, err := s.global(ctx, account)
	if err != nil {
		return t, nil, err
	}
	what := t.call
	t.read = func(ctx context.Context) (string, error) { return parentOf(ctx, c, target, what) }
	t.write = func(ctx context.Context, now string) error {
		_, err := c.Organizations().MoveAccount(ctx, &organizations.MoveAccountInput{AccountId: &target, SourceParentId: &now, DestinationParentId: &to})
		if err != nil && !answered(err, "DuplicateAccountException") { // it is there: an answer that was lost
			return failed(err, "%s", what)
		}
		return nil
	}
	return t, c, nil
}
