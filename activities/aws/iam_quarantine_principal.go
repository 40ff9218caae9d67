package aws

import (
	"context"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

const quarantineDoc = "Puts the inline policy " + denyPolicy + ", which denies everything, also to sessions that are there already, from the moment " +
	"IAM has spread it: seconds. Its statement names the case. A policy of that name that was there is kept in the output. "

func (s *service) registerQuarantinePrincipal(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.quarantine_user",
		Title:       "Deny an IAM user everything",
		Doc:         quarantineDoc + "Access keys and password stay, and can do nothing. The root user cannot be limited so.",
		Effect:      activities.Change,
		Undo:        "aws.iam.release_user",
		Targets:     []string{"user"},
		Permissions: []string{"iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy"),
		Timeout:     iamTimeout,
	}, s.quarantineUser)
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.release_user",
		Title:       "Let an IAM user out of quarantine",
		Doc:         releaseDoc,
		Effect:      activities.Change,
		Undo:        "aws.iam.quarantine_user",
		Targets:     []string{"user"},
		Permissions: []string{"iam:GetUser", "iam:GetUserPolicy", "iam:DeleteUserPolicy"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:GetUserPolicy", "iam:DeleteUserPolicy"),
		Timeout:     iamTimeout,
	}, s.releaseUser)
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.quarantine_role",
		Title: "Deny an IAM role everything",
		Doc: quarantineDoc + "Every holder of the role is met, instances and functions too. Service-linked roles are refused, and the roles by which " +
			"Countersign itself acts.",
		Effect:      activities.Change,
		Undo:        "aws.iam.release_role",
		Targets:     []string{"role"},
		Permissions: []string{"iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy"},
		Scopes:      scopes(roleARNs, "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy"),
		Timeout:     iamTimeout,
	}, s.quarantineRole)
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.release_role",
		Title:       "Let an IAM role out of quarantine",
		Doc:         releaseDoc,
		Effect:      activities.Change,
		Undo:        "aws.iam.quarantine_role",
		Targets:     []string{"role"},
		Permissions: []string{"iam:GetRole", "iam:GetRolePolicy", "iam:DeleteRolePolicy"},
		Scopes:      scopes(roleARNs, "iam:GetRole", "iam:GetRolePolicy", "iam:DeleteRolePolicy"),
		Timeout:     iamTimeout,
	}, s.releaseRole)
	activities.Previews(r, "aws.iam.quarantine_user", s.previewQuarantineUser)
	activities.Previews(r, "aws.iam.release_user", s.previewReleaseUser)
	activities.Previews(r, "aws.iam.quarantine_role", s.previewQuarantineRole)
	activities.Previews(r, "aws.iam.release_role", s.previewReleaseRole)
}

const releaseDoc = "Deletes the policy " + denyPolicy + " if it is that of the same case; a quarantine for another case stays, and so does a policy " +
	"that somebody has changed. What the quarantine had replaced is refused: it is somebody's, and to be put back by hand."

type quarantineUserInput struct {
	Account        string  `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User           string  `json:"user" jsonschema:"IAM user to deny everything"`
	PreviousPolicy *string `json:"previous_policy,omitempty" jsonschema:"set when undoing a release: the policy that it had found; if that was no quarantine of the same sid, nothing is done"`
	SID            string  `json:"sid,omitempty" jsonschema:"set when undoing a release: the statement id that it was given"`
}

type quarantineRoleInput struct {
	Account        string  `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	Role           string  `json:"role" jsonschema:"IAM role to deny everything"`
	PreviousPolicy *string `json:"previous_policy,omitempty" jsonschema:"set when undoing a release: the policy that it had found; if that was no quarantine of the same sid, nothing is done"`
	SID            string  `json:"sid,omitempty" jsonschema:"set when undoing a release: the statement id that it was given"`
}

type releaseUserInput struct {
	Account        string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User           string `json:"user" jsonschema:"IAM user to let out of quarantine"`
	SID            string `json:"sid" jsonschema:"sid of the quarantine; one of another sid is left alone"`
	PreviousPolicy string `json:"previous_policy,omitempty" jsonschema:"previous_policy of the quarantine; if that was a quarantine already, nothing is done"`
}

type releaseRoleInput struct {
	Account        string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	Role           string `json:"role" jsonschema:"IAM role to let out of quarantine"`
	SID            string `json:"sid" jsonschema:"sid of the quarantine; one of another sid is left alone"`
	PreviousPolicy string `json:"previous_policy,omitempty" jsonschema:"previous_policy of the quarantine; if that was a quarantine already, nothing is done"`
}

type quarantinedOutput struct {
	SID            string `json:"sid" jsonschema:"statement id of the quarantine, which names the case"`
	PreviousPolicy string `json:"previous_policy" jsonschema:"policy CountersignQuarantine found before, as JSON; empty if there was none"`
	Changed        bool   `json:"changed" jsonschema:"false if it already was so, or had to stay"`
	Verified       bool   `json:"verified" jsonschema:"true if the policy was read back as it should be, or was left alone"`
}

func (s *service) quarantineUser(ctx context.Context, in quarantineUserInput) (quarantinedOutput, error) {
	return s.deny(ctx, held{account: in.Account, kind: "user", name: in.User}, in.PreviousPolicy, in.SID)
}

func (s *service) quarantineRole(ctx context.Context, in quarantineRoleInput) (quarantinedOutput, error) {
	return s.deny(ctx, held{account: in.Account, kind: "role", name: in.Role}, in.PreviousPolicy, in.SID)
}

func (s *service) releaseUser(ctx context.Context, in releaseUserInput) (quarantinedOutput, error) {
	return s.release(ctx, held{account: in.Account, kind: "user", name: in.User}, in.PreviousPolicy, in.SID)
}

func (s *service) releaseRole(ctx context.Context, in releaseRoleInput) (quarantinedOutput, error) {
	return s.release(ctx, held{account: in.Account, kind: "role", name: in.Role}, in.PreviousPolicy, in.SID)
}

// deny quarantines; of the undo of a release, previous and sid are what that found and was given.
func (s *service) deny(ctx context.Context, p held, previous *string, sid string) (quarantinedOutput, error) {
	what := "quarantine " + p.String()
	leave := previous != nil && !denies(*previous, sid)
	ctx, c, now, err := s.findHeld(ctx, p, sid, leave, what)
	if err != nil {
		return quarantinedOutput{}, err
	}
	if sid == "" {
		sid = caseSID(activities.InfoFrom(ctx).Run)
	}
	there, ours := deniedBy(now)
	if leave {
		return quarantinedOutput{SID: sid, PreviousPolicy: now, Verified: !ours || there != sid}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return quarantinedOutput{}, err
	}
	out := quarantinedOutput{SID: sid, PreviousPolicy: first, Verified: true}
	if already, ours := deniedBy(first); ours {
		out.SID = already
		return out, nil // for whatever case
	}
	out.Changed = true
	if ours {
		return out, nil // by an earlier attempt
	}
	if err := p.put(ctx, c, denyDocument(sid)); err != nil {
		return quarantinedOutput{}, failed(err, "%s", what)
	}
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		now, err := p.read(ctx, c, what)
		return denies(now, sid), err
	})
}

func (s *service) release(ctx context.Context, p held, previous, sid string) (quarantinedOutput, error) {
	what := "release " + p.String()
	ctx, c, now, err := s.findRelease(ctx, p, previous, sid, what)
	if err != nil {
		return quarantinedOutput{}, err
	}
	out := quarantinedOutput{SID: sid, PreviousPolicy: now, Verified: true}
	if previous != "" { // it was a quarantine before, and stays one
		return out, nil
	}
	if out.PreviousPolicy, err = activities.Remember(ctx, now); err != nil {
		return quarantinedOutput{}, err
	}
	if out.Changed = denies(out.PreviousPolicy, sid); !denies(now, sid) {
		return out, nil
	}
	if err := p.remove(ctx, c); err != nil && !answered(err, "NoSuchEntity") {
		return quarantinedOutput{}, failed(err, "%s", what)
	}
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		now, err := p.read(ctx, c, what)
		return !denies(now, sid), err
	})
}

// findHeld is what both a quarantine and its preview look at first.
func (s *service) findHeld(ctx context.Context, p held, sid string, leave bool, what string) (context.Context, *clients, string, error) {
	if sid != "" && !sidForm.MatchString(sid) {
		return nil, nil, "", badInput("%s: sid %q is not Countersign's", what, sid)
	}
	c, err := s.global(ctx, p.account)
	if err != nil {
		return nil, nil, "", err
	}
	t, err := p.look(ctx, c, what)
	if err != nil {
		return nil, nil, "", err
	}
	if leave {
		ctx = released(ctx)
	} else if ctx, err = s.clear(ctx, c, what, t); err != nil {
		return nil, nil, "", err
	}
	now, err := p.read(ctx, c, what)
	return ctx, c, now, err
}

// findRelease is what both a release and its preview look at first.
func (s *service) findRelease(ctx context.Context, p held, previous, sid, what string) (context.Context, *clients, string, error) {
	if !sidForm.MatchString(sid) {
		return nil, nil, "", badInput("%s: sid %q is not Countersign's", what, sid)
	}
	if _, ours := deniedBy(previous); previous != "" && !ours {
		// Writing what the caller says would be a way to grant rights.
		return nil, nil, "", badInput("%s: Countersign did not write the policy to put back; put it back by hand", what)
	}
	c, err := s.global(ctx, p.account)
	if err != nil {
		return nil, nil, "", err
	}
	if _, err := p.look(ctx, c, what); err != nil {
		return nil, nil, "", err
	}
	ctx = released(ctx)
	now, err := p.read(ctx, c, what)
	return ctx, c, now, err
}

func (s *service) previewQuarantineUser(ctx context.Context, in quarantineUserInput) (preview.Preview, error) {
	return s.previewDeny(ctx, held{account: in.Account, kind: "user", name: in.User}, in.PreviousPolicy, in.SID)
}

func (s *service) previewQuarantineRole(ctx context.Context, in quarantineRoleInput) (preview.Preview, error) {
	return s.previewDeny(ctx, held{account: in.Account, kind: "role", name: in.Role}, in.PreviousPolicy, in.SID)
}

func (s *service) previewReleaseUser(ctx context.Context, in releaseUserInput) (preview.Preview, error) {
	return s.previewRelease(ctx, held{account: in.Account, kind: "user", name: in.User}, in.PreviousPolicy, in.SID)
}

func (s *service) previewReleaseRole(ctx context.Context, in releaseRoleInput) (preview.Preview, error) {
	return s.previewRelease(ctx, held{account: in.Account, kind: "role", name: in.Role}, in.PreviousPolicy, in.SID)
}

const everythingDenied = "everything denied"

func (s *service) previewDeny(ctx context.Context, p held, previous *string, sid string) (preview.Preview, error) {
	leave := previous != nil && !denies(*previous, sid)
	_, _, now, err := s.findHeld(ctx, p, sid, leave, "preview of the quarantine of "+p.String())
	if _, ours := deniedBy(now); err != nil || leave || ours {
		return unchanged, err
	}
	return shown(preview.Change{Target: p.String(), What: "policy " + denyPolicy, Before: sayHeld(now), After: everythingDenied}), nil
}

func (s *service) previewRelease(ctx context.Context, p held, previous, sid string) (preview.Preview, error) {
	_, _, now, err := s.findRelease(ctx, p, previous, sid, "preview of the release of "+p.String())
	if err != nil || previous != "" || !denies(now, sid) {
		return unchanged, err
	}
	return shown(preview.Change{Target: p.String(), What: "policy " + denyPolicy, Before: everythingDenied, After: "none"}), nil
}
