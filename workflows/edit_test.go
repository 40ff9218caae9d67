package workflows_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/policy"
	"github.com/countersign/countersign/workflows/practice"
)

// edited is what became of an edit.
type edited struct {
	rejected, err error
	result        workflows.EditResult
}

func (e *edited) Accept()          {}
func (e *edited) Reject(err error) { e.rejected = err }
func (e *edited) Complete(v any, err error) {
	e.result, _ = v.(workflows.EditResult)
	e.err = err
}

func (e *edited) refusal() error {
	if e.rejected != nil {
		return e.rejected
	}
	return e.err
}

// order is an edit of what is asked now.
func (h *house) order(step, input string) approval.EditOrder {
	h.Helper()
	a := h.status().Asking()[0]
	return approval.EditOrder{
		Run: a.Run, Execution: a.Execution, Approval: a.ID, Request: a.Digest, Step: step, Input: []byte(input), By: bob, At: h.env.Now(),
	}
}

func (h *house) edit(by *practice.Desk, o approval.EditOrder) *edited {
	h.Helper()
	signed, err := by.Sign(grant.KindEdit, o)
	require.NoError(h, err)
	e := &edited{}
	h.updates++
	h.env.UpdateWorkflow(workflows.EditUpdate, "edit-"+strconv.Itoa(h.updates), e, signed)
	return e
}

// An edit is another question: votes on the one before are void, what it shows was looked at anew,
// and what runs is what was edited.
func TestEdit(t *testing.T) {
	h := newHouse(t)
	h.is("hall", "flickering")
	var e *edited
	var replayed *answer
	h.at(time.Minute, func() {
		h.approve(alice) // one of two
		old := h.standing(bob)
		e = h.edit(h.desk, h.order("smash", `{"lamp":"hall"}`))
		h.at(time.Minute, func() {
			signed, err := h.desk.Sign(grant.KindStanding, old)
			require.NoError(t, err)
			replayed = h.bring(signed)
		})
	})
	h.at(3*time.Minute, func() {
		require.Empty(t, h.status().Asking()[0].Votes)
		h.approve(alice)
		h.approve(bob)
	})
	_, err := h.run(asking("2"))
	require.NoError(t, err)
	require.NoError(t, e.refusal())
	require.ErrorContains(t, replayed.refusal(), "look at the request again")
	require.Equal(t, []string{`lamp.douse {"lamp":"desk"}`, `lamp.smash {"lamp":"hall"}`}, h.calls())
	first, second := h.status().Approvals[0], h.status().Approvals[1]
	require.Equal(t, approval.Withdrawn, first.Decision.Outcome)
	require.Equal(t, "bob@example.com changed smash, and what is asked now is "+second.Digest.Short(), first.Decision.Reason)
	require.Equal(t, second.Digest, e.result.Request)
	require.Equal(t, first.Calls[0], second.Calls[0])
	require.Equal(t, []approval.Edit{{By: bob, Step: "smash", Before: first.Calls[1].Digest, After: second.Calls[1].Digest, At: second.Edits[0].At}}, second.Edits)
	require.Equal(t, "flickering", second.Calls[1].Preview.Changes[0].Before)
	require.Equal(t, time.Hour, second.Expires.Sub(second.Asked), "people have their whole time again")
	require.JSONEq(t, `{"lamp":"hall"}`, string(h.status().Step("smash").Input))
}

// The edit of a call that policy asks about, where the playbook does not.
func TestEditOfACallByItself(t *testing.T) {
	h := newHouse(t)
	h.rules(map[string]policy.Verdict{"lamp.douse": wants(1, "oncall")})
	h.at(time.Minute, func() { h.edit(h.desk, h.order("a", `{"lamp":"hall"}`)) })
	h.yes(2)
	_, err := h.run(bare)
	require.NoError(t, err)
	require.Equal(t, []string{`lamp.douse {"lamp":"hall"}`}, h.calls())
}

// What is edited and then outdated is asked again as it was edited.
func TestEditIsKept(t *testing.T) {
	h := newHouse(t)
	h.outdated("lamp.smash", 1)
	h.at(time.Minute, func() { h.edit(h.desk, h.order("smash", `{"lamp":"attic"}`)) })
	h.yes(2, 3)
	_, err := h.run(three)
	require.NoError(t, err)
	require.Equal(t, `lamp.smash {"lamp":"attic"}`, h.calls()[2])
	third := h.status().Approvals[2]
	require.Equal(t, []string{"smash"}, third.Again.Steps)
	require.Len(t, third.Edits, 1)
	require.Nil(t, h.status().Approvals[1].Again)
}

// An edit that cannot be leaves the question as it was.
func TestRefusedEdits(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*approval.EditOrder)
		says   string
	}{
		"another run":       {func(o *approval.EditOrder) { o.Run = "p/other" }, "it is for the run p/other"},
		"another execution": {func(o *approval.EditOrder) { o.Execution = "x" }, "it is for the execution x"},
		"another approval":  {func(o *approval.EditOrder) { o.Approval = "task" }, `is not asking "task"`},
		"another request":   {func(o *approval.EditOrder) { o.Request = "sha256:00" }, "look at the request again"},
		"another step":      {func(o *approval.EditOrder) { o.Step = "later" }, `"later" is no call of the request`},
		"nobody's":          {func(o *approval.EditOrder) { o.By = "" }, "an edit names who made it"},
		"no input":          {func(o *approval.EditOrder) { o.Input = []byte(`{}`) }, `smash: the field "lamp" is missing`},
		"another type":      {func(o *approval.EditOrder) { o.Input = []byte(`{"lamp":5}`) }, "smash: lamp: want string, got the number 5"},
		"an unknown field":  {func(o *approval.EditOrder) { o.Input = []byte(`{"lamp":"desk","lamps":"hall"}`) }, "lamps"},
		"no target":         {func(o *approval.EditOrder) { o.Input = []byte(`{"lamp":""}`) }, `the target "lamp" is empty`},
		"the same":          {func(o *approval.EditOrder) { o.Input = []byte(`{ "note":"desk", "lamp":"desk"}`) }, "smash: the input is the one that is asked about"},
		"forbidden":         {func(o *approval.EditOrder) { o.Input = []byte(`{"lamp":"heirloom"}`) }, `policy "heirlooms" (they are old) never lets lamp.smash happen`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.says = func(c workflows.JudgeCall) policy.Verdict {
				if strings.Contains(string(c.Input), "heirloom") {
					return never
				}
				return policy.Verdict{Mode: policy.Automatic}
			}
			var e *edited
			h.at(time.Minute, func() {
				o := h.order("smash", `{"lamp":"hall"}`)
				tc.change(&o)
				e = h.edit(h.desk, o)
			})
			h.yes(2)
			_, err := h.run(asking("1"))
			require.NoError(t, err)
			require.ErrorContains(t, e.refusal(), tc.says)
			require.Equal(t, smashed, h.calls())
			require.Len(t, h.status().Approvals, 1)
		})
	}
	t.Run("another key", func(t *testing.T) {
		h := newHouse(t)
		var e *edited
		h.at(time.Minute, func() { e = h.edit(practice.New(), h.order("smash", `{"lamp":"hall"}`)) })
		h.yes(2)
		_, err := h.run(asking("1"))
		require.NoError(t, err)
		require.ErrorContains(t, e.refusal(), "not signed by a key that is trusted here")
		require.Equal(t, smashed, h.calls())
	})
	t.Run("decided", func(t *testing.T) {
		h := newHouse(t)
		var e *edited
		h.at(time.Minute, func() {
			o := h.order("smash", `{"lamp":"hall"}`)
			h.approve(alice)
			h.at(time.Minute, func() { e = h.edit(h.desk, o) })
		})
		_, err := h.run(strings.Replace(asking("1"), "outcome:", "  - {wait: 1h}\noutcome:", 1))
		require.NoError(t, err)
		require.ErrorContains(t, e.refusal(), "the request is already approved")
		require.Equal(t, smashed, h.calls())
	})
}

// There is an end to edits: each gives people their whole time again.
func TestEditsAreBounded(t *testing.T) {
	h := newHouse(t)
	var last *edited
	for i := range 11 {
		h.at(time.Duration(i+1)*time.Minute, func() { last = h.edit(h.desk, h.order("smash", `{"lamp":"hall`+strconv.Itoa(i)+`"}`)) })
	}
	_, err := h.run(asking("1"))
	require.NoError(t, err)
	require.ErrorContains(t, last.refusal(), "what is asked was changed 10 times, which is the most")
	require.Len(t, h.status().Approvals, 11)
	require.Equal(t, approval.Expired, h.status().Approvals[10].Decision.Outcome)
}
