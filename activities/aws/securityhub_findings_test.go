package aws

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestGetHubFindings(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		for i := range 250 {
			id := fmt.Sprintf("many-%03d", i)
			region(s).Hub.Findings[id] = map[string]any{
				"Id": id, "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/inspector", "RecordState": "ACTIVE", "AwsAccountId": "444455556666",
				"UpdatedAt": now.Add(time.Duration(-i) * time.Hour).Format(time.RFC3339), "Severity": map[string]any{"Label": "LOW"},
			}
		}
		region(s).Hub.Findings["old"] = map[string]any{"Id": "old", "RecordState": "ARCHIVED", "AwsAccountId": "444455556666"}
	})
	for name, tc := range map[string]struct {
		args      string
		findings  int
		truncated bool
	}{
		"defaults":       {``, 50, true},
		"the most":       {`,"limit":200`, 200, true},
		"across pages":   {`,"limit":150`, 150, true},
		"by control":     {`,"controls":["S3.8","EC2.53"]`, 2, false},
		"by resource":    {`,"resources":["arn:aws:s3:::example-payments-exports"]`, 1, false},
		"all of them":    {`,"controls":["S3.8"],"statuses":["NOTIFIED"]`, 0, false},
		"by account":     {`,"accounts":["111122223333"]`, 2, false},
		"by severity":    {`,"severities":["HIGH"],"products":["` + standin.SampleHubProduct + `"]`, 2, false},
		"as many as are": {`,"accounts":["111122223333"],"limit":2`, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			out := decode[hubFindingsOutput](t, w.run(t, "aws.securityhub.get_findings", `{"account":"111122223333","region":"us-east-1"`+tc.args+`}`))
			require.Len(t, out.Findings, tc.findings)
			require.Equal(t, tc.truncated, out.Truncated)
			for i := 1; i < len(out.Findings); i++ {
				require.False(t, out.Findings[i].UpdatedAt.After(out.Findings[i-1].UpdatedAt), "the latest first")
			}
		})
	}
	out := decode[hubFindingsOutput](t, w.run(t, "aws.securityhub.get_findings", `{"account":"111122223333","region":"us-east-1","controls":["S3.8"]}`))
	require.Equal(t, []hubFinding{{
		FindingID: standin.SampleHubFinding, ProductARN: standin.SampleHubProduct, Account: standin.SampleAccount, Region: standin.SampleRegion,
		Title: "S3 general purpose buckets should block public access", Severity: "HIGH", Control: "S3.8", Compliance: "FAILED", Status: "NEW",
		UpdatedAt: time.Date(2026, time.November, 22, 21, 30, 0, 0, time.UTC),
		Resources: []hubResource{{"AwsS3Bucket", "arn:aws:s3:::example-payments-exports"}},
	}}, out.Findings)

	for name, args := range map[string]string{"too many": `,"limit":201`, "negative": `,"limit":-1`, "too many values": `,"controls":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17","18","19","20","21"]`} {
		t.Run(name, func(t *testing.T) {
			_, err := w.attempt(t.Context(), t, "aws.securityhub.get_findings", `{"account":"111122223333","region":"us-east-1"`+args+`}`)
			require.Equal(t, "BadInput", kindOf(t, err).Kind)
		})
	}
}
