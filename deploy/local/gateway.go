package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/worker/app"
	"github.com/countersign/countersign/worker/authority"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// The files in the state folder by which gateway and worker trust each other. All are their owner's
// alone: whoever can read them is everybody here.
const (
	keyFile        = "grant.pem"
	publicFile     = "grant.pub"
	ledgerFile     = "ledger.db"
	findingsFile   = "ledger-findings.db" // beside it, as package activities/finding/store has it
	checkpointFile = "checkpoints.jsonl"
	gateFile       = "gateway.json"
	tokenDir       = "tokens"
)

// usualGatewayPort is where starter serve listens as well.
const usualGatewayPort = 8134

// source is who sends the events of this deployment.
const source = "local"

// trust is what the gateway and the worker have in common, and what the gateway alone has.
type trust struct {
	signer grant.Signer
	ledger *ledger.Ledger
	people func() (directory.Directory, error)
}

// openTrust makes the key and opens the ledger.
func (o options) openTrust(ctx context.Context, members func() (directory.Directory, error)) (*trust, error) {
	if err := os.Chmod(o.state, 0o700); err != nil { //nolint:gosec // a folder
		return nil, fmt.Errorf("keep the state folder to yourself: %w", err)
	}
	if o.fresh {
		if err := forget(o.state); err != nil {
			return nil, err
		}
	}
	key := filepath.Join(o.state, keyFile)
	if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
		pem, err := grant.NewKey(true)
		if err == nil {
			err = os.WriteFile(key, pem, 0o600)
		}
		if err != nil {
			return nil, fmt.Errorf("make the key of this deployment: %w", err)
		}
	}
	signer, err := grant.LoadSigner(key, true)
	if err != nil {
		return nil, err
	}
	public, err := signer.Public()
	if err == nil {
		err = os.WriteFile(filepath.Join(o.state, publicFile), public, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("write the public key of this deployment: %w", err)
	}
	l, err := ledger.Open(ctx, filepath.Join(o.state, ledgerFile))
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(filepath.Join(o.state, ledgerFile), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("keep the ledger to yourself: %w", err), l.Close())
	}
	return &trust{signer, l, members}, nil
}

// forget removes the record of earlier starts, and all that was signed for them.
func forget(state string) error {
	for _, name := range []string{
		ledgerFile, ledgerFile + "-wal", ledgerFile + "-shm", findingsFile, findingsFile + "-wal", findingsFile + "-shm",
		checkpointFile, gateFile, keyFile, publicFile, tokenDir,
	} {
		if err := os.RemoveAll(filepath.Join(state, name)); err != nil {
			return fmt.Errorf("forget earlier starts: %w", err)
		}
	}
	return nil
}

// authority decides about the effects of the worker.
func (t *trust) authority(o options) (app.Authority, error) {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	return authority.New(authority.Options{
		Keys: t.signer.Keys(), Ledger: t.ledger, Policy: policy.File(o.policy), Directory: t.people, Effects: app.Effects(registry),
	})
}

// startGateway runs the desk and its API, and gives everybody in the directory a token.
func (d *deployment) startGateway(ctx context.Context, o options, t *trust) error {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	catalog := library.Catalog(registry)
	lib, problems, err := library.Load(o.library(), catalog)
	if err != nil || len(problems) > 0 {
		return errors.Join(err, problems)
	}
	rules := policy.File(o.policy)
	d.desk, err = desk.New(desk.Options{
		Signer: t.signer, Ledger: t.ledger, Runs: d.runs, Directory: t.people,
		Policy:  func() (desk.Policy, error) { return rules() },
		Library: func() (*library.Library, error) { return lib, nil },
		Catalog: func() playbook.Catalog { return catalog },
		AnyPlan: true, Schedules: d.runs,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	opts := server.Options{
		Desk: d.desk, Auth: &server.Auth{Keys: t.signer.Keys(), Ledger: t.ledger, Audience: grant.LocalGateway},
	}
	if err := d.startSlack(ctx, o, t.ledger, rules, &opts); err != nil {
		return err
	}
	s, err := server.New(opts, server.Listen{Address: fmt.Sprintf("127.0.0.1:%d", usualGatewayPort)})
	if err != nil {
		s, err = server.New(opts, server.Listen{Address: "127.0.0.1:0"})
	}
	if err != nil {
		return err
	}
	d.gateway, d.gateFile = s.URL(), filepath.Join(o.state, gateFile)
	if err := t.tokens(ctx, o.state, s.URL()); err != nil {
		return errors.Join(err, s.Close())
	}
	file, last, err := ledger.OpenFile(filepath.Join(o.state, checkpointFile), t.signer.Keys())
	if err != nil {
		return errors.Join(err, s.Close())
	}
	seals := &ledger.Checkpointer{Ledger: t.ledger, Signer: t.signer, Places: []ledger.Place{file}, Last: last, Log: slog.New(slog.DiscardHandler)}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	parts.Go(func() { d.desk.Serve(serving, 15*time.Second) })
	parts.Go(func() { _ = seals.Run(serving) }) // what is wrong with the ledger ledger verify tells
	parts.Go(func() { _ = s.Serve(serving) })   // ends by stop alone
	if d.slack != nil {
		parts.Go(func() { _ = d.slack.Run(serving) }) // and tells what is wrong
	}
	d.stops = append(d.stops, func() {
		stop()
		parts.Wait()
	})
	return d.applySchedules(ctx, o, lib)
}

// library is the folder of the playbooks.
func (o options) library() fs.FS {
	if o.playbooks != nil {
		return o.playbooks
	}
	return playbooks.Files
}

// applySchedules puts the schedules of the playbooks on the cluster, where that was asked for.
func (d *deployment) applySchedules(ctx context.Context, o options, lib *library.Library) error {
	d.scheduled = slices.DeleteFunc(slices.Clone(lib.Playbooks()), func(pb *playbook.Playbook) bool { return pb.Schedule == nil })
	if !o.schedules {
		return nil
	}
	changes, err := d.runs.PlanSchedules(ctx, lib.Playbooks())
	for _, change := range changes {
		err = errors.Join(err, d.runs.ApplySchedule(ctx, change))
	}
	return err
}

// tokens writes a token for everybody in the directory, and where they are.
func (t *trust) tokens(ctx context.Context, state, url string) error {
	people, err := t.people()
	if err != nil {
		return err
	}
	approvers, err := people.Members(ctx, slices.Collect(maps.Keys(people.Roster()))...)
	if err != nil {
		return err
	}
	dir := filepath.Join(state, tokenDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("issue tokens: %w", err)
	}
	l := server.Local{URL: url, Tokens: map[string]string{}}
	for i, p := range everybody(people) {
		name := fmt.Sprintf("%s/%d", tokenDir, i)
		text, err := server.Issue(ctx, t.signer, t.ledger, grant.NewToken(p.ID, grant.LocalGateway, time.Now(), grant.MaxTokenLife), "local")
		if err == nil {
			err = os.WriteFile(filepath.Join(state, filepath.FromSlash(name)), []byte(text+"\n"), 0o600)
		}
		if err != nil {
			return fmt.Errorf("issue a token for %s: %w", p.ID, err)
		}
		for _, known := range []string{p.ID, p.Email} {
			if known != "" {
				l.Tokens[known] = name
			}
		}
		if l.Person == "" || !slices.Contains(approvers, p.ID) && slices.Contains(approvers, l.Person) {
			l.Person = p.ID // who starts a run has no vote, so best somebody who has none anyway
		}
	}
	return server.WriteLocal(filepath.Join(state, gateFile), l)
}

// everybody are the people of a directory, sorted.
func everybody(d directory.Directory) []directory.Person {
	ids := slices.Collect(maps.Keys(d.People))
	for _, members := range d.Roster() {
		ids = append(ids, members...)
	}
	slices.Sort(ids)
	var people []directory.Person
	for _, id := range slices.Compact(ids) {
		if p, ok := d.Person(id); ok {
			people = append(people, p)
		}
	}
	return people
}

// as is the person whom somebody at this machine names.
func (d *deployment) as(name string) (desk.Principal, error) {
	people, err := d.desk.Directory()
	if err != nil {
		return desk.Principal{}, err
	}
	p, ok := people.Find(strings.TrimSpace(name))
	if !ok {
		return desk.Principal{}, fmt.Errorf("%q is not in the directory", name)
	}
	return desk.Principal{Person: p.ID, Surface: "local"}, nil
}
