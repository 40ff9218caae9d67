package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	api "github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Submit implements receive.Handler. What a form remembers are ids, which are looked up again.
func (f *Front) Submit(ctx context.Context, s receive.Submission) receive.FormReply {
	meta, err := blocks.ReadMeta(s.View.Meta)
	if err != nil {
		return instead(blocks.Problem(sentence(errUnknown.Error())))
	}
	p, err := f.Who.Who(ctx, s.From)
	if err != nil {
		out := instead(blocks.Problem(sentence(err.Error())))
		out.After = f.turnedAway(p, meta.Digest, err)
		return out
	}
	p.Deed = s.View.ID // a form that stays open is sent once more
	if s.View.Callback == blocks.FormRun {
		return f.submitRun(ctx, s, p, meta)
	}
	at := place{meta.Channel, meta.Message}
	m, err := f.find(ctx, meta.Digest, at)
	if err != nil {
		out := f.unsent(ctx, s, err)
		out.After = func(ctx context.Context) { f.turn(ctx, p, m, at, err) }
		return out
	}
	var errs map[string]string
	did := &blocks.Recorded{Person: p.Person}
	switch s.View.Callback {
	case blocks.FormReject:
		did, errs, err = nil, nil, nil
		reason, wrong := blocks.ReadReason(s.View.Values)
		if errs = wrong; errs == nil {
			_, err = f.vote(ctx, p, m, approval.Reject, reason)
		}
	case blocks.FormEdit:
		did.Did = "edit"
		errs, err = f.edit(ctx, s, p, m, meta.Step)
	case blocks.FormAnswer:
		did.Did = "answer"
		errs, err = f.answer(ctx, s, p, m)
	case blocks.FormUndo:
		return f.undo(ctx, s, p, m, at)
	case blocks.FormKeep:
		did.Did = "keep"
		reason, wrong := blocks.ReadReason(s.View.Values)
		if errs = wrong; errs == nil {
			bound, cancel := context.WithTimeout(ctx, voteTime)
			_, err = f.Desk.Keep(bound, p, m.run, desk.Keep{Step: meta.Step, Reason: reason})
			cancel()
		}
	default:
		return receive.FormReply{}
	}
	switch {
	case len(errs) > 0:
		return receive.FormReply{Errors: errs}
	case err != nil:
		return f.unsent(ctx, s, err)
	}
	f.touch(m, "", did)
	return receive.FormReply{All: true, After: func(ctx context.Context) { f.refresh(ctx, s.User, p) }}
}

// unsent says why what was sent does not count. Where that is not certain the form stays, to be sent again.
func (f *Front) unsent(ctx context.Context, s receive.Submission, err error) receive.FormReply {
	says := f.says(ctx, err)
	for _, block := range slices.Sorted(maps.Keys(s.View.Values)) {
		if says == notRecorded || errors.Is(err, errNotYet) {
			return receive.FormReply{Errors: map[string]string{block: says}}
		}
	}
	return instead(blocks.Problem(says))
}

// instead puts a view into the form's place.
func instead(view api.ModalViewRequest) receive.FormReply {
	raw, err := json.Marshal(view)
	if err != nil {
		return receive.FormReply{All: true}
	}
	return receive.FormReply{Instead: raw}
}

// edit changes a call before it is decided.
func (f *Front) edit(ctx context.Context, s receive.Submission, p desk.Principal, m matter, step string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	sight, err := f.Desk.Sight(ctx, m.run, m.digest)
	if err != nil {
		return nil, err
	}
	if sight.Request == nil {
		return nil, errUnknown
	}
	i := slices.IndexFunc(sight.Request.Calls, func(c approval.Call) bool { return c.Step == step })
	if i < 0 {
		return nil, errUnknown
	}
	call := sight.Request.Calls[i]
	input, errs := blocks.ReadEdit(call, s.View.Values)
	if len(errs) > 0 {
		return errs, nil
	}
	if string(input) == string(call.Input) {
		for _, block := range slices.Sorted(maps.Keys(s.View.Values)) {
			return map[string]string{block: "Nothing is changed."}, nil
		}
	}
	_, err = f.Desk.Edit(ctx, p, m.run, desk.Edit{Approval: sight.Request.ID, Digest: m.digest, Step: step, Input: input})
	return nil, err
}

// answer answers a question.
func (f *Front) answer(ctx context.Context, s receive.Submission, p desk.Principal, m matter) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	sight, err := f.Desk.Sight(ctx, m.run, m.digest)
	if err != nil {
		return nil, err
	}
	if sight.Question == nil {
		return nil, errUnknown
	}
	people, err := f.Directory()
	if err != nil {
		return nil, fmt.Errorf("read who is who: %w", err)
	}
	values, errs := blocks.ReadAnswer(sight.Question.Form, s.View.Values, func(id string) (string, bool) {
		p, ok := people.BySlack(id)
		return p.ID, ok
	})
	if len(errs) > 0 {
		return errs, nil
	}
	_, err = f.Desk.Answer(ctx, p, m.run, desk.Answer{Question: sight.Question.ID, Digest: m.digest, Values: values})
	return nil, err
}

// undo starts the run that takes back what a run did, and says so below the card.
func (f *Front) undo(ctx context.Context, s receive.Submission, p desk.Principal, m matter, at place) receive.FormReply {
	reason, errs := blocks.ReadReason(s.View.Values)
	if len(errs) > 0 {
		return receive.FormReply{Errors: errs}
	}
	bound, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	started, err := f.Desk.Undo(bound, p, m.run, reason)
	if err != nil {
		return f.unsent(ctx, s, err)
	}
	return receive.FormReply{All: true, After: func(ctx context.Context) {
		if at.ts != "" {
			if _, err := f.Web.Post(ctx, at.channel, at.ts, false, blocks.UndoStarted(started.Run, p.Person, reason, f.face(ctx)), web.Meta{}); err != nil {
				f.Log.WarnContext(ctx, "the thread does not say that an undo has begun", "run", m.run, "error", err)
			}
		}
		f.refresh(ctx, s.User, p)
	}}
}

// submitRun starts a playbook by hand, as the form showed it.
func (f *Front) submitRun(ctx context.Context, s receive.Submission, p desk.Principal, meta blocks.Meta) receive.FormReply {
	lib, err := f.Library()
	if err != nil {
		return f.unsent(ctx, s, err)
	}
	pb, err := lib.ByName(meta.Playbook)
	if err != nil {
		return instead(blocks.Problem(sentence(err.Error())))
	}
	if pb.Digest() != meta.Digest {
		return instead(blocks.Problem("The playbook has changed since this form opened, so nothing was started. Open it again."))
	}
	inputs, errs := blocks.ReadRun(pb, s.View.Values)
	if len(errs) > 0 {
		return receive.FormReply{Errors: errs}
	}
	started, err := f.start(ctx, p, desk.Start{Playbook: pb.Name, Digest: meta.Digest, Inputs: inputs})
	if err != nil {
		return f.unsent(ctx, s, err)
	}
	return receive.FormReply{All: true, After: func(ctx context.Context) {
		if _, err := f.Web.Post(ctx, s.User, "", false, blocks.Sentence("Started "+started.Run+"."), web.Meta{}); err != nil {
			f.Log.WarnContext(ctx, "a person was not told of the run that they started", "run", started.Run, "error", err)
		}
		f.refresh(ctx, s.User, p)
	}}
}

func (f *Front) start(ctx context.Context, p desk.Principal, in desk.Start) (workflows.Started, error) {
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	return f.Desk.Start(ctx, p, in)
}
