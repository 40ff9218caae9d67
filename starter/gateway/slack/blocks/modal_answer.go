package blocks

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

// AnswerForm is the form of a question.
func AnswerForm(s desk.Sight, c Context) slack.ModalViewRequest {
	p := &page{Context: c, room: whole}
	p.said(s.Question.Question)
	p.fields(formFields(s.Question.Form))
	return p.form("Answer", "Answer", FormAnswer, Meta{Digest: s.Digest()})
}

func formFields(form approval.Form) []field {
	all := make([]field, len(form))
	for i, f := range form {
		all[i] = formField(f)
	}
	return all
}

func formField(f approval.Field) field {
	out := field{name: f.Name, title: f.Title, optional: f.Optional, kind: asText, max: approval.MaxText}
	switch {
	case len(f.OneOf) > 0:
		out.kind, out.choices = asChoice, f.Choices()
		return out
	case f.Type == nil:
		return out
	}
	switch f.Is {
	case approval.IsLines:
		out.kind = asLines
		return out
	case approval.IsDate:
		out.kind = asDate
		return out
	case approval.IsPerson:
		out.kind = asPerson
		return out
	}
	switch f.Type.Kind() {
	case expr.KindBool:
		out.kind = asBool
	case expr.KindInt:
		out.kind = asInt
	case expr.KindDouble:
		out.kind = asDouble
	case expr.KindTimestamp:
		out.kind = asTime
	}
	return out
}

// ReadAnswer makes the values of an answer of what was filled into [AnswerForm]. person gives the
// person whom a Slack id is. What is wrong is said by block.
func ReadAnswer(form approval.Form, v receive.Values, person func(slackID string) (string, bool)) (map[string]json.RawMessage, map[string]string) {
	values, errs := map[string]json.RawMessage{}, map[string]string{}
	for i, f := range form {
		block := blockID(i, f.Name)
		given, err := formField(f).text(v[block][valueAction], person)
		switch {
		case err != nil:
			errs[block] = sentence(err)
		case given == "" && f.Optional:
		case given == "":
			errs[block] = "This is missing."
		default:
			raw, err := f.Read(given)
			if err != nil {
				errs[block] = sentence(err)
				continue
			}
			values[f.Name] = raw
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	if err := form.Check(values); err != nil && len(form) > 0 {
		return nil, map[string]string{blockID(0, form[0].Name): sentence(err)}
	}
	return values, nil
}

// text is what was filled in, as somebody would have typed it; "" is nothing.
func (f field) text(v receive.Value, person func(string) (string, bool)) (string, error) {
	switch f.kind {
	case asChoice:
		if v.Text == "" {
			return "", nil
		}
		return f.chosen(v.Text)
	case asTime:
		if v.Time == 0 {
			return "", nil
		}
		return time.Unix(v.Time, 0).UTC().Format(time.RFC3339), nil
	case asPerson:
		if v.Text == "" {
			return "", nil
		}
		if person != nil {
			if p, ok := person(v.Text); ok {
				return p, nil
			}
		}
		return "", errNobody
	default:
		if strings.TrimSpace(v.Text) == "" {
			return "", nil
		}
		return v.Text, nil
	}
}
