// Package grant holds what the gateway signs and a worker checks: the Ticket that a run starts with
// and the Grant that an approval yields. It is pure.
//
// Whoever may write to a Temporal namespace can start, signal, update and reset every workflow, so
// nothing that a workflow says permits anything. What permits is a body signed with the gateway's
// Ed25519 key, which a worker cannot make: it holds the public half.
//
// A body says whom it is for and what it is about in full. Whether it may be used once more, and
// whether those who approved still may, is not in it: the guard asks the ledger, the directory and
// the policy at the moment of the effect.
package grant

import (
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// Life is how long after the decision the first of the covered calls may begin, and each of the
// others: a grant that lies about is a risk, and a run that comes too late asks again.
const Life = 15 * time.Minute

// MaxLife bounds the life of a grant of many calls.
const MaxLife = 24 * time.Hour

// Lives is how long a grant of so many calls lives.
func Lives(calls int) time.Duration { return min(Life*time.Duration(max(1, calls)), MaxLife) }

// TicketLife is how long after it was issued a ticket lets a run make effects: longer than the longest
// waits of a playbook, and not for ever, as it stands in the run's history for others to read.
const TicketLife = 60 * 24 * time.Hour

// Ticket says that a run was started by the gateway, for whom, and with what. It lets the run make
// the calls that policy leaves to itself; it never stands for an approval.
type Ticket struct {
	ID string `json:"id"` // random
	// Run is the workflow id that it is for, and for those that begin with it and a slash: the
	// runs, parts and workflows that this run calls.
	Run string `json:"run"`
	// Playbook and Plan name what runs.
	Playbook string        `json:"playbook"`
	Plan     digest.Digest `json:"plan"`
	// Event and Inputs are digests of what it was started with.
	Event  digest.Digest `json:"event"`
	Inputs digest.Digest `json:"inputs"`
	// StartedBy is the person who started it, by stable id; "" is an event.
	StartedBy string `json:"started_by,omitempty"`
	// Subjects are the names of whom or what the event is about. A person who is known by one of
	// them has no vote.
	Subjects []string `json:"subjects,omitempty"`
	// Automatic are the activities that the plan calls outside every approval, sorted. No other is
	// called without a grant, whatever policy says.
	Automatic []string `json:"automatic"`
	// Undoes is the run whose effects this one takes back; "" for every other.
	Undoes string    `json:"undoes,omitempty"`
	Issued time.Time `json:"issued"`
}

// Over reports whether a ticket's time is over at now.
func (t Ticket) Over(now time.Time) bool { return !now.Before(t.Issued.Add(TicketLife)) }

// Covers reports whether a workflow is the ticket's run or one that it called.
func (t Ticket) Covers(workflow string) bool {
	return t.Run != "" && (workflow == t.Run || len(workflow) > len(t.Run) && workflow[:len(t.Run)+1] == t.Run+"/")
}

// Grant is the single-use permission that an approval yields.
type Grant struct {
	ID string `json:"id"` // random: the nonce
	// Run and Execution are the workflow that asked; Approval is the id of the asking step. After a
	// reset the execution is another one, and the grant is worth nothing.
	Run       string `json:"run"`
	Execution string `json:"execution"`
	Approval  string `json:"approval"`
	// Request names everything that was shown.
	Request digest.Digest `json:"request"`
	Plan    digest.Digest `json:"plan"`
	Policy  digest.Digest `json:"policy"`
	// Calls are what it permits, each once. Of more than [MaxListed] there is the Root of their tree
	// instead, and their Count.
	Calls []Call `json:"calls"`
	Root  []byte `json:"root,omitempty"`
	Count int    `json:"count,omitempty"`
	// Approvers said yes.
	Approvers []Approver `json:"approvers"`
	// Needs is what was asked of them, by the playbook and by the policy.
	Needs []Need `json:"needs"`
	// BreakGlass is why one person decided alone; "" when the rules were followed.
	BreakGlass string    `json:"break_glass,omitempty"`
	NotBefore  time.Time `json:"not_before"`
	Expires    time.Time `json:"expires"`
}

// Call is one covered call.
type Call struct {
	Step string `json:"step"` // its name in the run, with the rounds around it
	// Digest is that of the resolved call.
	Digest digest.Digest `json:"digest"`
	// Preview is the digest of the state that was shown as "before" and "after"; "" where the
	// activity has no preview.
	Preview digest.Digest `json:"preview,omitempty"`
	// PutBack says that people were shown that the run may take the call back by itself.
	PutBack bool `json:"put_back,omitempty"`
}

// Approver is one person who said yes.
type Approver struct {
	Person string    `json:"person"` // stable id
	At     time.Time `json:"at"`
	// Surface is where: cli, slack, local.
	Surface string `json:"surface"`
	// For is the person who delegated the vote; "" for one's own.
	For string `json:"for,omitempty"`
}

// Need is how many people of which groups must say yes, and where.
type Need struct {
	Groups []string `json:"groups"`
	Quorum int      `json:"quorum"`
	// Surfaces are where a vote counts for it; none: everywhere.
	Surfaces []string `json:"surfaces,omitempty"`
}

// The surfaces on which people vote.
const (
	SurfaceCLI   = "cli"
	SurfaceHTTP  = "http"
	SurfaceLocal = "local"
	SurfaceSlack = "slack"
)

// Surfaces are all surfaces, sorted.
func Surfaces() []string { return []string{SurfaceCLI, SurfaceHTTP, SurfaceLocal, SurfaceSlack} }

// Takes reports whether a vote counts for it that was given on a surface.
func (n Need) Takes(surface string) bool {
	return len(n.Surfaces) == 0 || slices.Contains(n.Surfaces, surface)
}

// Same reports whether two needs ask the same.
func (n Need) Same(other Need) bool {
	return n.Quorum == other.Quorum && slices.Equal(n.Groups, other.Groups) && slices.Equal(n.Surfaces, other.Surfaces)
}

// Find returns the covered call of a step, of those that are listed.
func (g Grant) Find(step string) (Call, bool) {
	for _, c := range g.Calls {
		if c.Step == step {
			return c, true
		}
	}
	return Call{}, false
}
