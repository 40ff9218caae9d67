package ledger

import "sync"

// commits tells those who wait of what this process writes.
type commits struct {
	mu   sync.Mutex
	next chan struct{} // closed by the next commit; nil: nobody waits
}

// Committed returns a channel that is closed when something is committed through this Ledger. Of
// what others write it says nothing: look from time to time.
func (l *Ledger) Committed() <-chan struct{} {
	c := &l.commits
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.next
}

func (c *commits) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}
