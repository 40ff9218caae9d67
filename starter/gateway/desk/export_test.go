package desk

import (
	"context"

	"github.com/countersign/countersign/workflows"
)

// Waits is how much the desk has in mind that waits for people.
func (d *Desk) Waits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waits.by)
}

// Count looks at what schedules have left out.
func (d *Desk) Count(ctx context.Context, before map[string]workflows.Scheduled) map[string]workflows.Scheduled {
	return d.count(ctx, before)
}
