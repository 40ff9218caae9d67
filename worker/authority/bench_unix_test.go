//go:build unix

package authority_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/worker/authority"
)

var _ activities.Authority = (*authority.Authority)(nil)

// What the guard adds to an effect, from the question to the outcome on record, on SQLite: two
// signatures, the policy and the directory, and two transactions that read and two that write. It is
// CPU of the whole process, not wall clock, as a disk that is waited for costs none.
func BenchmarkGuard(b *testing.B) {
	w := newWorld(b)
	w.write("policy.yaml", "policy: bench\nbreakers: [{name: all, activities: ['*'], most: 100000, per: 1h, each: account}]\n"+rules[strings.Index(rules, "rules:"):])
	attempts := make([]activities.Attempt, b.N)
	for i := range attempts {
		attempts[i] = w.attempt(call(b, "lamp.douse", "desk"), func(a *activities.Attempt) { a.Step = fmt.Sprint("s", i) }, w.granted())
	}
	began := cpu(b)
	b.ResetTimer()
	for _, a := range attempts {
		turn, err := w.begin(a)
		require.NoError(b, err)
		require.NoError(b, turn.End(b.Context(), activities.Outcome{Output: json.RawMessage(`{}`)}))
	}
	b.ReportMetric((cpu(b)-began).Seconds()*1000/float64(b.N), "cpu-ms/effect")
}
