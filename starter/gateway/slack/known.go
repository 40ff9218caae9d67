package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	api "github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// voteTime bounds a word of a person to the desk: Slack wants its answer within three seconds.
const voteTime = 2 * time.Second

// matter is what something that a person did is about.
type matter struct {
	run    string
	id     string // of the asking step; "" is not known
	digest digest.Digest
}

// Sentences for what does not count here.
var (
	errElsewhere = errors.New("this message is none in which that was asked; use the one that the run posted")
	errNotYet    = errors.New("this message is not on record yet; press again in a moment: it counts once")
	errOld       = errors.New("another message has taken this one's place; use that one, it is further down in the channel or in the fallback channel")
	errUnknown   = errors.New("nothing is known of what this is about; look for it with the command approvals")
)

const (
	// recordTime is how long a click waits for its message to be on record: who presses fast is before
	// the record of it.
	recordTime = time.Second
	recordLook = 50 * time.Millisecond
)

// find finds what a person did something about. While the message is being posted it waits for the
// record of it.
func (f *Front) find(ctx context.Context, name digest.Digest, at place) (matter, error) {
	wait, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	for {
		m, err := f.look(ctx, name, at)
		if !errors.Is(err, errNotYet) {
			return m, err
		}
		timer := time.NewTimer(recordLook)
		select {
		case <-wait.Done():
			timer.Stop()
			return m, err
		case <-timer.C:
		}
	}
}

// look finds what a digest names, and holds the place of the click against where the record says that it
// was shown. A click that comes from nowhere, as on the home tab, is on what this front rendered
// itself: there place has no ts.
func (f *Front) look(ctx context.Context, name digest.Digest, at place) (matter, error) {
	m := matter{digest: name}
	if name == "" {
		return m, errUnknown
	}
	var shown []ledger.MessageBody
	err := f.Ledger.View(ctx, func(tx ledger.Tx) error {
		records, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Asked, ledger.Message}, Topic: string(name)})
		if err != nil {
			return err
		}
		for _, rec := range records {
			if rec.Kind == ledger.Message {
				m.run = rec.Run
			} else if m.id == "" { // the first: nobody else knows the digest before
				var b ledger.AskedBody
				if err := rec.Read(&b); err != nil {
					return err
				}
				m.run, m.id = rec.Run, b.ID
			}
		}
		shown, _, err = messagesOf(tx, name)
		return err
	})
	switch {
	case err != nil:
		return m, fmt.Errorf("look for what %s is: %w", name.Short(), err)
	case m.run == "":
		return m, errUnknown
	case at.ts == "":
		return m, nil
	}
	err = errElsewhere
	there := false
	for _, b := range shown { // the newest last
		switch {
		case b.Channel == at.channel && b.TS == at.ts:
			if there = b.State != ledger.Superseded; !there {
				err = errOld
			}
		case b.Channel == at.channel && b.State == ledger.Posting:
			err = errNotYet
		case b.Channel == at.channel && b.State == ledger.Posted && errors.Is(err, errNotYet):
			err = errOld
		}
	}
	if there {
		return m, nil
	}
	return m, err
}

// turn puts on record that something that was pressed on a message of ours does not count, and takes the
// buttons off one whose place another has taken.
func (f *Front) turn(ctx context.Context, p desk.Principal, m matter, at place, why error) {
	if errors.Is(why, errOld) {
		if err := f.Web.Update(ctx, at.channel, at.ts, blocks.Sentence("Another message has taken this one's place.")); err != nil {
			f.Log.WarnContext(ctx, "an old message keeps its buttons", "channel", at.channel, "ts", at.ts, "error", err)
		}
	}
	if !errors.Is(why, errOld) && !errors.Is(why, errElsewhere) {
		return
	}
	_ = f.Desk.Refused(ctx, p, m.run, m.digest, fmt.Errorf("%w (message %s/%s)", why, at.channel, at.ts)) // it is why, again
}

// says is what a person hears of an error: its own words where somebody decided them, and that it is not
// certain where nobody did.
func (f *Front) says(ctx context.Context, err error) string {
	switch {
	case errors.Is(err, approval.ErrRefused), errors.Is(err, desk.ErrForbidden),
		errors.Is(err, errElsewhere), errors.Is(err, errNotYet), errors.Is(err, errOld), errors.Is(err, errUnknown):
		return sentence(err.Error())
	case errors.Is(err, workflows.ErrNoRun):
		return "The run is not there any more."
	}
	f.Log.WarnContext(ctx, "it is not known whether what a person did in Slack counts", "error", err)
	return notRecorded
}

// notRecorded is for what may or may not be on record.
const notRecorded = "It is not certain that this was recorded. Press again: it counts once."

// sentence begins with a capital and ends with a stop, as people read it.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	if last := s[len(s)-1]; last != '.' && last != '!' && last != '?' {
		s += "."
	}
	return s
}

// private is a reply that the person alone sees.
func private(says string) receive.Reply { return reply(blocks.Sentence(says)) }

func reply(m blocks.Message) receive.Reply {
	raw, err := json.Marshal(m.Blocks)
	if err != nil {
		raw = nil // the text says it too
	}
	return receive.Reply{Private: m.Text, Blocks: raw}
}

// Private implements receive.Private: by the click's own address, or else in the channel. What was
// pressed in a view has neither; then it is said to the person directly.
func (f *Front) Private(ctx context.Context, to receive.From, r receive.Reply) error {
	m := blocks.Message{Text: r.Private}
	if len(r.Blocks) > 0 {
		var all api.Blocks
		if err := json.Unmarshal(r.Blocks, &all); err != nil {
			return fmt.Errorf("say something to a person: %w", err)
		}
		m.Blocks = all.BlockSet
	}
	if to.ResponseURL != "" {
		if err := f.Web.Respond(ctx, to.ResponseURL, m, false); err == nil {
			return nil
		}
	}
	if to.Channel == "" {
		_, err := f.Web.Post(ctx, to.User, "", false, m, web.Meta{})
		return err
	}
	return f.Web.Private(ctx, to.Channel, to.User, to.Thread, m)
}
