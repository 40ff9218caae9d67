package redteam

import "testing"

// noSlack says of threats to Slack what there is.
const noSlack = "Slack is not connected yet"

// threats are the rows of the table. Their numbers are kept.
var threats = []threat{
	{number: 1, name: "A forged click in Slack", against: "", elsewhere: noSlack},
	{number: 2, name: "A click in Slack that is played again", against: "One vote a person, whatever surface it comes by", elsewhere: noSlack},
	{number: 3, name: "Stolen or lost connections to Slack", against: "", elsewhere: noSlack},
	{number: 4, name: "Somebody approves what they started, or what is about them", against: "The gateway excludes who started, edited or is the subject; people are known by one id, whatever account they use; the guard looks again",
		attacks: map[string]func(*testing.T){"approves the run that they started": approvesOwn, "approves what is about them": approvesOnSelf, "approves without belonging to the group": outsiderApproves}},
	{number: 5, name: "An approver is removed between the click and the effect", against: "Gateway and guard read the directory at every word and every effect; a directory that cannot be read is a no",
		attacks: map[string]func(*testing.T){"is removed after the click": leavesGroup, "the directory cannot be read": directoryGone}},
	{number: 6, name: "A guest, or somebody of another company, clicks in Slack", against: "", elsewhere: noSlack},
	{number: 7, name: "A stolen session of Slack", against: "Two people where policy says so", elsewhere: noSlack},
	{number: 8, name: "Double clicks, and votes that race", against: "One vote a person and one decision a request, in one transaction of the ledger; no wins",
		attacks: map[string]func(*testing.T){"a hundred votes at once, yes and no": racingVotes, "the same vote five times": repeatedVote}},
	{number: 9, name: "An approval after its time", against: "The end of the time is a no; a grant has a short life of its own",
		attacks: map[string]func(*testing.T){"brings a decision that was made when the time was over": decidesLate, "uses a grant that has expired": usesExpiredGrant}},
	{number: 10, name: "What was seen is not what runs", against: "A grant names the digest of every call and of what it would change; the guard compares both with the world before it acts",
		attacks: map[string]func(*testing.T){"the world changes after the click": changesWorld, "a vote for another digest, step or run": votesForOther}},
	{number: 11, name: "Somebody who may write to the Temporal namespace", against: "Nothing in a workflow permits anything: tickets, grants and standings are signed, bound to one execution, and used once in the ledger",
		attacks: map[string]func(*testing.T){
			"signals an approval": signalsApproval, "sends forged standings": updatesApproval, "starts a run with a plan of their own": startsForged,
			"gives a run of theirs a stolen ticket": stealsTicket, "calls the effect itself, with everything that can be copied": callsActivity,
			"resets the run to every one of its tasks": resetsRun, "completes checks and effects in the worker's place": completesCheck,
			"asks people in the clothes of a run of ours": forgedRequest,
		}},
	{number: 12, name: "The playbook changes while the run waits", against: "A run carries its plan; the gateway holds requests against the plan on record",
		attacks: map[string]func(*testing.T){"the library has another version": changesPlaybook}},
	{number: 14, name: "Hostile text in an event, a reason, a name", against: "Text of others is cleaned or quoted wherever it is shown, stands behind bars, and is never part of a log line, an expression or a path",
		attacks: map[string]func(*testing.T){"free fields, to the approved end": hostileFields, "names of users, keys, runs and people": hostileNames}},
	{number: 15, name: "Files and expressions that cost more than they look", against: "Strict YAML without aliases, bounded in size, depth and number; expressions bounded in length, depth, cost and result; all before anything starts",
		attacks: map[string]func(*testing.T){"has playbooks validated": validatesBombs, "configures policy, directory and secrets": configuresBombs}},
	{number: 17, name: "Giant events, answers and messages", against: "Every body, field and file is bounded where it comes in; what Temporal refuses harms no run",
		attacks: map[string]func(*testing.T){"says three megabytes at every place": giants}},
	{number: 18, name: "Requests to where an attacker wants them", against: "No activity takes an address from a playbook", elsewhere: "no such activity ships"},
	{number: 19, name: "Secrets in histories, logs, cards, errors and the record", against: "Playbooks name secrets, activities resolve them; a secret prints as <secret>; what was resolved is taken out of answers, errors, panics, previews and heartbeats; payloads are encrypted",
		attacks: map[string]func(*testing.T){"activities that tell what they know, with payloads in clear": keepsSecrets, "activities that tell what they know, with payloads encrypted": keepsSecretsEncrypted}},
	{number: 20, name: "Credentials that may do too much", against: "The worker alone has credentials of providers; each activity lists the permissions that it needs", elsewhere: "roles for each account are not there yet"},
	{number: 21, name: "Events of accounts that are not ours", against: "Playbooks read the finding from the provider before they act", elsewhere: "roles for each account are not there yet"},
	{number: 22, name: "Forged, repeated and flooding webhooks", against: "An event takes a token of a source, and joins the run of its matter", elsewhere: "signed webhooks of providers are not there yet"},
	{number: 23, name: "Automation that runs away", against: "Breakers counted in the ledger, a list of what is never touched, a kill switch; all read at the moment of the effect",
		attacks: map[string]func(*testing.T){"more effects than the breaker lets pass, with another worker": runsAway, "the kill switch is thrown after the approval": halts, "an approval of what is never touched": neverTouched}},
	{number: 24, name: "The record is changed or lost", against: "No intent on record, no effect; records are chained, checkpoints are signed and kept elsewhere; the application cannot change or delete",
		attacks: map[string]func(*testing.T){"changes and deletes through the database": editsLedger, "the ledger is gone": losesLedger}},
	{number: 25, name: "A stolen repository of playbooks, or a bad dependency", against: "Policy is a floor that no playbook lowers", elsewhere: "signed bundles of playbooks are not there yet"},
	{number: 26, name: "One person decides alone in an emergency, and nobody sees it", against: "Only members of the policy's group may, with a reason; it is told at once and a review stays open",
		attacks: map[string]func(*testing.T){"breaks the glass without a right or a reason, then with both": breaksGlass}},
	{number: 27, name: "Somebody who reaches the gateway's port", against: "Every word takes a token that the gateway signed for one person and one gateway, is on record as issued and not revoked, and has not expired; the person is looked up anew",
		attacks: map[string]func(*testing.T){"votes with sixteen tokens that are none": forgesToken}},
}
