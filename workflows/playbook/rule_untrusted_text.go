package playbook

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/countersign/countersign/workflows/expr"
)

const ruleUntrusted = "untrusted-text"

func untrustedTextRule() Rule {
	return Rule{
		ID:          ruleUntrusted,
		Description: "No text of an event becomes part of a command, of a query or of where a request goes.",
		Why:         "An event says whatever its sender wrote. Put into a command it is run. Compare it with constants first, read it anew from whoever owns it, or take a number. Which inputs are commands, the activity says.",
		Example: `playbook: example
stage: run
triggers:
  - event: aws.guardduty.finding
inputs:
  process: {type: string, from: event.data.service.runtimeDetails.process.name}
steps:
  - activity: host.run
    with: {host: web-1, command: "pkill ${inputs.process}"}
`,
		Problem: `example.yaml:9:43: inputs.process is text that the sender of the event wrote, and command of host.run is run as a command: compare it with constants first (inputs.process in ["a", "b"]), or read it from whoever owns it [untrusted-text]`,
	}
}

// reading is a compiled expression or template whose text can be followed.
type reading interface {
	Texts(env *expr.Env, hostile func(path string) bool, known expr.Facts, laws *expr.Laws) []expr.Text
}

// taint notes that what stands at a path may be text of an event.
func (c *checker) taint(path string) { c.hostile[path] = true }

// hostileAt reports whether what stands at a path may be, or hold, text of an event. The type of an
// event is what the trigger asks for.
func (c *checker) hostileAt(path string) bool {
	if root, field, _ := strings.Cut(path, "."); root == "event" {
		return field != "type"
	}
	for _, tainted := range expr.Keys(c.hostile) {
		if c.hostile[tainted] && (path == tainted || strings.HasPrefix(path, tainted+".") || strings.HasPrefix(path, tainted+"[") || strings.HasPrefix(tainted, path+".")) {
			return true
		}
	}
	return false
}

// texts are the texts of an event in what an expression gives.
func (c *checker) texts(r reading, sc *scope) []expr.Text {
	if c.catalog.partial {
		return nil
	}
	return r.Texts(sc.env(), c.hostileAt, sc.facts, c.laws)
}

// tainted reports whether an expression gives text of an event; nil gives none.
func (c *checker) tainted(e *Expr, sc *scope) bool {
	return e != nil && e.Program != nil && len(c.texts(e.Program, sc)) > 0
}

// taintedValue reports whether a tree holds text of an event.
func (c *checker) taintedValue(v *Value, sc *scope) bool {
	if v.template != nil {
		return len(c.texts(v.template, sc)) > 0
	}
	for _, item := range v.items {
		if c.taintedValue(item, sc) {
			return true
		}
	}
	for _, name := range expr.Keys(v.fields) {
		if c.taintedValue(v.fields[name], sc) {
			return true
		}
	}
	return false
}

// sinks reports text of an event in the inputs of a call that must not have it.
func (c *checker) sinks(a *Activity, sc *scope) {
	for _, field := range expr.Keys(a.Signature.Sinks) {
		v, sink := a.With.fields[field], a.Signature.Sinks[field]
		if a.With.template != nil {
			v = a.With // the whole input at once
		}
		if v == nil || v.template == nil {
			continue
		}
		for _, one := range c.texts(v.template, sc) {
			if sink == "url_host" && hostIsFixed.MatchString(one.Before) {
				continue
			}
			c.reportInside(ruleUntrusted, v.node, []expr.Problem{{Line: one.Line, Column: one.Column, Message: fmt.Sprintf(
				"%s is text that the sender of the event wrote, and %s of %s is %s: compare it with constants first (%s in [\"a\", \"b\"]), or read it from whoever owns it",
				one.Path, field, a.Name, becomes[sink], one.Path)}})
		}
	}
}

// hostIsFixed recognises what a template says before an expression when that cannot change the host.
var hostIsFixed = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#$@\\]+[/?#]`)

var becomes = map[Sink]string{"command": "run as a command", "url_host": "where a request goes", "query": "run as a query"}
