package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows/forecast"
)

func (a *app) plan() *cobra.Command {
	var file string
	var inputs []string
	var live bool
	cmd := &cobra.Command{
		Use:   "plan [PLAYBOOK] [--event FILE|-]",
		Short: "Show what would run for an event, as far as it can be told; change nothing",
		Long: `Show what would run for an event, as far as it can be told; change nothing.

Each step says whether it will run, may run or will not, what it is given, and what that depends on:
a value that is not known before something ran is shown as it is written, ${...}. Approvals show whom
they ask and the calls they cover. At the end stands the worst that can come of it.

Without --live-reads nothing is called. With it the steps that only look are made for real, with the
credentials that the AWS SDK finds, and what they answer decides more. Nothing that changes anything
can be called by this command.`,
		Example: `  starter plan aws-stale-access-keys
  starter plan --event playbooks/events/guardduty-iam-malicious-ip-caller.json
  starter plan --live-reads --event playbooks/events/guardduty-iam-malicious-ip-caller.json`,
		Args: arguments("[PLAYBOOK]"),
	}
	flags := cmd.Flags()
	flags.StringVar(&file, "event", "", "file of the event, or - for standard input")
	flags.StringArrayVar(&inputs, "input", nil, "value of an input, name=value; may repeat")
	flags.BoolVar(&live, "live-reads", false, "make the steps that only look")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := strings.Join(args, "")
		if name == "" && file == "" {
			return usagef(cmd, "want a PLAYBOOK, an --event, or both")
		}
		given, err := pairs(cmd, "input", inputs)
		if err != nil {
			return err
		}
		prepared, _, err := a.prepare(name, file, given)
		if err != nil {
			return err
		}
		if len(prepared) == 0 {
			return unanswered("no playbook answers the event", a, file)
		}
		var reader forecast.Reader
		if live {
			reader = reads{a.registry.Reads(), a}
		}
		plans := make([]plannedJSON, len(prepared))
		for i, one := range prepared {
			if plans[i], err = a.forecast(cmd.Context(), one, reader); err != nil {
				return err
			}
		}
		if a.json() {
			return a.printJSON(plans)
		}
		for i, one := range plans {
			if i > 0 {
				if err := a.print(""); err != nil {
					return err
				}
			}
			if err := a.printPlan(prepared[i], one); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// reads makes the calls of a forecast. It holds activities that only look, and nothing else.
type reads struct {
	activities.Reads

	app *app
}

func (r reads) Call(ctx context.Context, name string, input json.RawMessage) (json.RawMessage, error) {
	r.app.say("reading %s", name)
	return r.Reads.Call(ctx, name, input)
}

type plannedJSON struct {
	answerJSON
	*forecast.Forecast
}

func (a *app) forecast(ctx context.Context, one answer, reader forecast.Reader) (plannedJSON, error) {
	values, err := one.playbook.Values(one.input.Event, one.input.Inputs)
	if err != nil {
		return plannedJSON{}, refuse(err, "")
	}
	values["run"] = map[string]any{"id": one.run(), "playbook": one.playbook.Name, "time": a.Now().UTC()}
	return plannedJSON{one.json(), forecast.Of(ctx, one.playbook, values, reader)}, nil
}

func (a *app) printPlan(one answer, plan plannedJSON) error {
	if err := a.printAnswer(one); err != nil {
		return err
	}
	var p planPrinter
	p.line(0, "")
	p.steps(0, plan.Steps)
	if plan.Outcome != nil {
		p.line(0, "")
		p.line(0, "outcome: "+p.inline(plan.Outcome))
	}
	p.line(0, "")
	p.line(0, "at worst:")
	for _, e := range plan.Worst {
		p.line(1, worst(e))
	}
	if len(plan.Worst) == 0 {
		p.line(1, "nothing is called")
	}
	return a.print("%s", strings.TrimSuffix(p.out.String(), "\n"))
}

func worst(e forecast.Effect) string {
	text := fmt.Sprintf("%-7s  %s, %s", e.Effect, e.Activity, count(e.Steps, "time", "times"))
	if e.Many {
		text += " or more, in a loop"
	}
	switch {
	case e.Effect == string(activities.Read):
		return text
	case e.Effect == forecast.Code:
		if len(e.Effects) == 0 {
			return text + "; it only reads"
		}
		return text + "; it may change with " + strings.Join(e.Effects, ", ") + ", by itself"
	case e.Asked:
		text += ", if people approve"
	default:
		text += ", by itself"
	}
	if e.Undo != "" {
		return text + "; " + e.Undo + " takes it back"
	}
	return text + "; nothing takes it back"
}

// planPrinter writes a forecast as a tree of lines.
type planPrinter struct{ out strings.Builder }

func (p *planPrinter) line(depth int, text string) {
	p.out.WriteString(strings.TrimRight(strings.Repeat("    ", depth)+text, " ") + "\n")
}

// inline is a value in one line, cleaned.
func (p *planPrinter) inline(t *forecast.Text) string {
	var s string
	if json.Unmarshal(t.Value, &s) != nil {
		s = string(t.Value)
	}
	return card.Clean(s, 500)
}

func (p *planPrinter) steps(depth int, steps []*forecast.Step) {
	for _, s := range steps {
		p.step(depth, s)
	}
}

func (p *planPrinter) step(depth int, s *forecast.Step) {
	name := s.ID
	if s.Title != nil {
		name += ": " + p.inline(s.Title)
	}
	what := s.Verb
	if s.Call != nil {
		what = s.Call.Effect + "  " + s.Call.Activity
	}
	p.line(depth, fmt.Sprintf("%-4s  %s  %s", s.Chance, name, what))
	p.condition(depth+1, s.If)
	if s.Error != "" {
		p.line(depth+1, "! "+card.Clean(s.Error, 500))
	}
	if s.Chance == forecast.Not {
		return
	}
	if s.Says != nil {
		if strings.HasPrefix(string(s.Says.Value), "{") { // named values
			for _, line := range card.Parameters(s.Says.Value) {
				p.line(depth+1, card.Clean(line, 500))
			}
		} else {
			p.line(depth+1, p.inline(s.Says))
		}
		p.waits(depth+1, s.Says.Waits)
	}
	if s.Approval != nil {
		p.line(depth+1, fmt.Sprintf("asks %d of %s, for %s", s.Approval.Quorum, strings.Join(s.Approval.Groups, ", "), s.Approval.Span()))
		if e := s.Approval.Escalate; e != nil {
			p.line(depth+1, fmt.Sprintf("asks %s as well after %s", strings.Join(e.Groups, ", "), e.Span()))
		}
	}
	if c := s.Call; c != nil {
		for _, line := range card.Parameters(c.Input.Value) {
			p.line(depth+1, line)
		}
		p.waits(depth+1, c.Input.Waits)
		if c.Undo != "" {
			p.line(depth+1, "undone by "+c.Undo)
		}
		if c.Holds != "" {
			p.line(depth+1, "put back after "+c.Span()+" unless kept")
		}
		if c.Output != nil {
			p.line(depth+1, "answers:")
			for _, line := range card.Parameters(c.Output) {
				p.line(depth+2, line)
			}
		}
	}
	for _, b := range s.Blocks {
		p.line(depth+1, fmt.Sprintf("%-4s  %s:", b.Chance, card.Clean(b.Name, 200)))
		p.condition(depth+2, b.If)
		if b.Chance != forecast.Not {
			p.steps(depth+2, b.Steps)
		}
	}
}

func (p *planPrinter) condition(depth int, c *forecast.Condition) {
	if c == nil {
		return
	}
	says := ""
	if c.Holds != nil {
		says = fmt.Sprintf(", which is %t", *c.Holds)
	}
	p.line(depth, "if "+card.Clean(c.Text, 300)+says)
	p.waits(depth, c.Waits)
}

func (p *planPrinter) waits(depth int, waits []string) {
	if len(waits) > 0 {
		p.line(depth, "depends on "+strings.Join(waits, ", "))
	}
}
