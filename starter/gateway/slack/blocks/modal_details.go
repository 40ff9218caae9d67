package blocks

import (
	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
)

// Details shows all of what a run asks. If it is open and all of it is there, it can be decided there.
// What not even a view shows whole has no button, and names the commands.
func Details(s desk.Sight, c Context) slack.ModalViewRequest {
	for _, r := range []room{whole, short} {
		r.people = true
		p := &page{Context: c, room: r}
		p.card(s, inView)
		if v := p.view(heading(s, c), FormShown, Meta{Digest: s.Digest()}); fitsView(v) {
			return v
		}
	}
	p := &page{Context: c, room: short, cut: true}
	p.buttons(s, inView)
	return p.view(heading(s, c), FormShown, Meta{Digest: s.Digest()})
}

// Loading stands for a view that is still being made: opening one cannot wait.
func Loading(what string) slack.ModalViewRequest {
	p := &page{room: short}
	p.markup("One moment…")
	v := p.view(what, FormShown, Meta{})
	v.PrivateMetadata = ""
	return v
}

// Problem is a view that says, in words for people, why there is none.
func Problem(sentence string) slack.ModalViewRequest {
	p := &page{room: short}
	p.sentence(sentence)
	v := p.view("Not done", FormShown, Meta{})
	v.PrivateMetadata = ""
	return v
}

// view is a modal of the page's blocks. What its title leaves out is said in full below it.
func (p *page) view(title, callback string, m Meta) slack.ModalViewRequest {
	m.Channel, m.Message = p.Channel, p.Message
	all := p.blocks
	if length(title) > maxViewTitle {
		head := plain(title, maxHeader)
		all = append([]slack.Block{&slack.HeaderBlock{Type: slack.MBTHeader, Text: head}}, all...)
		title = "Details"
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(title, maxViewTitle), Close: plain("Close", maxViewTitle),
		Blocks: blocksOf(all), CallbackID: callback, PrivateMetadata: m.String(),
	}
}

// form is a view that can be sent.
func (p *page) form(title, submit, callback string, m Meta) slack.ModalViewRequest {
	v := p.view(title, callback, m)
	v.Submit, v.Close = plain(submit, maxViewTitle), plain("Cancel", maxViewTitle)
	return v
}
