package desk_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
)

// What nobody decided is on record as that, also where the desk was away when its time was over.
func TestLapse(t *testing.T) {
	for name, tc := range map[string]struct {
		told *approval.Decision
		want approval.Outcome
	}{
		"expired":   {nil, approval.Expired},
		"withdrawn": {&approval.Decision{Outcome: approval.Withdrawn, Reason: "the run ended first", At: time.Now()}, approval.Withdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			o := received(t)
			r := o.asks(sealed(func(r *approval.Request) {
				r.Asked = time.Now().Add(-2 * time.Hour)
				r.Expires = r.Asked.Add(time.Hour)
			}))
			o.status[run].Approvals[0].Decision = tc.told
			raw, err := json.Marshal(r)
			require.NoError(t, err)
			require.NoError(t, o.ledger.Do(t.Context(), func(tx ledger.Tx) error {
				_, err := tx.Append(ledger.Entry{Kind: ledger.Request, Run: run, Key: ledger.RequestKey(r.Digest), Body: ledger.RequestBody{Digest: r.Digest, Request: raw}})
				return err
			}))
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan struct{})
			go func() { o.Serve(ctx, time.Millisecond); close(served) }()
			require.Eventually(t, func() bool { return len(records[ledger.DecisionBody](o, ledger.Decision)) == 1 }, 30*time.Second, 10*time.Millisecond)
			stop()
			<-served
			decided := records[ledger.DecisionBody](o, ledger.Decision)[0]
			require.Equal(t, string(tc.want), decided.Outcome)
			require.Empty(t, decided.By, "it is nobody's no")
			require.Nil(t, decided.Grant)
		})
	}
}
