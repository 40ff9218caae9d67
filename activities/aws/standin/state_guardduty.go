package standin

// Detector is GuardDuty in one region of an account.
type Detector struct {
	Disabled bool                `json:"disabled,omitempty"`
	Findings map[string]*Finding `json:"findings,omitempty"`
}

// Finding is one finding.
type Finding struct {
	Archived bool `json:"archived,omitempty"`
	// Document is the finding as GetFindings answers it, in camelCase. Its service.archived is
	// overwritten by Archived.
	Document map[string]any `json:"document"`
}

// answer is the finding as the API tells it.
func (f *Finding) answer() map[string]any {
	out, _ := cloneTree(f.Document).(map[string]any)
	if out == nil {
		out = map[string]any{}
	}
	service, _ := out["service"].(map[string]any)
	if service == nil {
		service = map[string]any{}
		out["service"] = service
	}
	service["archived"] = f.Archived
	return out
}

// cloneTree copies plain JSON values.
func cloneTree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = cloneTree(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = cloneTree(value)
		}
		return out
	default:
		return v
	}
}
