package approval

import (
	"encoding/json"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// Grace is how long after the end of its time a request still takes the decision, which was made in
// time and had a way to go.
const Grace = 30 * time.Second

// EditOrder changes the input of a call that is asked about: what the gateway signs and a run
// believes. It makes another request of it, and all votes are void.
type EditOrder struct {
	Run       string          `json:"run"`
	Execution string          `json:"execution"`
	Approval  string          `json:"approval"`
	Request   digest.Digest   `json:"request"`
	Step      string          `json:"step"` // of the call
	Input     json.RawMessage `json:"input"`
	By        string          `json:"by"` // stable id
	At        time.Time       `json:"at"`
}

// AnswerOrder is an answer to a question: what the gateway signs and a run believes.
type AnswerOrder struct {
	Run       string `json:"run"`
	Execution string `json:"execution"`
	Answer    Answer `json:"answer"`
}
