package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// The keys of records. A slash within a part is written %2F, so that no two things share a key.

// EventKey is the key of an event: a source never sends two things under one id.
func EventKey(source, id string) (string, error) {
	name, err := digest.Of(source)
	if err != nil {
		return "", fmt.Errorf("name the source of an event: %w", err)
	}
	return key("event", string(name), id), nil
}

// TicketKey is the key of the run that a ticket was signed for.
func TicketKey(ticket string) string { return key("ticket", ticket) }

// JoinedKey is the key of what says that a ticket was not used.
func JoinedKey(ticket string) string { return key("joined", ticket) }

// RequestKey is the key of a request.
func RequestKey(request digest.Digest) string { return key("request", string(request)) }

// VoteKey is the key of a person's vote: there is one.
func VoteKey(request digest.Digest, person string) string {
	return key("vote", string(request), person)
}

// DecisionKey is the key of a request's decision: there is one.
func DecisionKey(request digest.Digest) string { return key("decision", string(request)) }

// DelegationKey is the key of what a person did with a vote that was theirs: it is given once.
func DelegationKey(request digest.Digest, person string) string {
	return key("delegation", string(request), person)
}

// AnswerKey is the key of the answer to a question.
func AnswerKey(question digest.Digest) string { return key("answer", string(question)) }

// UseKey is the key of the first attempt at an effect: a permission is used once for each step.
func UseKey(permission, workflow, step string) string { return key("use", permission, workflow, step) }

// RetryKey is the key of a later attempt, from 2.
func RetryKey(permission, workflow, step string, attempt int) string {
	return key("use", permission, workflow, step, strconv.Itoa(attempt))
}

// OutcomeKey is the key of the good end of an effect.
func OutcomeKey(permission, workflow, step string) string {
	return key("outcome", permission, workflow, step)
}

// KeepKey is the key of what keeps a step's effect.
func KeepKey(run, step string) string { return key("keep", run, step) }

// UndoKey is the key of the one record of a run that takes back another.
func UndoKey(undoing string) string { return key("undo", undoing) }

// AskedKey is the key of a run's word that it asks something: no run says so for another.
func AskedKey(run string, asked digest.Digest) string { return key("asked", run, string(asked)) }

// EndedKey is the key of a run's word that it has ended.
func EndedKey(run, execution string) string { return key("ended", run, execution) }

// ReportKey is the key of a run's report: there is one.
func ReportKey(run string) string { return key("report", run) }

// TickKey is the key of a time at which a schedule is due: there is one.
func TickKey(playbook string, scheduled time.Time) string {
	return key("tick", playbook, moment(scheduled))
}

// TickedKey is the key of what the gateway did about a tick: a time starts one run.
func TickedKey(playbook string, scheduled time.Time) string {
	return key("ticked", playbook, moment(scheduled))
}

// TickOverKey is the key of the end of a tick's wait.
func TickOverKey(playbook string, scheduled time.Time, execution string) string {
	return key("tickover", playbook, moment(scheduled), execution)
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

var escape = strings.NewReplacer("%", "%25", "/", "%2F")

func key(parts ...string) string {
	for i, p := range parts {
		parts[i] = escape.Replace(p)
	}
	return strings.Join(parts, "/")
}

// TickAgain is what stands behind the keys of a time that is tried again by an order, which is the record
// seq: what was refused before is on record for good.
func TickAgain(seq int64) string { return fmt.Sprintf("/again-%d", seq) }
