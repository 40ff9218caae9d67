package slack

import (
	"context"
	"errors"
	"fmt"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// maxRefused is how often the desk is asked for what it would not have asked itself.
const maxRefused = 3

// errNotOurs is that a card is of nothing that this gateway knows.
var errNotOurs = errors.New("it is none of this gateway's")

// sight looks at a card's matter. What is not this gateway's nobody is told of: then the error is
// errNotOurs.
func (f *Front) sight(ctx context.Context, c *card) (desk.Sight, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s, err := f.Desk.Sight(ctx, c.run, c.digest)
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	switch {
	case err == nil:
		c.refused = 0
		f.memory.saw(c)
	case errors.Is(err, approval.ErrRefused) || errors.Is(err, workflows.ErrNoRun):
		if c.refused++; c.refused >= maxRefused {
			return s, fmt.Errorf("%w: %w", errNotOurs, err)
		}
	}
	return s, err
}

// render is the message of some cards as they are.
func (t *term) render(ctx context.Context, rows []*card, sights []desk.Sight, fold bool) blocks.Message {
	c := t.face(ctx)
	to := t.routed(sights[0])
	c.People, c.Groups = to.People, to.Groups
	if fold {
		return blocks.Fold(sights, c)
	}
	t.memory.mu.Lock()
	if r := rows[0]; r.recorded != nil && t.Now().Before(r.until) {
		c.Recorded = r.recorded
	}
	t.memory.mu.Unlock()
	return blocks.Card(sights[0], c)
}

// plainly is a message that Slack takes in any case. It has no buttons.
func plainly(m blocks.Message, rows []*card) blocks.Message {
	return blocks.Sentence(fmt.Sprintf("%s. It cannot be shown here; read it with starter show %s, and decide it with starter approve %s.", m.Text, rows[0].run, rows[0].run))
}

// sum is what tells two messages apart.
func sum(m blocks.Message) digest.Digest {
	d, err := digest.Of(m)
	if err != nil {
		return ""
	}
	return d
}
