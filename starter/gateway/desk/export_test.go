package desk

// Waits is how much the desk has in mind that waits for people.
func (d *Desk) Waits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waits.by)
}
