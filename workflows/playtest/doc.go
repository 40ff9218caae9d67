// Package playtest runs the tests that stand beside playbooks: <name>_test.yaml for <name>.yaml.
// A test gives an event and what the world answers, and says what the run must do. It runs the
// very workflow and guard of production in Temporal's time-skipping environment, offline and in
// milliseconds; a week's wait for a person passes at once.
//
//	activities:                     # answers for all tests of the file
//	  aws.guardduty.get_finding: {output: {...}}
//	tests:
//	  - name: a person says yes
//	    event: events/guardduty-iam-malicious-ip-caller.json
//	    data: {severity: 8}         # merged into the event's data (RFC 7396); optional
//	    inputs: {user: ci}          # given instead of taken from the event; optional
//	    activities:
//	      aws.iam.disable_access_key: {error: {kind: AccessDenied, message: no, permanent: true}}
//	    answers:
//	      contain_user: {approve: alice@example.com}
//	    events:                     # that arrive while the run goes on; optional
//	      - {event: events/guardduty-iam-malicious-ip-caller.json, data: {id: f2}, after: 10m}
//	    expect:
//	      outcome: contained
//	      approvals: [contain_user]
//	      calls:
//	        - aws.guardduty.get_finding: {account: "111122223333", ...}
//
// # What is checked without being asked
//
// The event starts the playbook. Every activity that is called has an answer, the activity's real
// schema admits the answer, and the real guard the call. Every approval and every question that is
// asked has an answer, a question's form takes it, and every answer is asked for.
//
// # Answers
//
// {approve: person} or {approve: [person, person]} for a quorum, {reject: person, reason: text},
// {expire: true}. A question takes {answer: {verdict: expected}, by: person} or {expire: true}. Who
// is named belongs to the groups that are asked. In a loop every round asks: judge answers all of
// them, scan[0].judge the first round of the loop scan. What a called playbook asks
// is named after the step that calls it: contain/judge.
//
// An activity answers with {output: {...}} or {error: {kind, message, permanent}}; an error that is
// not permanent is retried, as often as the step says, and stays. A list of such answers is given
// call by call, the last of them from then on: what is looked at twice may have changed.
//
// # Called playbooks
//
// A playbook that the playbook calls is run as well, and its calls and approvals are among the
// others. playbooks says instead how one ends: contain: {outcome: contained} or contain: {failed: why}.
// A playbook without triggers, which others call or people start, is tested without an event, or
// with any. One that has a schedule is tested without an event as the schedule starts it, with the
// inputs that it gives.
//
// Workflows written in Go run too, and what they call is listed in activities and among the calls.
// workflows says instead what one answers: acme.report: {output: {...}}, or an error.
//
// # Events that arrive
//
// after counts from the beginning of the run. An event is brought to every step that waits for its
// type just then; one that comes when none does is reported.
//
// # Expectations
//
// outcome is the run's outcome; failed, in its place, a part of the error that it ends with.
// approvals are the ids of the approvals that were asked, in order; asks, apart from them, those of
// the questions. calls are all calls in order,
// a retry not counted again, each with its input; null after a name admits any input. starts:
// false, alone, says that the event does not start the playbook.
package playtest
