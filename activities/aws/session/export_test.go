package session

// KeptClients is how many clients are kept.
func KeptClients(s *Sessions) int { return s.clients.len() }
