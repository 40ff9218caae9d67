package approval

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// Question is a task for people: what to find out or do, and the form in which they say what came
// of it. The first answer that fills the form decides. It permits nothing; that is what a Request
// is for.
type Question struct {
	// ID is the id of the asking step, with the rounds around it.
	ID        string        `json:"id"`
	Run       string        `json:"run"`
	Execution string        `json:"execution"`
	Playbook  string        `json:"playbook"`
	Plan      digest.Digest `json:"plan"`
	Question  string        `json:"question"`
	Form      Form          `json:"form"`
	Groups    []string      `json:"groups"`
	// People are the members of the groups when the question was asked.
	People  []string  `json:"people"`
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires"`
	// Digest names all of the above, as that of a Request does; an answer repeats it.
	Digest digest.Digest `json:"digest"`
}

// Seal sets the digest of a question whose other fields are complete. What Request.Seal says of
// changes holds here too.
func (q *Question) Seal() error {
	q.Digest = ""
	name, err := digest.Of(q)
	q.Digest = name
	return err
}

// Answer is what one person says to a question.
type Answer struct {
	Question string                     `json:"question"`
	Digest   digest.Digest              `json:"digest"`
	Person   string                     `json:"person"`
	Values   map[string]json.RawMessage `json:"values"` // by field
	At       time.Time                  `json:"at,omitzero"`
}

// same reports whether two answers say the same.
func (a Answer) same(b Answer) bool {
	mine, err := digest.Of(a.Values)
	other, errOther := digest.Of(b.Values)
	return err == nil && errOther == nil && mine == other && a.Person == b.Person
}

// The outcomes of a question, beside Expired and Withdrawn.
const Answered Outcome = "answered"

// Ending is how a question ended.
type Ending struct {
	Outcome Outcome `json:"outcome"`
	// Answer is that which counted; nil: there was none.
	Answer *Answer   `json:"answer,omitempty"`
	Reason string    `json:"reason,omitempty"` // why there is none, for people
	At     time.Time `json:"at"`
}

// refuseAnswer is refuse for answers.
func refuseAnswer(format string, args ...any) error {
	return refusal{"the answer does not count: " + fmt.Sprintf(format, args...)}
}

// refusal is an ErrRefused in its own words.
type refusal struct{ says string }

func (r refusal) Error() string        { return r.says }
func (r refusal) Is(target error) bool { return target == ErrRefused }

// Admit says whether an answer counts; ended is nil while the question is open. A repeat of the
// answer that counted is admitted: it changes nothing, and the person pressed twice.
//
// Unlike a vote, an answer is not held against the clock. It counts if it is there when the
// question is closed, so that one given in time is not lost because no worker ran just then.
func (q Question) Admit(a Answer, ended *Ending) error {
	switch {
	case len(a.Question) > maxName || len(a.Digest) > maxName || len(a.Person) > MaxPerson:
		return refuseAnswer("one of its names is too long; a person is at most %d bytes", MaxPerson)
	case a.Question != q.ID:
		return refuseAnswer("it is for %q, and this is %q", a.Question, q.ID)
	case a.Person == "":
		return refuseAnswer("it names nobody")
	case a.Digest != q.Digest:
		return refuseAnswer("it was given to %s, and what is asked now is %s; look at the question again", a.Digest.Short(), q.Digest.Short())
	case !slices.Contains(q.People, a.Person):
		return refuseAnswer("%s is not among those who may answer (%s)", a.Person, strings.Join(q.Groups, ", "))
	}
	if err := q.Form.Check(a.Values); err != nil {
		return refuseAnswer("%v", err)
	}
	switch {
	case ended == nil:
		return nil
	case ended.Answer == nil:
		return refuseAnswer("the question has %s: %s", ended.Outcome, ended.Reason)
	case ended.Answer.same(a):
		return nil
	case ended.Answer.Person == a.Person:
		return refuseAnswer("%s has already answered something else", a.Person)
	default:
		return refuseAnswer("%s has already answered", ended.Answer.Person)
	}
}

// Expire is the ending of a question that nobody answered.
func (q Question) Expire() Ending {
	return Ending{Outcome: Expired, At: q.Expires, Reason: fmt.Sprintf("nobody answered within %s", q.Expires.Sub(q.Asked))}
}
