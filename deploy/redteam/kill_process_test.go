package redteam

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/fresh"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/worker/app"
	"github.com/countersign/countersign/worker/authority"
	"github.com/countersign/countersign/workflows/policy"
)

// point is where a worker dies.
type point string

// The points around an effect, in their order.
const (
	beforeIntent   point = "before the intent"
	afterIntent    point = "after the intent"
	beforeCall     point = "before the call leaves"
	afterCall      point = "after the call, before the outcome"
	afterOutcome   point = "after the outcome"
	afterCompleted point = "after the activity has completed"
)

// reached is what a process prints at its point, where it stands still until it is killed.
const reached = "reached"

func halt() {
	fmt.Println(reached)
	select {}
}

// site is what a worker is given: where everything is.
type site struct {
	Temporal, Queue, AWS, Ledger string
	Directory, Policy, Keys      string // files
	Point                        point
}

const siteEnv = "COUNTERSIGN_TEST_SITE"

// doomed is a worker as it is in production, that stands still at a point.
func doomed() int {
	var s site
	err := json.Unmarshal([]byte(os.Getenv(siteEnv)), &s)
	if err == nil {
		_, _, err = s.work(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	select {}
}

// work starts a worker. What it is given beside the real things are the places to die at, none of
// which is in the program: around the authority, and around the engine's client.
func (s site) work(ctx context.Context) (*app.Worker, func(), error) {
	keys, err := grant.LoadKeys(s.Keys, false)
	if err != nil {
		return nil, nil, err
	}
	l, err := ledger.Open(ctx, s.Ledger)
	if err != nil {
		return nil, nil, err
	}
	people := fresh.File(s.Directory, 1<<20, directory.Parse)
	real, err := authority.New(authority.Options{
		Keys: keys, Ledger: l, Policy: policy.File(s.Policy), Directory: people, Effects: app.Effects(registryOf(s.AWS)),
	})
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	doom := &doom{Authority: real, at: s.Point}
	c, err := dial(s.Temporal, grpc.WithChainUnaryInterceptor(doom.completed))
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	found, err := s.findings(ctx)
	if err != nil {
		c.Close()
		return nil, nil, errors.Join(err, l.Close())
	}
	end := func() {
		c.Close()
		_ = found.Close()
		_ = l.Close() // what was written stands
	}
	w, err := app.Start(c, app.Options{TaskQueue: s.Queue, Directory: people, AWS: awsAt(s.AWS), Authority: doom, Findings: found})
	if err != nil {
		end()
		return nil, nil, err
	}
	return w, end, nil
}

func dial(address string, options ...grpc.DialOption) (client.Client, error) {
	return client.Dial(client.Options{
		HostPort: address, Logger: log.NewStructuredLogger(quiet), ContextPropagators: []workflow.ContextPropagator{activities.Tickets()},
		ConnectionOptions: client.ConnectionOptions{DialOptions: options},
	})
}

// doom is the real authority with places to die at before and after.
type doom struct {
	*authority.Authority
	at       point
	recorded atomic.Bool
}

func (d *doom) Begin(ctx context.Context, a activities.Attempt) (activities.Turn, error) {
	if d.at == beforeIntent {
		halt()
	}
	turn, err := d.Authority.Begin(ctx, a)
	if d.at == afterIntent && err == nil {
		halt()
	}
	return doomedTurn{turn, d}, err
}

type doomedTurn struct {
	activities.Turn
	doom *doom
}

func (t doomedTurn) End(ctx context.Context, o activities.Outcome) error {
	err := t.Turn.End(ctx, o)
	if err == nil {
		if t.doom.at == afterOutcome {
			halt()
		}
		t.doom.recorded.Store(true)
	}
	return err
}

// completed stands still once the engine has taken the result of the effect.
func (d *doom) completed(ctx context.Context, method string, req, reply any, c *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, c, opts...)
	if d.at == afterCompleted && err == nil && d.recorded.Load() && strings.HasSuffix(method, "/RespondActivityTaskCompleted") {
		halt()
	}
	return err
}

// patience bounds each wait for something that takes a moment.
const patience = 90 * time.Second

// victim is a worker process.
type victim struct {
	cmd     *exec.Cmd
	reached chan struct{}
	said    strings.Builder // read it when the process is gone
	ended   chan struct{}
}

// start starts a worker of its own process.
func (s site) start(t *testing.T) *victim {
	t.Helper()
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	v := &victim{cmd: exec.CommandContext(t.Context(), os.Args[0]), reached: make(chan struct{}), ended: make(chan struct{})}
	v.cmd.Env = append(os.Environ(), asProcess+"=doomed worker", siteEnv+"="+string(raw))
	out, err := v.cmd.StdoutPipe()
	require.NoError(t, err)
	v.cmd.Stderr = v.cmd.Stdout
	require.NoError(t, v.cmd.Start())
	go func() {
		defer close(v.ended)
		at := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == reached && !at {
				at = true
				close(v.reached)
			}
			v.said.WriteString(lines.Text() + "\n")
		}
	}()
	t.Cleanup(func() {
		_ = v.cmd.Process.Kill() // it may be dead
		<-v.ended
		_ = v.cmd.Wait()
	})
	return v
}

// kill ends the process as the machine would: it hears nothing, and writes nothing any more.
func (v *victim) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, v.cmd.Process.Kill())
	<-v.ended
	_ = v.cmd.Wait()
	require.Equal(t, -1, v.cmd.ProcessState.ExitCode(), "it ended before it was killed:\n%s", v.said.String())
}
