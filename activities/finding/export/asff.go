package export

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/finding"
)

// Limits of BatchImportFindings.
const (
	ASFFBatch = 100        // findings of one call
	ASFFSize  = 240 * 1000 // bytes of one finding; less than 240 KB, however those are counted
)

// ASFFFinding is a finding in the format of AWS Security Hub: what is required, and what we fill.
type ASFFFinding struct {
	SchemaVersion         string
	ID                    string `json:"Id"`
	ProductARN            string `json:"ProductArn"`
	GeneratorID           string `json:"GeneratorId"`
	AccountID             string `json:"AwsAccountId"`
	Types                 []string
	CreatedAt             string
	UpdatedAt             string
	Severity              ASFFSeverity
	Title                 string
	Description           string
	Remediation           *ASFFRemediation  `json:",omitempty"`
	ProductFields         map[string]string `json:",omitempty"`
	Resources             []ASFFResource
	Compliance            ASFFCompliance
	Workflow              ASFFWorkflow
	RecordState           string
	FindingProviderFields ASFFProviderFields
}

// The parts of a finding.
type (
	// ASFFSeverity is INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL.
	ASFFSeverity struct {
		Label    string
		Original string `json:",omitempty"`
	}
	// ASFFRemediation says what to do.
	ASFFRemediation struct{ Recommendation struct{ Text string } }
	// ASFFResource is what a finding is about.
	ASFFResource struct {
		Type      string
		ID        string `json:"Id"`
		Partition string
		Region    string `json:",omitempty"`
	}
	// ASFFCompliance is PASSED, FAILED, WARNING or NOT_AVAILABLE.
	ASFFCompliance struct {
		Status              string
		SecurityControlID   string   `json:"SecurityControlId"`
		RelatedRequirements []string `json:",omitempty"`
	}
	// ASFFWorkflow is how far people are, when the finding is first imported.
	ASFFWorkflow struct{ Status string }
	// ASFFProviderFields are what a provider may change of a finding that is there.
	ASFFProviderFields struct {
		Severity ASFFSeverity
		Types    []string
	}
)

// asffType is from the taxonomy of Security Hub.
const asffType = "Software and Configuration Checks/AWS Security Best Practices"

// asffStatus has what could not be looked at apart from what there is not: Security Hub puts
// NOT_AVAILABLE away by itself.
var asffStatus = map[finding.Status]string{finding.Pass: "PASSED", finding.Fail: "FAILED", finding.Error: "WARNING", finding.NotApplicable: "NOT_AVAILABLE"}

// ASFFOf is an item as a finding for Security Hub in a region, whose own product of the account it is
// imported as.
func ASFFOf(m finding.Meta, i finding.Item, region string) ASFFFinding {
	r := i.Result
	c, when := m.Controls.Of(r.Control), m.At(r).Format(time.RFC3339Nano)
	severity := ASFFSeverity{Label: string(c.Severity), Original: string(c.Severity)}
	workflow, record := "NEW", "ACTIVE"
	switch {
	case r.Status == finding.Pass || r.Status == finding.NotApplicable:
		severity.Label, workflow = "INFORMATIONAL", "RESOLVED"
	case i.State == finding.Waived:
		workflow = "SUPPRESSED"
	}
	if gone(i) {
		record = "ARCHIVED"
	}
	f := ASFFFinding{
		SchemaVersion: "2018-10-08", ID: clip(name(r), 512), ProductARN: productARN(r, region),
		GeneratorID: clip("countersign/"+r.Control, 512), AccountID: r.Account, Types: []string{asffType}, CreatedAt: when, UpdatedAt: when,
		Severity: severity, Title: clip(r.Control+" "+c.Title, 256), Description: clip(describe(i, c), 1024),
		ProductFields: fields(m, i), Resources: []ASFFResource{resourceOf(r)},
		Compliance:  ASFFCompliance{Status: asffStatus[r.Status], SecurityControlID: r.Control},
		Workflow:    ASFFWorkflow{workflow},
		RecordState: record, FindingProviderFields: ASFFProviderFields{severity, []string{asffType}},
	}
	for _, s := range c.Standards[:min(len(c.Standards), 32)] {
		f.Compliance.RelatedRequirements = append(f.Compliance.RelatedRequirements, clip(s, 1000))
	}
	if c.Remedy != "" {
		f.Remediation = &ASFFRemediation{}
		f.Remediation.Recommendation.Text = clip(c.Remedy, 512)
	}
	return f
}

func productARN(r finding.Result, region string) string {
	return "arn:" + partition(r.Resource, region) + ":securityhub:" + region + ":" + r.Account + ":product/" + r.Account + "/default"
}

func partition(arn, region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	if p := strings.SplitN(arn, ":", 3); len(p) == 3 && p[0] == "arn" && slices.Contains([]string{"aws-cn", "aws-us-gov"}, p[1]) {
		return p[1]
	}
	return "aws"
}

func describe(i finding.Item, c finding.Control) string {
	says := c.Title + ": " + string(i.Result.Status)
	if i.Result.Status == finding.Error {
		says += ", it could not be looked at: " + i.Result.Why()
	}
	if w := i.Waiver; w != nil {
		says += ". Waived until " + w.Until + " by " + w.By + ": " + w.Reason
	}
	return says
}

// fields are the evidence, within the 50 that a finding may have.
func fields(m finding.Meta, i finding.Item) map[string]string {
	all := map[string]string{"countersign/audit": clip(m.Audit.ID, 1024), "countersign/playbook": clip(m.Audit.Playbook, 1024)}
	if i.State != "" {
		all["countersign/state"] = string(i.State)
	}
	for _, name := range slices.Sorted(maps.Keys(i.Result.Evidence)) {
		if len(all) < 50 {
			all[clip("countersign/evidence/"+name, 128)] = clip(i.Result.Evidence[name], 1024)
		}
	}
	return all
}

func resourceOf(r finding.Result) ASFFResource {
	res := ASFFResource{Type: resourceType(r.Resource), ID: clip(r.Resource, 512), Partition: partition(r.Resource, r.Region), Region: r.Region}
	if res.Type == "AwsAccount" {
		res.ID = "AWS::::Account:" + r.Account
	}
	if res.ID == "" {
		res.ID = "-"
	}
	return res
}

// resourceType is the type of what an ARN names, in Security Hub's words.
func resourceType(arn string) string {
	p := strings.SplitN(arn, ":", 6)
	if len(p) < 6 || p[0] != "arn" {
		return "Other"
	}
	kind, _, _ := strings.Cut(strings.ReplaceAll(p[5], "/", ":"), ":")
	switch p[2] + ":" + kind {
	case "iam:root":
		return "AwsAccount"
	case "iam:user":
		return "AwsIamUser"
	case "iam:role":
		return "AwsIamRole"
	case "iam:policy":
		return "AwsIamPolicy"
	case "ec2:instance":
		return "AwsEc2Instance"
	case "ec2:security-group":
		return "AwsEc2SecurityGroup"
	case "ec2:volume":
		return "AwsEc2Volume"
	case "ec2:vpc":
		return "AwsEc2Vpc"
	case "ec2:network-acl":
		return "AwsEc2NetworkAcl"
	case "kms:key":
		return "AwsKmsKey"
	case "rds:db":
		return "AwsRdsDbInstance"
	case "cloudtrail:trail":
		return "AwsCloudTrailTrail"
	}
	if p[2] == "s3" && !strings.Contains(p[5], "/") {
		return "AwsS3Bucket"
	}
	return "Other"
}

// ASFF writes findings, as many as one call of BatchImportFindings takes a line: {"Findings": [...]}.
// Those of the account as a whole are for the region that is given.
func ASFF(w io.Writer, m finding.Meta, region string) Writer {
	return &asff{w: w, meta: m, region: region}
}

type asff struct {
	w      io.Writer
	meta   finding.Meta
	region string
	batch  []json.RawMessage
}

// Write implements Writer.
func (a *asff) Write(i finding.Item) error {
	region := i.Result.Region
	if region == "" {
		region = a.region
	}
	f := ASFFOf(a.meta, i, region)
	raw, err := json.Marshal(f)
	if err == nil && len(raw) > ASFFSize {
		f.ProductFields = nil
		raw, err = json.Marshal(f)
	}
	if err != nil {
		return fmt.Errorf("write a finding for Security Hub: %w", err)
	}
	if a.batch = append(a.batch, raw); len(a.batch) == ASFFBatch {
		return a.Close()
	}
	return nil
}

// Close implements Writer.
func (a *asff) Close() error {
	if len(a.batch) == 0 {
		return nil
	}
	err := json.NewEncoder(a.w).Encode(map[string]any{"Findings": a.batch})
	a.batch = a.batch[:0]
	if err != nil {
		return fmt.Errorf("write findings for Security Hub: %w", err)
	}
	return nil
}
