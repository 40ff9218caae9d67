package aws

import (
	"context"
	"fmt"
	"regexp"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countersign/countersign/activities"
)

const defaultQuarantine = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"

// quarantinePolicy is what these activities attach and detach: the policies that AWS itself wrote
// for the purpose, in any partition, and its deny-all. With any other policy "quarantine" would be
// a way to grant rights, and its undo a way to strip them.
var quarantinePolicy = regexp.MustCompile(`^arn:aws(-[a-z-]+)?:iam::aws:policy/(AWSCompromisedKeyQuarantine(V[0-9]+)?|AWSDenyAll)$`)

// quarantinePolicies are the same as conditions of policies have them.
var quarantinePolicies = []string{"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine*", "arn:aws:iam::aws:policy/AWSDenyAll"}

func (s *service) registerQuarantine(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.attach_quarantine_policy",
		Title: "Attach a quarantine policy to an IAM user",
		Doc: "AWSCompromisedKeyQuarantineV3, the default, denies what thieves do first with a leaked key and lets most other work go on; " +
			"AWSDenyAll denies everything. No other policy is accepted.",
		Effect:      activities.Change,
		Undo:        "aws.iam.detach_quarantine_policy",
		Targets:     []string{"user"},
		Permissions: []string{"iam:GetUser", "iam:ListAttachedUserPolicies", "iam:AttachUserPolicy"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:ListAttachedUserPolicies", "iam:AttachUserPolicy"),
		Only:        onlyIf("iam:AttachUserPolicy", "iam:PolicyARN", quarantinePolicies...),
		Timeout:     iamTimeout,
	}, s.attachQuarantine)
	activities.Register(r, activities.Spec{
		Name:        "aws.iam.detach_quarantine_policy",
		Title:       "Detach a quarantine policy from an IAM user",
		Doc:         "Refuses every policy that is not one of AWS's quarantine policies.",
		Effect:      activities.Change,
		Undo:        "aws.iam.attach_quarantine_policy",
		Targets:     []string{"user", "policy_arn"},
		Permissions: []string{"iam:ListAttachedUserPolicies", "iam:DetachUserPolicy"},
		Scopes:      scopes(userARNs, "iam:ListAttachedUserPolicies", "iam:DetachUserPolicy"),
		Only:        onlyIf("iam:DetachUserPolicy", "iam:PolicyARN", quarantinePolicies...),
		Timeout:     iamTimeout,
	}, s.detachQuarantine)
}

type attachQuarantineInput struct {
	Account            string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User               string `json:"user" jsonschema:"IAM user to quarantine"`
	PolicyARN          string `json:"policy_arn,omitempty" jsonschema:"quarantine policy; by default arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"`
	PreviouslyAttached *bool  `json:"previously_attached,omitempty" jsonschema:"set when undoing a detach: false if it had found nothing to detach, and then nothing is attached"`
}

func (in attachQuarantineInput) quarantine() quarantine {
	if in.PolicyARN == "" {
		in.PolicyARN = defaultQuarantine
	}
	return quarantine{
		account: in.Account, user: in.User, policy: in.PolicyARN, attach: true,
		leave: in.PreviouslyAttached != nil && !*in.PreviouslyAttached,
	}
}

type attachQuarantineOutput struct {
	PolicyARN       string `json:"policy_arn" jsonschema:"quarantine policy that is attached"`
	AlreadyAttached bool   `json:"already_attached" jsonschema:"true if the policy was attached before"`
	Changed         bool   `json:"changed" jsonschema:"false if the policy was attached before"`
	Verified        bool   `json:"verified" jsonschema:"true if the user was read back as it should be"`
}

func (s *service) attachQuarantine(ctx context.Context, in attachQuarantineInput) (attachQuarantineOutput, error) {
	q := in.quarantine()
	had, verified, err := s.setQuarantine(ctx, q)
	if err != nil {
		return attachQuarantineOutput{}, err
	}
	return attachQuarantineOutput{
		PolicyARN: q.policy, AlreadyAttached: had, Changed: !had && !q.leave, Verified: verified,
	}, nil
}

type detachQuarantineInput struct {
	Account         string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User            string `json:"user" jsonschema:"IAM user to let out of quarantine"`
	PolicyARN       string `json:"policy_arn" jsonschema:"quarantine policy to detach"`
	AlreadyAttached bool   `json:"already_attached,omitempty" jsonschema:"set when undoing an attach: true if the policy had been there before, and then it stays"`
}

func (in detachQuarantineInput) quarantine() quarantine {
	return quarantine{account: in.Account, user: in.User, policy: in.PolicyARN, leave: in.AlreadyAttached}
}

type detachQuarantineOutput struct {
	PolicyARN          string `json:"policy_arn" jsonschema:"quarantine policy that is detached"`
	PreviouslyAttached bool   `json:"previously_attached" jsonschema:"true if the policy was attached before"`
	Changed            bool   `json:"changed" jsonschema:"false if the policy was not attached or had to stay"`
	Verified           bool   `json:"verified" jsonschema:"true if the user was read back as it should be"`
}

func (s *service) detachQuarantine(ctx context.Context, in detachQuarantineInput) (detachQuarantineOutput, error) {
	q := in.quarantine()
	had, verified, err := s.setQuarantine(ctx, q)
	if err != nil {
		return detachQuarantineOutput{}, err
	}
	return detachQuarantineOutput{
		PolicyARN: in.PolicyARN, PreviouslyAttached: had, Changed: had && !q.leave, Verified: verified,
	}, nil
}

// quarantine is one of the two calls: that policy is attached to user, or that it is not.
type quarantine struct {
	account, user, policy string
	attach                bool
	leave                 bool // the call to undo changed nothing, so neither does this one
}

func (q quarantine) String() string {
	verb, at := "detach", "from"
	if q.attach {
		verb, at = "attach", "to"
	}
	return fmt.Sprintf("%s policy %s %s user %s in account %s", verb, q.policy, at, q.user, q.account)
}

// setQuarantine returns whether the first attempt found the policy attached.
func (s *service) setQuarantine(ctx context.Context, q quarantine) (had, verified bool, err error) {
	ctx, c, has, err := s.findQuarantine(ctx, q)
	if err != nil {
		return false, false, err
	}
	if q.leave {
		return has, has != q.attach, nil
	}
	had, err = activities.Remember(ctx, has)
	if err != nil || has == q.attach {
		return had, true, err
	}
	if q.attach {
		_, err = c.IAM().AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &q.user, PolicyArn: &q.policy})
	} else {
		_, err = c.IAM().DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: &q.user, PolicyArn: &q.policy})
	}
	// The user was just listed, so on a detach "no such entity" is the policy, gone by an answer
	// that was lost.
	if err != nil && (q.attach || !answered(err, "NoSuchEntity")) {
		return false, false, failed(err, "%s", q)
	}
	err = s.settle(ctx, q.String(), func(ctx context.Context) (bool, error) {
		has, err := q.look(ctx, c)
		return has == q.attach, err
	})
	return had, err == nil, err
}

// findQuarantine is what both the change and its preview look at first.
func (s *service) findQuarantine(ctx context.Context, q quarantine) (_ context.Context, c *clients, has bool, err error) {
	if !quarantinePolicy.MatchString(q.policy) {
		return nil, nil, false, badInput("%s: it is not a quarantine policy; want one as %s", q, defaultQuarantine)
	}
	if c, err = s.global(ctx, q.account); err != nil {
		return nil, nil, false, err
	}
	if has, err = q.look(ctx, c); err != nil {
		return nil, nil, false, err
	}
	if !q.attach {
		return released(ctx), c, has, nil
	}
	ctx, err = s.clearUser(ctx, c, q.String(), q.user)
	return ctx, c, has, err
}

func (q quarantine) look(ctx context.Context, c *clients) (bool, error) {
	pages := iam.NewListAttachedUserPoliciesPaginator(c.IAM(), &iam.ListAttachedUserPoliciesInput{UserName: &q.user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, failed(err, "%s: list the policies of the user", q)
		}
		for _, p := range page.AttachedPolicies {
			if sdk.ToString(p.PolicyArn) == q.policy {
				return true, nil
			}
		}
	}
	return false, nil
}
