package evidence

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// Story is what the records of a run say, put together. Each part names its record.
type Story struct {
	Starts    []Start    `json:"starts"`
	Approvals []Approval `json:"approvals,omitempty"`
	Answers   []Answer   `json:"answers,omitempty"`
	Calls     []Call     `json:"calls,omitempty"`
	// Others are refusals, reviews, what was kept, and who asked for an undo.
	Others []Other `json:"others,omitempty"`
}

// Start is a start of the run: again, if the one before had ended.
type Start struct {
	Record    int64           `json:"record"`
	At        time.Time       `json:"at"`
	Playbook  string          `json:"playbook"`
	StartedBy string          `json:"started_by,omitempty"` // "": by an event
	Undoes    string          `json:"undoes,omitempty"`
	Event     json.RawMessage `json:"event,omitempty"`
	Inputs    json.RawMessage `json:"inputs,omitempty"`
	// Digest is that of the plan, which has the expressions.
	Digest digest.Digest   `json:"digest"`
	Plan   json.RawMessage `json:"plan"`
}

// Approval is what people were asked, what they said, and what came of it.
type Approval struct {
	Record  int64           `json:"record"`
	At      time.Time       `json:"at"`
	Run     string          `json:"run"`
	Digest  digest.Digest   `json:"digest"`
	Card    string          `json:"card,omitempty"` // the text that they were shown
	Request json.RawMessage `json:"request"`
	Votes   []Vote          `json:"votes,omitempty"`
	// Delegations and Edits as they were recorded.
	Delegations []ledger.DelegationBody `json:"delegations,omitempty"`
	Edits       []ledger.EditBody       `json:"edits,omitempty"`
	Decision    *Decision               `json:"decision,omitempty"` // nil: none yet
}

// Vote is one person's answer.
type Vote struct {
	Record int64     `json:"record"`
	At     time.Time `json:"at"`
	ledger.VoteBody
}

// Decision is the end of a request, and what it permits.
type Decision struct {
	Record     int64        `json:"record"`
	At         time.Time    `json:"at"`
	Outcome    string       `json:"outcome"`
	By         []string     `json:"by,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	BreakGlass bool         `json:"break_glass,omitempty"`
	Grant      *grant.Grant `json:"grant,omitempty"`
}

// Answer is the answer to a question.
type Answer struct {
	Record int64     `json:"record"`
	At     time.Time `json:"at"`
	ledger.AnswerBody
}

// Call is an effect, with its attempts.
type Call struct {
	ledger.IntentBody
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one try, and how it ended; with no end it is not known whether the effect was made.
type Attempt struct {
	Record   int64           `json:"record"` // the intent
	At       time.Time       `json:"at"`
	Ended    *time.Time      `json:"ended,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
	Error    string          `json:"error,omitempty"`
	Requests []string        `json:"requests,omitempty"` // the provider's ids
}

// Other is a record that stands for itself.
type Other struct {
	Record int64           `json:"record"`
	At     time.Time       `json:"at"`
	Kind   ledger.Kind     `json:"kind"`
	Body   json.RawMessage `json:"body"`
}

// Tell puts the records of a run together.
func Tell(records []ledger.Record) (Story, error) {
	t := teller{asked: map[digest.Digest]int{}, called: map[string]int{}, tried: map[int64][2]int{}, story: Story{Starts: []Start{}}}
	for _, r := range records {
		if err := t.tell(r); err != nil {
			return Story{}, fmt.Errorf("tell the story of a run: %w", err)
		}
	}
	return t.story, nil
}

type teller struct {
	story  Story
	asked  map[digest.Digest]int // requests to approvals
	called map[string]int        // permission, workflow and step to calls
	tried  map[int64][2]int      // intents to call and attempt
}

func (t *teller) tell(r ledger.Record) error {
	switch r.Kind {
	case ledger.Run:
		return t.start(r)
	case ledger.Request, ledger.Vote, ledger.Decision, ledger.Delegation, ledger.Edit:
		return t.approval(r)
	case ledger.Answer:
		a := Answer{Record: r.Seq, At: r.At}
		err := r.Read(&a.AnswerBody)
		t.story.Answers = append(t.story.Answers, a)
		return err
	case ledger.Intent, ledger.Retry:
		return t.intent(r)
	case ledger.Outcome, ledger.Failure:
		return t.end(r)
	default: // also kinds that are not known yet
		t.story.Others = append(t.story.Others, Other{r.Seq, r.At, r.Kind, r.Body})
		return nil
	}
}

func (t *teller) start(r ledger.Record) error {
	var body ledger.RunBody
	var ticket grant.Ticket
	if err := r.Read(&body); err != nil {
		return err
	}
	if err := json.Unmarshal(body.Ticket.Body, &ticket); err != nil {
		return fmt.Errorf("read the ticket in record %d: %w", r.Seq, err)
	}
	t.story.Starts = append(t.story.Starts, Start{
		Record: r.Seq, At: r.At, Playbook: body.Playbook, StartedBy: ticket.StartedBy, Undoes: ticket.Undoes,
		Event: body.Event, Inputs: body.Inputs, Digest: body.Digest, Plan: body.Plan,
	})
	return nil
}
