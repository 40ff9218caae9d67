package authority

import (
	"encoding/json"
	"fmt"

	"github.com/countersign/countersign/activities/ledger"
)

// undoes is an effect on record that a call takes back, exactly.
type undoes struct {
	seq    int64
	leftAs digestOf
}

// findUndone finds the newest effect of the run's tree, or of the run that the ticket undoes, of
// which the call is the recorded inverse. An effect that people approved is one only where they were
// shown that it would be put back, or where somebody asked for it with a run of its own.
func findUndone(tx ledger.Tx, q *asked) (*undoes, error) {
	root := q.ticket.Run
	if q.grant != nil && q.ticket.Undoes == "" {
		return nil, nil // people approved it for what it is
	}
	if q.ticket.Undoes != "" {
		root = q.ticket.Undoes
	}
	done, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Outcome}, Run: root, Tree: true, Topic: string(q.Digest)})
	if err != nil || len(done) == 0 {
		return nil, err
	}
	for i := len(done) - 1; i >= 0; i-- {
		var body ledger.OutcomeBody
		if err := json.Unmarshal(done[i].Body, &body); err != nil {
			return nil, fmt.Errorf("read record %d: %w", done[i].Seq, err)
		}
		if q.ticket.Undoes == "" && !body.PutBack {
			continue
		}
		q.facts.Undo = "run"
		if q.ticket.Undoes != "" {
			q.facts.Undo = "person"
		}
		return &undoes{seq: done[i].Seq, leftAs: body.LeftAs}, nil
	}
	return nil, nil
}
