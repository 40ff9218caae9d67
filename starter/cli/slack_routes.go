package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// routesFlags are those of slack routes.
type routesFlags struct {
	slackFlags

	policy, playbook, severity, account, now string
}

// severities are what --severity may be.
var severities = []string{"low", "medium", "high", "critical"}

func (a *app) slackRoutes() *cobra.Command {
	var f routesFlags
	cmd := &cobra.Command{
		Use:   "routes --slack FILE [EVENT_FILE|-]",
		Short: "Show in which channel an event's playbooks ask and whom that calls; ask nobody",
		Long: `Show in which channel an event's playbooks ask and whom that calls; ask nobody.

Of an event it shows every playbook that answers it, of --playbook that one: the channel, the route
that decided, whom the message mentions at that time, and why earlier routes are not for it. The severity
and the account are the event's, as serve reads them, unless flags say others. Slack is not asked:
starter slack check tells whether the app can post there.

Exit code 1 if a file has mistakes, or if no playbook answers.`,
		Example: `  starter slack routes --slack slack.yaml --directory people.yaml playbooks/events/guardduty-iam-malicious-ip-caller.json
  starter slack routes --slack slack.yaml --playbook aws-public-bucket --severity high --account 111122223333 --now 2026-12-24T20:00:00Z`,
		Args: arguments("[EVENT_FILE|-]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.file == "" {
				return usagef(cmd, "want --slack FILE: the routes, as serve takes them")
			}
			if (len(args) == 0) == (f.playbook == "") {
				return usagef(cmd, "want an event or --playbook, and not both")
			}
			if f.severity != "" && !slices.Contains(severities, f.severity) {
				return usagef(cmd, "--severity %q: want %s", f.severity, strings.Join(severities, ", "))
			}
			at := a.Now()
			if f.now != "" {
				var err error
				if at, err = time.Parse(time.RFC3339, f.now); err != nil {
					return usagef(cmd, "--now %q: want a time with its zone, like 2026-12-24T20:00:00Z", f.now)
				}
			}
			return a.showRoutes(f, args, at)
		},
	}
	f.flags(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "`file` with the tags of accounts (default: the policy that ships)")
	flags.StringVar(&f.playbook, "playbook", "", "a playbook, whatever starts it")
	flags.StringVar(&f.severity, "severity", "", "low, medium, high or critical, in place of the event's")
	flags.StringVar(&f.account, "account", "", "an account, in place of the event's")
	flags.StringVar(&f.now, "now", "", "when, as 2026-12-24T20:00:00Z (default: now)")
	return cmd
}

// routedJSON is where one playbook asks.
type routedJSON struct {
	Playbook string `json:"playbook"`
	Stage    string `json:"stage"`
	Severity string `json:"severity"`
	Account  string `json:"account"`
	Owner    string `json:"owner"`
	Channel  string `json:"channel"`
	Route    string `json:"route"`
	// People are on call and Groups are mentioned besides.
	People []string    `json:"people"`
	Groups []string    `json:"groups"`
	Tried  []triedJSON `json:"tried"`
}

type triedJSON struct {
	Route string `json:"route"`
	Fits  bool   `json:"fits"`
	Why   string `json:"why,omitempty"`
}

func (a *app) showRoutes(f routesFlags, args []string, at time.Time) error {
	routes, _, err := readSlack(f.slackFlags)
	if err != nil {
		return refuse(err, "")
	}
	var file []string
	if f.policy != "" {
		file = []string{f.policy}
	}
	rules, err := a.readPolicy(file)
	if err != nil {
		return err
	}
	subjects, err := a.subjects(f.playbook, args)
	if err != nil {
		return err
	}
	all := make([]routedJSON, 0, len(subjects))
	for _, s := range subjects {
		if f.severity != "" {
			s.Severity = f.severity
		}
		if f.account != "" {
			s.Account = f.account
		}
		s.Tags = rules.Tags(s.Account)
		all = append(all, routed(routes, s, at))
	}
	if a.json() {
		return a.printJSON(all)
	}
	for i, one := range all {
		if err := a.printRouted(one, i > 0); err != nil {
			return err
		}
	}
	return nil
}

// subjects are what routes are looked for: a playbook, or those that answer an event.
func (a *app) subjects(name string, args []string) ([]route.Subject, error) {
	l, err := a.library()
	if err != nil {
		return nil, err
	}
	if name != "" {
		pb, err := l.ByName(name)
		if err != nil {
			var names []string
			for _, one := range l.Playbooks() {
				names = append(names, one.Name)
			}
			return nil, refuse(fmt.Errorf("no playbook %q%s", name, expr.DidYouMean(name, names)), "")
		}
		return []route.Subject{subject(pb)}, nil
	}
	events, err := a.events(args[0])
	if err != nil {
		return nil, err
	}
	var all []route.Subject
	for _, ev := range events {
		matching, _ := answers(l, ev, nil)
		for _, one := range matching {
			s := subject(one.playbook)
			s.Severity, s.Account = desk.Said(ev.Data)
			if inputs, err := json.Marshal(one.input.Inputs); err == nil { // calls name it as the input does
				if _, account := desk.Said(inputs); account != "" {
					s.Account = account
				}
			}
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, refuse(errors.New("no playbook answers the event"), "see why: "+a.command("match", eventFile(args[0])))
	}
	return all, nil
}

func subject(pb *playbook.Playbook) route.Subject {
	return route.Subject{Playbook: pb.Name, Stage: pb.Stage, Labels: pb.Labels}
}

func routed(routes *route.Routes, s route.Subject, at time.Time) routedJSON {
	place, tried := routes.Explain(s, at)
	_, owner := routes.Owner(s.Account, s.Tags)
	out := routedJSON{
		Playbook: s.Playbook, Stage: s.Stage, Severity: s.Severity, Account: s.Account, Owner: owner,
		Channel: place.Channel, Route: place.Rule, People: append([]string{}, place.People...), Groups: append([]string{}, place.Groups...),
		Tried: make([]triedJSON, 0, len(tried)),
	}
	for _, t := range tried {
		out.Tried = append(out.Tried, triedJSON(t))
	}
	return out
}

func (a *app) printRouted(r routedJSON, further bool) error {
	if further {
		if err := a.print(""); err != nil {
			return err
		}
	}
	if err := a.print("%s  %s  [%s]", card.Exact(r.Playbook), r.Channel, card.Exact(r.Route)); err != nil {
		return err
	}
	said := func(s, none string) string {
		if s == "" {
			return none
		}
		return s
	}
	rows := [][]string{
		{"  stage", r.Stage},
		{"  severity", said(r.Severity, "not known")},
		{"  account", said(r.Account, "not known")},
		{"  owner", said(r.Owner, "not known")},
		{"  on call", said(strings.Join(r.People, ", "), "nobody")},
		{"  mentions", said(strings.Join(r.Groups, ", "), "no group")},
	}
	for _, t := range r.Tried {
		if t.Fits {
			rows = append(rows, []string{"  yes", t.Route})
		} else {
			rows = append(rows, []string{"  no", t.Route + ": " + t.Why})
		}
	}
	if r.Route == route.Fallback {
		rows = append(rows, []string{"  yes", route.Fallback + ": no route is for it"})
	}
	return a.table(rows)
}
