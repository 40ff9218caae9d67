package receive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// conn is one connection.
type conn struct {
	*Socket

	ws      *websocket.Conn
	replace chan struct{} // closed when the next is to be opened
	once    sync.Once
	drain   *time.Timer

	deadline sync.Mutex
	ending   bool // the deadline stays where it is

	write   sync.Mutex     // gorilla takes one writer at a time
	answers sync.WaitGroup // that are still to be given
}

// envelope is one thing that Slack sends.
type envelope struct {
	kind, id string
	payload  object
	answers  bool // it takes a payload in the acknowledgement
	object
}

func (c *conn) read() (envelope, error) {
	kind, raw, err := c.ws.ReadMessage()
	if err != nil {
		return envelope{}, err
	}
	if kind != websocket.TextMessage {
		return envelope{}, errNotUnderstood
	}
	o, err := decode(raw)
	if err != nil {
		return envelope{}, fmt.Errorf("%w: %w", errNotUnderstood, err)
	}
	var p picker
	e := envelope{kind: p.text(o, "type", maxID), id: p.text(o, "envelope_id", maxID), payload: p.object(o, "payload"), object: o}
	e.answers, _ = o["accepts_response_payload"].(bool)
	if p.err != nil {
		return e, fmt.Errorf("%w: %w", errNotUnderstood, p.err)
	}
	return e, nil
}

// errNotUnderstood says that one message is no good; the connection is.
var errNotUnderstood = errors.New("it is not understood")

// greet waits for Slack's hello. Pings of Slack keep the connection alive from then on.
func (c *conn) greet(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.ws.Close() })
	defer stop()
	c.extend(helloTime)
	e, err := c.read()
	if err != nil {
		return fmt.Errorf("wait for Slack's hello: %w", err)
	}
	if e.kind != "hello" {
		return errors.Join(fmt.Errorf("wait for Slack's hello: it says %.40q", e.kind), c.parting(e))
	}
	c.ws.SetPingHandler(func(data string) error {
		c.extend(pingTime)
		// A pong that does not arrive has Slack end the connection.
		_ = c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTime))
		return nil
	})
	c.extend(pingTime)
	n, _ := e.object["num_connections"].(json.Number)
	count, _ := n.Int64()
	c.hello(ctx, int(count))
	return nil
}

// extend lets the connection live for so long without a word of Slack, unless it is to end.
func (c *conn) extend(by time.Duration) {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	if !c.ending {
		_ = c.ws.SetReadDeadline(time.Now().Add(by)) // of a connection that is closed; reading tells
	}
}

// hang ends the reading, not the answering.
func (c *conn) hang() {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	c.ending = true
	_ = c.ws.SetReadDeadline(time.Unix(1, 0))
}

// retire has the next connection opened, and this one closed some time later.
func (c *conn) retire() {
	c.once.Do(func() {
		close(c.replace)
		c.drain = time.AfterFunc(c.o.Drain, c.hang)
	})
}

// serve takes what comes in until the connection ends, by itself, because ctx ends, or some time after
// it is to be replaced. What came in is answered before it is closed.
func (c *conn) serve(ctx context.Context) error {
	renew := time.AfterFunc(c.o.Renew/2+rand.N(c.o.Renew), c.retire)
	stop := context.AfterFunc(ctx, c.hang)
	err := c.listen(ctx)
	renew.Stop()
	stop()
	c.once.Do(func() { c.drain = renew }) // from here on there is nothing to retire
	c.drain.Stop()
	c.ended()
	c.answers.Wait()
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	_ = c.ws.Close() // it may be closed already, and nothing more is said
	c.gone()
	return err
}

// maxUnread is how many messages in a row may be no good.
const maxUnread = 10

// listen reads until nothing more comes; its error is nil if that was to be.
func (c *conn) listen(ctx context.Context) error {
	for unread := 0; ; {
		e, err := c.read()
		switch {
		case errors.Is(err, errNotUnderstood) && unread < maxUnread:
			unread++
			c.in.Log.WarnContext(ctx, "Slack sent what is not understood", "kind", e.kind, "error", err)
			continue
		case err != nil && c.meant(ctx):
			return nil
		case err != nil:
			return fmt.Errorf("a socket to Slack ended: %w", err)
		}
		unread = 0
		switch e.kind {
		case "hello":
		case "disconnect":
			if err := c.parting(e); err != nil {
				return err
			}
			c.retire()
		default:
			c.answers.Go(func() { c.answer(ctx, e) })
		}
	}
}

// meant reports whether the connection ends because it is to.
func (c *conn) meant(ctx context.Context) bool {
	select {
	case <-c.replace:
		return true
	default:
		return ctx.Err() != nil
	}
}

// parting reads why Slack ends the connection. Its error is nil if another may be opened at once.
func (c *conn) parting(e envelope) error {
	reason, _ := e.object["reason"].(string)
	if err := fatalOf(reason); err != nil {
		return err
	}
	if reason == "too_many_websockets" {
		return errors.New("Slack ends a socket: the app has more than it may have; are there more gateways than they should be, or does somebody else hold SLACK_APP_TOKEN?")
	}
	return nil
}

// answer takes one thing and acknowledges it. What is not taken is not acknowledged: the person sees
// Slack's warning, and an event comes again.
func (c *conn) answer(ctx context.Context, e envelope) {
	what, err := incomingOf(e)
	if err == nil && e.kind != "events_api" { // an event has an id of its own
		var again bool
		if again, err = c.in.Seen.Seen(ctx, "envelope "+e.id, time.Now().Add(requestTime)); again {
			return // the first is answered
		}
	}
	var a answer
	if err == nil {
		a, err = c.in.take(ctx, what)
	}
	if err != nil {
		c.in.Log.WarnContext(ctx, "refused what came from Slack", "envelope", e.kind, "kind", what.kind, "name", what.name, "error", err)
		return
	}
	if err := c.acknowledge(e, a.body); err != nil {
		c.in.Log.WarnContext(ctx, "what came from Slack was taken, and the answer did not arrive: the person may press again", "kind", what.kind, "name", what.name, "error", err)
	}
	c.in.then(ctx, what, a)
}

func (c *conn) acknowledge(e envelope, body json.RawMessage) error {
	if !e.answers {
		body = nil
	}
	raw := write(struct {
		ID      string          `json:"envelope_id"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}{e.id, body})
	c.write.Lock()
	defer c.write.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	return c.ws.WriteMessage(websocket.TextMessage, raw)
}

func incomingOf(e envelope) (incoming, error) {
	switch {
	case e.id == "":
		return incoming{}, fmt.Errorf("%w: it has no envelope_id", errNotUnderstood)
	case e.kind == "interactive":
		return interaction(e.payload)
	case e.kind == "slash_commands":
		return commandOf(e.payload)
	case e.kind == "events_api":
		return eventOf(e.payload)
	}
	return incoming{kind: kindOther, name: e.kind}, nil
}
