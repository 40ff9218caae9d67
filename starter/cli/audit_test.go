package cli_test

import (
	"context"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/countersign/countersign/activities/finding/findingtest"
	"github.com/countersign/countersign/activities/finding/store"
)

// audits fills what is kept beside a ledger with two audits: audits LEDGER.
func audits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: audits LEDGER")
	}
	now := time.Now().UTC().AddDate(0, 0, -1)
	s, err := store.Open(context.Background(), ts.MkAbs(args[0]), store.WithClock(func() time.Time { return now }))
	ts.Check(err)
	defer s.Close()
	for _, p := range findingtest.Parts() {
		if p.Audit == findingtest.Current {
			now = time.Now().UTC()
		}
		ts.Check(s.Record(context.Background(), p))
	}
}
