package evidence

import (
	"errors"
	"fmt"
	"strings"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
)

// Verdict is what a bundle is worth.
type Verdict struct {
	Records int `json:"records"`
	// Sealed is how many of them a checkpoint was signed over. The others hang together, and somebody
	// who can write to the ledger could have written them anew.
	Sealed int `json:"sealed"`
	// Grants, Votes and Effects were checked.
	Grants  int `json:"grants"`
	Votes   int `json:"votes"`
	Effects int `json:"effects"`
	// Problems are what does not fit, each with its record. None: it is what was recorded, and every
	// effect was permitted.
	Problems []string `json:"problems"`
}

// Verify checks a bundle by itself: that its records are those of the ledger that the checkpoints were
// signed over, that the story is theirs, that tickets and grants are signed, and that every effect
// rests on one of them. The keys are the gateway's.
func (b Bundle) Verify(keys grant.Keys) Verdict {
	c := checker{
		keys: keys, verdict: Verdict{Records: len(b.Records), Problems: []string{}},
		tickets: map[string]grant.Ticket{}, grants: map[string]granted{}, votes: map[string]int64{}, used: map[[3]string]bool{}, intents: map[int64]bool{}, outcomes: map[int64]bool{}, requests: map[digest.Digest]approval.Request{},
	}
	if len(b.Records) == 0 {
		c.problem("it has no records")
	}
	sealed, err := b.Proof.Verify(b.Records, keys)
	if err != nil {
		c.problem("%v", err)
		return c.verdict // nothing else is to be believed
	}
	c.verdict.Sealed = sealed
	for _, r := range b.Records {
		if r.Run != b.Run && !strings.HasPrefix(r.Run, b.Run+"/") {
			c.problem("record %d is of the run %.100q, not of this one", r.Seq, r.Run)
		}
		if err := c.record(r); err != nil {
			c.problem("record %d: %v", r.Seq, err)
		}
	}
	if err := b.told(); err != nil {
		c.problem("%v", err)
	}
	return c.verdict
}

// told checks that the story is that of the records.
func (b Bundle) told() error {
	again, err := Tell(b.Records)
	if err != nil {
		return err
	}
	want, err := digest.Of(again)
	if err != nil {
		return err
	}
	if is, err := digest.Of(b.Story); err != nil || is != want {
		return errors.New("the story is not the one that the records tell")
	}
	return b.evaluated()
}

// evaluated checks that the expressions have the values that the plan gives them, from what is on
// record and, for those that are not proven, from what the run says of itself.
func (b Bundle) evaluated() error {
	if b.Expressions == nil {
		return nil
	}
	again := b
	if err := again.Evaluate(); err != nil {
		return fmt.Errorf("its expressions cannot be evaluated again: %w", err)
	}
	want, err := digest.Of(again.Expressions)
	if err != nil {
		return err
	}
	if is, err := digest.Of(b.Expressions); err != nil || is != want {
		return errors.New("its expressions have other values than the plan gives them")
	}
	return nil
}

type granted struct {
	grant.Grant
	record ledger.Record
}

type checker struct {
	keys     grant.Keys
	verdict  Verdict
	tickets  map[string]grant.Ticket
	grants   map[string]granted
	requests map[digest.Digest]approval.Request // of many calls
	votes    map[string]int64                   // of yes, request and person to record
	used     map[[3]string]bool                 // permission, workflow and step
	intents  map[int64]bool
	outcomes map[int64]bool
}

func (c *checker) problem(format string, args ...any) {
	c.verdict.Problems = append(c.verdict.Problems, fmt.Sprintf(format, args...))
}

// record checks one record, and keeps what later ones rest on.
func (c *checker) record(r ledger.Record) error {
	switch r.Kind {
	case ledger.Run:
		return c.run(r)
	case ledger.Request:
		return c.request(r)
	case ledger.Vote:
		var body ledger.VoteBody
		if err := r.Read(&body); err != nil {
			return err
		}
		c.verdict.Votes++
		if body.Verdict == "approve" {
			c.votes[string(body.Request)+" "+body.Person] = r.Seq
		}
	case ledger.Decision:
		return c.decision(r)
	case ledger.Intent, ledger.Retry:
		return c.intent(r)
	case ledger.Outcome:
		var body ledger.OutcomeBody
		if err := r.Read(&body); err != nil {
			return err
		}
		c.outcomes[r.Seq] = true
		return c.ended(body.Intent)
	case ledger.Failure:
		var body ledger.FailureBody
		if err := r.Read(&body); err != nil {
			return err
		}
		return c.ended(body.Intent)
	}
	return nil
}

func (c *checker) ended(intent int64) error {
	if !c.intents[intent] {
		return fmt.Errorf("it ends record %d, which is no intent before it", intent)
	}
	return nil
}
