package workflows

import (
	"context"
	"errors"
	"time"
)

// watchEvery is how often a watched run is asked. A query is answered from the worker's cache and
// leaves nothing in the history.
const watchEvery = 200 * time.Millisecond

// Watch calls see with the status of a run, at once and then whenever it may have changed, until
// see returns false, the run is over (see is called with the last status first) or ctx ends. A
// worker that is away for less than patience is waited for.
func (c Client) Watch(ctx context.Context, run string, patience time.Duration, see func(*Status) bool) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	heard := time.Now()
	for {
		status, err := c.Status(ctx, run)
		switch {
		case err == nil:
			heard = time.Now()
			if !see(status) || status.State.Over() {
				return nil
			}
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, ErrNoWorker) || time.Since(heard) > patience:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
