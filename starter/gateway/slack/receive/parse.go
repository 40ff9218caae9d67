package receive

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

type kind string

const (
	kindClick      kind = "action"
	kindSubmission kind = "form"
	kindCommand    kind = "command"
	kindOpened     kind = "home"
	kindOther      kind = "other" // nothing here does anything with it
)

// incoming is one thing that came in. One of click, submission, command and opened is set, unless it
// is of kindOther.
type incoming struct {
	kind kind
	name string // action_id, callback_id, command or type
	from From

	click      *Click
	submission *Submission
	command    *Command
	opened     *Opened
	firstInput string // block_id of a form's first entry; "" if it has none
}

var tsShape = regexp.MustCompile(`^[0-9]{1,16}\.[0-9]{1,8}$`)

// interaction reads what a person did to a message or a view.
func interaction(o object) (incoming, error) {
	var p picker
	switch what := p.text(o, "type", maxID); what {
	case "block_actions":
		return clickOf(o)
	case "view_submission":
		return submissionOf(o)
	case "":
		return incoming{}, errors.New("read what Slack sent: type: want one")
	default: // view_closed, shortcut, message_action, block_suggestion and what is to come
		return incoming{kind: kindOther, name: what}, p.err
	}
}

// fromOf reads who did it. Whether team and app are ours is seen to elsewhere.
func fromOf(p *picker, o object) From {
	user, channel := p.object(o, "user"), p.object(o, "channel")
	container := p.object(o, "container")
	f := From{
		App: p.must(o, "api_app_id"), Team: p.must(p.object(o, "team"), "id"), Enterprise: p.id(p.object(o, "enterprise"), "id"),
		User: p.must(user, "id"), UserTeam: p.id(user, "team_id"),
		Channel: p.id(channel, "id"), Trigger: p.text(o, "trigger_id", maxID), ResponseURL: p.link(o, "response_url"),
	}
	if p.text(container, "type", maxID) != "message" {
		return f
	}
	if in := p.must(container, "channel_id"); in != f.Channel {
		p.fail("channel", "the channel of the message")
	}
	if alone, _ := container["is_ephemeral"].(bool); !alone {
		f.Message = p.ts(container, "message_ts")
		if f.Message == "" {
			p.fail("message_ts", "a time stamp")
		}
		f.Thread = p.ts(container, "thread_ts")
		if f.Thread == "" {
			f.Thread = p.ts(p.object(o, "message"), "thread_ts")
		}
	}
	return f
}

func clickOf(o object) (incoming, error) {
	var p picker
	f := fromOf(&p, o)
	actions := p.list(o, "actions")
	if len(actions) != 1 {
		p.fail("actions", "one")
		return incoming{}, p.err
	}
	c := Click{From: f, Action: p.text(actions[0], "action_id", maxID), Value: valueOf(&p, actions[0]).Text}
	if c.Action == "" {
		p.fail("action_id", "one")
	}
	if view := p.object(o, "view"); view != nil {
		v, _ := viewOf(&p, view)
		c.View = &v
	}
	if c.View == nil && f.Message == "" && f.ResponseURL == "" {
		p.fail("container", "a message or a view")
	}
	return incoming{kind: kindClick, name: c.Action, from: f, click: &c}, p.err
}

func submissionOf(o object) (incoming, error) {
	var p picker
	f := fromOf(&p, o)
	view := p.object(o, "view")
	if view == nil {
		p.fail("view", "one")
	}
	v, first := viewOf(&p, view)
	return incoming{kind: kindSubmission, name: v.Callback, from: f, submission: &Submission{From: f, View: v}, firstInput: first}, p.err
}

// commandOf reads a slash command, by the entry of its form or object that has a name.
func commandOf(o object) (incoming, error) {
	var p picker
	f := From{
		App: p.must(o, "api_app_id"), Team: p.must(o, "team_id"), Enterprise: p.id(o, "enterprise_id"), User: p.must(o, "user_id"),
		Channel: p.must(o, "channel_id"), Trigger: p.text(o, "trigger_id", maxID), ResponseURL: p.link(o, "response_url"),
	}
	c := Command{From: f, Name: p.text(o, "command", maxID), Text: p.text(o, "text", maxText)}
	if !strings.HasPrefix(c.Name, "/") {
		p.fail("command", "one that begins with /")
	}
	return incoming{kind: kindCommand, name: c.Name, from: f, command: &c}, p.err
}

// eventOf reads what the Events API sends, without its handshake.
func eventOf(o object) (incoming, error) {
	var p picker
	outer := p.text(o, "type", maxID)
	event := p.object(o, "event")
	inner := p.text(event, "type", maxID)
	if outer != "event_callback" || inner != "app_home_opened" || p.text(event, "tab", maxID) != "home" {
		return incoming{kind: kindOther, name: strings.TrimSpace(outer + " " + inner)}, p.err
	}
	f := From{App: p.must(o, "api_app_id"), Team: p.must(o, "team_id"), Enterprise: p.id(o, "enterprise_id"), User: p.must(event, "user")}
	e := Opened{From: f, EventID: p.text(o, "event_id", maxID)}
	if e.EventID == "" {
		p.fail("event_id", "one")
	}
	return incoming{kind: kindOpened, name: inner, from: f, opened: &e}, p.err
}

// ts is an entry that is the time stamp of a message.
func (p *picker) ts(o object, key string) string {
	v := p.text(o, key, maxID)
	if v != "" && !tsShape.MatchString(v) {
		p.fail(key, "a time stamp")
		return ""
	}
	return v
}

// link is an address to answer to. Without TLS it is one of this machine, where a stand-in listens.
func (p *picker) link(o object, key string) string {
	v := p.text(o, key, maxText)
	if v == "" {
		return ""
	}
	if u, err := url.Parse(v); err != nil || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !onThisMachine(u.Hostname())) {
		p.fail(key, "an https address")
		return ""
	}
	return v
}
