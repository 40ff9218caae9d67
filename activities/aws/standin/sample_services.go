package standin

import (
	"time"

	"github.com/countersign/countersign/activities/aws/documents"
)

// What of keys, findings, functions and secrets is in [Sample].
const (
	// SampleKey is a key of the customer that nobody rotates, SampleManagedKey one that AWS made.
	SampleKey        = "1234abcd-12ab-34cd-56ef-1234567890ab"
	SampleManagedKey = "0987dcba-09fe-87dc-65ba-ab0987654321"

	// SampleFunction has concurrency reserved for it.
	SampleFunction = "payments-webhook"

	// SampleSecret is at SampleSecretVersion, and was at SampleOldVersion before.
	SampleSecret        = "payments/database"
	SampleSecretVersion = "c0ffee00-5678-40ab-8def-000000000002"
	SampleOldVersion    = "c0ffee00-5678-40ab-8def-000000000001"

	// SampleMember is an account of the organization that SampleAccount manages, in SampleUnit, and SampleFreeze a
	// policy that denies everything.
	SampleMember     = "555566667777"
	SampleUnit       = "ou-ab12-workload"
	SampleQuarantine = "ou-ab12-quarantin"
	SampleFreeze     = "p-freeze0000"

	// SampleHubProduct found SampleHubFinding, which is new, and SampleHubOther, which somebody was told of.
	SampleHubProduct = "arn:aws:securityhub:us-east-1::product/aws/securityhub"
	SampleHubFinding = "arn:aws:securityhub:us-east-1:111122223333:security-control/S3.8/finding/a1b2c3d4-5678-90ab-cdef-000000000001"
	SampleHubOther   = "arn:aws:securityhub:us-east-1:111122223333:security-control/EC2.53/finding/a1b2c3d4-5678-90ab-cdef-000000000002"
)

// sampleServices adds them to a region.
func sampleServices(r *Region) {
	made := time.Date(2026, time.January, 12, 8, 30, 0, 0, time.UTC)
	r.Keys = map[string]*Key{
		SampleKey:        {Created: made, Description: "payments exports", Tags: map[string]string{"owner": "payments@example.com"}},
		SampleManagedKey: {Created: made, Description: "Default key that protects my EBS volumes when no other key is defined", AWSManaged: true, Rotated: true},
	}
	reserved := 25
	r.Functions = map[string]*Function{SampleFunction: {Reserved: &reserved, Tags: map[string]string{"owner": "payments@example.com"}}}
	r.Secrets = map[string]*StoredSecret{SampleSecret: {
		Suffix: "Pa7mEn", RotationFunction: "arn:aws:lambda:us-east-1:" + SampleAccount + ":function:rotate-database",
		Tags: map[string]string{"owner": "payments@example.com"},
		Versions: map[string]*SecretVersion{
			SampleSecretVersion: {Value: "local-stand-in-not-a-password-2", Stages: []string{secretCurrent}},
			SampleOldVersion:    {Value: "local-stand-in-not-a-password-1", Stages: []string{secretPrevious}},
		},
	}}
	r.Hosts = map[string]*ManagedHost{SampleInstance: {
		Platform: "Linux", Ping: "Online",
		Prints: "    PID    PPID USER     STARTED                      ELAPSED COMMAND\n   4242       1 www-data Fri Nov 20 21:20:11 2026  2-12:39:49 /tmp/.x/xmrig -o pool.example.net:3333\n",
	}}
	r.Documents = map[string]*Document{}
	for _, name := range []string{"Countersign-CollectLinux", "Countersign-CollectWindows"} {
		content, err := documents.Files.ReadFile(name + ".json")
		if err != nil {
			panic("sample documents: " + err.Error()) // part of the program; a test reads it
		}
		r.Documents[name] = &Document{Version: "1", Content: string(content)}
	}
	r.Hub = &Hub{Subscribed: made, Findings: map[string]map[string]any{
		SampleHubFinding: hubFinding(SampleHubFinding, "S3.8", "S3 general purpose buckets should block public access", "HIGH", "NEW",
			"AwsS3Bucket", "arn:aws:s3:::"+SampleBucket),
		SampleHubOther: hubFinding(SampleHubOther, "EC2.53", "EC2 security groups should not allow ingress from 0.0.0.0/0 to remote server administration ports",
			"HIGH", "NOTIFIED", "AwsEc2SecurityGroup", "arn:aws:ec2:us-east-1:"+SampleAccount+":security-group/"+SampleSSHGroup),
	}}
	r.Hub.Findings[SampleHubOther]["Note"] = map[string]any{"Text": "asked the team", "UpdatedBy": "ada@example.com", "UpdatedAt": "2026-11-21T08:00:00.000Z"}
}

// hubFinding is a finding of a control of Security Hub.
func hubFinding(id, control, title, severity, status, kind, resource string) map[string]any {
	return map[string]any{
		"SchemaVersion": "2018-10-08", "Id": id, "ProductArn": SampleHubProduct, "ProductName": "Security Hub", "CompanyName": "AWS",
		"Region": SampleRegion, "GeneratorId": "security-control/" + control, "AwsAccountId": SampleAccount,
		"Types":     []any{"Software and Configuration Checks/Industry and Regulatory Standards"},
		"CreatedAt": "2026-11-20T21:30:00.000Z", "UpdatedAt": "2026-11-22T21:30:00.000Z",
		"Severity": map[string]any{"Label": severity, "Normalized": float64(70)}, "Title": title, "Description": "This control checks it.",
		"Resources":     []any{map[string]any{"Type": kind, "Id": resource, "Partition": "aws", "Region": SampleRegion}},
		"Compliance":    map[string]any{"Status": "FAILED", "SecurityControlId": control},
		"WorkflowState": status, "Workflow": map[string]any{"Status": status}, "RecordState": "ACTIVE",
	}
}

// sampleOrganization has a workload account, and a place to put it when it must be stopped.
func sampleOrganization() *Organization {
	return &Organization{
		ID: "o-exampleorgid", Management: SampleAccount, Root: "r-ab12",
		Units: map[string]*Unit{
			SampleUnit:       {Name: "workloads", Parent: "r-ab12"},
			SampleQuarantine: {Name: "quarantine", Parent: "r-ab12"},
		},
		Members: map[string]*Member{
			SampleAccount: {Name: "example-workloads", Email: "aws@example.com", Parent: "r-ab12"},
			SampleMember:  {Name: "example-sandbox", Email: "sandbox@example.com", Parent: SampleUnit, Tags: map[string]string{"stage": "sandbox"}},
		},
		Policies: map[string]*ServicePolicy{
			"p-FullAWSAccess": {
				Name: "FullAWSAccess", AWSManaged: true, Targets: []string{SampleMember, SampleQuarantine, SampleUnit, "r-ab12"},
				Content: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
			},
			SampleFreeze: {
				Name: "incident-freeze", Content: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",` +
					`"Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/SecOpsRespond"}}}]}`,
			},
		},
	}
}
