package evidence_test

import (
	"context"

	"github.com/countersign/countersign/activities/ledger"
)

type keeper struct{ sealings []ledger.Sealing }

func (*keeper) Name() string { return "the test" }

func (k *keeper) Keep(_ context.Context, s ledger.Sealing) error {
	k.sealings = append(k.sealings, s)
	return nil
}
