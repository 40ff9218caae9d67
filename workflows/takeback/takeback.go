// Package takeback makes the playbook that takes back what a run did: the newest change first, each by
// the call that the record of the change holds. It is pure: whoever calls it has read the record and
// asked policy.
//
// The document is a playbook like any other. It is compiled, planned, shown, approved and run as one,
// and every call passes the guard. The authority recognises each as the exact inverse of an effect
// on record, and refuses one where the world is no longer as the run left it; the step has then
// failed, and the others go on. So the document holds no condition, and [Document] promises nothing
// but that each call is, to the byte, the one on record.
package takeback

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// Done is a change that a run made and that nothing has taken back, as its record tells.
type Done struct {
	Step     string // with the rounds around it, and the called runs
	Activity string
	Version  int
	Title    string // of the step, or of the activity
	// Undo is the call that takes it back; nil: nothing does.
	Undo *Call
	// Signature is that of the undo's activity as it is now; the zero Signature: there is none.
	Signature playbook.Signature
}

// Call is a call of an activity with nothing left to resolve.
type Call struct {
	Activity string
	Version  int
	Input    json.RawMessage
}

// Changed is what the error of a step says whose call the authority refused because the world has
// changed since. The outcome of the playbook tells those apart.
const Changed = "the world has changed"

// Prefix stands before the name of a playbook that takes something back.
const Prefix = "undo-"

// Bounds on one document. What is over is older, and is left for the next.
const (
	maxCalls = 200
	maxBytes = 160 << 10 // of inputs; a playbook has at most 256 KiB
)

// ErrNothing is why there is no document.
var ErrNothing = errors.New("the run did nothing that can be taken back by itself")

// Document is the playbook that takes back what a run did. done is what that was, in the order in
// which it was done, and verdicts what policy says of the undo of each, in the same order; that of a
// change without an undo is not looked at. The name is that of the run's playbook after "undo-".
//
// Where policy wants people to approve one of the calls, approvals cover all of them: one, unless
// policy wants groups for two calls that share nobody. What people must do by hand, or nobody may, and
// what is too much for one playbook, the document leaves out, and its outcome says so. A run of which
// nothing is left then is ErrNothing.
func Document(run string, done []Done, verdicts []policy.Verdict) ([]byte, error) {
	if len(verdicts) != len(done) {
		return nil, fmt.Errorf("take back the run %s: %d verdicts for %d changes", run, len(verdicts), len(done))
	}
	d := &document{run: run, ids: map[string]bool{}}
	bytes := 0
	for i, one := range slices.Backward(done) {
		if d.calls == maxCalls || bytes > maxBytes {
			d.later = i + 1
			break
		}
		c, why := d.call(one, verdicts[i])
		if why != "" {
			d.left = append(d.left, one.Step+" ("+why+")")
			continue
		}
		bytes += len(one.Undo.Input)
		d.add(c)
	}
	if d.calls == 0 {
		return nil, fmt.Errorf("take back the run %s: %w%s", run, ErrNothing, d.rest())
	}
	return d.write()
}

// document is a playbook while it grows.
type document struct {
	run    string
	ids    map[string]bool
	blocks []block
	calls  int
	left   []string // what nobody can take back by itself
	later  int      // older changes, for another document
}

// block is calls that one approval covers, or that run by themselves.
type block struct {
	verdict policy.Verdict
	calls   []call
}

// call is a step.
type call struct {
	id, title string
	activity  string
	with      *yaml.Node
	verdict   policy.Verdict
}

// call makes the step that takes back one change, or says why none can.
func (d *document) call(one Done, v policy.Verdict) (call, string) {
	switch {
	case one.Undo == nil:
		return call{}, "nothing takes it back"
	case one.Signature.Version == 0:
		return call{}, "there is no activity " + one.Undo.Activity + " any more"
	case one.Signature.Version != one.Undo.Version:
		return call{}, fmt.Sprintf("it would be taken back by version %d of %s, and there is version %d", one.Undo.Version, one.Undo.Activity, one.Signature.Version)
	case one.Signature.Effect == playbook.EffectRead:
		return call{}, one.Undo.Activity + " only reads"
	case v.Mode != policy.Automatic && v.Mode != policy.Approval:
		return call{}, "policy: " + string(v.Mode)
	case v.Mode == policy.Approval && len(v.Need.Groups) == 0:
		return call{}, "policy wants it approved, and names nobody to ask"
	case v.Mode == policy.Automatic && one.Signature.Effect == playbook.EffectDestroy:
		return call{}, one.Undo.Activity + " cannot be undone, and policy names nobody to ask"
	}
	with, err := value(one.Undo.Input)
	if err != nil {
		return call{}, err.Error()
	}
	title := "Take back " + one.Step
	if one.Title != "" {
		title += ": " + one.Title
	}
	return call{id: d.id(one.Step), title: shown(title), activity: one.Undo.Activity, with: with, verdict: v}, ""
}

// add puts a call behind the others: into their approval, unless one cannot cover both.
func (d *document) add(c call) {
	d.calls++
	if len(d.blocks) == 0 {
		d.blocks = []block{{verdict: c.verdict, calls: []call{c}}}
		return
	}
	last := &d.blocks[len(d.blocks)-1]
	both := policy.Strictest(last.verdict, c.verdict)
	if both.Mode == policy.Automatic || both.Mode == policy.Approval {
		last.verdict, last.calls = both, append(last.calls, c)
		return
	}
	d.blocks = append(d.blocks, block{verdict: c.verdict, calls: []call{c}})
}

// id is a step's id for the document: what the run called it, as far as an id may be that.
func (d *document) id(step string) string {
	var clean strings.Builder
	for _, r := range strings.ToLower(step) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			clean.WriteRune(r)
		} else if s := clean.String(); s != "" && !strings.HasSuffix(s, "_") {
			clean.WriteByte('_')
		}
	}
	name := strings.TrimSuffix(clean.String(), "_")
	if len(name) > maxID {
		name = name[:maxID]
	}
	name = "undo_" + name
	for n, base := 2, name; d.ids[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	d.ids[name] = true
	return name
}

// maxID leaves room for what makes an id another one.
const maxID = 40

// name is that of the playbook.
func (d *document) name() (string, error) {
	of, _, _ := strings.Cut(d.run, "/")
	name := Prefix + of
	if len(name) > maxName {
		name = strings.TrimSuffix(name[:maxName], "-")
	}
	if of == "" {
		return "", fmt.Errorf("take back the run %q: its id begins with the name of a playbook", d.run)
	}
	return name, nil
}

const maxName = 100

// expires is how long people have: as long as policy lets them, within what a playbook may say.
func (b block) expires() time.Duration {
	if b.verdict.Expires == 0 {
		return playbook.DefaultExpiry
	}
	return min(max(b.verdict.Expires.Truncate(time.Second), time.Minute), 7*24*time.Hour)
}
