// Package policy says of every effect whether it runs by itself, needs people, is for people to do
// by hand, or never happens. It is pure: who asks hands it the facts.
//
// A policy is a file in the strict YAML of playbooks:
//
//	policy: production
//	timezone: Europe/Berlin            # of now; UTC if left out
//	accounts:                          # tags, as account.tags in rules
//	  "111122223333": {env: production, team: payments}
//	never_touch: ["*break-glass*", "arn:aws:iam::*:role/audit"]
//	breakers:
//	  - {name: hourly, activities: ["aws.*"], most: 20, per: 1h, each: account}
//	freeze:
//	  - {name: launch, from: 2026-12-01T00:00:00Z, until: 2026-12-02T00:00:00Z, activities: ["aws.ec2.*"]}
//	break_glass: {groups: [secops-leads]}   # never taken on slack
//	rules:
//	  - {name: tidy, if: call.activity == "aws.guardduty.archive_finding", then: automatic}
//	  - name: destroy
//	    if: call.effect == "destroy"
//	    then: {approval: {groups: [secops-leads], quorum: 2, surfaces: [cli]}}
//	  - name: everything-else
//	    then: {approval: {groups: [secops-oncall], quorum: 1, expires: 4h}}
//	    reason: what changes an account is decided by people
//
// # What wins
//
// never_touch comes before everything and nobody can approve it away, not even to take an effect
// back. Then a freeze, which holds no undo. Then the first rule whose "if" holds; the last one has
// no "if". A rule that cannot be judged, because its expression fails, says never: a mistake in the
// policy must not let something through. A playbook can only be stricter, see [Merge].
//
// # Where votes count
//
// surfaces of an approval say where a vote counts: cli, http, local (a deployment on one machine) and
// slack; left out, everywhere. A chat knows who is signed in to it and asks for no second factor, so
// what does much harm is best decided elsewhere. A vote from another surface, yes or no, is refused and
// told where it counts; the guard before the effect holds the grant to it as well.
//
// # What rules may see
//
//	call.activity  call.effect ("change", "destroy")  call.account  call.region
//	call.targets   call.count (of the targets)        call.input (as it will be sent)
//	call.undo      "" for an effect, "run" where a run takes back its own, "person" where somebody asked
//	account.tags   of the call's account, from the file
//	run.playbook   run.started_by ("" is an event)
//	now.time  now.date  now.hour  now.minute  now.weekday, in the policy's time zone
//
// # Patterns
//
// In a pattern * stands for any text, also none, and ? for one character. Patterns of never_touch
// are held against every target and the account without regard to case. One that should also match
// inside of longer names, such as ARNs, begins with *.
package policy
