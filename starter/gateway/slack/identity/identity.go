// Package identity says which person pressed a button: a Slack id becomes a person of the directory, or
// nobody.
//
// Slack says who is signed in to Slack, no more: there is no second factor at the click, and whoever
// administers the workspace can become anybody in it. So it counts what somebody is now (a member of
// our workspace, no guest, no bot, in a channel without other companies), and the person is the one to
// whom the directory gives that id. Names and mail addresses in what Slack sends count for nothing.
package identity

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// Surface is what the record says of where people are.
const Surface = "slack"

// Web is what a guard asks Slack; web.Client has it.
type Web interface {
	User(ctx context.Context, id string) (web.User, error)
	Channel(ctx context.Context, id string) (web.Channel, error)
}

// Options configure a guard. All but Enterprise, Email and Now are needed.
type Options struct {
	App  string // id
	Team string // id of our workspace
	// Enterprise is the id of the organisation that our workspace is one of, in Enterprise Grid; ""
	// is none. Members of its other workspaces are strangers all the same.
	Enterprise string
	// Email lets who has no Slack id in the directory be found by a mail address that Slack has
	// confirmed. Who administers the workspace decides what that is.
	Email     bool
	Directory func() (directory.Directory, error)
	Web       Web
	Now       func() time.Time // nil: time.Now
}

// Guard tells people. It is safe for concurrent use.
type Guard struct {
	o        Options
	users    kept[web.User]
	channels kept[web.Channel]
}

// New returns a guard.
func New(o Options) (*Guard, error) {
	if o.App == "" || o.Team == "" || o.Directory == nil || o.Web == nil {
		return nil, errors.New("to tell who presses a button in Slack takes the ids of the app and the workspace, a directory and a client")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Guard{o: o, users: keep(o.Now, o.Web.User), channels: keep(o.Now, o.Web.Channel)}, nil
}

// wait bounds how long Slack is asked: all that follows a click has about two seconds.
const wait = 1200 * time.Millisecond

// Who says which person did something in Slack, of what receive has verified. The error is a Refusal,
// a sentence for who did it. The principal beside it names nobody, and says in Via as whom somebody
// came: it is for desk.Refused.
func (g *Guard) Who(ctx context.Context, from receive.From) (desk.Principal, error) {
	p := desk.Principal{Surface: Surface, Via: via(from, ""), Deed: from.Trigger}
	if err := g.ours(from); err != nil {
		return p, err
	}
	ctx, end := context.WithTimeout(ctx, wait)
	defer end()
	var asks errgroup.Group
	place := func() error { return g.place(ctx, from.Channel) }
	listed := g.listed(from.User)
	if listed { // side by side: time is short
		asks.Go(place)
	}
	user, err := g.member(ctx, from.User)
	person, rule := "", ""
	if err == nil {
		person, rule, err = g.person(user)
	}
	where := asks.Wait()
	if err == nil && !listed {
		where = place()
	}
	if err == nil {
		err = where
	}
	if err != nil {
		return p, err
	}
	p.Person, p.Via = person, via(from, rule)
	return p, nil
}

// listed reports that the directory has a Slack id. For others Slack is asked about no channel: there are
// few such questions a minute for all, and who is nobody here could use them up.
func (g *Guard) listed(id string) bool {
	people, err := g.o.Directory()
	if err != nil {
		return false
	}
	_, ok := people.BySlack(id)
	return ok
}

// ours holds where it came from against our app and our workspace.
func (g *Guard) ours(from receive.From) error {
	switch {
	case from.App != g.o.App:
		return refuse(WrongApp, "This button belongs to another app. Use the messages of this one.")
	case from.Enterprise != "" && g.o.Enterprise != "" && from.Enterprise != g.o.Enterprise,
		from.Team != g.o.Team && (from.Team != "" || g.o.Enterprise == "" || from.Enterprise != g.o.Enterprise):
		return refuse(WrongTeam, "This was pressed in another workspace. Answer in the workspace that the app was set up for, or with `starter approve`.")
	case !userID.MatchString(from.User):
		return refuse(Nobody, "Slack did not say who you are. Press it again.")
	case from.UserTeam != "" && !g.home(from.UserTeam):
		return stranger()
	default:
		return nil
	}
}

var userID = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)

// home reports whether a user of that team is one of ours. In a Grid Slack may name the organisation.
func (g *Guard) home(team string) bool {
	return team == g.o.Team || g.o.Enterprise != "" && team == g.o.Enterprise
}

// place refuses a channel in which other companies are: they read it, and may press what is there. A
// channel can become one after the message was posted.
func (g *Guard) place(ctx context.Context, channel string) error {
	if channel == "" { // in a view, which one person sees
		return nil
	}
	c, err := g.channels.get(ctx, channel)
	switch {
	case err != nil:
		return again(Unsure, err, "Slack did not say what kind of channel this is, so nothing was recorded. Press it again; if the app is not in this channel, invite it first.")
	case c.ID != channel:
		return again(Unsure, nil, "Slack did not say what kind of channel this is, so nothing was recorded. Press it again.")
	case c.External:
		return refuse(External, "People of another company are in this channel, or are invited, so nothing is decided here. Answer in a channel of our own, or with `starter approve`; and move the messages of this app out of here.")
	default:
		return nil
	}
}

// member is the user, if it is a full member of our workspace.
func (g *Guard) member(ctx context.Context, id string) (web.User, error) {
	u, err := g.users.get(ctx, id)
	switch {
	case err != nil:
		return u, again(Unsure, err, "Slack did not say who you are now, so nothing was recorded. Press it again.")
	case u.ID != id:
		return u, again(Unsure, nil, "Slack did not say who you are now, so nothing was recorded. Press it again.")
	case u.Deleted:
		return u, refuse(Deleted, "Your Slack account is deactivated, so it answers nothing. Ask an administrator of the workspace.")
	case u.Bot:
		return u, refuse(Bot, "Bots and apps answer nothing here. A person has to press this.")
	case u.Foreign || !g.home(u.Team):
		return u, stranger()
	case u.UltraRestricted:
		return u, refuse(SingleGuest, "You are a guest of a single channel, and guests answer nothing here. Ask a member of the workspace to answer.")
	case u.Restricted:
		return u, refuse(Guest, "You are a guest of this workspace, and guests answer nothing here. Ask a member of the workspace to answer.")
	default:
		return u, nil
	}
}

func stranger() error {
	return refuse(Stranger, "You are here as a member of another workspace, so you have no say in this. Ask somebody of our own to answer.")
}

// person is who has the id in the directory, and by which rule.
func (g *Guard) person(u web.User) (id, rule string, err error) {
	people, err := g.o.Directory()
	if err != nil {
		return "", "", again(Unsure, err, "The directory of approvers cannot be read, so nothing was recorded. Tell an operator, and press it again.")
	}
	if p, ok := people.BySlack(u.ID); ok {
		return p.ID, "by directory", nil
	}
	unknown := fmt.Sprintf("You are not in the directory of approvers. Ask an operator to add your Slack id %s to it, or answer with `starter approve`.", u.ID)
	if !g.o.Email {
		return "", "", refuse(Unknown, unknown)
	}
	p, ok := people.ByEmail(u.Email)
	switch {
	case !ok:
		return "", "", refuse(Unknown, unknown)
	case !u.EmailConfirmed:
		return "", "", refuse(Unconfirmed, "You have not confirmed your mail address in Slack, so it does not say who you are. Confirm it, wait a minute and press again.")
	case p.Slack != "":
		return "", "", refuse(OtherID, fmt.Sprintf("The directory of approvers has another Slack account for the mail address of yours. Use that one, or ask an operator to put %s in its place.", u.ID))
	default:
		return p.ID, "by mail address " + p.Email, nil
	}
}

// via is how somebody came, for the record.
func via(from receive.From, rule string) string {
	said := clip(from.Team) + "/" + clip(from.User)
	if from.Team == "" {
		said = clip(from.Enterprise) + "/" + clip(from.User)
	}
	if rule != "" {
		said += " " + rule
	}
	if from.Channel != "" && from.Message != "" {
		said += ", message " + clip(from.Channel) + "/" + clip(from.Message)
	}
	return said
}

// clip bounds an id; the longest of Slack's are far shorter.
func clip(id string) string { return id[:min(len(id), 40)] }
