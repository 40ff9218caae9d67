package redteam

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	chatstandin "github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows/approval"
)

// chat is a world whose people are asked in Slack.
type chat struct {
	*world

	slack   *chatstandin.Server
	api     string
	env     map[string]string // of the gateways
	gate    *replica          // the one that Slack sends to over HTTP
	answers buffer            // all that whoever sent something was answered

	mu       sync.Mutex
	sent     []sent // what Slack sent over HTTP
	withheld bool   // it does not arrive
}

// sent is a request that carries a signature of Slack's, or looks so.
type sent struct {
	path   string // with the query
	header http.Header
	body   string
}

// The channels, and what each way in needs. Guests and strangers are in the directory, and even in the
// group: it is not what keeps them out.
const (
	secops = "C0SECOPS"
	other  = "C0OTHER"

	slackPeople = `
people:
  alice: {name: Alice, email: alice@example.com, slack: U0ALICE}
  bob: {name: Bob, email: bob@example.com, slack: U0BOB}
  carol: {name: Carol, email: carol@example.com, slack: U0CAROL}
  dora: {name: Dora, email: dora@example.com, accounts: [ci-deployer]}
  guest: {slack: U0GUEST}
  ultra: {slack: U0ULTRA}
  robot: {slack: U0ROBOT}
  gone: {slack: U0GONE}
  stranger: {slack: U0STRANGER}
groups:
  secops-oncall: [alice, bob, dora, guest, ultra, robot, gone, stranger]
  secops-leads: [carol]
sources: [pipeline]
`
	slackRoutes = `
workspace: T0TEAM
app: A0APP
fallback: C0OTHER
routes:
  - {name: secops, stage: run, channel: C0SECOPS}
`
)

var (
	overHTTP   = map[string]string{slack.EnvBot: chatstandin.SampleBotToken, slack.EnvSigning: chatstandin.SampleSecret}
	overSocket = map[string]string{slack.EnvBot: chatstandin.SampleBotToken, slack.EnvApp: chatstandin.SampleAppToken}
)

// newChat is a world with a gateway that Slack reaches one way, under a policy; "" is the one that ships.
func newChat(t *testing.T, way map[string]string, policy string, before ...func(*chat)) *chat {
	t.Helper()
	c := &chat{}
	door := httptest.NewServer(c)
	t.Cleanup(door.Close)
	o := chatstandin.Sample()
	o.RequestURL = door.URL
	o.Users = append(o.Users, chatstandin.User{ID: "U0ZOE", Name: "zoe", Email: "alice@example.com"}) // she says so
	c.slack = chatstandin.New(o)
	var err error
	c.api, err = c.slack.Listen()
	require.NoError(t, err)
	t.Cleanup(c.slack.Close)
	c.env = map[string]string{slack.EnvAPI: c.api}
	for name, value := range way {
		c.env[name] = value
	}
	for _, do := range before {
		do(c)
	}
	newWorldWith(t, setting{people: slackPeople, policy: policy, opened: func(w *world) {
		c.world = w
		w.write("slack.yaml", slackRoutes)
		c.gate = c.gateway(w.desk, w.ledger)
	}})
	return c
}

// replica is one gateway: a desk, a front and a server.
type replica struct {
	front *slack.Slack
	url   string
	stop  func()
}

func (c *chat) gateway(d *desk.Desk, l *ledger.Ledger) *replica {
	c.Helper()
	tokens, err := slack.ReadTokens(func(name string) string { return c.env[name] })
	require.NoError(c, err)
	r := &replica{}
	r.front, err = slack.Open(slack.Setup{
		File: c.file("slack.yaml"), Tokens: tokens, Desk: d, Ledger: l, Runs: c.runs, Directory: d.Directory, Library: d.Library, Log: d.Log,
	})
	require.NoError(c, err)
	d.Notifier = r.front
	s, err := server.New(server.Options{
		Desk: d, Log: d.Log, Auth: &server.Auth{Keys: c.signer.Keys(), Ledger: l, Audience: grant.Gateway}, Routes: []func(*http.ServeMux){r.front.Mount},
	}, server.Listen{Address: "127.0.0.1:0"})
	require.NoError(c, err)
	r.url = s.URL()
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Context()))
	var all sync.WaitGroup
	for name, run := range map[string]func(context.Context) error{"front": r.front.Run, "server": s.Serve} {
		all.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				c.Errorf("the %s ended: %v", name, err)
			}
		})
	}
	r.stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	c.Cleanup(r.stop)
	return r
}

// restart ends the gateway, and begins another on the same ledger. What the last one had in mind is gone.
func (c *chat) restart() {
	c.Helper()
	c.gate.stop()
	c.gate = c.gateway(c.newDesk(c.ledger), c.ledger)
}

// ServeHTTP is where Slack sends to: it keeps what comes, and passes it on.
func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	is := sent{receive.PathInteractions, r.Header.Clone(), string(body)}
	if r.Header.Get("Content-Type") == "application/json" {
		is.path = receive.PathEvents
	}
	c.mu.Lock()
	c.sent = append(c.sent, is)
	withheld := c.withheld
	c.mu.Unlock()
	if err != nil || withheld {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	got, err := c.exchange(c.gate, is)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", got.kind)
	w.WriteHeader(got.status)
	_, _ = io.WriteString(w, got.body)
}

// captured is what Slack sends when somebody presses something; it does not arrive.
func (c *chat) captured(user string, m chatstandin.Message, action string) sent {
	c.Helper()
	c.hold(true)
	defer c.hold(false)
	got, err := c.slack.Press(user, m.Channel, m.TS, action)
	require.NoError(c, err)
	require.True(c, got.Warning(), "who presses sees that it did not work")
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[len(c.sent)-1]
}

func (c *chat) hold(withheld bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.withheld = withheld
}

// answered is what a gateway answers.
type answered struct {
	status     int
	kind, body string
}

// deliver sends a request to a gateway.
func (c *chat) deliver(to *replica, is sent) answered {
	c.Helper()
	got, err := c.exchange(to, is)
	require.NoError(c, err)
	return got
}

func (c *chat) exchange(to *replica, is sent) (answered, error) {
	request, err := http.NewRequestWithContext(c.Context(), http.MethodPost, to.url+is.path, strings.NewReader(is.body))
	if err != nil {
		return answered{}, err
	}
	request.Header = is.header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answered{}, err
	}
	defer response.Body.Close()
	var said bytes.Buffer
	if err := response.Header.Write(&said); err != nil {
		return answered{}, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answered{}, err
	}
	_, _ = c.answers.Write(append(said.Bytes(), body...))
	return answered{response.StatusCode, response.Header.Get("Content-Type"), string(body)}, nil
}

// signed is an interaction with a signature, as it would be made now.
func signed(secret, payload string) sent {
	body := url.Values{"payload": {payload}}.Encode()
	header := chatstandin.Sign(secret, time.Now(), []byte(body))
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return sent{receive.PathInteractions, header, body}
}

// click is the payload of somebody who presses a button in a message.
func click(user, channel, ts, action, value string) map[string]any {
	return map[string]any{
		"type": "block_actions", "api_app_id": chatstandin.SampleApp, "team": map[string]any{"id": chatstandin.SampleTeam},
		"user": map[string]any{"id": user, "team_id": chatstandin.SampleTeam}, "channel": map[string]any{"id": channel},
		"container": map[string]any{"type": "message", "message_ts": ts, "channel_id": channel},
		"actions":   []any{map[string]any{"action_id": action, "block_id": "actions", "type": "button", "value": value}},
	}
}

// card waits until a request is shown, and the record says where.
func (c *chat) card(r approval.Request) chatstandin.Message {
	c.Helper()
	var m chatstandin.Message
	c.eventually("there is no card", func() (is bool) {
		for _, b := range bodies[ledger.MessageBody](c.world, ledger.Message) {
			if b.Digest == r.Digest && b.State == ledger.Posted {
				m, is = c.slack.Message(b.Channel, b.TS)
			}
		}
		return is
	})
	return m
}

// press presses a button, and asks that Slack was answered.
func (c *chat) press(user string, m chatstandin.Message, action string) chatstandin.Result {
	c.Helper()
	got, err := c.slack.Press(user, m.Channel, m.TS, action)
	require.NoError(c, err)
	require.True(c, got.Acked)
	return got
}

// hears waits until a person alone was told something.
func (c *chat) hears(user, want string) {
	c.Helper()
	c.eventually(user+" does not hear: "+want, func() bool {
		for _, m := range c.slack.Ephemeral(user) {
			if strings.Contains(c.slack.Plain(m), want) {
				return true
			}
		}
		return false
	})
}

// reads waits until a card says something.
func (c *chat) reads(m chatstandin.Message, want string) {
	c.Helper()
	c.eventually("the card does not say: "+want, func() bool {
		now, _ := c.slack.Message(m.Channel, m.TS)
		return strings.Contains(c.slack.Plain(now), want)
	})
}

func (c *chat) eventually(says string, so func() bool) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), longest)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			c.Fatalf("%s\n%s", says, c.logs)
		case <-tick.C:
		}
	}
}

// bodies are those of the records of a kind.
func bodies[T any](w *world, kind ledger.Kind) []T {
	w.Helper()
	var all []T
	for _, r := range w.records(kind) {
		var b T
		require.NoError(w, json.Unmarshal(r.Body, &b))
		all = append(all, b)
	}
	return all
}

// undecided asks that nothing came of it all.
func (c *chat) undecided() {
	c.Helper()
	require.Empty(c, c.records(ledger.Vote))
	c.undecidedYet()
	c.untouched()
}

// undecidedYet asks that nobody has decided anything. Of a run that ended while it asked the record says so,
// as soon as the gateway has looked.
func (c *chat) undecidedYet() {
	c.Helper()
	for _, d := range bodies[ledger.DecisionBody](c.world, ledger.Decision) {
		require.Equal(c, string(approval.Withdrawn), d.Outcome)
	}
}

// asks is what a run asks that carol starts: whether to switch off the leaked key, and more such steps.
func (c *chat) asks(name, more string) approval.Request {
	c.Helper()
	pb := c.compile(name, `
steps:
  - id: ask
    approve: Another one?
    approvers: [secops-oncall]
    expires: 10m
    steps:
      - {id: act, activity: aws.iam.disable_access_key, with: `+inline(c.world, leaked)+"}\n"+more)
	started, err := c.desk.Start(c.Context(), by("carol"), desk.Start{Playbook: name, Plan: &pb.Plan})
	require.NoError(c, err)
	return c.asked(started.Run)
}

// once asks that something was approved by so many votes, and done once.
func (c *chat) once(votes int) {
	c.Helper()
	c.over(sampleRun)
	require.Len(c, c.records(ledger.Vote), votes)
	require.Len(c, c.records(ledger.Decision), 1)
	require.Equal(c, contained, c.changes())
}
