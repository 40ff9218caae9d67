package approval_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/workflows/approval"
)

func TestLong(t *testing.T) {
	call := func(bytes int) approval.Call {
		return approval.Call{Input: json.RawMessage(`"` + strings.Repeat("x", bytes) + `"`)}
	}
	for name, tc := range map[string]struct {
		request approval.Request
		long    bool
	}{
		"nothing":       {approval.Request{}, false},
		"many":          {approval.Request{Calls: []approval.Call{call(1000), call(1000), call(1000)}}, false},
		"too many":      {approval.Request{Calls: make([]approval.Call, approval.MaxCalls+1)}, true},
		"too long":      {approval.Request{Calls: []approval.Call{call(approval.MaxBytes)}}, true},
		"long together": {approval.Request{Calls: []approval.Call{call(approval.MaxBytes / 2), call(approval.MaxBytes / 2)}}, true},
		"a long preview": {approval.Request{Calls: []approval.Call{{Preview: &preview.Preview{Changes: []preview.Change{
			{Before: strings.Repeat("x", approval.MaxBytes)},
		}}}}}, true},
		"cannot be written": {approval.Request{Calls: []approval.Call{{Input: json.RawMessage(`{`)}}}, true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.long, tc.request.Long()) })
	}
}
