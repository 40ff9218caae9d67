package control

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/finding"
)

var securityHub = &check{
	Control: finding.Control{
		ID: "Countersign.SecurityHub", Title: "Security Hub is on", Severity: finding.Medium,
		Remedy: "Enable Security Hub in the region, for all accounts of the organization from its delegated administrator.",
	},
	scope:       ofRegion,
	permissions: []string{"securityhub:DescribeHub"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		hub, err := f.c.SecurityHub().DescribeHub(ctx, &securityhub.DescribeHubInput{})
		if session.Answered(err, "InvalidAccessException", "ResourceNotFoundException") { // how it says that it is off
			return []seen{verdict(f.whole(), false, map[string]string{"hub": "none"})}, nil
		}
		if err != nil {
			return nil, f.failed(err, "securityhub:DescribeHub")
		}
		return []seen{verdict(f.whole(), true, map[string]string{"hub": sdk.ToString(hub.HubArn)})}, nil
	},
}
