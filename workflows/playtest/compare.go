package playtest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/playbook"
)

// compare holds the run that has ended against what was expected of it.
func (r *rehearsal) compare() {
	if r.unlisted { // all that follows is its consequence
		return
	}
	e := r.test.expect
	err := r.env.GetWorkflowError()
	switch {
	case e.outcome != nil && err != nil:
		r.fail(e.outcomeAt, "expected the outcome %q, and the run failed: %s", *e.outcome, r.why(err))
	case e.outcome != nil && r.status.Outcome != *e.outcome:
		r.fail(e.outcomeAt, "expected the outcome %q, got %q", *e.outcome, r.status.Outcome)
	case e.failed != nil && err == nil:
		r.fail(e.failedAt, "expected that the run fails (%q), and its outcome is %q", *e.failed, r.status.Outcome)
	case e.failed != nil && !strings.Contains(r.why(err), *e.failed):
		r.fail(e.failedAt, "expected that the run fails with %q, and it failed with %q", *e.failed, r.why(err))
	}
	for _, a := range r.test.arrivals {
		if a.after > r.lasted() {
			r.fail(a.at, "the event arrives when the run is over")
		}
	}
	r.compareAsked()
	r.compareCalls()
}

// lasted is how long the run took, by its own time.
func (r *rehearsal) lasted() time.Duration {
	if r.status == nil || r.status.Ended == nil {
		return 0
	}
	return r.status.Ended.Sub(r.status.Started)
}

// why is the run's own word for its failure.
func (r *rehearsal) why(err error) string {
	if r.status != nil && r.status.Error != "" {
		return r.status.Error
	}
	return err.Error()
}

// compareAsked holds against the test what people were asked: everything has an answer, and every
// answer is to something.
func (r *rehearsal) compareAsked() {
	e := r.test.expect
	var approvals, asks []string
	for _, a := range r.asked() {
		if a.approval != nil {
			approvals = append(approvals, a.name)
		} else {
			asks = append(asks, a.name)
		}
		if _, ok := r.answer(a.name); !ok {
			r.fail(r.test.at, "the run asked %q (%s), and the test has no answer", a.name, a.text)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.test.answers)) {
		if !slices.ContainsFunc(slices.Concat(approvals, asks), func(one string) bool { return one == id || stepOf(one) == id }) {
			r.fail(r.test.answers[id].at, "the test answers %q, and the run did not ask it", id)
		}
	}
	if e.approvalsAt != nil && !slices.Equal(approvals, e.approvals) {
		r.fail(*e.approvalsAt, "expected the approvals %q, got %q", e.approvals, approvals)
	}
	if e.asksAt != nil && !slices.Equal(asks, e.asks) {
		r.fail(*e.asksAt, "expected the asks %q, got %q", e.asks, asks)
	}
}

func (r *rehearsal) compareCalls() {
	e := r.test.expect
	if e.callsAt == nil {
		return
	}
	for i, want := range e.calls {
		if i >= len(r.made) {
			r.fail(want.at, "expected the call %s %s, and the run made no more calls", want.activity, want.input)
			return
		}
		got := r.made[i]
		if got.activity != want.activity || want.input != nil && !same(got.input, want.input) {
			r.fail(want.at, "expected the call %s %s, got %s %s", want.activity, want.input, got.activity, got.input)
			return
		}
	}
	for _, got := range r.made[len(e.calls):] {
		r.fail(*e.callsAt, "the run made another call: %s %s", got.activity, got.input)
	}
}

func same(a, b json.RawMessage) bool {
	x, errX := digest.Of(a)
	y, errY := digest.Of(b)
	return errX == nil && errY == nil && x == y
}

// taken lists the steps that the run took.
func (r *rehearsal) taken() []string {
	var ids []string
	if r.status != nil {
		for _, s := range r.status.Steps {
			if s.Status != playbook.StatusSkipped && s.Status != playbook.StatusPending {
				ids = append(ids, s.ID)
			}
		}
	}
	return ids
}

// merge is JSON Merge Patch: https://www.rfc-editor.org/rfc/rfc7396
func merge(data, patch json.RawMessage) (json.RawMessage, error) {
	target, err := digest.Decode(data)
	if err != nil {
		return nil, err
	}
	change, err := digest.Decode(patch)
	if err != nil {
		return nil, err
	}
	return json.Marshal(mergeValue(target, change))
}

func mergeValue(target, patch any) any {
	change, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for key, value := range change {
		if value == nil {
			delete(object, key)
		} else {
			object[key] = mergeValue(object[key], value)
		}
	}
	return object
}
