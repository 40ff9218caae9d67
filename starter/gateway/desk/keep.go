package desk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Keep is the word of a person that what a step did stays, though it would be put back by itself.
type Keep struct {
	Step   string `json:"step"`
	Reason string `json:"reason"`
}

// Keep keeps what a step of a run did. It prevents an effect and permits none, so whoever is in the
// directory may say so. To say it again is safe.
func (d *Desk) Keep(ctx context.Context, p Principal, run string, k Keep) (workflows.ExpiryStatus, error) {
	if _, err := d.human(p); err != nil {
		return workflows.ExpiryStatus{}, d.refused(ctx, p, run, "", err)
	}
	if strings.TrimSpace(k.Reason) == "" || len(k.Reason) > approval.MaxReason {
		return workflows.ExpiryStatus{}, refuse("to keep it takes a reason, of %d bytes at most", approval.MaxReason)
	}
	root, err := d.origin(ctx, run)
	if err != nil {
		return workflows.ExpiryStatus{}, d.turn(ctx, p, run, "", err)
	}
	until, err := d.expiring(ctx, run, k.Step)
	if err == nil && until.Run != root.run && !strings.HasPrefix(until.Run, root.run+"/") {
		err = refuse("the run %s speaks of what another did, %s", run, clip(until.Run, 200))
	}
	if err != nil {
		return workflows.ExpiryStatus{}, d.turn(ctx, p, run, "", err)
	}
	word := grant.Keep{Run: until.Run, Step: until.Step, Execution: until.Execution, By: p.Person, Reason: k.Reason, At: time.Now().UTC()}
	err = d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Keep, Run: until.Run, Key: ledger.KeepKey(until.Run, until.Step), Body: ledger.KeepBody{
			Run: until.Run, Step: until.Step, By: p.Person, Reason: k.Reason, Via: p.Via,
		}})
		if errors.Is(err, ledger.ErrTaken) {
			return nil
		}
		return err
	})
	if err != nil {
		return workflows.ExpiryStatus{}, err
	}
	signed, err := d.Signer.Sign(grant.KindKeep, word)
	if err != nil {
		return workflows.ExpiryStatus{}, err
	}
	d.Log.InfoContext(ctx, "keep", "run", until.Run, "step", until.Step, "person", p.Person)
	return d.Runs.Keep(ctx, until, signed)
}

// expiring finds what is meant, by the name that this run has for the step, or the called run that
// made it; without one the only one.
func (d *Desk) expiring(ctx context.Context, run, step string) (workflows.Until, error) {
	st, err := d.Runs.Status(ctx, run)
	if err != nil {
		return workflows.Until{}, err
	}
	var found []workflows.Until
	for _, act := range st.Expiring {
		if act != nil && act.Until != nil && (step == "" || act.Step == step || act.Until.Step == step) {
			found = append(found, *act.Until)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, u := range found {
		names[i] = u.Step
	}
	slices.Sort(names)
	switch {
	case len(found) > 1:
		return workflows.Until{}, refuse("the run %s puts back %s by itself; name one", run, strings.Join(names, " and "))
	case step != "":
		return workflows.Until{}, refuse("the run %s puts back nothing of %q by itself", run, clip(step, 200))
	default:
		return workflows.Until{}, refuse("the run %s puts back nothing by itself", run)
	}
}
