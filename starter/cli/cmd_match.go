package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/event"
)

func (a *app) match() *cobra.Command {
	return &cobra.Command{
		Use:   "match EVENT_FILE|-",
		Short: "Show which playbooks answer an event, and why the others do not; change nothing",
		Long: `Show which playbooks answer an event, and why the others do not; change nothing.

For each playbook that answers: its dedupe key (events with the same key join one run), the id of
the run, and the inputs it would get. A notification of several alerts is as many events; -o json
is then a list. Exit code 1 if none answers, or if it cannot be told.`,
		Example: `  starter match playbooks/events/guardduty-iam-malicious-ip-caller.json
  starter match -o json - < playbooks/events/guardduty-ec2-bitcoin-dns.json`,
		Args: arguments("EVENT_FILE|-"),
		RunE: func(_ *cobra.Command, args []string) error {
			events, err := a.events(args[0])
			if err != nil {
				return err
			}
			l, err := a.library()
			if err != nil {
				return err
			}
			matching, others, err := a.matchAll(l, events)
			if err != nil {
				return err
			}
			file := eventFile(args[0])
			if err := refusal(matching, others); err != nil {
				return refuse(err, "name the playbook and give what is missing: "+a.command("run", "PLAYBOOK", "--event", file, "--input", "name=value"))
			}
			if len(matching) == 0 {
				return refuse(errors.New("no playbook answers the event"), "start one by name: "+a.command("run", "PLAYBOOK", "--event", file))
			}
			a.say("%s; start with: %s", count(len(matching), "playbook answers", "playbooks answer"), a.command("run", "--event", file))
			return nil
		},
	}
}

// matchAll prints what answers each event, and returns it together.
func (a *app) matchAll(l *library.Library, events []event.Event) (matching []answer, others []library.Matched, err error) {
	all := make([]matchedJSON, len(events))
	for i, ev := range events {
		yes, no := answers(l, ev, nil)
		matching, others, all[i] = append(matching, yes...), append(others, no...), matchJSON(ev, yes, no)
		if a.json() {
			continue
		}
		if i > 0 {
			err = a.print("")
		}
		if err == nil {
			err = a.printMatch(ev, yes, no)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	switch {
	case !a.json():
	case len(all) == 1:
		err = a.printJSON(all[0])
	default:
		err = a.printJSON(all)
	}
	return matching, others, err
}

func (a *app) printMatch(ev event.Event, matching []answer, others []library.Matched) error {
	if err := a.print("event %s %s from %s", card.Exact(ev.Type), card.Exact(ev.ID), card.Exact(ev.Source)); err != nil {
		return err
	}
	for _, one := range matching {
		if err := a.print(""); err != nil {
			return err
		}
		if err := a.printAnswer(one); err != nil {
			return err
		}
	}
	if len(others) == 0 {
		return nil
	}
	if err := a.print("\ndoes not answer:"); err != nil {
		return err
	}
	rows := make([][]string, len(others))
	for i, m := range others {
		rows[i] = []string{"  " + m.Playbook.Name, m.Reason}
	}
	return a.table(rows)
}

type matchedJSON struct {
	Event struct {
		ID     string `json:"id"`
		Source string `json:"source"`
		Type   string `json:"type"`
	} `json:"event"`
	Answers []answerJSON `json:"answers"`
	Others  []otherJSON  `json:"others"`
}

type otherJSON struct {
	Playbook string `json:"playbook"`
	Reason   string `json:"reason"`
	// Error is true if it could not be told whether the playbook answers.
	Error bool `json:"error"`
}

func matchJSON(ev event.Event, matching []answer, others []library.Matched) matchedJSON {
	out := matchedJSON{Answers: []answerJSON{}, Others: []otherJSON{}}
	out.Event.ID, out.Event.Source, out.Event.Type = ev.ID, ev.Source, ev.Type
	for _, one := range matching {
		out.Answers = append(out.Answers, one.json())
	}
	for _, m := range others {
		out.Others = append(out.Others, otherJSON{m.Playbook.Name, m.Reason, m.Err != nil})
	}
	return out
}
