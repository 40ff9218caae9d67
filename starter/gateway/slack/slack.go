// Package slack is the front that responders have in Slack: it shows what runs ask, and brings what
// people do there to the desk.
//
//	board    what is shown is a projection of the ledger: on any change a card is rendered anew
//	  remember.go  which cards wait, and where each is shown
//	  board.go     who leads: of several gateways one posts and updates
//	  work.go      what is to be done for cards, the urgent first
//	  lane.go      a card waits for the pace of its channel, alone or folded with others
//	  post.go      and comes about
//	  render.go    as the desk sees it
//	  update.go    and is kept true
//	  thread.go    steps, reminders and the end, below it
//	desk     what people press and send
//	  known.go     which message a click is on, and who pressed
//	  click.go     buttons
//	  form.go      what opens, and what is sent
//	  command.go   the slash command
//	  home.go      the home tab
//	open.go    all of it, of a file and tokens
//	status.go  and how it is
//
// Nothing here decides who may do what: the desk does, for every word of a person anew. What Slack sends
// is believed in ids alone, and only on messages that the record says were shown.
package slack

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	api "github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
)

// Desk is what the front needs of a desk; *desk.Desk has it.
type Desk interface {
	Sight(ctx context.Context, run string, name digest.Digest) (desk.Sight, error)
	Follow(ctx context.Context, see func(context.Context, desk.Change))
	Switch(ctx context.Context) (desk.Switch, error)
	Vote(ctx context.Context, p desk.Principal, run string, v desk.Vote) (desk.VoteResult, error)
	Answer(ctx context.Context, p desk.Principal, run string, a desk.Answer) (desk.AnswerResult, error)
	Edit(ctx context.Context, p desk.Principal, run string, e desk.Edit) (desk.EditResult, error)
	Keep(ctx context.Context, p desk.Principal, run string, k desk.Keep) (workflows.ExpiryStatus, error)
	Undo(ctx context.Context, p desk.Principal, run, reason string) (workflows.Started, error)
	Start(ctx context.Context, p desk.Principal, in desk.Start) (workflows.Started, error)
	Cancel(ctx context.Context, p desk.Principal, run string) error
	Refused(ctx context.Context, p desk.Principal, run string, what digest.Digest, why error) error
}

// Ledger is what the front needs of a ledger; *ledger.Ledger has it.
type Ledger interface {
	Do(ctx context.Context, f func(ledger.Tx) error) error
	View(ctx context.Context, f func(ledger.Tx) error) error
	Lead(ctx context.Context, name string, work func(context.Context) error) error
}

// Web is what the front needs of Slack's Web API; *web.Client has it.
type Web interface {
	Post(ctx context.Context, channel, thread string, broadcast bool, m blocks.Message, meta web.Meta) (ts string, err error)
	Update(ctx context.Context, channel, ts string, m blocks.Message) error
	Find(ctx context.Context, channel, request string) (ts string, found bool, err error)
	Channel(ctx context.Context, id string) (web.Channel, error)
	Respond(ctx context.Context, at string, m blocks.Message, replace bool) error
	Private(ctx context.Context, channel, user, thread string, m blocks.Message) error
	Open(ctx context.Context, trigger string, view api.ModalViewRequest) (id, hash string, err error)
	Push(ctx context.Context, trigger string, view api.ModalViewRequest) (id, hash string, err error)
	UpdateView(ctx context.Context, id, hash string, view api.ModalViewRequest) error
	Home(ctx context.Context, user string, view api.HomeTabViewRequest) error
}

// Who says which person acts; identity.Guard has it. Its errors are sentences for the person.
type Who interface {
	Who(ctx context.Context, from receive.From) (desk.Principal, error)
}

// Runs is what the front reads of runs; workflows.Client has it.
type Runs interface {
	Status(ctx context.Context, run string) (*workflows.Status, error)
	Runs(ctx context.Context, open bool, limit int) ([]workflows.Listed, error)
}

// Options configure a front. All up to Team are needed.
type Options struct {
	Desk   Desk
	Ledger Ledger
	Web    Web
	Who    Who
	Runs   Runs
	// Routes, Directory and Library are asked anew each time.
	Routes    func() (*route.Routes, error)
	Directory func() (directory.Directory, error)
	Library   func() (*library.Library, error)
	Team      string // id of the workspace

	// Tags are those that the policy has of an account; nil: none.
	Tags func(account string) map[string]string
	Now  func() time.Time // nil is time.Now
	Log  *slog.Logger     // nil: none

	// pause is how long something that failed is left alone at first; 0 is minPause.
	pause time.Duration
}

// Front is the front. Its methods may be called side by side. It is a desk.Notifier and a
// receive.Handler; Run keeps what is shown true.
type Front struct {
	Options

	memory   memory
	channels channels
	switches atomic.Int64 // how often effects were halted or let go on since this began
	trouble  trouble

	mu   sync.Mutex
	term *term // nil: another gateway leads
	// homes are the Slack ids of people who have looked at their home tab; true: it is being made.
	homes map[string]bool
	// away are when people were turned away.
	away map[string]time.Time
}

var (
	_ desk.Notifier   = (*Front)(nil)
	_ receive.Handler = (*Front)(nil)
	_ receive.Private = (*Front)(nil)
)

// New returns a front. It calls nobody.
func New(o Options) (*Front, error) {
	if o.Desk == nil || o.Ledger == nil || o.Web == nil || o.Who == nil || o.Runs == nil || o.Routes == nil || o.Directory == nil || o.Library == nil || o.Team == "" {
		return nil, errors.New("a front of Slack needs a desk, a ledger, a client, identities, runs, routes, a directory, playbooks and a workspace")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.pause == 0 {
		o.pause = minPause
	}
	if o.Tags == nil {
		o.Tags = func(string) map[string]string { return nil }
	}
	return &Front{Options: o, memory: newMemory()}, nil
}

// lookTime bounds what is read for one rendering, callTime one call of Slack with its turn in the queue.
const (
	lookTime = 5 * time.Second
	callTime = 30 * time.Second
)

// surface is what the record calls this.
const surface = "slack"

// face is what every rendering needs beside its matter.
func (f *Front) face(ctx context.Context) blocks.Context {
	c := blocks.Context{Now: f.Now().Truncate(time.Minute)} // the same within a minute, so that nothing is sent again for a word
	if people, err := f.Directory(); err == nil {
		c.Mention = func(person string) string { p, _ := people.Person(person); return p.Slack }
		c.Group = func(group string) string { return people.SlackGroups[group] }
	}
	if s, err := f.Desk.Switch(ctx); err == nil {
		c.Switch = s
	}
	return c
}
