package standin

import (
	"reflect"
	"slices"
)

// batchImportFindings adds findings, or brings those up to date that are older than what it has. Each
// is taken or refused on its own.
func batchImportFindings(c *call) (any, error) {
	h, err := c.hub()
	if err != nil {
		return nil, err
	}
	in := struct{ Findings []map[string]any }{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	if len(in.Findings) == 0 || len(in.Findings) > maxHub {
		return nil, hubInput("Invalid parameter 'Findings'. 1 to %d findings are allowed", maxHub)
	}
	failed := []any{}
	for i, f := range in.Findings {
		problem := c.importable(f)
		if c.failItems && i == len(in.Findings)-1 {
			problem = "an internal error"
		}
		if problem != "" {
			failed = append(failed, map[string]string{"Id": text(f["Id"]), "ErrorCode": "InvalidInput", "ErrorMessage": "Invalid finding: " + problem})
			continue
		}
		c.importFinding(h, f)
	}
	return map[string]any{"FailedCount": len(failed), "SuccessCount": len(in.Findings) - len(failed), "FailedFindings": failed}, nil
}

// importable says what is wrong with a finding; "" is nothing.
func (c *call) importable(f map[string]any) string {
	for _, field := range asffRequired {
		if f[field] == nil || f[field] == "" {
			return "missing " + field
		}
	}
	resources, _ := f["Resources"].([]any)
	switch own := "arn:aws:securityhub:" + c.region + ":" + c.caller.Account + ":product/" + c.caller.Account + "/default"; {
	case len(resources) == 0:
		return "no Resources"
	case f["ProductArn"] != own:
		return "ProductArn is not the account's own"
	case f["AwsAccountId"] != c.caller.Account:
		return "AwsAccountId is not the account's own"
	case f["SchemaVersion"] != "2018-10-08":
		return "SchemaVersion"
	}
	return ""
}

func (c *call) importFinding(h *Hub, f map[string]any) {
	next, _ := cloneTree(f).(map[string]any)
	for _, field := range asffCustomer {
		delete(next, field)
	}
	if next["RecordState"] == nil {
		next["RecordState"] = "ACTIVE"
	}
	next["Region"] = c.region
	next["Workflow"], next["WorkflowState"] = map[string]any{"Status": "NEW"}, "NEW"
	id := text(f["Id"])
	if old := h.Findings[id]; old != nil {
		if text(next["UpdatedAt"]) <= text(old["UpdatedAt"]) {
			return
		}
		for _, field := range asffCustomer {
			delete(next, field)
			if old[field] != nil {
				next[field] = old[field]
			}
		}
		if reflect.DeepEqual(old, next) {
			return
		}
	}
	put(&h.Findings, id, next)
	c.changed = true
}

type hubIdentifier struct {
	ID         string `json:"Id"`
	ProductARN string `json:"ProductArn"`
}

// batchUpdateFindings sets status and note of findings, each on its own.
func batchUpdateFindings(c *call) (any, error) {
	h, err := c.hub()
	if err != nil {
		return nil, err
	}
	in := struct {
		FindingIdentifiers []hubIdentifier
		Workflow           struct{ Status string }
		Note               *struct{ Text, UpdatedBy string }
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	switch {
	case len(in.FindingIdentifiers) == 0 || len(in.FindingIdentifiers) > maxHub:
		return nil, hubInput("Invalid parameter 'FindingIdentifiers'. 1 to %d findings are allowed", maxHub)
	case in.Workflow.Status != "" && !slices.Contains([]string{"NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"}, in.Workflow.Status):
		return nil, hubInput("Invalid parameter 'Workflow'. Status %q", in.Workflow.Status)
	case in.Note != nil && (in.Note.Text == "" || len(in.Note.Text) > 512 || in.Note.UpdatedBy == ""):
		return nil, hubInput("Invalid parameter 'Note'. Text of 1 to 512 characters and UpdatedBy are required")
	}
	processed, unprocessed := []any{}, []any{}
	for i, which := range in.FindingIdentifiers {
		f := h.Findings[which.ID]
		refuse := ""
		switch {
		case f == nil || f["ProductArn"] != which.ProductARN:
			refuse = "FindingNotFound"
		case c.failItems && i == len(in.FindingIdentifiers)-1:
			refuse = "ConcurrentUpdateError"
		}
		if refuse != "" {
			unprocessed = append(unprocessed, map[string]any{"FindingIdentifier": which, "ErrorCode": refuse, "ErrorMessage": "The finding was not updated"})
			continue
		}
		if status := in.Workflow.Status; status != "" && !slices.Equal(under(f, hubFilters["WorkflowStatus"]), []string{status}) {
			f["Workflow"], f["WorkflowState"], c.changed = map[string]any{"Status": status}, workflowState[status], true
		}
		if in.Note != nil {
			old, _ := f["Note"].(map[string]any)
			if old["Text"] != in.Note.Text || old["UpdatedBy"] != in.Note.UpdatedBy {
				f["Note"] = map[string]any{"Text": in.Note.Text, "UpdatedBy": in.Note.UpdatedBy, "UpdatedAt": ec2Time(c.now)}
				c.changed = true
			}
		}
		processed = append(processed, which)
	}
	return map[string]any{"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}, nil
}

// workflowState is the older name of a status, which findings still bear beside it.
var workflowState = map[string]string{"NEW": "NEW", "NOTIFIED": "NOTIFIED", "RESOLVED": "RESOLVED", "SUPPRESSED": "RESOLVED"}
