package blocks

import (
	"encoding/json"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// RunForm starts a playbook by hand: a field for each of its inputs.
func RunForm(pb *playbook.Playbook, c Context) slack.ModalViewRequest {
	p := &page{Context: c, room: short}
	p.under([]el{code(name(pb.Name, maxName)), text("  " + cut(first(pb.Title), maxHeader))}, nil)
	if len(pb.Inputs) > maxEdited {
		p.markup("It has too many inputs for a form. Start it with " + codeOf("starter run "+shell(pb.Name)) + ".")
		return p.view("Run a playbook", FormShown, Meta{Playbook: pb.Name})
	}
	if len(pb.Inputs) == 0 {
		p.markup("It has no inputs.")
	}
	p.fields(runFields(pb))
	return p.form("Run a playbook", "Run", FormRun, Meta{Playbook: pb.Name, Digest: pb.Digest()})
}

func runFields(pb *playbook.Playbook) []field {
	all := make([]field, len(pb.Inputs))
	for i, in := range pb.Inputs {
		all[i] = runField(in)
	}
	return all
}

func runField(in *playbook.Input) field {
	f := field{name: in.Name, title: in.Title, kind: asJSON, hint: in.Type.String() + " as JSON", max: maxInput}
	switch in.Type.Kind() {
	case expr.KindString, expr.KindDuration:
		f.kind, f.hint = asText, ""
	case expr.KindBool:
		f.kind, f.hint = asBool, ""
	case expr.KindInt:
		f.kind, f.hint = asInt, ""
	case expr.KindDouble:
		f.kind, f.hint = asDouble, ""
	case expr.KindTimestamp:
		f.kind, f.hint = asTime, ""
	}
	if in.Default != nil {
		f.optional, f.hint = true, "without it: "+name(in.Default.Text(), maxName)
	}
	return f
}

// ReadRun makes the inputs of a run of what was filled into [RunForm]. What is wrong is said by block.
func ReadRun(pb *playbook.Playbook, v receive.Values) (map[string]json.RawMessage, map[string]string) {
	inputs, errs := map[string]json.RawMessage{}, map[string]string{}
	for i, f := range runFields(pb) {
		block := blockID(i, f.name)
		given, err := f.text(v[block][valueAction], nil)
		if err == nil && given == "" {
			if !f.optional {
				errs[block] = "This is missing."
			}
			continue
		}
		var raw json.RawMessage
		if err == nil {
			raw, err = f.json(given)
		}
		if err == nil {
			_, err = pb.Inputs[i].Type.Decode(raw)
		}
		if err != nil {
			errs[block] = sentence(err)
			continue
		}
		inputs[f.name] = raw
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return inputs, nil
}
