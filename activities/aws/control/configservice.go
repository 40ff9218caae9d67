package control

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"

	"github.com/countersign/countersign/activities/finding"
)

var configRecorder = &check{
	Control: finding.Control{
		ID: "Config.1", Title: "AWS Config records what changes", Severity: finding.Critical,
		Remedy:    "Set up a configuration recorder in the region, start it, and see that it can deliver.",
		Standards: []string{cis("3.0.0", "3.3")},
	},
	scope:       ofRegion,
	permissions: []string{"config:DescribeConfigurationRecorders", "config:DescribeConfigurationRecorderStatus"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		all, err := f.c.Config().DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{})
		if err != nil {
			return nil, f.failed(err, "config:DescribeConfigurationRecorders")
		}
		status, err := f.c.Config().DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{})
		if err != nil {
			return nil, f.failed(err, "config:DescribeConfigurationRecorderStatus")
		}
		if len(all.ConfigurationRecorders) == 0 {
			return []seen{verdict(f.whole(), false, map[string]string{"recorders": "none"})}, nil
		}
		evidence := map[string]string{}
		for _, s := range status.ConfigurationRecordersStatus {
			says := "stopped"
			switch {
			case s.Recording && s.LastStatus == "Failure":
				says = "fails: " + sdk.ToString(s.LastErrorCode)
			case s.Recording:
				says = "recording"
			}
			evidence[sdk.ToString(s.Name)] = says
		}
		ok := false
		for _, says := range evidence {
			ok = ok || says == "recording"
		}
		return []seen{verdict(f.whole(), ok, evidence)}, nil
	},
}
