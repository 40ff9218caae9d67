package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/playbook"
)

// scheduleKeeper marks in the memo of a schedule, and of the ticks that it starts, what Countersign
// made. At the action it is the digest of the schedule as it was made: what is on the cluster and has
// another was changed by somebody.
const scheduleKeeper = "countersign"

// scheduleNote is the note of a schedule that nobody has paused. Those of starter schedule pause begin
// with pauseNote.
const (
	scheduleNote = "kept by starter schedule apply, as the playbook says"
	pauseNote    = "paused with starter schedule pause: "
)

// The ways of overlap, as Temporal has them.
var overlapPolicies = map[string]enums.ScheduleOverlapPolicy{
	playbook.OverlapSkip:   enums.SCHEDULE_OVERLAP_POLICY_SKIP,
	playbook.OverlapBuffer: enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	playbook.OverlapAll:    enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
	playbook.OverlapCancel: enums.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
}

// facts are all that a schedule says, by name, each in one form, whatever form the cluster keeps it in:
// a cron expression comes back as calendars. An entry that is as it is by itself is "".
type facts map[string]string

// scheduleID is the schedule of a playbook.
func (c Client) scheduleID(name string) string {
	if c.queue() != TaskQueue { // several deployments share the namespace
		return tickPrefix + c.queue() + "/" + name
	}
	return tickPrefix + name
}

// wanted is the schedule that a playbook says.
func (c Client) wanted(pb *playbook.Playbook) (client.Schedule, facts, error) {
	s := pb.Schedule
	spec := &client.ScheduleSpec{Jitter: s.Jitter}
	for _, f := range s.Calendars() {
		spec.Calendars = append(spec.Calendars, client.ScheduleCalendarSpec{
			Second: rangesOf([]playbook.Range{{}}), Minute: rangesOf(f.Minute), Hour: rangesOf(f.Hour), DayOfMonth: rangesOf(f.Day), Month: rangesOf(f.Month), DayOfWeek: rangesOf(f.Weekday),
		})
		spec.TimeZoneName = s.Zone
	}
	if s.Cron == "" {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: s.Every, Offset: s.Offset}}
	}
	action := &client.ScheduleWorkflowAction{
		ID: strings.Replace(c.scheduleID(pb.Name), tickPrefix, tickIDPrefix, 1), Workflow: TickType, TaskQueue: c.queue(),
		Args: []any{TickInput{Playbook: pb.Name, CatchUp: s.CatchUp}}, Memo: map[string]any{},
	}
	out := client.Schedule{
		Spec: spec, Action: action,
		Policy: &client.SchedulePolicies{Overlap: overlapPolicies[s.Overlap], CatchupWindow: s.CatchUp},
		State:  &client.ScheduleState{Note: scheduleNote},
	}
	said, err := c.factsOf(out)
	if err != nil {
		return out, nil, err
	}
	name, err := said.digest()
	action.Memo[scheduleKeeper] = string(name)
	return out, said, err
}

// tickIDPrefix begins the ids of ticks.
const tickIDPrefix = "countersign.tick/"

func rangesOf(list []playbook.Range) []client.ScheduleRange {
	out := make([]client.ScheduleRange, len(list))
	for i, r := range list {
		out[i] = client.ScheduleRange{Start: r.First, End: r.Last, Step: 1}
	}
	return out
}

// digest names what a schedule says, without whether it is paused and why.
func (f facts) digest() (digest.Digest, error) {
	rest := map[string]string{}
	for name, value := range f {
		if value != "" && name != "paused" && name != "note" {
			rest[name] = value
		}
	}
	return digest.Of(rest)
}

// factsOf reads a schedule, as it is wanted or as the cluster describes it.
func (c Client) factsOf(s client.Schedule) (facts, error) {
	f := facts{}
	spec, policy, state := s.Spec, s.Policy, s.State
	var times []string
	for _, cal := range spec.Calendars {
		times = append(times, cronOf(cal))
	}
	for _, i := range spec.Intervals {
		text := "every " + playbook.Span(i.Every)
		if i.Offset > 0 {
			text += ", offset " + playbook.Span(i.Offset)
		}
		times = append(times, text)
	}
	slices.Sort(times)
	f["times"] = strings.Join(append(times, spec.CronExpressions...), " or ")
	f["zone"] = cmp.Or(spec.TimeZoneName, "UTC")
	f["jitter"] = playbook.Span(spec.Jitter)
	var but []string
	for _, cal := range spec.Skip {
		but = append(but, cronOf(cal))
	}
	slices.Sort(but)
	f["but not"] = strings.Join(but, " or ")
	f["from"], f["until"] = momentOf(spec.StartAt), momentOf(spec.EndAt)

	for name, way := range overlapPolicies {
		if way == cmp.Or(policy.Overlap, enums.SCHEDULE_OVERLAP_POLICY_SKIP) {
			f["overlap"] = name
		}
	}
	if f["overlap"] == "" {
		f["overlap"] = snake(policy.Overlap.String())
	}
	f["catch_up"] = playbook.Span(policy.CatchupWindow)
	f["pauses when a run fails"] = yes(policy.PauseOnFailure)
	f["paused"], f["note"] = yes(state.Paused), state.Note
	if state.LimitedActions {
		f["limited to"] = fmt.Sprintf("%d more", state.RemainingActions)
	}
	return f, c.actionFacts(f, s.Action)
}

func (c Client) actionFacts(f facts, action client.ScheduleAction) error {
	a, ok := action.(*client.ScheduleWorkflowAction)
	if !ok {
		f["starts"] = fmt.Sprintf("%T", action)
		return nil
	}
	f["starts"], f["as"], f["on"] = fmt.Sprint(a.Workflow), a.ID, a.TaskQueue
	for name, d := range map[string]time.Duration{"execution timeout": a.WorkflowExecutionTimeout, "run timeout": a.WorkflowRunTimeout, "task timeout": a.WorkflowTaskTimeout} {
		if d > 0 && name != "task timeout" { // the cluster may have one of its own for tasks
			f[name] = playbook.Span(d)
		}
	}
	if a.RetryPolicy != nil {
		f["retry"] = fmt.Sprintf("%+v", *a.RetryPolicy)
	}
	f["with"] = fmt.Sprintf("%d arguments", len(a.Args))
	if len(a.Args) == 1 {
		in, isInput := a.Args[0].(TickInput)
		if !isInput {
			if payload, ok := a.Args[0].(*commonpb.Payload); !ok || c.converter().FromPayload(payload, &in) != nil {
				f["with"] = "something that is no tick's"
				return nil
			}
		}
		f["with"] = fmt.Sprintf("playbook %s, catch_up %s", in.Playbook, playbook.Span(in.CatchUp))
		if in.Wait != nil {
			f["with"] += ", begun before"
		}
	}
	return nil
}

// kept is the digest that a schedule was made with; "": somebody took it away.
func (c Client) kept(action client.ScheduleAction) digest.Digest {
	a, ok := action.(*client.ScheduleWorkflowAction)
	if !ok {
		return ""
	}
	var name digest.Digest
	if payload, ok := a.Memo[scheduleKeeper].(*commonpb.Payload); ok && c.converter().FromPayload(payload, &name) == nil {
		return name
	}
	return ""
}

// ours reports whether Countersign made a schedule of the cluster, for this task queue.
func (c Client) ours(id string, memo *commonpb.Memo) (playbook string, ok bool) {
	var queue string
	if payload := memo.GetFields()[scheduleKeeper]; payload == nil || c.converter().FromPayload(payload, &queue) != nil || queue != c.queue() {
		return "", false
	}
	name, ok := strings.CutPrefix(id, c.scheduleID(""))
	return name, ok && name != "" && !strings.Contains(name, "/")
}

// cronOf writes a calendar as a cron expression, with seconds and years where they are limited.
func cronOf(c client.ScheduleCalendarSpec) string {
	fields := []string{
		fieldOf(c.Minute, 0, 59, 0), fieldOf(c.Hour, 0, 23, 0), fieldOf(c.DayOfMonth, 1, 31, -1), fieldOf(c.Month, 1, 12, -1), fieldOf(c.DayOfWeek, 0, 6, -1),
	}
	if s := fieldOf(c.Second, 0, 59, 0); s != "0" {
		fields = append(fields, "at second "+s)
	}
	if len(c.Year) > 0 {
		fields = append(fields, "in "+fieldOf(c.Year, 2000, 2100, -1))
	}
	return strings.Join(fields, " ")
}

// fieldOf writes the ranges of a calendar. None is one value, or -1: all.
func fieldOf(list []client.ScheduleRange, first, last, none int) string {
	set := map[int]bool{}
	for _, r := range list {
		for i := r.Start; i <= max(r.End, r.Start); i += max(r.Step, 1) {
			set[i] = true
		}
	}
	if len(list) == 0 && none >= 0 {
		set[none] = true
	}
	var parts []string
	for i := first; i <= last; i++ {
		if !set[i] {
			continue
		}
		from := i
		for i < last && set[i+1] {
			i++
		}
		if from == i {
			parts = append(parts, fmt.Sprint(from))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", from, i))
		}
	}
	whole := fmt.Sprintf("%d-%d", first, last)
	if text := strings.Join(parts, ","); text != whole && text != "" {
		return text
	}
	return "*"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func momentOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
