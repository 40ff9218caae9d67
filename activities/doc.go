// Package activities is the registry of what Countersign can do, and the guard around every effect.
//
// An activity is one automated thing: a typed Go function and a [Spec]. One call registers it:
//
//	activities.Register(reg, activities.Spec{
//		Name:        "aws.iam.disable_access_key",
//		Title:       "Disable an IAM access key",
//		Effect:      activities.Change,
//		Undo:        "aws.iam.enable_access_key",
//		Targets:     []string{"access_key_id"},
//		Permissions: []string{"iam:ListAccessKeys", "iam:UpdateAccessKey"},
//	}, svc.DisableAccessKey)
//
// and yields the Temporal activity of that name, the JSON Schemas of its input and output (from
// which the playbook checker takes its types), its documentation, and its place behind the guard:
// a change or destroy runs only with a [Permit] that covers the very call about to be made.
// Registering dials nothing and reads nothing.
//
// To write one: take a context and a struct, return a struct. Field names are the `json` tags,
// descriptions the `jsonschema` tags; a field without omitempty is required. Make the call
// idempotent (state what should be, then read it back), return the state found before, as
// [Remember] has it from the first attempt, and mark with [Permanent] every error that a retry
// cannot mend. List the package in activities/all.
//
// Where a field of the input becomes part of a command, of a query or of where a request goes, say so
// in the Spec:
//
//	Sinks: map[string]activities.Sink{"script": activities.Command}
//
// and the checker refuses playbooks that put text of an event there, which is whatever its sender
// wrote.
//
// What an effect would change is a read of its own:
//
//	activities.Previews(reg, "aws.iam.disable_access_key", svc.PreviewDisableAccessKey)
//
// People are shown it before they decide, and the guard compares it with what they were shown at the
// moment of the effect, and after the effect keeps that of the undo: while it reads the same, the world
// is as the run left it. So it looks at what the effect looks at first, refuses what that refuses,
// lists nothing where nothing would change, and says the same of the same world: no time of the reading, no id that
// only the effect makes, nothing in the order of an answer, and nothing that another effect under the
// same approval changes on the way. [Requested] notes the provider's ids of the requests that an effect makes.
//
// While an effect runs the guard beats for it, so that a worker that dies is noticed within the
// Heartbeat of the Spec (ten seconds by default) and the next attempt goes on with what Remember
// kept. A beat also brings word that the run was cancelled, by the context. An effect that must not
// be left between two steps takes them with context.WithoutCancel and a bound of its own; one that
// is cut off after it called Remember is reported as perhaps done, never as cancelled alone.
//
// # In any other language
//
// An activity may be part of another program. A descriptor, a YAML file with its Spec, the JSON
// Schemas of what it takes and gives and the task queue of its worker, makes it one like any other
// to playbooks; descriptor.go shows one, [LoadDescriptors] reads a folder of them, and worker and
// starter do with --activities.
//
// A call is then an ordinary Temporal activity of that name. Its first argument is the input; that of
// an effect has a second one, the permit. A run asks our worker for an effect, whose guard admits it,
// writes the intent and hands it on. What keeps others from the task queue of that worker is its own:
// Temporal lets in whoever may write to the namespace. So it must look, before it touches anything:
//
//   - The input of a read is what the schema says: of bounds and patterns nobody has looked at it.
//   - An effect has a permit, and the permit's covers has the digest of this very call: the SHA-256,
//     as sha256: and 64 hexadecimal digits, of the canonical JSON of
//     {"activity": its name, "input": the input, "version": its version}. What is canonical says
//     package digest, byte for byte.
//   - Under grant, the permit of a call that people approved has what the gateway signed: Ed25519 over
//     "countersign/grant/1", a line feed and the body, which in calls names that digest. A worker that
//     does what cannot be undone holds the gateway's public key, and checks it.
//
// It gets an id of the workflow that begins with the run's, and the step as the id of the activity,
// which together name the call for idempotency, and must answer with what the schema of its output says, as JSON. An
// error that is not retryable ends the attempts; other errors are tried again as the step says. If
// the descriptor has a heartbeat, the worker sends one at least that often.
package activities
