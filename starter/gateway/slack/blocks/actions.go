package blocks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// buttons writes the buttons that fit how it stands, or says where to decide.
func (p *page) buttons(s desk.Sight, where place) {
	d := s.Digest()
	var all []slack.BlockElement
	switch {
	case !pressable(d, ""):
		p.aside("What this is about has no name that a button could carry.")
		return
	case p.Recorded != nil: // gone at once, so that nobody presses twice
	case !s.Open():
	case s.Question != nil:
		all = append(all, button(ActAnswer, "Answer…", Value(d, ""), slack.StylePrimary, "Answer the question "+s.Question.ID))
	case elsewhere(s):
		p.markup(command(s))
	case p.cut && where == inView:
		p.markup("It is too long to be shown whole in Slack. " + command(s))
	case p.cut:
		all = append(all, button(ActReview, "Review", Value(d, ""), slack.StylePrimary, "Read all of "+s.Request.ID+" and decide"))
		p.aside("Some of it is not shown here. *Review* shows all of it, and there it is decided.")
	default:
		all = append(all, p.decide(s, where)...)
	}
	if where == onCard && s.Question == nil && !p.cut {
		all = append(all, button(ActDetails, "Details", Value(d, ""), slack.StyleDefault, "All of "+s.Request.ID))
	}
	if p.Recorded == nil {
		all = append(all, p.after(s)...)
	}
	if len(all) > 0 {
		p.add(0, &slack.ActionBlock{Type: slack.MBTAction, BlockID: "actions", Elements: &slack.BlockElements{ElementSet: all}})
	}
}

// decide are the buttons by which people decide.
func (p *page) decide(s desk.Sight, where place) []slack.BlockElement {
	d := s.Digest()
	approve := button(ActApprove, "Approve", Value(d, ""), slack.StylePrimary, "Approve "+s.Request.ID)
	if final := destroys(s.Request); len(final) > 0 {
		approve.Confirm = confirm(final)
	}
	all := []slack.BlockElement{approve, button(ActReject, "Reject…", Value(d, ""), slack.StyleDanger, "Reject "+s.Request.ID)}
	if where == onCard && len(editable(s.Request)) > 0 {
		all = append(all, button(ActEdit, "Edit…", Value(d, ""), slack.StyleDefault, "Change a call of "+s.Request.ID))
	}
	return all
}

// after are the buttons for what was done.
func (p *page) after(s desk.Sight) []slack.BlockElement {
	var all []slack.BlockElement
	d := s.Digest()
	if s.Undoable && !s.Open() {
		all = append(all, button(ActUndo, "Undo…", Value(d, ""), slack.StyleDanger, "Take back what the run did"))
	}
	for _, e := range s.Expiring {
		if e.KeptBy == "" && pressable(d, e.Step) && len(all) < 10 && e.At.After(p.Now) {
			b := button(ActKeep, "Keep "+exact(e.Step)+"…", Value(d, e.Step), slack.StyleDefault, "Keep what "+e.Step+" did")
			b.ActionID = fmt.Sprintf("%s.%d", ActKeep, len(all)) // ids are unique in a block
			all = append(all, b)
		}
	}
	return all
}

// Action is the id of a button as the constants name it: those of several alike have a number.
func Action(id string) string {
	name, _, _ := strings.Cut(id, ".")
	return name
}

// elsewhere reports a request that is not decided in Slack: it is too long to be shown whole, or policy
// takes the votes of every group somewhere else. The desk decides so for each vote; this is for showing.
func elsewhere(s desk.Sight) bool {
	if s.Request.Long() {
		return true
	}
	var needs []grant.Need
	needs = append(needs, s.Request.Needs()...)
	for _, t := range s.Tally { // what policy asks now
		needs = append(needs, t.Need)
	}
	var away []string
	for _, need := range needs {
		if !need.Takes(grant.SurfaceSlack) {
			away = append(away, need.Groups...)
		}
	}
	for _, need := range needs {
		for _, group := range need.Groups {
			if !slices.Contains(away, group) {
				return false
			}
		}
	}
	return len(away) > 0
}

// command says where it is decided instead.
func command(s desk.Sight) string {
	return fmt.Sprintf("Read it with %s and decide it with %s.", codeOf("starter show "+shell(s.Run)), codeOf("starter approve "+shell(s.Run)))
}

// shell is a run's id as a shell takes it.
func shell(run string) string {
	run = name(run, maxCode)
	if strings.ContainsFunc(run, func(r rune) bool {
		return !strings.ContainsRune("/._-@:+", r) && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		return "'" + strings.ReplaceAll(run, "'", `'\''`) + "'"
	}
	return run
}

// editable are the calls that people may change before they decide.
func editable(r *approval.Request) []approval.Call {
	var all []approval.Call
	for _, c := range r.Calls {
		if playbook.Effect(c.Effect) != playbook.EffectRead && pressable(r.Digest, c.Step) && len(editFields(c)) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// button is one button. Its value permits nothing by itself.
func button(id, label, value string, style slack.Style, says string) *slack.ButtonBlockElement {
	return &slack.ButtonBlockElement{
		Type: slack.METButton, ActionID: id, Text: plain(label, maxButton), Value: value, Style: style, AccessibilityLabel: Plain(says, maxButton),
	}
}

// confirm asks once more about what cannot be undone.
func confirm(calls []approval.Call) *slack.ConfirmationBlockObject {
	var says []string
	if card.Many(calls) {
		for _, c := range card.Counts(calls, card.ByActivity) {
			says = append(says, fmt.Sprintf("%d calls of %s", c.N, exact(c.Of)))
		}
		calls = nil
	}
	for _, c := range calls {
		says = append(says, exact(c.Activity)+" on "+acted(c))
	}
	return &slack.ConfirmationBlockObject{
		Title: plain("This cannot be undone", 100), Text: plain(strings.Join(says, "; "), maxConfirm),
		Confirm: plain("Approve", 30), Deny: plain("Not yet", 30), Style: slack.StyleDanger,
	}
}
