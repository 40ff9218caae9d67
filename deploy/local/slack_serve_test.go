package main

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	aws "github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/worker/app"
)

// site is Countersign as in production: a worker, and the gateway as a process of its own that tests
// kill, with a stand-in for Slack and one for AWS.
type site struct {
	*standin.Server

	t       *testing.T
	dir     string
	aws     *aws.Server
	ledger  *ledger.Ledger
	address string // of Temporal
	url     string // of the gateway
	gateway *exec.Cmd
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), Server: standin.New(standin.Sample())}
	t.Cleanup(s.Close)
	var err error
	s.aws, err = aws.New(aws.Options{})
	require.NoError(t, err)
	endpoint := httptest.NewServer(s.aws)
	t.Cleanup(endpoint.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint.URL, "AWS_ACCESS_KEY_ID": aws.SampleAccessKeyID, "AWS_SECRET_ACCESS_KEY": aws.SampleSecretKey, "TEMPORAL_CONFIG_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	server, err := devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	s.address = server.Address()
	api, err := s.Listen()
	require.NoError(t, err)
	s.write("people.yaml", slackPeople)
	s.write("slack.yaml", "workspace: "+standin.SampleTeam+"\napp: "+standin.SampleApp+"\nfallback: "+secops+"\n")
	s.tool("keys", "new", s.in("grant.pem"))
	s.write("public.pem", s.tool("keys", "public", s.in("grant.pem")))
	s.write("carol", s.tool("token", "issue", "--person", "carol", "--key", s.in("grant.pem"), "--directory", s.in("people.yaml"), "--ledger", s.in("ledger.db")))
	s.ledger, err = ledger.Open(t.Context(), s.in("ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.ledger.Close() })

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var logs lockedBuffer
	go func() {
		ended <- app.Main(ctx, []string{"--directory", s.in("people.yaml"), "--grant-keys", s.in("public.pem"), "--ledger", s.in("ledger.db"), "--address", s.address}, &logs, &logs)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	t.Setenv(slack.EnvAPI, api)
	s.serve()
	return s
}

func (s *site) in(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	require.NoError(s.t, os.WriteFile(s.in(name), []byte(text), 0o600))
}

func (s *site) tool(args ...string) string {
	s.t.Helper()
	code, out, talk := starterAt(s.t, args...)
	require.Zero(s.t, code, talk)
	return out
}

// serve starts the gateway, and returns when its sockets are up.
func (s *site) serve() {
	s.t.Helper()
	logs := &lockedBuffer{mark: `"msg":"serving"`, marked: make(chan struct{})}
	s.gateway = exec.CommandContext(s.t.Context(), os.Args[0], "serve", "--key", s.in("grant.pem"), "--directory", s.in("people.yaml"),
		"--ledger", s.in("ledger.db"), "--slack", s.in("slack.yaml"), "--listen", "127.0.0.1:0", "--address", s.address)
	s.gateway.Env = append(os.Environ(), asGateway+"=1", slack.EnvBot+"="+standin.SampleBotToken, slack.EnvApp+"="+standin.SampleAppToken)
	s.gateway.Stdout, s.gateway.Stderr = logs, logs
	require.NoError(s.t, s.gateway.Start())
	s.t.Cleanup(s.kill)
	select {
	case <-logs.marked:
	case <-time.After(time.Minute):
		s.t.Fatalf("the gateway does not serve:\n%s", logs)
	}
	_, s.url, _ = strings.Cut(logs.String(), `"url":"`)
	s.url, _, _ = strings.Cut(s.url, `"`)
	s.until("sockets", func() bool { return s.Sockets() > 0 })
}

// kill kills the gateway, as a machine that goes away does.
func (s *site) kill() {
	_ = s.gateway.Process.Kill()
	_ = s.gateway.Wait()
}

func (s *site) until(what string, so func() bool) {
	s.t.Helper()
	require.Eventually(s.t, so, 30*time.Second, 20*time.Millisecond, what)
}

// asked starts the sample run, and returns its card once it takes clicks.
func (s *site) asked() (card standin.Message) {
	s.t.Helper()
	s.tool("run", "--event", "../../playbooks/events/guardduty-iam-malicious-ip-caller.json", "--gateway", s.url, "--token-file", s.in("carol"), "--address", s.address)
	s.until("a card on record", func() bool {
		for _, m := range bodies[ledger.MessageBody](s.t, s.ledger, ledger.Message) {
			if m.State == ledger.Posted {
				card, _ = s.Message(m.Channel, m.TS)
			}
		}
		return card.TS != ""
	})
	return card
}

// told waits until the card tells the end of the run as it was, and holds that it happened once.
func (s *site) told(card standin.Message) {
	s.t.Helper()
	healed := time.Now()
	s.until("the card to tell the end", func() bool {
		m, _ := s.Message(secops, card.TS)
		return strings.Contains(s.Plain(m), "contained") && !slices.ContainsFunc(m.Buttons(), func(b standin.Button) bool { return b.Action == blocks.ActApprove })
	})
	s.t.Logf("the card told the truth %s after all was well again", time.Since(healed).Round(time.Millisecond))
	require.Len(s.t, bodies[ledger.VoteBody](s.t, s.ledger, ledger.Vote), 1)
	require.Len(s.t, s.aws.Mutations(), len(keyContained))
	require.Len(s.t, s.Messages(secops), 1)
}

// The gateway is away when somebody presses, and comes again.
func TestServeAwayAtTheClick(t *testing.T) {
	s := newSite(t)
	card := s.asked()
	s.kill()
	got, err := s.Press("U0ALICE", secops, card.TS, blocks.ActApprove)
	require.NoError(t, err)
	require.True(t, got.Warning(), "the person sees that it did not count")
	require.Empty(t, bodies[ledger.VoteBody](t, s.ledger, ledger.Vote))
	s.serve()
	got, err = s.Press("U0ALICE", secops, card.TS, blocks.ActApprove)
	require.NoError(t, err)
	require.True(t, got.Acked)
	s.told(card)
}

// The gateway takes a click while Slack takes no update, and is killed before any card tells of it.
func TestServeKilledAfterTheClick(t *testing.T) {
	s := newSite(t)
	card := s.asked()
	for _, method := range []string{"chat.update", "response_url", "chat.postMessage"} {
		s.Inject(standin.Fault{Method: method, Kind: standin.ServerError})
	}
	got, err := s.Press("U0ALICE", secops, card.TS, blocks.ActApprove)
	require.NoError(t, err)
	require.True(t, got.Acked)
	s.kill()
	m, _ := s.Message(secops, card.TS)
	require.Equal(t, s.Plain(card), s.Plain(m), "it tells nothing of it yet")
	s.until("the run to go on without the gateway", func() bool { return len(s.aws.Mutations()) == len(keyContained) })
	s.serve()
	s.ClearFaults()
	s.told(card)
	got, err = s.Press("U0ALICE", secops, card.TS, blocks.ActDetails)
	require.NoError(t, err)
	require.True(t, got.Acked)
}

// The socket breaks between the click and its acknowledgement: the person is warned, and whatever they
// press then, it counts once.
func TestSocketBreaksAtTheClick(t *testing.T) {
	s := newSite(t)
	card := s.asked()
	s.Inject(standin.Fault{Method: "socket", Kind: standin.DropAfter, Times: 1})
	got, err := s.Press("U0ALICE", secops, card.TS, blocks.ActApprove)
	require.NoError(t, err)
	require.True(t, got.Warning())
	s.until("sockets", func() bool { return s.Sockets() > 0 })
	m, _ := s.Message(secops, card.TS)
	if slices.ContainsFunc(m.Buttons(), func(b standin.Button) bool { return b.Action == blocks.ActApprove }) { // else the first had arrived
		_, err = s.Press("U0ALICE", secops, card.TS, blocks.ActApprove)
		require.NoError(t, err)
	}
	s.told(card)
}
