package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// sending is what is about to be sent, and the runs that it is to start.
type sending struct {
	events []event.Event
	runs   []planned
}

// planned is one run about to be started.
type planned struct {
	playbook *playbook.Playbook
	key      string
	input    workflows.Input
}

// plan reads the event and finds what answers it. Nothing has started when it fails.
func (o options) plan() (sending, error) {
	raw, err := o.read()
	if err != nil {
		return sending{}, err
	}
	events, err := gateway.NormaliseAll(raw)
	if err != nil {
		return sending{}, err
	}
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	catalog := library.Catalog(registry)
	members, err := o.members()
	if err != nil {
		return sending{}, err
	}
	known, err := members()
	if err != nil {
		return sending{}, err
	}
	catalog.Groups = known.Roster()
	lib, problems, err := library.Load(playbooks.Files, catalog)
	if err != nil {
		return sending{}, err
	}
	if len(problems) > 0 {
		return sending{}, problems
	}
	var runs []planned
	var errs []error
	for _, ev := range events {
		answers, err := plan(lib, ev)
		runs, errs = append(runs, answers...), append(errs, err)
	}
	return sending{events, runs}, errors.Join(errs...)
}

func plan(lib *library.Library, ev event.Event) ([]planned, error) {
	var runs []planned
	var errs []error
	for _, m := range lib.Match(ev) {
		if m.Err != nil {
			errs = append(errs, m.Err)
		}
		if !m.Matches {
			continue
		}
		input, err := workflows.NewInput(m.Playbook, ev, nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		runs = append(runs, planned{m.Playbook, m.Key, input})
	}
	return runs, errors.Join(errs...)
}

// read returns the event to send, one byte over the bound at most.
func (o options) read() ([]byte, error) {
	if o.event == "" {
		return playbooks.Events.ReadFile(playbooks.SampleEvent)
	}
	f, err := os.Open(o.event)
	if err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > event.MaxSize {
		return nil, fmt.Errorf("read the event %s: it is %d bytes; at most %d are taken", o.event, info.Size(), event.MaxSize)
	}
	raw, err := io.ReadAll(io.LimitReader(f, event.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	return raw, nil
}

// send gives the gateway the events, as a source: it starts the runs that answer them, or lets them
// join those that answer the same matter already, and tells runs that wait.
func (p sending) send(ctx context.Context, d *deployment) (started []workflows.Started, waited bool, err error) {
	for _, ev := range p.events {
		got, err := d.desk.Receive(ctx, desk.Principal{Person: source, Surface: "local"}, ev)
		started, waited = append(started, got.Started...), waited || got.Waited
		if err != nil {
			return started, waited, err
		}
	}
	if !waited && len(started) == 0 {
		err = p.unanswered()
	}
	return started, waited, err
}

func (p sending) unanswered() error {
	ev := p.events[0]
	return fmt.Errorf("no playbook answers the event %s of type %s, and no run waits for it; see go run ./starter match", ev.ID, ev.Type)
}
