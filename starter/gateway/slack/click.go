package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows/approval"
)

// Click implements receive.Handler.
func (f *Front) Click(ctx context.Context, c receive.Click) receive.Reply {
	name, step := blocks.ReadValue(c.Value)
	p, err := f.Who.Who(ctx, c.From)
	if err != nil {
		return after(f.hears(c, sentence(err.Error())), f.turnedAway(p, name, err))
	}
	action := blocks.Action(c.Action)
	if action == blocks.ActShow {
		return f.open(ctx, c, "Run", func(ctx context.Context) (api.ModalViewRequest, error) { return f.story(ctx, c.Value) })
	}
	at := place{c.Channel, c.Message}
	if inModal(c) {
		meta, err := blocks.ReadMeta(c.View.Meta)
		if err != nil || meta.Digest != name {
			return f.hears(c, sentence(errUnknown.Error()))
		}
		at = place{meta.Channel, meta.Message}
	}
	m, err := f.find(ctx, name, at)
	if err == nil && action == blocks.ActApprove && at.ts == "" && !inModal(c) {
		err = errElsewhere
	}
	if err != nil {
		out := f.hears(c, f.says(ctx, err))
		return after(out, func(ctx context.Context) { f.turn(ctx, p, m, at, err) })
	}
	form := func(title string, view func(desk.Sight, blocks.Context) api.ModalViewRequest) receive.Reply {
		return f.open(ctx, c, title, func(ctx context.Context) (api.ModalViewRequest, error) { return f.view(ctx, m, at, view) })
	}
	switch action {
	case blocks.ActApprove:
		return f.approve(ctx, c, p, m)
	case blocks.ActReject:
		return form("Reject", blocks.RejectForm)
	case blocks.ActEdit:
		return form("Edit", func(s desk.Sight, c blocks.Context) api.ModalViewRequest {
			if s.Request == nil || !s.Open() {
				return blocks.Problem("It is not asked any more, so it cannot be changed.")
			}
			return blocks.EditForm(s, step, c)
		})
	case blocks.ActAnswer:
		return form("Answer", func(s desk.Sight, c blocks.Context) api.ModalViewRequest {
			if s.Question == nil || !s.Open() {
				return blocks.Problem("It is not asked any more, so it cannot be answered.")
			}
			return blocks.AnswerForm(s, c)
		})
	case blocks.ActDetails, blocks.ActReview:
		return form("Details", blocks.Details)
	case blocks.ActUndo:
		return form("Undo", blocks.UndoForm)
	case blocks.ActKeep:
		return form("Keep", func(s desk.Sight, c blocks.Context) api.ModalViewRequest { return blocks.KeepForm(s, step, c) })
	default:
		return f.hears(c, "This button does nothing any more.")
	}
}

// awayEvery is how often it is put on record that somebody is turned away for the same: anybody in the
// workspace can press a button or type a command, and the record is kept for years.
const awayEvery = time.Minute

// mostAway is how many of them are kept in mind.
const mostAway = 1000

// turnedAway puts on record that somebody pressed something whom nobody can tell, or who may nothing.
func (f *Front) turnedAway(p desk.Principal, name digest.Digest, why error) func(context.Context) {
	now, key := f.Now(), fmt.Sprintf("%q %q %q", p.Via, name, why)
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.away[key]; ok && now.Sub(at) < awayEvery {
		return func(context.Context) {}
	}
	if f.away == nil || len(f.away) >= mostAway {
		f.away = map[string]time.Time{}
	}
	f.away[key] = now
	return func(ctx context.Context) { _ = f.Desk.Refused(ctx, p, "", name, why) } // it is why, again
}

// inModal reports a click in a form: the home tab is a view as well, but has no callback.
func inModal(c receive.Click) bool { return c.View != nil && c.View.Callback != "" }

// hears tells the person something: beside a message, or in the form that they are looking at.
func (f *Front) hears(c receive.Click, says string) receive.Reply {
	if !inModal(c) {
		return private(says)
	}
	return receive.Reply{After: func(ctx context.Context) {
		if err := f.Web.UpdateView(ctx, c.View.ID, "", blocks.Problem(says)); err != nil && !web.Is(err, web.Gone) {
			f.Log.WarnContext(ctx, "a form does not say why something was not done", "error", err)
		}
	}}
}

// after adds something to do when Slack has its answer.
func after(r receive.Reply, do func(context.Context)) receive.Reply {
	before := r.After
	r.After = func(ctx context.Context) {
		if before != nil {
			before(ctx)
		}
		do(ctx)
	}
	return r
}

// approve brings a yes to the desk. What it led to the card tells at once, and the person is told, too.
func (f *Front) approve(ctx context.Context, c receive.Click, p desk.Principal, m matter) receive.Reply {
	said, err := f.vote(ctx, p, m, approval.Approve, "")
	if err != nil {
		return f.hears(c, f.says(ctx, err))
	}
	f.touch(m, c.ResponseURL, nil)
	if !inModal(c) {
		return after(private(said), func(ctx context.Context) { f.refresh(ctx, c.User, p) })
	}
	return receive.Reply{After: func(ctx context.Context) {
		view, err := f.view(ctx, m, place{}, blocks.Details)
		if err != nil {
			view = blocks.Problem(said)
			view.Title = api.NewTextBlockObject(api.PlainTextType, "Recorded", false, false)
		}
		if err := f.Web.UpdateView(ctx, c.View.ID, "", view); err != nil && !web.Is(err, web.Gone) {
			f.Log.WarnContext(ctx, "a form does not say what was recorded", "error", err)
		}
		f.refresh(ctx, c.User, p)
	}}
}

// vote brings one person's word to the desk, and says what it led to.
func (f *Front) vote(ctx context.Context, p desk.Principal, m matter, verdict approval.Verdict, reason string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	if m.id == "" {
		s, err := f.Desk.Sight(ctx, m.run, m.digest)
		if err != nil {
			return "", err
		}
		if s.Request == nil {
			return "", errUnknown
		}
		m.id = s.Request.ID
	}
	r, err := f.Desk.Vote(ctx, p, m.run, desk.Vote{Approval: m.id, Digest: m.digest, Verdict: verdict, Reason: reason})
	if err != nil {
		return "", err
	}
	return ledTo(r, verdict), nil
}

// ledTo says what a vote led to.
func ledTo(r desk.VoteResult, verdict approval.Verdict) string {
	did := map[approval.Verdict]string{approval.Approve: "you said yes", approval.Reject: "you said no"}[verdict]
	switch d := r.Decision; {
	case d != nil && r.Late:
		return fmt.Sprintf("It was already %s%s at %s. Your word is on record, and changes nothing.", d.Outcome, by(d.By), d.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	case d != nil && !r.Arrived:
		return fmt.Sprintf("Recorded: %s. It is %s%s; the run does not answer, and is told as soon as it does.", did, d.Outcome, by(d.By))
	case d != nil:
		return fmt.Sprintf("Recorded: %s. It is %s%s.", did, d.Outcome, by(d.By))
	}
	var wants []string
	for _, t := range r.Tally {
		if len(t.Yes) < t.Quorum {
			wants = append(wants, fmt.Sprintf("%d of %d of %s", len(t.Yes), t.Quorum, strings.Join(t.Groups, ", ")))
		}
	}
	if len(wants) == 0 {
		return fmt.Sprintf("Recorded: %s.", did)
	}
	return fmt.Sprintf("Recorded: %s. So far: %s.", did, strings.Join(wants, "; "))
}

func by(people []string) string {
	if len(people) == 0 {
		return ""
	}
	return " by " + strings.Join(people, ", ")
}

// recordedFor is how long a card says that something was recorded where the record does not show it yet.
const recordedFor = 10 * time.Second

// touch lets a card show at once what was just done there. Only who leads writes cards; where another
// gateway does it has heard already, by the record.
func (f *Front) touch(m matter, respond string, did *blocks.Recorded) {
	t := f.leading()
	if t == nil {
		return
	}
	f.memory.mu.Lock()
	c := f.memory.cards[m.digest]
	if c != nil {
		if c.message != nil && !c.message.fold && respond != "" {
			c.message.respond = respond
		}
		if did != nil {
			c.recorded, c.until = did, f.Now().Add(recordedFor)
		}
	}
	f.memory.mu.Unlock()
	if c == nil {
		return
	}
	t.due(c, now)
	if did != nil {
		time.AfterFunc(recordedFor, func() { t.due(c, now) })
	}
}

// view renders a form of a matter.
func (f *Front) view(ctx context.Context, m matter, at place, make func(desk.Sight, blocks.Context) api.ModalViewRequest) (api.ModalViewRequest, error) {
	s, err := f.Desk.Sight(ctx, m.run, m.digest)
	if err != nil {
		return api.ModalViewRequest{}, err
	}
	c := f.face(ctx)
	c.Channel, c.Message = at.channel, at.ts
	return make(s, c), nil
}

// quick is how long a form may take to be made before one opens that says so: what opens it lives three
// seconds.
const quick = 700 * time.Millisecond

// open opens a form. Where it takes long to make, one opens that is replaced.
func (f *Front) open(ctx context.Context, c receive.Click, title string, make func(context.Context) (api.ModalViewRequest, error)) receive.Reply {
	soon, cancel := context.WithTimeout(ctx, quick)
	view, err := make(soon)
	slow := err != nil && errors.Is(soon.Err(), context.DeadlineExceeded) && ctx.Err() == nil
	cancel()
	switch {
	case slow:
		view = blocks.Loading(title)
	case err != nil:
		return f.hears(c, f.says(ctx, err))
	}
	show := f.Web.Open
	if inModal(c) {
		show = f.Web.Push
	}
	id, hash, err := show(ctx, c.Trigger, view)
	if err != nil {
		f.Log.WarnContext(ctx, "a form did not open", "form", title, "error", err)
		return f.hears(c, "Slack did not open the form. Press again.")
	}
	if !slow {
		return receive.Reply{}
	}
	return receive.Reply{After: func(ctx context.Context) {
		look, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		view, err := make(look)
		if err != nil {
			view = blocks.Problem(f.says(ctx, err))
		}
		if err := f.Web.UpdateView(ctx, id, hash, view); err != nil && !web.Is(err, web.Gone) {
			f.Log.WarnContext(ctx, "a form stays as it opened", "form", title, "error", err)
		}
	}}
}
