package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

const judging = `
playbook: judge-login
title: Somebody signed in
stage: run
steps:
  - id: judge
    ask: Was it you?
    who: [secops-oncall]
    form:
      verdict: {type: string, one_of: [expected, hostile], title: What was it}
      note: {type: string, optional: true}
outcome: steps.judge.?answer.verdict.orValue("nothing") + " says " + steps.judge.by
`

// asked starts a run that asks, beside the one of the sample event, which is rejected.
func (s *session) asked() {
	s.Helper()
	s.sees("Approval needed", 1)
	dir := s.TempDir()
	require.NoError(s, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	require.NoError(s, os.WriteFile(filepath.Join(dir, "run", "judge-login.yaml"), []byte(judging), 0o600))
	address := strings.Fields(s.shown()[strings.Index(s.shown(), "Temporal"):])[1]
	_, gate, _ := strings.Cut(s.shown(), "(--gateway ")
	gate, _, _ = strings.Cut(gate, ")")
	code, _, talk := starterAt(s.T, "run", "judge-login", "--playbooks", dir, "--address", address, "--gateway", gate)
	require.Zero(s, code, talk)
}

// Somebody at a terminal is asked one field after the other, and again where it does not fit.
func TestFormAtTheTerminal(t *testing.T) {
	s := sit(t, "--state", t.TempDir(), "--as", "bob@example.com")
	s.sees(prompt, 1)
	s.types("reject not now")
	s.asked()
	s.sees("verdict (one of expected, hostile)? ", 1)
	s.types("expcted")
	s.sees(`"expcted" cannot be chosen; did you mean "expected"?`, 1)
	s.sees("verdict (one of expected, hostile)? ", 2)
	s.types("expected")
	s.sees("note (string, may be left out)? ", 1)
	s.types("")
	s.sees("run           done: expected says bob", 1)
	s.stop()
	require.Zero(t, <-s.ended, s.shown())
}

// Flags answer in the place of people, and say what they lack.
func TestFormByFlags(t *testing.T) {
	for answer, want := range map[string]string{
		"verdict=hostile": "run           done: hostile says alice",
		"note=hm":         "verdict is missing: one of expected, hostile",
	} {
		s := sit(t, "--state", t.TempDir(), "--reject-as", "bob@example.com", "--answer-as", "alice@example.com", "--answer", answer)
		s.asked()
		s.sees(want, 1)
		s.stop()
		require.Zero(t, <-s.ended, s.shown())
	}
}

// Who is not there to answer, and left no flags to answer with, is told what is missing at once.
func TestNobodyAnswersAForm(t *testing.T) {
	f := &front{o: options{once: true, approveAs: "alice@example.com"}, s: Streams{Out: io.Discard, Err: io.Discard}}
	status := &workflows.Status{Run: "judge-login/1", Questions: []*workflows.QuestionStatus{{Question: approval.Question{
		ID: "judge", Run: "judge-login/1", Form: approval.Form{{Name: "verdict", Type: expr.String}},
	}}}}
	err := f.ask(t.Context(), status)
	require.ErrorIs(t, err, errOutcome)
	require.ErrorContains(t, err, `nobody answers "judge" of the run judge-login/1 (verdict is missing: string); answer with --answer-as PERSON --answer NAME=VALUE`)
}
