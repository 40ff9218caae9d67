// Package workflows is the durable code: the run of a playbook, and the client through which
// everything starts, watches and answers runs.
//
// [Run] is the workflow. It walks a plan that it carries by value; [Client] is the only way the
// commands and the gateway reach it.
//
//	run.go        the workflow: setup, then the steps, then the report
//	step.go       what all steps share: condition, title, status
//	step_*.go     one verb a file
//	fork.go       what branches see of the run, and how they come together
//	part.go       parts of a loop that is too long for one history
//	retry.go      how long a step may take, and its further attempts
//	trail.go      what a run did, and what is left of it
//	undo.go       putting back what a run did that ended badly
//	back.go       the same, in pieces, where there is much of it
//	expiring.go   what a run did for a while only: starting what ends it, and taking over from that
//	expiry.go     the workflow that puts back by itself what a call did
//	keep.go       a person's word that it stays
//	loop.go       rounds of loops: their bounds, names and rows
//	record.go     expressions whose results must be recorded
//	listen.go     what reaches a run from outside, and how it waits for people
//	signed.go     what the gateway signed, and waiting for it
//	vote.go       requests and decisions inside a run
//	asking.go     what people are asked about calls, and what these would change
//	judge.go      what policy says of calls
//	effect.go     a change as policy has it: by itself, after a yes, or by hand
//	edit.go       another input of a call that is asked about
//	answer.go     questions and their answers
//	tell.go       telling the gateway, by the record, that people are asked and how a run has ended
//	switchboard.go  who waits for events of a type
//	subscribe.go  how runs and events reach a switchboard
//	status.go     what a run tells about itself
//	client.go     start, status, cancel, list, and bringing what the gateway signed
//	id.go         the run's id, from playbook and dedupe key
//	bind.go       registers it all with a worker
//	register.go   workflows written in Go, for steps to run; call.go lets them call activities
//	flow.go       what such a workflow changed, and how the run that waits for it learns that
//	catalog.go    the registries as the checker sees them
//
// # Rules for code that runs inside a workflow
//
// No clock, no randomness, no map range, no network: time is workflow.Now, and an expression that
// could see a map's order is recorded. workflowcheck holds the first three (the command and
// what it looks away from are in workflowcheck.config.yaml); the replayed histories
// in testdata hold the rest. Histories are never deleted while a run of that version may exist.
//
// # Workflows written in Go
//
// [Register] adds one, and a step with workflow: runs it as a child of the run. It reaches the world
// with [Call] alone. What it may change its [Spec] names as Effects: these stand in the plan, the
// gateway's ticket lets the run make no others, and the worker does not start with one that is no
// change. What it did change it hands to the run, also when it fails or takes too long. There it is
// put back when the run ends badly, if the step says undo: automatic, and listed as left if not. A
// workflow that Temporal ends by force hands over nothing; the record has what it did, and
// starter undo takes it back.
package workflows
