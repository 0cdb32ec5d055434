package memlayer

// Remembered is how many things the layer holds: queues, groups, messages and memberships.
func (l *Layer) Remembered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queues) + len(l.groups) + l.waiting.list.Len() + l.memberships.list.Len()
}
