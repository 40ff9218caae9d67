package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// words are what the slash command understands.
var words = []string{"approvals", "help", "on-call", "run", "runs", "show", "stop", "undo"}

// listed is how many runs, or things that wait, are listed.
const listed = 20

// Command implements receive.Handler. All answers are for the person alone.
func (f *Front) Command(ctx context.Context, c receive.Command) receive.Reply {
	p, err := f.Who.Who(ctx, c.From)
	if err != nil {
		return after(private(sentence(err.Error())), f.turnedAway(p, "", err))
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(c.Text), " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "", "help":
		return reply(blocks.Help(c.Name))
	case "approvals":
		return reply(blocks.Approvals(f.waiting(ctx, listed), f.face(ctx)))
	case "runs":
		all, err := f.runs(ctx, false)
		if err != nil {
			return private(f.says(ctx, err))
		}
		return reply(blocks.Runs(all, f.face(ctx)))
	case "show":
		return f.showing(ctx, c, rest)
	case "on-call":
		return f.duties(ctx)
	case "run":
		return f.running(ctx, c, p, rest)
	case "stop":
		return f.stopping(ctx, c, p, rest)
	case "undo":
		return f.undoing(ctx, c, p, rest)
	}
	return private(fmt.Sprintf("%s has no %q%s", c.Name, word, expr.DidYouMean(word, words)))
}

func (f *Front) showing(ctx context.Context, c receive.Command, run string) receive.Reply {
	if run == "" {
		return private(fmt.Sprintf("Which run? %s show RUN; %s runs lists the newest.", c.Name, c.Name))
	}
	st, err := f.Runs.Status(ctx, run)
	switch {
	case errors.Is(err, workflows.ErrNoRun):
		return private(noRun(c, run))
	case err != nil:
		return private(f.says(ctx, err))
	}
	return reply(blocks.Story(st, f.face(ctx)))
}

func noRun(c receive.Command, run string) string {
	return fmt.Sprintf("There is no run %q, or it is not kept any more; %s runs lists the newest.", run, c.Name)
}

// story is the story of a run, as a view.
func (f *Front) story(ctx context.Context, run string) (api.ModalViewRequest, error) {
	st, err := f.Runs.Status(ctx, run)
	if err != nil {
		return api.ModalViewRequest{}, err
	}
	plain := func(s string) *api.TextBlockObject { return api.NewTextBlockObject(api.PlainTextType, s, false, false) }
	return api.ModalViewRequest{
		Type: api.VTModal, CallbackID: blocks.FormShown, Title: plain("Run"), Close: plain("Close"),
		Blocks: api.Blocks{BlockSet: blocks.Story(st, f.face(ctx)).Blocks},
	}, nil
}

func (f *Front) duties(ctx context.Context) receive.Reply {
	routes, err := f.Routes()
	if err != nil {
		return private(f.says(ctx, err))
	}
	var all []blocks.Duty
	for _, name := range routes.Rosters() {
		all = append(all, blocks.Duty{Name: name, People: routes.OnCall(name, f.Now())})
	}
	return reply(blocks.OnCall(all, f.face(ctx)))
}

// running starts a playbook. Where inputs are missing a form asks for them.
func (f *Front) running(ctx context.Context, c receive.Command, p desk.Principal, rest string) receive.Reply {
	lib, err := f.Library()
	if err != nil {
		return private(f.says(ctx, err))
	}
	given := strings.Fields(rest)
	if len(given) == 0 {
		return private(fmt.Sprintf("Which playbook? %s run PLAYBOOK, or with its inputs: %s run PLAYBOOK user=alice", c.Name, c.Name))
	}
	pb, err := lib.ByName(given[0])
	if err != nil {
		var names []string
		for _, one := range lib.Playbooks() {
			names = append(names, one.Name)
		}
		return private(fmt.Sprintf("There is no playbook %q%s", given[0], expr.DidYouMean(given[0], names)))
	}
	inputs, wrong := inputsOf(pb, given[1:])
	if wrong != "" {
		return private(wrong)
	}
	if slices.ContainsFunc(pb.Inputs, func(in *playbook.Input) bool { return in.Default == nil && inputs[in.Name] == nil }) {
		if _, _, err := f.Web.Open(ctx, c.Trigger, blocks.RunForm(pb, f.face(ctx))); err != nil {
			f.Log.WarnContext(ctx, "a form did not open", "form", "Run", "error", err)
			return private("Slack did not open the form. Try again.")
		}
		return receive.Reply{}
	}
	started, err := f.start(ctx, p, desk.Start{Playbook: pb.Name, Digest: pb.Digest(), Inputs: inputs})
	if err != nil {
		return private(f.unsure(ctx, c, err))
	}
	return after(private("Started "+started.Run+"."), func(ctx context.Context) { f.refresh(ctx, c.User, p) })
}

// inputsOf reads name=value; wrong says what cannot be read.
func inputsOf(pb *playbook.Playbook, given []string) (inputs map[string]json.RawMessage, wrong string) {
	inputs = map[string]json.RawMessage{}
	var names []string
	for _, in := range pb.Inputs {
		names = append(names, in.Name)
	}
	for _, one := range given {
		name, value, ok := strings.Cut(one, "=")
		i := slices.Index(names, name)
		if !ok || i < 0 {
			return nil, fmt.Sprintf("%s has no input %q%s", pb.Name, name, expr.DidYouMean(name, names))
		}
		raw := json.RawMessage(value)
		if kind := pb.Inputs[i].Type.Kind(); !json.Valid(raw) || kind == expr.KindString {
			raw, _ = json.Marshal(value) // text always has JSON
		}
		if _, err := pb.Inputs[i].Type.Decode(raw); err != nil {
			return nil, fmt.Sprintf("The input %s: %v", name, err)
		}
		inputs[name] = raw
	}
	return inputs, ""
}

func (f *Front) stopping(ctx context.Context, c receive.Command, p desk.Principal, run string) receive.Reply {
	if run == "" {
		return private(fmt.Sprintf("Which run? %s stop RUN. It puts back what it did.", c.Name))
	}
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	look, end := context.WithTimeout(ctx, voteTime/4) // a run may be stopped that nobody works on
	defer end()
	switch st, err := f.Runs.Status(look, run); {
	case errors.Is(err, workflows.ErrNoRun):
		return private(noRun(c, run))
	case err == nil && st.State.Over():
		return private(fmt.Sprintf("It is over already: %s is %s. What it did stands; %s undo RUN WHY takes it back.", run, st.State, c.Name))
	}
	if err := f.Desk.Cancel(ctx, p, run); err != nil {
		return private(f.says(ctx, err))
	}
	return private("Recorded: " + run + " is asked to stop, and puts back what it did.")
}

func (f *Front) undoing(ctx context.Context, c receive.Command, p desk.Principal, rest string) receive.Reply {
	run, why, _ := strings.Cut(rest, " ")
	if why = strings.TrimSpace(why); run == "" || why == "" {
		return private(fmt.Sprintf("Which run, and why? %s undo RUN it was a false alarm", c.Name))
	}
	ctx, cancel := context.WithTimeout(ctx, voteTime)
	defer cancel()
	started, err := f.Desk.Undo(ctx, p, run, why)
	if err != nil {
		return private(f.unsure(ctx, c, err))
	}
	return private("Started " + started.Run + ", which takes back what " + run + " did.")
}

// unsure is says of a command that starts a run: one that is typed again starts another.
func (f *Front) unsure(ctx context.Context, c receive.Command, err error) string {
	says := f.says(ctx, err)
	if says == notRecorded {
		return fmt.Sprintf("It is not certain that a run was started. Look with %s runs before you say it again.", c.Name)
	}
	return says
}

// runs are the newest runs.
func (f *Front) runs(ctx context.Context, open bool) ([]blocks.RunLine, error) {
	all, err := f.Runs.Runs(ctx, open, listed)
	if err != nil {
		return nil, err
	}
	lib, err := f.Library()
	if err != nil {
		return nil, err
	}
	out := make([]blocks.RunLine, 0, len(all))
	for _, l := range all {
		line := blocks.RunLine{Run: l.Run, Playbook: l.Playbook, State: stateOf(l.Status), Started: l.Started}
		if pb, err := lib.ByName(l.Playbook); err == nil {
			line.Title = pb.Title
		}
		out = append(out, line)
	}
	return out, nil
}

// stateOf is a run's state in the list in the words of its own story.
func stateOf(listed string) workflows.State {
	switch listed {
	case "completed":
		return workflows.Done
	case "failed", "terminated", "timed_out":
		return workflows.Failed
	case "canceled":
		return workflows.Cancelled
	default:
		return workflows.State(listed)
	}
}
