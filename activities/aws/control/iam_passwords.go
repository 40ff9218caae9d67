package control

import (
	"context"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/finding"
)

const (
	leastLength = 14
	leastReuse  = 24
)

var passwordLength = &check{
	Control: finding.Control{
		ID: "IAM.15", Title: "Passwords have at least 14 characters", Severity: finding.Medium,
		Remedy:    "Set the minimum length in the account's password policy to 14 or more.",
		Standards: []string{cis("3.0.0", "1.8")},
	},
	permissions: []string{"iam:GetAccountPasswordPolicy"},
	look:        passwords("MinimumPasswordLength", leastLength, func(p *types.PasswordPolicy) *int32 { return p.MinimumPasswordLength }),
}

var passwordReuse = &check{
	Control: finding.Control{
		ID: "IAM.16", Title: "The last 24 passwords cannot be chosen again", Severity: finding.Low,
		Remedy:    "Set the reuse prevention in the account's password policy to 24.",
		Standards: []string{cis("3.0.0", "1.9")},
	},
	permissions: []string{"iam:GetAccountPasswordPolicy"},
	look:        passwords("PasswordReusePrevention", leastReuse, func(p *types.PasswordPolicy) *int32 { return p.PasswordReusePrevention }),
}

// passwords holds one number of the password policy against its least. An account without a policy of
// its own has AWS's, which asks for less.
func passwords(name string, least int32, of func(*types.PasswordPolicy) *int32) func(context.Context, *facts) ([]seen, error) {
	return func(ctx context.Context, f *facts) ([]seen, error) {
		p, err := read(ctx, f, "password policy", func(ctx context.Context) (*types.PasswordPolicy, error) {
			out, err := f.c.IAM().GetAccountPasswordPolicy(ctx, &iam.GetAccountPasswordPolicyInput{})
			if session.Answered(err, "NoSuchEntity") {
				return nil, nil
			}
			if err != nil {
				return nil, f.failed(err, "iam:GetAccountPasswordPolicy")
			}
			return out.PasswordPolicy, nil
		})
		switch {
		case err != nil:
			return nil, err
		case p == nil:
			return []seen{verdict(f.whole(), false, map[string]string{"policy": "none"})}, nil
		case of(p) == nil:
			return []seen{verdict(f.whole(), false, map[string]string{name: "none"})}, nil
		}
		n := sdk.ToInt32(of(p))
		return []seen{verdict(f.whole(), n >= least, map[string]string{name: strconv.Itoa(int(n))})}, nil
	}
}
