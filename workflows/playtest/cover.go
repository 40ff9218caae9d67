package playtest

import (
	"fmt"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// Branch is one way that a run can go at a step, or the step itself.
type Branch struct {
	Step string `json:"step"`
	Way  Way    `json:"way,omitempty"` // none: the step itself
}

// Way is how a run goes on at a step. Case makes those of a switch.
type Way string

// The ways that are not the case of a switch.
const (
	Holds       Way = "if true"      // the step's condition holds
	HoldsNot    Way = "if false"     // it does not, and the step is skipped
	Default     Way = "default"      // no case of the switch holds, and its default runs
	NoCase      Way = "no case"      // no case of the switch holds, and it has no default
	Approved    Way = "approved"     // people say yes
	NotApproved Way = "not approved" // people say no, or nothing in time
	Answered    Way = "answered"     // somebody answers a question
	NotAnswered Way = "not answered" // nobody does in time
	Arrived     Way = "arrived"      // an event arrives
	NotArrived  Way = "not arrived"  // none does in time
)

// Case is the way into a case of a switch, counted from 1.
func Case(n int) Way { return Way(fmt.Sprintf("case %d", n)) }

// Untaken is a step or a branch that no test takes.
type Untaken struct {
	Branch

	Line   int `json:"line"`
	Column int `json:"column"`
}

// String says what is not taken: step "close", or step "close": if false.
func (u Untaken) String() string {
	if u.Way == "" {
		return fmt.Sprintf("step %q", u.Step)
	}
	return fmt.Sprintf("step %q: %s", u.Step, u.Way)
}

// Coverage is how much of a playbook its tests take.
type Coverage struct {
	Steps         int `json:"steps"`
	StepsTaken    int `json:"steps_taken"`
	Branches      int `json:"branches"`
	BranchesTaken int `json:"branches_taken"`
	// Untaken are the steps and branches that no test takes, in the order of the file. Branches of
	// a step that is not taken are left out where the step says it all.
	Untaken []Untaken `json:"untaken"`
}

// Percent is the part of all steps and branches that is taken, rounded down: 100 is all of them.
func (c Coverage) Percent() int {
	all := c.Steps + c.Branches
	if all == 0 {
		return 100
	}
	return 100 * (c.StepsTaken + c.BranchesTaken) / all
}

// Cover says what of a playbook the tests take. Without results, that is nothing.
func Cover(pb *playbook.Playbook, results []Result) Coverage {
	steps, branches := map[string]bool{}, map[Branch]bool{}
	for _, r := range results {
		for _, id := range r.Steps {
			steps[id] = true
		}
		for _, b := range r.Branches {
			branches[b] = true
		}
	}
	c := Coverage{Untaken: []Untaken{}}
	playbook.Walk(pb.Steps, func(s *playbook.Step) {
		line, column := s.Place()
		c.Steps++
		if steps[s.ID] {
			c.StepsTaken++
		} else {
			c.Untaken = append(c.Untaken, Untaken{Branch{s.ID, ""}, line, column})
		}
		for _, b := range waysOf(s) {
			c.Branches++
			switch {
			case branches[b.Branch]:
				c.BranchesTaken++
			case steps[s.ID] || b.Way == HoldsNot:
				c.Untaken = append(c.Untaken, b)
			}
		}
	})
	return c
}

// waysOf lists all ways that a run can go at a step.
func waysOf(s *playbook.Step) []Untaken {
	var ways []Untaken
	line, column := s.Place()
	add := func(w Way, line, column int) { ways = append(ways, Untaken{Branch{s.ID, w}, line, column}) }
	if s.If != nil {
		at, column := s.If.Place()
		add(Holds, at, column)
		add(HoldsNot, at, column)
	}
	switch v := s.Verb.(type) {
	case *playbook.Approve:
		add(Approved, line, column)
		add(NotApproved, line, column)
	case *playbook.Ask:
		add(Answered, line, column)
		add(NotAnswered, line, column)
	case *playbook.Wait:
		if v.Event != "" {
			add(Arrived, line, column)
			add(NotArrived, line, column)
		}
	case *playbook.Switch:
		for i, one := range v.Cases {
			at, column := one.If.Place()
			add(Case(i+1), at, column)
		}
		if len(v.Default) > 0 {
			add(Default, line, column)
		} else {
			add(NoCase, line, column)
		}
	}
	return ways
}

// ways finds the branches that a run took, from its story. The story does not tell a step that was
// not reached from one whose condition does not hold, so the walk goes as the run did, and ends
// where the run ended.
type ways struct {
	status *workflows.Status
	taken  []Branch
}

func (w *ways) take(s *playbook.Step, way Way) { w.taken = append(w.taken, Branch{s.ID, way}) }

// block follows steps that run one after the other. It is over when the run has ended inside. A step
// that failed ends it, unless one after it has run all the same.
func (w *ways) block(steps []*playbook.Step) (over bool) {
	for i, s := range steps {
		if w.step(s) && !w.entered(steps[i+1:]) {
			return true
		}
	}
	return false
}

func (w *ways) step(s *playbook.Step) (over bool) {
	row := w.status.Step(s.ID)
	if row == nil {
		return false
	}
	if row.Started == nil { // skipped, or its condition could not be evaluated
		if s.If != nil && row.Status == playbook.StatusSkipped {
			w.take(s, HoldsNot)
		}
		return row.Status == playbook.StatusFailed
	}
	if s.If != nil {
		w.take(s, Holds)
		if row.Rounds != nil && row.Rounds.Skipped > 0 {
			w.take(s, HoldsNot)
		}
	}
	switch v := s.Verb.(type) {
	case *playbook.Stop:
		return true
	case *playbook.Approve:
		w.decision(s)
	case *playbook.Ask:
		w.ending(s)
	case *playbook.Wait:
		w.arrival(s, row)
	case *playbook.Switch:
		over = w.choice(s, v, row)
	default:
		for _, block := range playbook.Inner(s) {
			if w.entered(block) {
				over = w.block(block) || over
			}
		}
	}
	// What fails inside a step need not fail the step, but a stop ends the run wherever it stands.
	return row.Status != playbook.StatusDone || over && w.stopped(s)
}

func (w *ways) decision(s *playbook.Step) {
	for _, a := range w.status.Approvals {
		switch {
		case stepOf(a.ID) != s.ID || a.Decision == nil:
		case a.Decision.Outcome == approval.Approved:
			w.take(s, Approved)
		default:
			w.take(s, NotApproved)
		}
	}
}

func (w *ways) ending(s *playbook.Step) {
	for _, q := range w.status.Questions {
		switch {
		case stepOf(q.ID) != s.ID || q.Ending == nil:
		case q.Ending.Answer != nil:
			w.take(s, Answered)
		default:
			w.take(s, NotAnswered)
		}
	}
}

func (w *ways) arrival(s *playbook.Step, row *workflows.StepStatus) {
	var cases []int
	if row.Case != nil {
		cases = []int{*row.Case}
	}
	if row.Rounds != nil {
		cases = row.Rounds.Cases
	}
	for _, n := range cases {
		w.take(s, map[int]Way{0: NotArrived, 1: Arrived}[n])
	}
}

func (w *ways) choice(s *playbook.Step, v *playbook.Switch, row *workflows.StepStatus) (over bool) {
	if row.Rounds != nil {
		for _, n := range row.Rounds.Cases {
			over = w.chosen(s, v, n) || over
		}
		return over
	}
	if row.Case == nil { // no condition could be evaluated
		return true
	}
	return w.chosen(s, v, *row.Case)
}

func (w *ways) chosen(s *playbook.Step, v *playbook.Switch, n int) (over bool) {
	switch {
	case n > 0:
		w.take(s, Case(n))
		return w.block(v.Cases[n-1].Steps)
	case len(v.Default) > 0:
		w.take(s, Default)
		return w.block(v.Default)
	default:
		w.take(s, NoCase)
		return false
	}
}

// entered reports whether anything of a block has run.
func (w *ways) entered(steps []*playbook.Step) bool {
	found := false
	playbook.Walk(steps, func(s *playbook.Step) {
		row := w.status.Step(s.ID)
		found = found || row != nil && row.Started != nil
	})
	return found
}

// stopped reports whether a stop inside a step has ended the run.
func (w *ways) stopped(s *playbook.Step) bool {
	found := false
	playbook.Walk([]*playbook.Step{s}, func(s *playbook.Step) {
		_, stop := s.Verb.(*playbook.Stop)
		row := w.status.Step(s.ID)
		found = found || stop && row != nil && row.Status == playbook.StatusDone
	})
	return found
}
