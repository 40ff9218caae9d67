package activities

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Effect is what an activity does to the world.
type Effect string

// The three effects, from harmless to final.
const (
	Read    Effect = "read"    // looks, leaves everything as it was
	Change  Effect = "change"  // alters something, and another activity puts it back
	Destroy Effect = "destroy" // cannot be undone
)

// Sink is what text in a field of an input becomes a part of.
type Sink string

// The sinks.
const (
	Command Sink = "command"  // a command line, or a script
	URLHost Sink = "url_host" // the host that a request goes to
	Query   Sink = "query"    // a query language: SQL, CloudWatch Insights, a search
)

// DefaultTimeout bounds one attempt of an activity whose Spec names no Timeout.
const DefaultTimeout = 30 * time.Second

// DefaultHeartbeat is the Heartbeat of an effect whose Spec names none.
//
// It is a compromise. A worker that was killed in the middle of an effect is noticed after it, and
// until then nobody goes on: an instance may stand half isolated. But a healthy worker that is
// silent for so long, on a slow machine or in a stopped process, loses its attempt too. The guard
// beats every third of it, and the SDK passes on one beat in 80 % of it, so a pause of two seconds
// never does harm, and a longer one costs at most an attempt, which the engine makes again.
const DefaultHeartbeat = 10 * time.Second

// beats is how many the guard makes in one Heartbeat.
const beats = 3

// Spec describes an activity to everyone who meets it: the checker, the guard, the approver, the
// operator who writes its IAM policy.
type Spec struct {
	// Name is dotted and lower case, provider first: aws.iam.disable_access_key.
	Name string
	// Title says what it does in a few words, as a responder would: "Disable an IAM access key".
	Title string
	// Doc adds what an author must know: side effects, limits, what it does not do. Optional.
	Doc string
	// Effect decides whether a Permit is needed.
	Effect Effect
	// Version is part of what an approval covers; raise it when the meaning of the same input
	// changes. Zero means 1.
	Version int
	// Undo names the activity that takes this one back. A change must have one. Its required
	// inputs must be found, by name and type, in this activity's output or else its input:
	// [Registry.Validate] holds that, [UndoInput] makes the call.
	Undo string
	// Targets names the required input fields that say what is acted on. An effect must have
	// one; an empty target is refused, never read as "everything".
	Targets []string
	// Sinks names the input fields, strings, in which text can do more than be read: what a shell or
	// a database runs, or where a request goes. Playbooks may not put text of an event into them.
	Sinks map[string]Sink
	// Permissions are the provider permissions the activity needs, exactly.
	Permissions []string
	// Scopes narrow permissions to what a call acts on: by permission, names of resources in which a
	// field of the input stands in braces, as arn:aws:iam::{account}:user/{user}. A permission that is
	// not in it is needed on everything, as those to list are.
	Scopes map[string][]string
	// Only narrows permissions further, where the provider can: by permission, the values that its
	// condition keys must have, as iam:PolicyARN of iam:AttachUserPolicy. Fields stand in braces as in Scopes.
	Only map[string]map[string][]string
	// Timeout bounds one attempt. Zero means DefaultTimeout.
	Timeout time.Duration
	// Heartbeat is the longest silence before a call counts as lost and is made again. The guard
	// beats while the call runs, however long that takes, so this bounds the time in which the loss
	// of a worker goes unnoticed. Zero means DefaultHeartbeat for a change or destroy, and none for
	// a read: a short one may run as a local activity, which has no heartbeat.
	Heartbeat time.Duration
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+$`)

// withDefaults fills what may be left out.
func (s Spec) withDefaults() Spec {
	if s.Version == 0 {
		s.Version = 1
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.Heartbeat == 0 && s.Effect != Read {
		s.Heartbeat = DefaultHeartbeat
	}
	return s
}

// validate says everything that is wrong with s on its own; Registry.Validate looks at the whole.
func (s Spec) validate() error {
	var errs []error
	if !nameForm.MatchString(s.Name) {
		errs = append(errs, fmt.Errorf("name %q: want dotted lower case, as aws.iam.disable_access_key", s.Name))
	}
	if s.Title == "" {
		errs = append(errs, errors.New("title is missing"))
	}
	if !slices.Contains([]Effect{Read, Change, Destroy}, s.Effect) {
		errs = append(errs, fmt.Errorf("effect %q: want read, change or destroy", s.Effect))
	}
	if s.Effect == Change && s.Undo == "" {
		errs = append(errs, errors.New("a change names the activity that undoes it; one that cannot be undone is a destroy"))
	}
	if s.Effect != Change && s.Undo != "" {
		errs = append(errs, fmt.Errorf("a %s has no undo", s.Effect))
	}
	if s.Effect != Read && len(s.Targets) == 0 {
		errs = append(errs, errors.New("an effect names the input fields that are its targets"))
	}
	for permission := range s.Scopes {
		if !slices.Contains(s.Permissions, permission) {
			errs = append(errs, fmt.Errorf("scope of %q: it is not among the permissions", permission))
		}
	}
	for permission := range s.Only {
		if !slices.Contains(s.Permissions, permission) {
			errs = append(errs, fmt.Errorf("condition of %q: it is not among the permissions", permission))
		}
	}
	if s.Version < 0 || s.Timeout < 0 || s.Heartbeat < 0 {
		errs = append(errs, errors.New("version, timeout and heartbeat are not negative"))
	}
	return errors.Join(errs...)
}
