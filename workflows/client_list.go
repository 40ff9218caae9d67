package workflows

import (
	"strings"
	"unicode"

	"go.temporal.io/api/workflowservice/v1"
)

func listRequest(query string, page []byte, size int) *workflowservice.ListWorkflowExecutionsRequest {
	return &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: page, PageSize: int32(size)} //nolint:gosec // at most 100
}

// snake writes Temporal's TimedOut as timed_out.
func snake(s string) string {
	var out strings.Builder
	for i, r := range s {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
