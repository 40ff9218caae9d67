package receive

import (
	"context"
	"encoding/json"
	"unicode/utf8"
)

// maxAnswer bounds the body of an answer, in bytes. Slack drops an acknowledgement of 20 KiB over
// Socket Mode without a word; the rest of it is the envelope's id and its like.
const maxAnswer = 19 << 10

// maxSentence bounds a sentence in an answer, in characters.
const maxSentence = 3000

// answer is what Slack hears, and what goes on then. No body acknowledges and says nothing.
type answer struct {
	body    json.RawMessage
	private Reply // to be told in another way
	after   func(context.Context)
}

func clicked(r Reply) answer {
	return answer{private: Reply{Private: r.Private, Blocks: r.Blocks}, after: r.After}
}

// commanded answers a command. What is too large for an answer is told in another way.
func commanded(r Reply) answer {
	a := answer{after: r.After}
	if r.Private == "" && r.Blocks == nil {
		return a
	}
	a.body = write(ephemeral{"ephemeral", r.Private, r.Blocks})
	if a.body == nil || len(a.body) > maxAnswer {
		a.private = Reply{Private: r.Private, Blocks: r.Blocks}
		a.body = nil
	}
	return a
}

type ephemeral struct {
	Type   string          `json:"response_type"`
	Text   string          `json:"text"`
	Blocks json.RawMessage `json:"blocks,omitempty"`
}

type formAnswer struct {
	Action string            `json:"response_action"`
	Errors map[string]string `json:"errors,omitempty"`
	View   json.RawMessage   `json:"view,omitempty"`
}

// submitted answers a form. A view that is too large for an answer gives way to one that says so.
func submitted(r FormReply) answer {
	a := answer{after: r.After}
	switch {
	case len(r.Errors) > 0:
		errs := map[string]string{}
		for block, says := range r.Errors {
			errs[block] = cut(says, maxSentence/10)
		}
		a.body = write(formAnswer{Action: "errors", Errors: errs})
	case r.Instead != nil:
		a.body = write(formAnswer{Action: "update", View: r.Instead})
		if a.body == nil || len(a.body) > maxAnswer {
			a.body = write(formAnswer{Action: "update", View: sentence("This was taken. What comes of it is too large to be shown here.")})
		}
	case r.All:
		a.body = write(formAnswer{Action: "clear"})
	}
	return a
}

// notRecorded is the answer where it is not certain that it counts. A form stays open, with what was
// filled in.
func (what incoming) notRecorded() answer {
	switch what.kind {
	case kindCommand:
		return commanded(Reply{Private: Unsure})
	case kindSubmission:
		if what.firstInput != "" {
			return submitted(FormReply{Errors: map[string]string{what.firstInput: NotRecorded}})
		}
		return submitted(FormReply{Instead: sentence(NotRecorded)})
	default:
		return clicked(Reply{Private: NotRecorded})
	}
}

// sentence is a view that says one.
func sentence(says string) json.RawMessage {
	type text struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	type section struct {
		Type string `json:"type"`
		Text text   `json:"text"`
	}
	return write(struct {
		Type   string    `json:"type"`
		Title  text      `json:"title"`
		Close  text      `json:"close"`
		Blocks []section `json:"blocks"`
	}{"modal", text{"plain_text", "Countersign"}, text{"plain_text", "Close"}, []section{{"section", text{"plain_text", says}}}})
}

// write returns nothing for what is no JSON, which a caller may have put into a RawMessage.
func write(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
