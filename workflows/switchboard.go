package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
)

// The names by which switchboards are reached. They are part of every history: never change one.
const (
	SwitchboardType   = "countersign.switchboard"
	SubscribeSignal   = "subscribe"   // takes a Subscription
	UnsubscribeSignal = "unsubscribe" // takes a Subscription
	// EventSignal takes an event.Event. A switchboard forwards it to the runs that wait, under the
	// same name.
	EventSignal = "event"
	// FullSignal tells a run that its Subscription could not be taken.
	FullSignal = "full"
)

// switchboardID is the id of the switchboard for a type of event. No run has one like it: the name
// of a playbook has no dot.
func switchboardID(eventType string) string { return "countersign.waits/" + eventType }

// Subscription is a step of a run that waits for events of a type.
type Subscription struct {
	// ID is unique in the execution.
	ID        string `json:"id"`
	Run       string `json:"run"`
	Execution string `json:"execution"`
	// Until is when the step stops waiting.
	Until time.Time `json:"until"`
}

// SwitchboardInput is what a switchboard begins with: nothing, or what the one before it left.
type SwitchboardInput struct {
	Type          string         `json:"type"`
	Subscriptions []Subscription `json:"subscriptions,omitempty"`
	// Events have arrived and are still to be forwarded.
	Events []event.Event `json:"events,omitempty"`
}

const (
	// maxSubscriptions bounds how many steps wait for one type of event. Temporal takes 2,000
	// pending signals of a workflow, and an event goes to all of them at once.
	maxSubscriptions = 1000
	// staleAfter is how much longer than its run a switchboard knows of a subscription: it is there
	// for runs that ended without a word.
	staleAfter = time.Minute
	// maxSwitchboardHistory is where a switchboard goes on with a new history.
	maxSwitchboardHistory = 8000
	// maxWaiting bounds the events that one leaves to the next history, in bytes: with 1,000
	// subscriptions they fit into what Temporal takes at once.
	maxWaiting = 512 << 10
)

// Switchboard is the workflow that forwards events of one type to the runs that wait for one. It
// lives while somebody waits.
//
// No event that arrives after a subscription misses it: whatever has arrived is worked off, or left
// to the next history, before the switchboard ends or goes on with a new one, and Temporal refuses
// both while something else has arrived meanwhile.
func Switchboard(ctx workflow.Context, in SwitchboardInput) error {
	b := &switchboard{
		subscriptions: map[string]Subscription{},
		subscribe:     workflow.GetSignalChannel(ctx, SubscribeSignal),
		unsubscribe:   workflow.GetSignalChannel(ctx, UnsubscribeSignal),
		events:        workflow.GetSignalChannel(ctx, EventSignal),
		ahead:         in.Events,
	}
	for _, s := range in.Subscriptions {
		b.subscriptions[s.key()] = s
	}
	for {
		if err := b.workOff(ctx); err != nil {
			return err
		}
		switch {
		case len(b.subscriptions) == 0:
			return nil
		case long(ctx):
			return workflow.NewContinueAsNewError(ctx, SwitchboardType, SwitchboardInput{Type: in.Type, Subscriptions: b.list(), Events: b.ahead})
		}
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
}

type switchboard struct {
	subscriptions                  map[string]Subscription // by key
	subscribe, unsubscribe, events workflow.ReceiveChannel
	ahead                          []event.Event // to be forwarded
	timer                          workflow.Future
	timerAt                        time.Time
	stopTimer                      workflow.CancelFunc
}

func (s Subscription) key() string { return s.Execution + " " + s.ID }

// list is all subscriptions, in an order that does not change.
func (b *switchboard) list() []Subscription {
	all := make([]Subscription, 0, len(b.subscriptions))
	for _, key := range expr.Keys(b.subscriptions) {
		all = append(all, b.subscriptions[key])
	}
	return all
}

func (b *switchboard) arrived() bool {
	return b.subscribe.Len()+b.unsubscribe.Len()+b.events.Len() > 0
}

// long reports a history that is to be left behind.
func long(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || info.GetCurrentHistoryLength() > maxSwitchboardHistory
}

// workOff takes everything that has arrived. Of what came together, subscriptions count first: it
// is better that a run sees an event from just before it began to wait than that it misses one.
func (b *switchboard) workOff(ctx workflow.Context) error {
	for b.arrived() || len(b.ahead) > 0 {
		for b.subscribe.Len() > 0 {
			var s Subscription
			if b.subscribe.ReceiveAsync(&s) {
				b.add(ctx, s)
			}
		}
		for b.unsubscribe.Len() > 0 {
			var s Subscription
			if b.unsubscribe.ReceiveAsync(&s) {
				delete(b.subscriptions, s.key())
			}
		}
		for b.events.Len() > 0 {
			var ev event.Event
			if b.events.ReceiveAsync(&ev) {
				b.ahead = append(b.ahead, ev)
			}
		}
		if len(b.ahead) == 0 {
			break
		}
		size := 0
		for _, ev := range b.ahead {
			size += weight(ev)
		}
		if long(ctx) && size <= maxWaiting { // events may come faster than they go
			break
		}
		if err := b.forward(ctx, b.ahead[0]); err != nil {
			return err
		}
		b.ahead = b.ahead[1:]
	}
	now := workflow.Now(ctx)
	for _, s := range b.list() {
		if !now.Before(s.Until.Add(staleAfter)) {
			delete(b.subscriptions, s.key())
		}
	}
	return nil
}

func (b *switchboard) add(ctx workflow.Context, s Subscription) {
	_, known := b.subscriptions[s.key()]
	if !known && len(b.subscriptions) >= maxSubscriptions {
		workflow.GetLogger(ctx).Warn("too many steps wait for events of one type", "run", s.Run)
		workflow.SignalExternalWorkflow(ctx, s.Run, "", FullSignal, s)
		return
	}
	b.subscriptions[s.key()] = s
}

// forward sends an event to every run that waits, once. One that is gone waits no more. The run is
// named without its execution: one that an operator has reset still waits.
func (b *switchboard) forward(ctx workflow.Context, ev event.Event) error {
	sent := map[string]workflow.Future{}
	for _, s := range b.list() {
		if _, already := sent[s.Run]; !already {
			sent[s.Run] = workflow.SignalExternalWorkflow(ctx, s.Run, "", EventSignal, ev)
		}
	}
	for _, s := range b.list() {
		err := sent[s.Run].Get(ctx, nil)
		if temporal.IsCanceledError(err) {
			return err
		}
		if err == nil {
			continue
		}
		var gone *temporal.UnknownExternalWorkflowExecutionError
		if !errors.As(err, &gone) {
			workflow.GetLogger(ctx).Warn("an event does not reach a run that waits for it", "run", s.Run, "error", err)
		}
		delete(b.subscriptions, s.key())
	}
	return nil
}

// wait waits until something arrives, or until the next subscription is stale.
func (b *switchboard) wait(ctx workflow.Context) error {
	var next time.Time
	for _, s := range b.list() {
		if at := s.Until.Add(staleAfter); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if b.timer == nil || !next.Equal(b.timerAt) || b.timer.IsReady() {
		if b.stopTimer != nil {
			b.stopTimer()
		}
		var timed workflow.Context
		timed, b.stopTimer = workflow.WithCancel(ctx)
		b.timer, b.timerAt = workflow.NewTimer(timed, next.Sub(workflow.Now(ctx))), next
	}
	if err := workflow.Await(ctx, func() bool { return b.arrived() || b.timer.IsReady() }); err != nil {
		return fmt.Errorf("wait for subscriptions and events: %w", err)
	}
	return nil
}
