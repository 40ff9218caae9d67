// Package findingtest has audits for tests: two of one playbook over two accounts, with everything that
// can become of a result between them, and names that are hostile to whoever prints them.
package findingtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/finding"
)

// The accounts, the playbook and the two audits.
const (
	Account, Other   = "111122223333", "444455556666"
	Playbook         = "aws-audit"
	Earlier, Current = "aws-audit/2026-11-19", "aws-audit/2026-11-20"
)

// Noon is when the audits are looked at.
var Noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Hostile is the name of a resource: markup, a formula, an escape of a terminal, a right-to-left override.
const Hostile = "=cmd|'/c calc'!A1<script>alert(1)</script>\x1b[31m\u202egnp.exe <!channel>\r\n@SUM(1)"

// Controls are those of the audits.
func Controls() []finding.Control {
	return []finding.Control{
		{ID: "IAM.4", Title: "The root user has no access keys", Severity: finding.Critical, Remedy: "Delete the keys of the root user.", Standards: []string{"CIS AWS Foundations 3.0.0 1.4"}},
		{ID: "S3.8", Title: "Buckets block public access", Severity: finding.High, Remedy: "Block public access of the bucket.", Playbook: "aws-public-bucket", Standards: []string{"CIS AWS Foundations 3.0.0 2.1.4", "NIST 800-53 AC-3"}},
		{ID: "EC2.8", Title: "Instances ask for IMDSv2", Severity: finding.High, Remedy: "Require tokens."},
		{ID: "EC2.7", Title: "Volumes are encrypted by default", Severity: finding.Medium, Remedy: "Turn it on."},
	}
}

// Waivers are a file of waivers: of one that counts, one that ends soon and one that has expired.
const Waivers = `waivers:
  - {control: S3.8, resource: "arn:aws:s3:::www-*", until: 2027-03-31, reason: the public site, by: alice@example.com}
  - {control: EC2.8, resource: "*i-0old", account: "111122223333", until: 2026-11-30, reason: an appliance that is replaced, by: bob@example.com}
  - {control: EC2.7, resource: "*", until: 2026-11-01, reason: until the move, by: bob@example.com}
`

// Parts are those of both audits, the earlier first.
func Parts() []finding.Part {
	return []finding.Part{
		part(Earlier, Account, "", "IAM.4 S3.8", "IAM.4 FAIL arn:aws:iam::111122223333:root", "S3.8 FAIL arn:aws:s3:::www-shop", "S3.8 PASS arn:aws:s3:::logs"),
		part(Earlier, Account, "eu-west-1", "EC2.7 EC2.8",
			"EC2.8 FAIL arn:aws:ec2:eu-west-1:111122223333:instance/i-0old", "EC2.8 FAIL arn:aws:ec2:eu-west-1:111122223333:instance/i-0open",
			"EC2.8 FAIL arn:aws:ec2:eu-west-1:111122223333:instance/i-0mended", "EC2.7 FAIL arn:aws:ec2:eu-west-1:111122223333:account"),
		part(Earlier, Other, "", "IAM.4 S3.8", "IAM.4 PASS arn:aws:iam::444455556666:root"),

		part(Current, Account, "", "IAM.4 S3.8", "IAM.4 PASS arn:aws:iam::111122223333:root", "S3.8 FAIL arn:aws:s3:::www-shop",
			"S3.8 FAIL arn:aws:s3:::logs", "S3.8 FAIL "+Hostile),
		part(Current, Account, "eu-west-1", "EC2.7 EC2.8",
			"EC2.8 FAIL arn:aws:ec2:eu-west-1:111122223333:instance/i-0old", "EC2.8 FAIL arn:aws:ec2:eu-west-1:111122223333:instance/i-0open",
			"EC2.8 PASS arn:aws:ec2:eu-west-1:111122223333:instance/i-0mended", "EC2.7 ERROR arn:aws:ec2:eu-west-1:111122223333:account"),
		part(Current, Other, "", "IAM.4 S3.8", "IAM.4 ERROR arn:aws:iam::444455556666:root", "S3.8 ERROR arn:aws:iam::444455556666:root"),
		part(Current, Other, "eu-west-1", "EC2.7 EC2.8", "EC2.7 ERROR arn:aws:iam::444455556666:root", "EC2.8 ERROR arn:aws:iam::444455556666:root"),
	}
}

// part is one with results like "S3.8 FAIL name".
func part(audit, account, region, controls string, results ...string) finding.Part {
	p := finding.Part{Audit: audit, Playbook: Playbook, Account: account, Region: region, Controls: strings.Fields(controls)}
	for i, r := range results {
		f := strings.SplitN(r, " ", 3)
		one := finding.Result{
			Account: account, Region: region, Control: f[0], Status: finding.Status(f[1]), Resource: f[2],
			Evidence: map[string]string{"seen": fmt.Sprint("value ", i)}, At: Noon.Add(-time.Hour),
		}
		if one.Status == finding.Error {
			one.Evidence = map[string]string{"code": "AccessDenied"}
		}
		p.Results = append(p.Results, one)
	}
	return p
}
