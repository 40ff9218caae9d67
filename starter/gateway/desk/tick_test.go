package desk_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// hourly is a library of playbooks of which some have schedules.
func hourly(t *testing.T) func(*desk.Options) {
	t.Helper()
	file := func(name, keys string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("playbook: " + name + "\nstage: audit\n" + keys + "inputs: {account: {type: string, default: \"0\"}}\nsteps: [{stop: 'looked into ${inputs.account}'}]\n")}
	}
	files := fstest.MapFS{
		"audit/keys.yaml":    file("keys", "schedule: {every: 1h, catch_up: 2h, inputs: {account: \"111122223333\"}}\n"),
		"audit/patient.yaml": file("patient", "schedule: {every: 1h, overlap: buffer_one}\n"),
		"audit/called.yaml":  file("called", ""),
	}
	lib, problems, err := library.Load(files, library.Catalog(activities.NewRegistry()))
	require.NoError(t, err)
	require.Empty(t, problems)
	return func(o *desk.Options) { o.Library = func() (*library.Library, error) { return lib, nil } }
}

// serve has a desk work until the test ends, or until it is stopped.
func (o *office) serve(d *desk.Desk) (stop func()) {
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan struct{})
	go func() { d.Serve(ctx, time.Hour); close(done) }()
	stop = func() { cancel(); <-done }
	o.t.Cleanup(stop)
	return stop
}

// tick puts a tick on record, as a worker does.
func (o *office) tick(name string, at time.Time) {
	o.t.Helper()
	o.put(ledger.Entry{Kind: ledger.Tick, Topic: name, Key: ledger.TickKey(name, at), Body: ledger.TickBody{Playbook: name, Scheduled: at, Workflow: "countersign.schedule/" + name, Execution: "t1"}})
}

func (o *office) put(e ledger.Entry) {
	o.t.Helper()
	require.NoError(o.t, o.ledger.Do(context.Background(), func(tx ledger.Tx) error { _, err := tx.Append(e); return err }))
}

// answers waits until so many ticks are answered.
func (o *office) ticked(n int) []ledger.TickedBody {
	o.t.Helper()
	var got []ledger.TickedBody
	require.Eventually(o.t, func() bool { got = records[ledger.TickedBody](o, ledger.Ticked); return len(got) >= n }, 10*time.Second, 20*time.Millisecond)
	require.Len(o.t, got, n)
	return got
}

func lastHour() time.Time { return time.Now().UTC().Truncate(time.Hour) }

func scheduledRun(name string, at time.Time) string {
	return name + "/scheduled-" + at.UTC().Format(time.RFC3339)
}

func TestTickStartsARun(t *testing.T) {
	o := open(t, hourly(t))
	stop := o.serve(o.Desk)
	at := lastHour()
	o.tick("keys", at)
	got := o.ticked(1)[0]
	require.Equal(t, scheduledRun("keys", at), got.Run)
	require.Equal(t, "e1", got.Execution)
	require.Empty(t, got.Refused)
	ticket := o.tickets[0]
	require.Equal(t, got.Run, ticket.Run)
	require.Empty(t, ticket.StartedBy, "nobody did: everybody may vote")
	started := records[ledger.RunBody](o, ledger.Run)
	require.Len(t, started, 1)
	require.JSONEq(t, `{"account":"111122223333"}`, string(started[0].Inputs))
	require.Contains(t, string(started[0].Event), `"source":"countersign/schedule"`)
	require.Len(t, records[ledger.EventBody](o, ledger.Event), 1)

	// What a desk missed it reads when it starts, and starts nothing a second time.
	stop()
	o.tick("keys", at.Add(-time.Hour))
	again, err := desk.New(o.Options)
	require.NoError(t, err)
	o.serve(again)
	require.Equal(t, scheduledRun("keys", at.Add(-time.Hour)), o.ticked(2)[1].Run)
	require.Len(t, o.tickets, 2)
}

// Two gateways with one ledger start a run once.
func TestTwoGatewaysStartOnce(t *testing.T) {
	o := open(t, hourly(t))
	other, err := desk.New(o.Options)
	require.NoError(t, err)
	o.serve(o.Desk)
	o.serve(other)
	o.tick("keys", lastHour())
	o.ticked(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Len(t, o.tickets, 1)
}

func TestTicksThatStartNothing(t *testing.T) {
	o := open(t, hourly(t))
	at := lastHour()
	late := at.Add(-5 * time.Hour)
	o.tick("nobody", at)
	o.tick("called", at)
	o.tick("keys", at.Add(-time.Minute))
	o.tick("keys", late)
	o.tick("keys", at.Add(2*time.Hour))
	o.serve(o.Desk)
	got := o.ticked(5)
	for i, says := range []string{"nobody", "has no schedule here", "none of the times", "it is 5h", "ahead of time"} {
		require.Contains(t, got[i].Refused, says)
		require.Empty(t, got[i].Run)
	}
	require.Empty(t, o.tickets)
	require.Len(t, o.notices, 5)
	require.Equal(t, desk.ScheduleMissed, o.notices[0].Kind)
	require.Contains(t, o.notices[3].Text, "keys was due at "+late.Format(time.RFC3339))
}

// Made-up ticks do not flood people with notices, and do not hide that a real one was missed.
func TestMadeUpTicksDoNotFloodPeople(t *testing.T) {
	o := open(t, hourly(t))
	at := lastHour()
	for i := range 30 {
		o.tick(fmt.Sprint("made-up-", i), at)
	}
	o.tick("keys", at.Add(-time.Minute))
	o.serve(o.Desk)
	o.ticked(31)
	require.Len(t, o.notices, 21)
	require.Contains(t, o.notices[19].Text, "in the log alone")
	require.Contains(t, o.notices[20].Text, "keys was due")
}

// A tick that is late because the run before it was under way is not too late.
func TestTickThatWaitedForTheRunBeforeIt(t *testing.T) {
	o := open(t, hourly(t))
	first, second := lastHour().Add(-30*time.Hour), lastHour().Add(-29*time.Hour)
	run := scheduledRun("patient", first)
	o.put(ledger.Entry{Kind: ledger.Ticked, Run: run, Topic: "patient", Key: ledger.TickedKey("patient", first), Body: ledger.TickedBody{Playbook: "patient", Scheduled: first, Run: run, Execution: "e0"}})
	o.put(ledger.Entry{Kind: ledger.Ended, Run: run, Key: ledger.EndedKey(run, "e0"), Body: ledger.EndedBody{Execution: "e0", State: "done"}})
	o.tick("patient", second)
	o.tick("keys", second)
	o.serve(o.Desk)
	got := o.ticked(3)
	require.Equal(t, scheduledRun("patient", second), got[1].Run)
	require.Contains(t, got[2].Refused, "late", "it does not wait for another")
}

func TestTickIsOver(t *testing.T) {
	o := open(t, hourly(t))
	at := lastHour()
	over := func(name, why string) {
		o.put(ledger.Entry{Kind: ledger.TickOver, Topic: name, Key: ledger.TickOverKey(name, at, "t1"), Body: ledger.TickOverBody{Playbook: name, Scheduled: at, Why: why}})
	}
	o.tick("patient", at)
	over("patient", ledger.TickMissed)
	o.serve(o.Desk)
	require.Equal(t, "no gateway took it in time", o.ticked(1)[0].Refused)
	o.tick("keys", at)
	run := o.ticked(2)[1].Run
	over("keys", ledger.TickCancelled)
	require.Eventually(t, func() bool { o.mu.Lock(); defer o.mu.Unlock(); return slices.Equal(o.cancelled, []string{run}) }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, []ledger.CancelBody{{Run: run, By: desk.BySchedule}}, records[ledger.CancelBody](o, ledger.Cancel))
	require.Len(t, o.tickets, 1)
}

// orders are what the cluster's schedules were told.
type orders struct {
	*office

	told   []string
	counts []workflows.Scheduled
}

func (o *orders) Schedules(context.Context, int) ([]workflows.Scheduled, error) { return o.counts, nil }

func (o *orders) Trigger(_ context.Context, name string, at time.Time) error {
	o.told = append(o.told, fmt.Sprintf("trigger %s %s", name, at.Format(time.RFC3339)))
	o.tick(name, at.Add(time.Second))
	return nil
}

func (o *orders) Backfill(_ context.Context, name string, from, to time.Time) error {
	o.told = append(o.told, fmt.Sprintf("backfill %s %s %s", name, from.Format(time.RFC3339), to.Format(time.RFC3339)))
	return nil
}

// By the word of a person a schedule runs now, once, and at times that are over.
func TestOrders(t *testing.T) {
	told := &orders{}
	o := open(t, hourly(t), func(opts *desk.Options) { opts.Schedules = told })
	told.office = o
	o.serve(o.Desk)
	now, err := o.Order(t.Context(), by("dora"), desk.TickOrder{Playbook: "keys"})
	require.NoError(t, err)
	at := now.Times[0]
	got := o.ticked(1)[0] // a second later, as the cluster has it
	require.Equal(t, []string{got.Run}, now.Runs)
	require.Equal(t, scheduledRun("keys", at), got.Run)
	at = at.Add(-time.Second)
	require.NotZero(t, got.Order)
	require.Equal(t, "dora", o.tickets[0].StartedBy, "who has it run has no vote")
	if at.Add(2*time.Second).Minute() != 0 {
		o.tick("keys", at.Add(2*time.Second))
		require.Contains(t, o.ticked(2)[1].Refused, "none of the times", "once")
	}

	from := lastHour().Add(-48 * time.Hour)
	then, err := o.Order(t.Context(), by("dora"), desk.TickOrder{Playbook: "keys", From: from, To: from.Add(90 * time.Minute)})
	require.NoError(t, err)
	require.Equal(t, []time.Time{from, from.Add(time.Hour)}, then.Times)
	before := len(records[ledger.TickedBody](o, ledger.Ticked))
	o.tick("keys", from)
	o.tick("keys", from.Add(2*time.Hour))
	all := o.ticked(before + 2)
	require.Equal(t, scheduledRun("keys", from), all[before].Run)
	require.Contains(t, all[before+1].Refused, "late")
	require.Equal(t, []string{
		"trigger keys " + at.Format(time.RFC3339),
		"backfill keys " + from.Format(time.RFC3339) + " " + from.Add(90*time.Minute).Format(time.RFC3339),
	}, told.told)

	for says, in := range map[string]desk.TickOrder{
		"has no schedule":      {Playbook: "called"},
		"not over yet":         {Playbook: "keys", From: from, To: from.AddDate(1, 0, 0)},
		"was not due":          {Playbook: "keys", From: from.Add(time.Minute), To: from.Add(2 * time.Minute)},
		"more than 100 times":  {Playbook: "keys", From: from.AddDate(0, 0, -30), To: from},
		"more than a year ago": {Playbook: "keys", From: from.AddDate(-2, 0, 0), To: from},
		"first and their last": {Playbook: "keys", From: from},
		`no playbook "kyes"`:   {Playbook: "kyes"},
	} {
		_, err := o.Order(t.Context(), by("dora"), in)
		require.ErrorContains(t, err, says)
	}
	_, err = o.Order(t.Context(), by("ci"), desk.TickOrder{Playbook: "keys"})
	require.ErrorIs(t, err, desk.ErrForbidden)
}

// What was refused, because no gateway was there or because somebody had made it up, runs when a person
// orders it after all.
func TestOrderOfWhatWasRefused(t *testing.T) {
	told := &orders{}
	o := open(t, hourly(t), func(opts *desk.Options) { opts.Schedules = told })
	told.office = o
	o.serve(o.Desk)
	at := lastHour().Add(-48 * time.Hour)
	o.tick("keys", at)
	require.Contains(t, o.ticked(1)[0].Refused, "late")
	_, err := o.Order(t.Context(), by("dora"), desk.TickOrder{Playbook: "keys", From: at, To: at})
	require.NoError(t, err)
	order := records[ledger.TickOrderBody](o, ledger.TickOrder)
	require.Len(t, order, 1)
	var seq int64
	require.NoError(t, o.ledger.View(t.Context(), func(tx ledger.Tx) error {
		last, _, err := tx.Last(ledger.TickOrder)
		seq = last.Seq
		return err
	}))
	o.put(ledger.Entry{Kind: ledger.Tick, Topic: "keys", Key: ledger.TickKey("keys", at) + ledger.TickAgain(seq), Body: ledger.TickBody{Playbook: "keys", Scheduled: at}})
	got := o.ticked(2)[1]
	require.Empty(t, got.Refused)
	require.Equal(t, scheduledRun("keys", at), got.Run)
	require.Equal(t, seq, got.Order)
}

// What the cluster has left out is told, once it is known how much that was before.
func TestCountsThatRise(t *testing.T) {
	told := &orders{counts: []workflows.Scheduled{{Playbook: "keys", Missed: 3, Skipped: 1}}}
	o := open(t, hourly(t), func(opts *desk.Options) { opts.Schedules = told })
	before := o.Count(t.Context(), nil)
	before = o.Count(t.Context(), before)
	require.Empty(t, o.notices)
	told.counts = []workflows.Scheduled{{Playbook: "keys", Missed: 5, Skipped: 2}, {Playbook: "patient", Skipped: 7}}
	o.Count(t.Context(), before)
	require.Len(t, o.notices, 2)
	require.Equal(t, "keys has left out 2 of its times: the cluster was away for longer than it catches up with", o.notices[0].Text)
	require.Equal(t, "keys has left out 1 of its times: its run before was still under way", o.notices[1].Text)
	require.Nil(t, open(t, hourly(t)).Count(t.Context(), nil))
}

// A run that ended without a word does not keep its schedule waiting.
func TestScheduledRunThatIsGone(t *testing.T) {
	o := open(t, hourly(t))
	at := lastHour()
	run := scheduledRun("keys", at)
	o.put(ledger.Entry{Kind: ledger.Ticked, Run: run, Topic: "keys", Key: ledger.TickedKey("keys", at), Body: ledger.TickedBody{Playbook: "keys", Scheduled: at, Run: run, Execution: "e1"}})
	o.over = workflows.Over{Status: "terminated", At: time.Now().Add(-time.Hour)}
	o.serve(o.Desk)
	require.Eventually(t, func() bool { return len(records[ledger.EndedBody](o, ledger.Ended)) == 1 }, 20*time.Second, 50*time.Millisecond)
	end := records[ledger.EndedBody](o, ledger.Ended)[0]
	require.Equal(t, "failed", end.State)
	require.Contains(t, end.Error, "terminated on the cluster")
}

func (o fakeRuns) StartOnce(ctx context.Context, pb *playbook.Playbook, key string, _ workflows.Input) (workflows.Started, error) {
	var t grant.Ticket
	require.NoError(o.t, o.signer.Keys().Open(activities.TicketFrom(ctx), grant.KindTicket, &t))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tickets = append(o.tickets, t)
	return workflows.Started{Run: workflows.RunID(pb.Name, key), Execution: "e1", New: true}, nil
}

func (o fakeRuns) Over(context.Context, string, string) (workflows.Over, error) { return o.over, nil }
