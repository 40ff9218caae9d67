package playbook_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// travel sends a plan the way a run does.
func travel(t testing.TB, plan playbook.Plan) playbook.Plan {
	t.Helper()
	raw, err := json.Marshal(plan)
	require.NoError(t, err)
	var back playbook.Plan
	require.NoError(t, json.Unmarshal(raw, &back))
	return back
}

// requireFixedPoint loads the plan at the other end: same digest, and the same again from there.
func requireFixedPoint(t testing.TB, pb *playbook.Playbook) *playbook.Playbook {
	t.Helper()
	loaded, err := travel(t, pb.Plan).Load()
	require.NoError(t, err)
	require.Equal(t, pb.Digest(), loaded.Digest())
	again, err := digest.Of(loaded.Plan)
	require.NoError(t, err)
	require.Equal(t, pb.Digest(), again)
	return loaded
}

const base = `
playbook: p
stage: run
inputs:
  lamp: {type: string, from: event.data.lamp}
  days: {type: int, default: 30}
steps:
  - id: look
    activity: lamp.look
    with: {lamp: "${inputs.lamp}", dim: 1.0}
  - id: ask
    approve: Douse it?
    approvers: [oncall]
    steps:
      - {id: douse, activity: lamp.douse, with: {lamp: "${inputs.lamp}"}}
outcome: steps.ask.reason
`

func TestDigestIgnoresNotation(t *testing.T) {
	want := compile(t, base).Digest()
	same := map[string]string{
		"comments":    "# a comment\n" + strings.ReplaceAll(base, "stage: run", "stage: run # here"),
		"quotes":      strings.ReplaceAll(base, "Douse it?", `"Douse it?"`),
		"block":       strings.ReplaceAll(base, "approve: Douse it?", "approve: >-\n      Douse\n      it?"),
		"flow":        strings.ReplaceAll(base, "approvers: [oncall]", "approvers:\n      - oncall"),
		"order":       strings.ReplaceAll(base, "playbook: p\nstage: run", "stage: run\nplaybook: p"),
		"order below": strings.ReplaceAll(base, `lamp: "${inputs.lamp}", dim: 1.0`, `dim: 1.0, lamp: "${inputs.lamp}"`),
		"crlf":        strings.ReplaceAll(base, "\n", "\r\n"),
		"bom":         "\ufeff" + base,
		"document":    "---\n" + base,
	}
	for name, text := range same {
		require.NotEqual(t, base, text, name)
		require.Equal(t, want, compile(t, text).Digest(), name)
	}
}

func TestDigestSeesMeaning(t *testing.T) {
	seen := map[digest.Digest]string{compile(t, base).Digest(): "base"}
	for _, change := range [][2]string{
		{"playbook: p", "playbook: q"},
		{"stage: run", "stage: audit"},
		{"stage: run", "stage: run\ntitle: T"},
		{"stage: run", "stage: run\nlabels: {a: b}"},
		{"stage: run", "stage: run\ntriggers: [{event: lamp.broken}]"},
		{"stage: run", "stage: run\ntriggers: [{event: lamp.broken, dedupe: event.id}]"},
		{"from: event.data.lamp", "from: event.data.light"},
		{"default: 30", "default: 31"},
		{"type: int, default: 30", "type: string, default: '30'"},
		{"type: int", "type: double"},
		{"dim: 1.0", "dim: 1"},
		{"dim: 1.0", "dim: 2.0"},
		{"id: look", "id: see"},
		{"id: look", "id: look\n    title: Look"},
		{"id: look", "id: look\n    if: 'true'"},
		{"id: look", "id: look\n    timeout: 1m"},
		{"id: look", "id: look\n    retry: {times: 1}"},
		{"Douse it?", "Douse it!"},
		{"[oncall]", "[oncall, facility]"},
		{"[oncall]", "[oncall]\n    quorum: 2"},
		{"[oncall]", "[oncall]\n    expires: 1h"},
		{"lamp.douse", "lamp.light"},
		{"steps.ask.reason", "steps.ask.reason + ''"},
		{"outcome: steps.ask.reason", ""},
	} {
		text := strings.Replace(base, change[0], change[1], 1)
		require.NotEqual(t, base, text)
		pb := compile(t, text)
		require.Empty(t, seen[pb.Digest()], "%v", change)
		seen[pb.Digest()] = fmt.Sprint(change)
		requireFixedPoint(t, pb)
	}
}

// A plan carries what it knew of its activities: with other signatures it is another plan.
func TestDigestSeesSignatures(t *testing.T) {
	pb := compile(t, base)
	for name, change := range map[string]func(*playbook.Signature){
		"title":   func(s *playbook.Signature) { s.Title = "Other" },
		"effect":  func(s *playbook.Signature) { s.Effect, s.Undo = playbook.EffectChange, "lamp.light" },
		"version": func(s *playbook.Signature) { s.Version = 2 },
		"undo":    func(s *playbook.Signature) { s.Undo = "lamp.smash" },
		"targets": func(s *playbook.Signature) { s.Targets = nil },
		"timeout": func(s *playbook.Signature) { s.Timeout = time.Hour },
	} {
		plan := travel(t, pb.Plan)
		signature := plan.Activities["lamp.look"]
		change(&signature)
		plan.Activities["lamp.look"] = signature
		loaded, err := plan.Load()
		require.NoError(t, err, name)
		require.NotEqual(t, pb.Digest(), loaded.Digest(), name)
	}
}

func TestLoadedPlaybookIsTheSame(t *testing.T) {
	text, err := os.ReadFile("testdata/ok/everything.yaml")
	require.NoError(t, err)
	pb := compile(t, string(text))
	loaded := requireFixedPoint(t, pb)
	var ids, again []string
	playbook.Walk(pb.Steps, func(s *playbook.Step) { ids = append(ids, s.ID+" "+s.Verb.Keyword()) })
	playbook.Walk(loaded.Steps, func(s *playbook.Step) { again = append(again, s.ID+" "+s.Verb.Keyword()) })
	require.Equal(t, ids, again)
	require.Len(t, ids, 11)
	require.Equal(t, pb.Steps[0].Retry, loaded.Steps[0].Retry)
	require.Equal(t, pb.Steps[0].Timeout, loaded.Steps[0].Timeout)
	require.Equal(t, pb.Inputs[0].Type.String(), loaded.Inputs[0].Type.String())
	require.Equal(t, "It's all here: every verb", loaded.Title)
}

// Whoever may start a run may hand it any plan.
func TestLoadRefuses(t *testing.T) {
	good := compile(t, base).Plan
	for name, tc := range map[string]struct {
		change func(*playbook.Plan)
		says   string
	}{
		"another format": {func(p *playbook.Plan) { p.Format = 2 }, "its format is 2; this version reads 1"},
		"no format":      {func(p *playbook.Plan) { p.Format = 0 }, "its format is 0"},
		"no document":    {func(p *playbook.Plan) { p.Document = nil }, "the file is empty"},
		"a mistake":      {func(p *playbook.Plan) { p.Document = json.RawMessage(`{"playbook":"p"}`) }, `needs the key "stage"`},
		"white space":    {func(p *playbook.Plan) { p.Document = append([]byte(" "), p.Document...) }, ""},
		"key order": {func(p *playbook.Plan) {
			p.Document = json.RawMessage(`{"stage":"run","steps":[{"stop":"x"}],"playbook":"p"}`)
		}, "canonical"},
		"yaml": {func(p *playbook.Plan) {
			p.Document = json.RawMessage("playbook: p\nstage: run\nsteps: [{stop: x}]")
		}, "load the plan"},
		"unused activity": {func(p *playbook.Plan) { p.Activities["lamp.smash"] = p.Activities["lamp.douse"] }, "canonical"},
		"lost activity":   {func(p *playbook.Plan) { delete(p.Activities, "lamp.look") }, `there is no activity "lamp.look"`},
		"no types":        {func(p *playbook.Plan) { p.Activities["lamp.look"] = playbook.Signature{Effect: "read", Version: 1} }, "no types"},
		"no effect": {func(p *playbook.Plan) {
			s := p.Activities["lamp.look"]
			s.Effect = ""
			p.Activities["lamp.look"] = s
		}, `its effect is ""`},
		"timeout": {func(p *playbook.Plan) {
			s := p.Activities["lamp.look"]
			s.Timeout = -1
			p.Activities["lamp.look"] = s
		}, "its timeout is -1ns"},
		"destroy outside an approval": {func(p *playbook.Plan) {
			s := p.Activities["lamp.look"]
			s.Effect = playbook.EffectDestroy
			p.Activities["lamp.look"] = s
		}, "cannot be undone"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := travel(t, good)
			tc.change(&plan)
			loaded, err := plan.Load()
			if tc.says == "" { // JSON on its way drops it
				require.NoError(t, err)
				return
			}
			require.Nil(t, loaded)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// A plan brings the playbooks that it calls. They are part of its meaning, and checked where they run.
func TestPlanCarriesWhatItCalls(t *testing.T) {
	const caller = "playbook: p\nstage: run\nsteps: [{playbook: douse-lamp, with: {lamp: desk}}]\n"
	pb := compile(t, caller)
	require.Equal(t, []string{"douse-lamp"}, keys(pb.Plan.Playbooks))
	requireFixedPoint(t, pb)
	inner, err := pb.Plan.Playbooks["douse-lamp"].Load()
	require.NoError(t, err)
	require.Equal(t, "douse-lamp", inner.Name)
	for name, tc := range map[string]struct {
		change func(*playbook.Plan)
		says   string
	}{
		"lost":   {func(p *playbook.Plan) { p.Playbooks = nil }, `there is no playbook "douse-lamp"`},
		"unused": {func(p *playbook.Plan) { p.Playbooks["more"] = p.Playbooks["douse-lamp"] }, "canonical"},
		"takes something else": {func(p *playbook.Plan) {
			p.Playbooks["douse-lamp"] = playbook.Plan{Format: 1, Document: json.RawMessage(`{"inputs":{"room":{"type":"string"}},"playbook":"douse-lamp","stage":"run","steps":[{"stop":"x"}]}`)}
		}, `takes no "lamp"`},
		"empty": {func(p *playbook.Plan) { p.Playbooks["douse-lamp"] = playbook.Plan{} }, "its format is 0"},
		"a tower": {func(p *playbook.Plan) {
			for range 500 {
				*p = playbook.Plan{Format: 1, Document: p.Document, Playbooks: map[string]playbook.Plan{"douse-lamp": *p}}
			}
		}, "at most 5"},
		"too large": {func(p *playbook.Plan) {
			callee := p.Playbooks["douse-lamp"]
			callee.Activities = map[string]playbook.Signature{"a.b": {Title: strings.Repeat("x", 600<<10)}}
			p.Playbooks["douse-lamp"] = callee
		}, "bytes together"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := travel(t, pb.Plan)
			tc.change(&plan)
			loaded, err := plan.Load()
			require.Nil(t, loaded)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func keys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func TestPlanCarriesWorkflows(t *testing.T) {
	pb := compile(t, "playbook: p\nstage: run\nsteps: [{workflow: lamp.report, with: {lamps: [desk]}}]\n")
	requireFixedPoint(t, pb)
	for says, change := range map[string]func(*playbook.WorkflowSignature){
		"no types":            func(s *playbook.WorkflowSignature) { s.Output = nil },
		"its input is string": func(s *playbook.WorkflowSignature) { s.Input = expr.String },
		"its timeout is 0s":   func(s *playbook.WorkflowSignature) { s.Timeout = 0 },
		"takes no":            func(s *playbook.WorkflowSignature) { s.Input = expr.Object() },
	} {
		plan := travel(t, pb.Plan)
		signature := plan.Workflows["lamp.report"]
		change(&signature)
		plan.Workflows["lamp.report"] = signature
		_, err := plan.Load()
		require.ErrorContains(t, err, says)
	}
}
