package ledger

import "time"

// TickBody says that a schedule is due. It is the cluster's word and permits nothing: the gateway
// holds it against the playbook's own schedule.
type TickBody struct {
	Playbook  string    `json:"playbook"`
	Scheduled time.Time `json:"scheduled"` // without jitter
	// Workflow and Execution are the tick that waits for the run.
	Workflow  string `json:"workflow"`
	Execution string `json:"execution"`
}

// TickedBody is what the gateway did about a tick: it started a run, or refused to.
type TickedBody struct {
	Playbook  string    `json:"playbook"`
	Scheduled time.Time `json:"scheduled"`
	Run       string    `json:"run,omitempty"`
	Execution string    `json:"execution,omitempty"`
	// Joined says that the run was there already.
	Joined bool `json:"joined,omitempty"`
	// Order is the record of who had it run, if the time is none of the schedule's.
	Order   int64  `json:"order,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// TickOverBody says that a tick waits no longer for its run.
type TickOverBody struct {
	Playbook  string    `json:"playbook"`
	Scheduled time.Time `json:"scheduled"`
	Why       string    `json:"why"` // cancelled, missed
}

// Why a tick waits no longer: TickOverBody.Why.
const (
	TickCancelled = "cancelled" // with it the run is, if there is one
	TickMissed    = "missed"    // no gateway took it in time
)

// TickOrderBody says that somebody has the playbook of a schedule run at times that are over, or at
// one that is none of the schedule's: From, once.
type TickOrderBody struct {
	Playbook string    `json:"playbook"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	// Once is true for a run at From, whatever the schedule says.
	Once    bool   `json:"once,omitempty"`
	By      string `json:"by"`
	Surface string `json:"surface,omitempty"`
	Via     string `json:"via,omitempty"`
}
