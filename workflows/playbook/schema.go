package playbook

import (
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

// CallDoc is what the schema says of an activity, of a workflow written in Go, or of a playbook that
// can be called.
type CallDoc struct {
	Name  string
	Title string
	Doc   string             // may be empty
	Input *jsonschema.Schema // of an object
}

// Schema is the language as JSON Schema (draft 2020-12), with what each activity and workflow takes: for editors,
// which complete and check while somebody writes. It admits what [Compile] does, but for empty texts
// that an activity refuses when it is called, and it admits more: what depends on other places of
// the file, such as types of expressions, it cannot say.
//
// Keys come from the tables that the parser reads with, descriptions from here. A key that has no
// description takes anything; a test sees to it that there is none.
func Schema(activities, flows, playbooks []CallDoc) *jsonschema.Schema {
	root := mapping("playbook", playbookKeys, "playbook", "stage", "steps")
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Countersign playbook"
	root.Defs = map[string]*jsonschema.Schema{
		"expression": {
			Description: "A CEL expression, without ${...}.", Types: []string{"string", "boolean", "number"},
			Not: &jsonschema.Schema{Type: "string", Pattern: `^\s*(\$\{|$)`},
		},
		"text":     {Description: "Text for people; ${...} in it is an expression.", Type: "string", Pattern: `\S`},
		"template": {Description: "An expression, as ${...}.", Type: "string", Pattern: `\$\{`},
		"duration": {Description: "A duration like 30s, 5m, 12h or 3d.", Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))*([0-9.]+d)?$`, MinLength: ptr(2)},
		"schedule": mapping("schedule", scheduleKeys),
		"trigger":  mapping("trigger", triggerKeys, "event"),
		"input":    mapping("input", inputKeys, "type"),
		"case":     mapping("case", caseKeys, "if", "steps"),
		"branch":   mapping("branch", branchKeys, "steps"),
		"wait":     mapping("wait", waitKeys),
		"field":    mapping("field", fieldKeys, "type"),
		"call":     {Description: "A call that puts something back; ${...} in its with also reads what the step offers.", Ref: ref("step_activity").Ref, PropertyNames: oneOf(callKeys)()},
		"retry":    mapping("retry", retryKeys),
		"undo":     mapping("undo", undoKeys, undoKeys...),
		"escalate": mapping("escalate", escalateKeys, escalateKeys...),
		"steps":    list(ref("step")),
		"step":     {Type: "object", Description: "A step: one verb, and modifiers.", Properties: map[string]*jsonschema.Schema{}},
	}
	root.Defs["schedule"].OneOf = []*jsonschema.Schema{{Required: []string{"cron"}}, {Required: []string{"every"}}}
	root.Defs["wait"].OneOf = []*jsonschema.Schema{{Required: []string{"until"}}, {Required: []string{"event", "expires"}}}
	step := root.Defs["step"]
	for _, keyword := range keywords() {
		name := "step_" + keyword
		root.Defs[name] = stepSchema(verbs()[keyword])
		root.Defs[name].Description = mappings[name].doc
		step.Properties[keyword] = described(keyword, "step_"+keyword)
		step.PropertyOrder = append(step.PropertyOrder, keyword)
		step.OneOf = append(step.OneOf, &jsonschema.Schema{Required: []string{keyword}})
		step.AllOf = append(step.AllOf, &jsonschema.Schema{If: &jsonschema.Schema{Required: []string{keyword}}, Then: ref(name)})
	}
	for _, key := range modifiers {
		step.Properties[key] = described(key, "step")
		step.PropertyOrder = append(step.PropertyOrder, key)
	}
	addCalls(root, "activity", activities)
	addCalls(root, "workflow", flows)
	addCalls(root, "playbook", playbooks)
	// An author's own playbooks are not all known here.
	name := root.Defs["step_playbook"].Properties["playbook"]
	name.Examples, name.Enum, name.Extra = name.Enum, nil, nil
	return root
}

// keyDoc describes a key: what it says, and what it takes.
type keyDoc struct {
	doc   string
	takes func() *jsonschema.Schema
}

// mappingDoc describes a mapping and its keys.
type mappingDoc struct {
	doc      string
	keys     map[string]keyDoc
	required []string // beside the verb of a step
}

// mappings describe every mapping of the language: the steps by their verbs as step_<verb>, and
// what may stand at any step as step.
var mappings = map[string]mappingDoc{
	"playbook": {"A playbook: what starts it, what it needs, and its steps.", map[string]keyDoc{
		"playbook": {"Its name; by custom its file has the same.", word(nameForm)},
		"title":    {"What people read instead of the name.", plain("string")},
		"stage":    {"Where in the pipeline it belongs.", oneOf(Stages)},
		"labels": {"Words to find it by, such as cloud: aws.", func() *jsonschema.Schema {
			return &jsonschema.Schema{Type: "object", AdditionalProperties: plain("string")()}
		}},
		"triggers": {"Events that start it; the first that holds decides.", func() *jsonschema.Schema { return list(ref("trigger")) }},
		"schedule": {"When it starts by itself.", to("schedule")},
		"inputs":   {"Values that it needs, from the event or from whoever starts it.", named(ref("input"))},
		"steps":    {"What it does, one step after the other.", to("steps")},
		"outcome":  {"An expression that says in a sentence how the run went. Without one it is \"done\".", to("expression")},
	}, nil},
	"schedule": {"When the playbook starts by itself, with the event countersign.schedule: by cron or every.", map[string]keyDoc{
		"cron": {"Five fields: minute, hour, day of the month, month, day of the week; 17 6 * * 1-5 is 06:17 from Monday to Friday.", func() *jsonschema.Schema {
			return &jsonschema.Schema{Type: "string", Pattern: `^\s*\S+(\s+\S+){4}\s*$`}
		}},
		"every":    {"The interval; 1m to 30d. It is counted from 1970 in UTC.", to("duration")},
		"offset":   {"How long after the beginning of each interval (0s).", to("duration")},
		"zone":     {"Time zone of cron, such as Europe/Berlin (UTC).", plain("string")},
		"jitter":   {"It starts up to this much later (30s), so that not all that is due starts in the same second; 0s to 6h.", to("duration")},
		"overlap":  {"If a run that it started is under way when it is due: skip leaves this one out, buffer_one starts it when that run ends, allow_all starts it at once, cancel_other cancels that run first (skip).", oneOf(overlaps)},
		"catch_up": {"How late it may start if nothing was there to start it in time (1h); 1m to 7d. What was missed by more is left out.", to("duration")},
		"inputs":   {"Values for the inputs. No expressions.", named(&jsonschema.Schema{})},
	}, nil},
	"trigger": {"A kind of event that starts the playbook.", map[string]keyDoc{
		"event":  {"Type of the event, such as aws.guardduty.finding.", word(eventForm)},
		"if":     {"Only events for which this holds; it reads event.", to("expression")},
		"dedupe": {"Events for which this gives the same text join one run. Without it: the source and id of the event.", to("expression")},
	}, nil},
	"input": {"A value that the playbook needs.", map[string]keyDoc{
		"type": {"string, bool, int, double, timestamp, duration, any, list(T) or map(T).", func() *jsonschema.Schema {
			return &jsonschema.Schema{Type: "string", Pattern: `^((list|map)\()*(any|bool|int|double|string|timestamp|duration)\)*$`}
		}},
		"title":   {"What people read instead of the name.", plain("string")},
		"from":    {"Where it is in the event, as an expression over event.", to("expression")},
		"default": {"What it is if it is neither given nor in the event. No expression.", anything},
	}, nil},
	"case": {"One way of a switch.", map[string]keyDoc{
		"if":    {"The case is taken if this holds, and none before it does.", to("expression")},
		"steps": {"What it does then.", to("steps")},
	}, nil},
	"branch": {"One branch of a parallel.", map[string]keyDoc{
		"steps": {"What it does.", to("steps")},
	}, nil},
	"wait": {"A wait until a time, or for an event.", map[string]keyDoc{
		"until":   {"An expression that gives a timestamp; one that has passed is not waited for.", to("expression")},
		"event":   {"Type of the event, such as aws.guardduty.finding.", word(eventForm)},
		"if":      {"The event is the one if this holds; it reads candidate, the event that arrives. Without it, the first of the type.", to("expression")},
		"expires": {"After this long without it the run goes on; 1s to 30d.", to("duration")},
	}, nil},
	"field": {"A field of a form.", map[string]keyDoc{
		"type":     {"What goes into it.", oneOf(approval.FieldTypes)},
		"is":       {"What a string is: lines (a text of several lines), date (like 2026-11-20) or person (the id of somebody in the directory). Without it: a text of one line.", oneOf(approval.Kinds)},
		"one_of":   {"The values that it may have; of strings and numbers.", func() *jsonschema.Schema { return list(&jsonschema.Schema{Types: []string{"string", "number"}}) }},
		"title":    {"What people read instead of the name.", plain("string")},
		"optional": {"Whether it may be left out (false).", plain("boolean")},
	}, nil},
	"retry": {"How often a step is tried, and how long between.", map[string]keyDoc{
		"times":     {"Attempts in all (5).", within(1, 100)},
		"every":     {"Time before the second attempt (2s).", to("duration")},
		"backoff":   {"How many times longer each further wait is (2).", within(1, 10)},
		"max_every": {"The longest wait (1m).", to("duration")},
	}, nil},
	"undo": {"An undo by itself: what a call did is put back after some time, however the run ends, unless a person keeps it.", map[string]keyDoc{
		"after": {"How long what the call did holds; 1m to 30d.", to("duration")},
	}, nil},
	"escalate": {"Whom an approval asks as well when nobody has decided.", map[string]keyDoc{
		"after":  {"How long those who were asked first have alone; less than expires.", to("duration")},
		"groups": {"Further groups of the directory whose people may answer then.", groups},
	}, nil},
	"step": {"A step: one verb, and modifiers.", map[string]keyDoc{
		"id":       {"The name of the step in expressions (steps.<id>) and in the record; unique.", word(idForm)},
		"title":    {"What people read instead of the id.", to("text")},
		"if":       {"Skips the step where it does not hold.", to("expression")},
		"timeout":  {"Bounds the step with all of its attempts; one that takes longer fails. Of a call: 15m, or the activity's own bound if that is longer; 1s to 1d. Of anything else: none beside the bounds of what is inside; 1s to 30d.", to("duration")},
		"retry":    {"How often the step is tried. A call is tried 5 times, anything else once.", to("retry")},
		"on_error": {"What happens when the step fails: fail (the run fails with it) or continue (its status is failed, its error says why, and the run goes on).", oneOf([]string{"fail", "continue"})},
		"undo": {"Puts back what the step did if the run fails or is cancelled later: automatic (of a call, by the undo of its activity; of a workflow, that of each of its changes) or a list of calls. With {after: 4h} it is automatic, and what a call did is also put back by itself after that time, unless a person keeps it. Without undo what was done stays done.", func() *jsonschema.Schema {
			return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{oneOf([]string{automatically})(), ref("undo"), list(ref("call"))}}
		}},
	}, nil},
	"step_activity": {"Calls an activity. Offers output.", map[string]keyDoc{
		"activity": {"Name of the activity.", plain("string")},
		"with":     {"What the activity takes.", anything},
	}, nil},
	"step_approve": {"Asks people; with steps it covers exactly those. Offers approved, reason and by.", map[string]keyDoc{
		"approve":   {"The question. ${...} in it is an expression.", to("text")},
		"approvers": {"Groups of the directory whose people may answer.", groups},
		"quorum":    {"How many people must say yes (1); one no is enough.", within(1, maxQuorum)},
		"expires":   {"After this long without a decision the answer is no (30m); 1m to 7d.", to("duration")},
		"escalate":  {"Asks further groups as well when nobody has decided after some time.", to("escalate")},
		"steps": {"Calls, and for_each of calls, at most 1,000 in all, that are resolved and shown before anyone decides, and made on a yes.", func() *jsonschema.Schema {
			call := &jsonschema.Schema{Ref: "#/$defs/step_activity", Not: &jsonschema.Schema{Required: []string{"if"}}}
			without := &jsonschema.Schema{}
			for _, key := range []string{"if", "timeout", "retry", "undo"} {
				without.AnyOf = append(without.AnyOf, &jsonschema.Schema{Required: []string{key}})
			}
			loop := &jsonschema.Schema{Ref: "#/$defs/step_for_each", Properties: map[string]*jsonschema.Schema{"steps": list(call.CloneSchemas())}, Not: without}
			return list(&jsonschema.Schema{AnyOf: []*jsonschema.Schema{call, loop}})
		}},
	}, []string{"approvers"}},
	"step_ask": {"Gives people a task with a form; the first answer that fills it decides. Offers answered, answer, by and reason.", map[string]keyDoc{
		"ask":     {"The question, or what to do. ${...} in it is an expression.", to("text")},
		"who":     {"Groups of the directory whose people may answer.", groups},
		"form":    {"The fields of an answer.", named(ref("field"))},
		"expires": {"After this long without an answer the run goes on without one (24h); 1m to 30d.", to("duration")},
	}, []string{"who", "form"}},
	"step_for_each": {"Runs steps once per item of a list or a map, at most 10,000. Offers failed, done, left, waves, stopped, failures, error and, with collect, results.", map[string]keyDoc{
		"for_each":          {"An expression that gives a list or a map. The steps see item and index; of a map, item.key and item.value.", to("expression")},
		"steps":             {"What is done with an item. What they give and set ends with it.", to("steps")},
		"max_parallel":      {"How many items at once (1).", within(1, maxParallel)},
		"waves":             {"How far each wave goes, as numbers or percentages of all items that grow, like [1, 10%, 100%]; one ends before the next begins. What is left after the last is one more.", waves},
		"pause":             {"Time between two waves (none); 1s to 1d.", to("duration")},
		"max_failures":      {"How many items may fail, as a number or a percentage of all. When more have failed no further item is begun, and the loop fails.", func() *jsonschema.Schema { return share(0) }},
		"continue_on_error": {"Whether the other items go on when one fails (false); failures are then only counted.", plain("boolean")},
		"collect":           {"An expression: what to keep of an item that succeeded.", to("expression")},
	}, []string{"steps"}},
	"step_parallel": {"Runs branches side by side and waits for all. Offers failed and error.", map[string]keyDoc{
		"parallel":          {"The branches. They cannot read each other, and only one of them may set a value.", func() *jsonschema.Schema { return list(ref("branch")) }},
		"continue_on_error": {"Whether the other branches go on when one fails (false); failures are then only counted.", plain("boolean")},
	}, nil},
	"step_playbook": {"Runs another playbook as a run of its own, and waits for its end. Offers outcome.", map[string]keyDoc{
		"playbook": {"Name of the playbook.", word(nameForm)},
		"with":     {"Its inputs. One that has a default need not be given, nor one that is taken from an event of the same type.", anything},
	}, nil},
	"step_repeat": {"Runs steps in rounds until an expression holds. Offers times and held.", map[string]keyDoc{
		"repeat": {"What is done in a round. Afterwards the last one can be read.", to("steps")},
		"until":  {"The loop ends when this holds after a round. That it does not in the end is no failure.", to("expression")},
		"every":  {"Time between two rounds (30s); 1s to 1d.", to("duration")},
		"times":  {"Rounds at most (20).", within(1, MaxRounds)},
	}, []string{"until"}},
	"step_try": {"Runs steps and says what happens when one fails. Offers caught.", map[string]keyDoc{
		"try":     {"The steps.", to("steps")},
		"catch":   {"What is done when one of them failed; sees error.step and error.reason. Then the run goes on.", to("steps")},
		"finally": {"What is done at the end whatever happened, also after a stop or when the run is cancelled.", to("steps")},
	}, nil},
	"step_wait": {"Waits for a while, until a time, or for an event; that offers arrived and event.", map[string]keyDoc{
		"wait": {"A duration, 1s to 30d, until a time, or for an event.", func() *jsonschema.Schema {
			return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{ref("duration"), ref("template"), ref("wait")}}
		}},
	}, nil},
	"step_workflow": {"Runs a workflow written in Go, and waits for its end. Offers output.", map[string]keyDoc{
		"workflow": {"Name of the workflow.", plain("string")},
		"with":     {"What the workflow takes.", anything},
	}, nil},
	"step_set": {"Names values, which later steps read as vars.<name>.", map[string]keyDoc{
		"set": {"Names and values; ${...} in a value is an expression.", func() *jsonschema.Schema {
			s := named(&jsonschema.Schema{})()
			s.MinProperties = ptr(1)
			return s
		}},
	}, nil},
	"step_stop": {"Ends the run with an outcome.", map[string]keyDoc{
		"stop":   {"The outcome. ${...} in it is an expression.", to("text")},
		"failed": {"Whether the run counts as failed then (false).", plain("boolean")},
	}, nil},
	"step_switch": {"Runs the steps of the first case whose if holds, else those of default, else none. Offers case: 1, 2, ... or 0.", map[string]keyDoc{
		"switch":  {"The cases.", func() *jsonschema.Schema { return list(ref("case")) }},
		"default": {"What it does if no case holds.", to("steps")},
	}, nil},
}

// keywords are the verbs, in order.
func keywords() []string {
	table := verbs()
	all := make([]string, 0, len(table))
	for keyword := range table {
		all = append(all, keyword)
	}
	slices.Sort(all)
	return all
}

// mapping is an object with the keys of a table, and no others.
func mapping(name string, keys []string, required ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Description: mappings[name].doc, Properties: map[string]*jsonschema.Schema{},
		Required: required, PropertyOrder: keys, AdditionalProperties: never(),
	}
	for _, key := range keys {
		s.Properties[key] = described(key, name)
	}
	return s
}

// stepSchema is a step with one verb: its keys and the modifiers.
func stepSchema(v verb) *jsonschema.Schema {
	name := "step_" + v.keyword
	own := append([]string{v.keyword}, v.keys...)
	s := mapping(name, own, append([]string{v.keyword}, mappings[name].required...)...)
	s.PropertyOrder = slices.Clone(own)
	if v.keyword == "try" {
		s.AnyOf = []*jsonschema.Schema{{Required: []string{"catch"}}, {Required: []string{"finally"}}}
	}
	if v.keyword == "for_each" {
		s.DependentRequired = map[string][]string{"pause": {"waves"}}
	}
	for _, key := range modifiers {
		if slices.Contains(instant, v.keyword) && slices.Contains(workKeys, key) {
			continue
		}
		if !slices.Contains(own, key) {
			s.Properties[key] = described(key, "step")
			s.PropertyOrder = append(s.PropertyOrder, key)
		}
	}
	return s
}

// described is what a key takes. A description beside a reference wins over the one it refers to.
func described(key, name string) *jsonschema.Schema {
	d, ok := mappings[name].keys[key]
	if !ok {
		return &jsonschema.Schema{}
	}
	s := d.takes()
	s.Description = d.doc
	return s
}

// Doc is what the schema says of the playbook, for those that call it.
func (pb *Playbook) Doc() CallDoc {
	in := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}, AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
	for _, one := range pb.Inputs {
		s := typeSchema(one.Type)
		s.Description = one.Title
		in.Properties[one.Name] = s
		if one.From == nil && one.Default == nil {
			in.Required = append(in.Required, one.Name)
		}
	}
	return CallDoc{Name: pb.Name, Title: pb.Title, Input: in}
}

func typeSchema(t *expr.Type) *jsonschema.Schema {
	switch t.Kind() {
	case expr.KindString:
		return &jsonschema.Schema{Type: "string"}
	case expr.KindTimestamp:
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case expr.KindDuration:
		return ref("duration")
	case expr.KindBool:
		return &jsonschema.Schema{Type: "boolean"}
	case expr.KindInt:
		return &jsonschema.Schema{Type: "integer"}
	case expr.KindDouble:
		return &jsonschema.Schema{Type: "number"}
	case expr.KindList:
		return &jsonschema.Schema{Type: "array", Items: typeSchema(t.Elem())}
	case expr.KindMap:
		return &jsonschema.Schema{Type: "object", AdditionalProperties: typeSchema(t.Elem())}
	default:
		return &jsonschema.Schema{}
	}
}

// addCalls says by name what with: of each activity, workflow or playbook takes.
func addCalls(root *jsonschema.Schema, verb string, docs []CallDoc) {
	docs = slices.SortedFunc(slices.Values(docs), func(a, b CallDoc) int { return strings.Compare(a.Name, b.Name) })
	step := root.Defs["step_"+verb]
	name := step.Properties[verb]
	name.Enum = []any{}
	says := []any{}
	for _, a := range docs {
		doc := a.Title
		if a.Doc != "" {
			doc += ". " + a.Doc
		}
		name.Enum = append(name.Enum, a.Name)
		says = append(says, doc)
		root.Defs[verb+"_"+a.Name] = &jsonschema.Schema{Description: doc, AnyOf: []*jsonschema.Schema{templated(a.Input), ref("template")}}
		given := &jsonschema.Schema{Properties: map[string]*jsonschema.Schema{"with": ref(verb + "_" + a.Name)}}
		if len(a.Input.Required) > 0 {
			given.Required = []string{"with"}
		}
		step.AllOf = append(step.AllOf, &jsonschema.Schema{
			If:   &jsonschema.Schema{Properties: map[string]*jsonschema.Schema{verb: {Const: ptr[any](a.Name)}}, Required: []string{verb}},
			Then: given,
		})
	}
	name.Extra = map[string]any{"enumDescriptions": says} // what editors show beside each name
}

// templated is a schema of values in whose place an expression may stand, at any depth. The value
// itself may not be one.
func templated(s *jsonschema.Schema) *jsonschema.Schema {
	c := s.CloneSchemas()
	or := func(s *jsonschema.Schema) *jsonschema.Schema {
		if s == nil || s.Not != nil { // none, or the schema that nothing fits
			return s
		}
		doc := s.Description
		inner := templated(s)
		inner.Description = ""
		return &jsonschema.Schema{Description: doc, AnyOf: []*jsonschema.Schema{inner, ref("template")}}
	}
	for name, p := range c.Properties {
		c.Properties[name] = or(p)
	}
	c.Items = or(c.Items)
	c.AdditionalProperties = or(c.AdditionalProperties)
	return c
}

func groups() *jsonschema.Schema {
	return list(&jsonschema.Schema{Type: "string", Pattern: nameForm.String()})
}

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

func never() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

func list(of *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: of, MinItems: ptr(1)}
}

func to(name string) func() *jsonschema.Schema {
	return func() *jsonschema.Schema { return ref(name) }
}

func plain(kind string) func() *jsonschema.Schema {
	return func() *jsonschema.Schema { return &jsonschema.Schema{Type: kind} }
}

func anything() *jsonschema.Schema { return &jsonschema.Schema{} }

func oneOf(words []string) func() *jsonschema.Schema {
	return func() *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "string"}
		for _, w := range words {
			s.Enum = append(s.Enum, w)
		}
		return s
	}
}

// word is a string of a form.
func word(form wordForm) func() *jsonschema.Schema {
	return func() *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "string", Pattern: form.String(), Not: &jsonschema.Schema{}}
		for _, w := range reserved {
			s.Not.Enum = append(s.Not.Enum, w)
		}
		return s
	}
}

// named is a mapping whose keys the author chooses, as ids.
func named(value *jsonschema.Schema) func() *jsonschema.Schema {
	return func() *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", PropertyNames: word(idForm)(), AdditionalProperties: value.CloneSchemas()}
	}
}

func within(least, most float64) func() *jsonschema.Schema {
	return func() *jsonschema.Schema {
		return &jsonschema.Schema{Type: "integer", Minimum: &least, Maximum: &most}
	}
}

// share is a number of items, or a percentage of them.
func share(least float64) *jsonschema.Schema {
	percent := `^(0|[1-9][0-9]?)%$`
	if least > 0 {
		percent = `^([1-9][0-9]?|100)%$`
	}
	number := within(least, MaxItems)()
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{number, {Type: "string", Pattern: percent}}}
}

func waves() *jsonschema.Schema {
	s := list(share(1))
	s.MaxItems = ptr(maxWaves)
	return s
}

func ptr[T any](v T) *T { return &v }
