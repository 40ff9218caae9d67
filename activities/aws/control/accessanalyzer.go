package control

import (
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"

	"github.com/countersign/countersign/activities/finding"
)

var externalAccessAnalyzer = &check{
	Control: finding.Control{
		ID: "IAM.28", Title: "An analyzer looks for access from outside", Severity: finding.High,
		Remedy:    "Make an analyzer of external access in the region, for the organization from its delegated administrator.",
		Standards: []string{cis("3.0.0", "1.20")},
	},
	scope:       ofRegion,
	permissions: []string{"access-analyzer:ListAnalyzers"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		evidence := map[string]string{"analyzers": "none"}
		var others []string
		pages := accessanalyzer.NewListAnalyzersPaginator(f.c.AccessAnalyzer(), &accessanalyzer.ListAnalyzersInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, f.failed(err, "access-analyzer:ListAnalyzers")
			}
			for _, a := range page.Analyzers {
				external := a.Type == types.TypeAccount || a.Type == types.TypeOrganization
				if external && a.Status == types.AnalyzerStatusActive {
					return []seen{verdict(f.whole(), true, map[string]string{"analyzer": sdk.ToString(a.Arn), "type": string(a.Type)})}, nil
				}
				others = append(others, sdk.ToString(a.Name)+" ("+string(a.Type)+", "+string(a.Status)+")")
			}
		}
		if len(others) > 0 {
			slices.Sort(others)
			evidence["analyzers"] = listed(others)
		}
		return []seen{verdict(f.whole(), false, evidence)}, nil
	},
}
