package control

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/countersign/countersign/activities/finding"
)

var guardDuty = &check{
	Control: finding.Control{
		ID: "GuardDuty.1", Title: "GuardDuty is on", Severity: finding.High,
		Remedy: "Enable GuardDuty in the region, for all accounts of the organization from its delegated administrator.",
	},
	scope:       ofRegion,
	permissions: []string{"guardduty:ListDetectors", "guardduty:GetDetector"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		var out []seen
		pages := guardduty.NewListDetectorsPaginator(f.c.GuardDuty(), &guardduty.ListDetectorsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, f.failed(err, "guardduty:ListDetectors")
			}
			for _, id := range page.DetectorIds {
				arn := f.arn("guardduty", "detector/"+id)
				d, err := f.c.GuardDuty().GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: &id})
				if err != nil {
					one, err := f.refused(ctx, arn, f.failed(err, "guardduty:GetDetector"))
					if err != nil {
						return nil, err
					}
					out = append(out, one)
					continue
				}
				out = append(out, verdict(arn, d.Status == types.DetectorStatusEnabled, map[string]string{"status": string(d.Status)}))
			}
		}
		if len(out) == 0 {
			out = []seen{verdict(f.whole(), false, map[string]string{"detectors": "none"})}
		}
		return out, nil
	},
}
