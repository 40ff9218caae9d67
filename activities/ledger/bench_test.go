package ledger_test

import (
	"testing"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

// An intent and its outcome: what the ledger costs an effect.
func BenchmarkEffect(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		b.Run(name, func(b *testing.B) {
			l := ledgertest.OpenURL(b, url(b))
			n := 0
			for b.Loop() {
				for _, kind := range []ledger.Kind{ledger.Intent, ledger.Outcome} {
					n++
					err := l.Do(b.Context(), func(tx ledger.Tx) error {
						if _, _, err := tx.Last(ledger.Switch); err != nil {
							return err
						}
						_, err := tx.Append(ledger.Entry{Kind: kind, Run: "run", Key: ledger.RetryKey("p", "run", "step", n), Body: ledger.IntentBody{Input: []byte(`{"user":"ada"}`)}})
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
