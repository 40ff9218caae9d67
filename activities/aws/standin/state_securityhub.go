package standin

import "time"

// Hub is Security Hub in one region of an account; where it is not enabled there is none.
type Hub struct {
	Subscribed time.Time `json:"subscribed,omitzero"`
	// Findings are whole findings in AWS's format (ASFF), by their id.
	Findings map[string]map[string]any `json:"findings,omitempty"`
}

// asffRequired are the fields that a finding must have to be imported.
var asffRequired = []string{
	"AwsAccountId", "CreatedAt", "Description", "GeneratorId", "Id", "ProductArn", "Resources", "SchemaVersion", "Severity", "Title", "UpdatedAt",
}

// asffCustomer are the fields that belong to whoever works on a finding: an import leaves them as they are.
var asffCustomer = []string{"Note", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState"}

// hubFilters are the filters that the stand-in knows, and the field that each looks at. A field of a
// list holds if one of the list does.
var hubFilters = map[string][]string{
	"AwsAccountId":                {"AwsAccountId"},
	"ComplianceSecurityControlId": {"Compliance", "SecurityControlId"},
	"ComplianceStatus":            {"Compliance", "Status"},
	"GeneratorId":                 {"GeneratorId"},
	"Id":                          {"Id"},
	"ProductArn":                  {"ProductArn"},
	"ProductName":                 {"ProductName"},
	"RecordState":                 {"RecordState"},
	"Region":                      {"Region"},
	"ResourceId":                  {"Resources", "Id"},
	"ResourceType":                {"Resources", "Type"},
	"SeverityLabel":               {"Severity", "Label"},
	"Title":                       {"Title"},
	"WorkflowStatus":              {"Workflow", "Status"},
}

// under lists the texts at a path of a finding.
func under(v any, path []string) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, member := range v {
			out = append(out, under(member, path)...)
		}
		return out
	case map[string]any:
		if len(path) > 0 {
			return under(v[path[0]], path[1:])
		}
	case string:
		if len(path) == 0 {
			return []string{v}
		}
	}
	return nil
}
