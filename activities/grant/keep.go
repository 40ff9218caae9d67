package grant

import "time"

// Keep says that a person keeps what a step did, which would be put back by itself: what the gateway
// signs and the workflow that waits for the time believes. It permits no effect; it prevents one.
type Keep struct {
	// Run and Step are what did it: the run, or a run that it called, and the step with the rounds
	// around it, as that run knows it.
	Run  string `json:"run"`
	Step string `json:"step"`
	// Execution is that of the workflow that waits. The word of a person counts for no other.
	Execution string    `json:"execution"`
	By        string    `json:"by"` // stable id
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
}
