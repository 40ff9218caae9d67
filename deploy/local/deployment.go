package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.temporal.io/sdk/client"

	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/directory/slackgroup"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/worker/app"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/playbook"
)

//go:embed people.yaml
var people []byte

// deployment is everything that runs: each part as it is in production, except for AWS and for
// there being one process.
type deployment struct {
	server *devserver.Server
	aws    *standin.Server // nil when AWS_ENDPOINT_URL names another
	awsURL string
	runs   workflows.Client

	findings *store.Store
	desk     *desk.Desk
	slack    *slack.Slack // nil: nobody is asked there
	trouble  func(string)
	gateway  string // its URL
	// scheduled are the playbooks that have a schedule.
	scheduled []*playbook.Playbook
	gateFile  string // where commands find it

	stops []func()
}

// deploy starts the parts in the order in which they need each other. What was started when one
// fails is stopped again.
func deploy(ctx context.Context, o options, trouble func(string)) (_ *deployment, err error) {
	d := &deployment{trouble: trouble}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	members, err := o.members()
	if err != nil {
		return nil, err
	}
	if d.server, err = devserver.Start(ctx, devserver.Options{Dir: o.state, Fresh: o.fresh, UI: true, OnTrouble: trouble}); err != nil {
		return nil, err
	}
	d.stops = append(d.stops, func() { _ = d.server.Stop() })
	provider, err := d.startAWS(o)
	if err != nil {
		return nil, err
	}
	c, err := connect.Local(ctx, d.server.Address(), d.server.Namespace())
	if err != nil {
		return nil, err
	}
	d.stops = append(d.stops, c.Close)
	trust, err := o.openTrust(ctx, members)
	if err != nil {
		return nil, err
	}
	d.stops = append(d.stops, func() { _ = trust.ledger.Close() })
	if d.findings, err = store.Open(ctx, filepath.Join(o.state, ledgerFile)); err != nil {
		return nil, err
	}
	d.stops = append(d.stops, func() { _ = d.findings.Close() })
	if err := d.startWorker(c, provider, o, trust); err != nil {
		return nil, err
	}
	d.runs = workflows.Client{Temporal: c, Namespace: d.server.Namespace()}
	if err := d.startGateway(ctx, o, trust); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *deployment) startWorker(c client.Client, provider aws.Options, o options, t *trust) error {
	by, err := t.authority(o)
	if err != nil {
		return err
	}
	w, err := app.Start(c, app.Options{AWS: provider, Directory: t.people, Authority: by, Findings: d.findings})
	if err != nil {
		return err
	}
	d.stops = append(d.stops, w.Stop)
	return nil
}

// take gives the gateway what somebody says.
func (d *deployment) take(context.Context, string, any) error {
	return errors.New("answers are given to a gateway, and there is none here yet")
}

// stop ends the parts, last started first.
func (d *deployment) stop() {
	for i := len(d.stops) - 1; i >= 0; i-- {
		d.stops[i]()
	}
}

// members reads the directory: the one in this folder, or the operator's, read anew each time.
func (o options) members() (func() (directory.Directory, error), error) {
	read := func() (directory.Directory, error) { return directory.Parse(people) }
	if o.directory != "" {
		read = func() (directory.Directory, error) { return directory.Load(o.directory) }
	}
	read, err := slackgroup.FromEnv(read)
	if err != nil {
		return nil, err
	}
	return func() (directory.Directory, error) {
		d, err := read()
		d.Sources = append(slices.Clone(d.Sources), source)
		return d, err
	}, nil
}

// usualAWSPort is where stand-ins for AWS are commonly found.
const usualAWSPort = 4566

// startAWS serves the stand-in, unless the environment names another AWS.
func (d *deployment) startAWS(o options) (aws.Options, error) {
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
		if o.estate > 0 {
			return aws.Options{}, errors.New("--estate is the stand-in's: AWS_ENDPOINT_URL names another AWS, so unset it")
		}
		d.awsURL = url
		return aws.Options{}, nil
	}
	seed, name := o.seed()
	file := filepath.Join(o.state, name)
	if o.fresh {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return aws.Options{}, fmt.Errorf("forget the stand-in for AWS: %w", err)
		}
	}
	accounts, err := o.accounts()
	if err != nil {
		return aws.Options{}, err
	}
	if d.aws, err = standin.New(standin.Options{File: file, Seed: seed}); err != nil {
		return aws.Options{}, err
	}
	listener, err := listen(usualAWSPort)
	if err != nil {
		return aws.Options{}, fmt.Errorf("serve the stand-in for AWS: %w", err)
	}
	server := &http.Server{Handler: d.aws, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with ErrServerClosed, and only by Close below
	}()
	d.stops = append(d.stops, func() {
		_ = server.Close()
		<-served
	})
	d.awsURL = "http://" + listener.Addr().String()
	return aws.Options{
		Endpoint:    d.awsURL,
		Credentials: credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, ""),
		Accounts:    accounts,
	}, nil
}

// listen takes a port on the loopback address: the usual one, or any when that is taken.
func listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	return listener, err
}
