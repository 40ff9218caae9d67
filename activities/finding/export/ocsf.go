package export

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/countersign/countersign/activities/finding"
)

// ocsfVersion is the schema's, https://schema.ocsf.io/1.8.0/classes/compliance_finding.
const ocsfVersion = "1.8.0"

// OCSF writes compliance findings, one a line.
func OCSF(w io.Writer, m finding.Meta) Writer {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &ocsf{enc, m}
}

type ocsf struct {
	enc  *json.Encoder
	meta finding.Meta
}

type pair struct {
	id   int
	name string
}

var (
	ocsfSeverity = map[finding.Severity]pair{finding.Low: {2, "Low"}, finding.Medium: {3, "Medium"}, finding.High: {4, "High"}, finding.Critical: {5, "Critical"}}
	ocsfResult   = map[finding.Status]pair{finding.Pass: {1, "Pass"}, finding.Error: {2, "Warning"}, finding.Fail: {3, "Fail"}, finding.NotApplicable: {99, string(finding.NotApplicable)}}
	ocsfActivity = []string{"", "Create", "Update", "Close"}
	ocsfState    = []string{"", "New", "In Progress", "Suppressed", "Resolved"}
)

type object = map[string]any

// Write implements Writer.
func (o *ocsf) Write(i finding.Item) error {
	r := i.Result
	c, when := o.meta.Controls.Of(r.Control), o.meta.At(r).UnixMilli()
	severity := ocsfSeverity[c.Severity]
	activity, state := 1, 1
	switch {
	case r.Status == finding.Pass || r.Status == finding.NotApplicable:
		severity, activity, state = pair{1, "Informational"}, 3, 4
	case i.State == finding.Waived:
		activity, state = 2, 3
	case i.State == finding.Open:
		activity = 2
	}
	standards := c.Standards
	if len(standards) == 0 {
		standards = []string{product}
	}
	region := r.Region
	detail := i.State
	compliance := object{"control": r.Control, "standards": standards, "status_id": ocsfResult[r.Status].id, "status": ocsfResult[r.Status].name, "status_code": string(r.Status)}
	if detail != "" {
		compliance["status_detail"] = string(detail)
	}
	cloud := object{"provider": "AWS", "account": object{"uid": r.Account, "type": "AWS Account", "type_id": 10}}
	resource := object{"uid": r.Resource, "type": resourceType(r.Resource)}
	if region != "" {
		cloud["region"], resource["region"] = region, region
	}
	evidence := object{}
	for name, value := range r.Evidence {
		evidence[name] = value
	}
	unmapped := object{"evidence": evidence}
	if w := i.Waiver; w != nil {
		unmapped["waiver"] = object{"until": w.Until, "reason": w.Reason, "by": w.By}
	}
	event := object{
		"category_uid": 2, "category_name": "Findings", "class_uid": 2003, "class_name": "Compliance Finding",
		"activity_id": activity, "activity_name": ocsfActivity[activity],
		"type_uid": 200300 + activity, "type_name": "Compliance Finding: " + ocsfActivity[activity],
		"time": when, "severity_id": severity.id, "severity": severity.name, "status_id": state, "status": ocsfState[state],
		"message": fmt.Sprintf("%s: %s", r.Control, c.Title),
		"metadata": object{
			"version": ocsfVersion, "profiles": []string{"cloud"}, "correlation_uid": o.meta.Audit.ID,
			"product": object{"name": product, "vendor_name": product, "feature": object{"name": o.meta.Audit.Playbook}},
		},
		"cloud":        cloud,
		"finding_info": object{"uid": name(r), "title": c.Title, "created_time": when, "analytic": object{"name": r.Control, "uid": r.Control, "type": "Rule", "type_id": 1}},
		"compliance":   compliance,
		"resources":    []object{resource},
		"unmapped":     unmapped,
	}
	if c.Remedy != "" {
		event["remediation"] = object{"desc": c.Remedy}
	}
	if err := o.enc.Encode(event); err != nil {
		return fmt.Errorf("write a finding of OCSF: %w", err)
	}
	return nil
}

// Close implements Writer.
func (*ocsf) Close() error { return nil }
