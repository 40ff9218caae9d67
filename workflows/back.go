package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// BackType is the workflow that puts back a piece of a trail. It is part of every history: never
// change it.
const BackType = "countersign.back"

// maxWalk is how many calls a run makes by itself to put things back; more of them go in pieces of
// so many, each in a history of its own. A piece has at most maxPieceBytes, about: Temporal takes
// 2 MiB at once.
const (
	maxWalk       = 500
	maxPieceBytes = 1 << 20
)

// piece says where the last piece of a trail begins, and whether it can be told to another workflow.
func piece(traces []*Trace) (first int, fits bool) {
	first = len(traces) - 1
	calls, bytes := len(traces[first].Back), weigh(traces[first])
	fits = bytes <= maxPieceBytes
	for first > 0 {
		calls, bytes = calls+len(traces[first-1].Back), bytes+weigh(traces[first-1])
		if calls > maxWalk || bytes > maxPieceBytes {
			break
		}
		first--
	}
	return first, fits
}

// BackInput is a piece of a trail, in the order in which it was done.
type BackInput struct {
	Run    string   `json:"run"`
	Traces []*Trace `json:"traces"`
}

// BackReport is what became of it.
type BackReport struct {
	// PutBack says of each trace of the piece whether it was put back.
	PutBack []bool `json:"put_back"`
	// Released says it of what would have expired and was taken over; nil: nothing would have.
	Released []bool        `json:"released,omitempty"`
	Undone   []*UndoStatus `json:"undone"`
	Unlisted int           `json:"unlisted,omitempty"`
}

// Back is the workflow that puts back a piece of a trail.
func Back(ctx workflow.Context, in BackInput) (BackReport, error) {
	r := &run{status: &Status{Run: in.Run}, trail: &trail{traces: in.Traces}}
	would := make([]bool, len(in.Traces))
	for i, t := range in.Traces {
		would[i] = t.Act != nil && t.Act.Until != nil
	}
	r.walk(ctx, in.Traces)
	report := BackReport{Undone: r.status.Undone, Unlisted: r.status.UndoneUnlisted}
	released, any := make([]bool, len(in.Traces)), false
	for i, t := range in.Traces {
		report.PutBack = append(report.PutBack, t.PutBack)
		if would[i] && t.Act.Until == nil {
			released[i], any = true, true
		}
	}
	if any {
		report.Released = released
	}
	return report, nil
}

// walkApart puts back a piece of the trail in a history of its own. first is its place in the trail.
func (r *run) walkApart(ctx workflow.Context, traces []*Trace, first int) {
	began := workflow.Now(ctx)
	var report BackReport
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: fmt.Sprintf("%s/undo[%d-%d]", workflow.GetInfo(ctx).WorkflowExecution.ID, first, first+len(traces)-1),
	}), BackType, BackInput{Run: r.status.Run, Traces: traces}).Get(ctx, &report)
	if err != nil {
		r.failedToWalk(began, workflow.Now(ctx), traces, err)
		return
	}
	for i, t := range traces {
		if i < len(report.Released) && report.Released[i] {
			t.Act.Until = nil
		}
		if report.PutBack[i] {
			r.isPutBack(ctx, t)
		}
	}
	for _, row := range report.Undone {
		r.status.undone(row)
	}
	r.status.UndoneUnlisted += report.Unlisted
}

// failedToWalk tells that a whole piece of the trail could not be put back, by its last trace.
func (r *run) failedToWalk(began, ended time.Time, traces []*Trace, err error) {
	last := traces[len(traces)-1]
	r.status.undone(&UndoStatus{
		Step: last.Step, Activity: last.Back[0].Activity, Status: playbook.StatusFailed, Started: &began, Ended: &ended,
		Error: fmt.Sprintf("this and up to %d before it: %s", len(traces)-1, reason(err)),
	})
}
