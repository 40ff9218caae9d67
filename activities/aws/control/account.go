package control

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/account/types"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/finding"
)

var securityContact = &check{
	Control: finding.Control{
		ID: "Account.1", Title: "AWS knows whom to tell about security", Severity: finding.Medium,
		Remedy:    "Set the account's alternate contact for security, best for all accounts from the management account.",
		Standards: []string{cis("3.0.0", "1.2")},
	},
	permissions: []string{"account:GetAlternateContact"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		_, err := f.c.Contacts().GetAlternateContact(ctx, &account.GetAlternateContactInput{AlternateContactType: types.AlternateContactTypeSecurity})
		if session.Answered(err, "ResourceNotFoundException") {
			return []seen{verdict(f.whole(), false, map[string]string{"SECURITY": "none"})}, nil
		}
		if err != nil {
			return nil, f.failed(err, "account:GetAlternateContact")
		}
		// Who it is stays with the account: findings travel to many readers.
		return []seen{verdict(f.whole(), true, map[string]string{"SECURITY": "set"})}, nil
	},
}
