package blocks

import (
	"regexp"
	"time"

	"github.com/countersign/countersign/starter/gateway/desk"
)

// Context is what a face needs beside the matter itself.
type Context struct {
	Now time.Time
	// Mention gives a person's id in Slack, and Group that of a group of the directory; "" is none, and
	// then the name is shown. nil knows nobody.
	Mention func(person string) string
	Group   func(group string) string
	// People and Groups are whom a card calls while it waits.
	People, Groups []string
	// Recorded is what was just heard, before the record is read anew; nil: nothing.
	Recorded *Recorded
	// Switch is how effects stand.
	Switch desk.Switch
	// Channel and Message say where a view was opened from; "" is nowhere. They come back in its [Meta].
	Channel, Message string
}

// Recorded is what somebody just did.
type Recorded struct {
	Person string // stable id
	Did    string // "approve", "reject", "edit", "answer", "undo", "keep"
}

var (
	userID  = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)
	groupID = regexp.MustCompile(`^S[A-Z0-9]{2,30}$`)
)

// user is the Slack id of a person, "" if there is none.
func (c Context) user(person string) string {
	if c.Mention == nil {
		return ""
	}
	id := c.Mention(person)
	if !userID.MatchString(id) {
		return ""
	}
	return id
}

// group is the Slack id of a group, "" if there is none.
func (c Context) group(name string) string {
	if c.Group == nil {
		return ""
	}
	id := c.Group(name)
	if !groupID.MatchString(id) {
		return ""
	}
	return id
}

// person is a person in mrkdwn.
func (c Context) person(person string) string {
	if id := c.user(person); id != "" {
		return "<@" + id + ">"
	}
	return codeOf(name(person, maxName))
}

// groupOf is a group in mrkdwn, which it calls.
func (c Context) groupOf(group string) string {
	if id := c.group(group); id != "" {
		return "<!subteam^" + id + ">"
	}
	return codeOf(name(group, maxName))
}

// maxName bounds a name in a sentence.
const maxName = 100
