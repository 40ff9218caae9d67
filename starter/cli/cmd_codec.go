package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/logs"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/codec"
	"github.com/countersign/countersign/workflows/connect"
)

// codecTokenEnv is the variable of the environment in the place of --token-file.
const codecTokenEnv = "COUNTERSIGN_CODEC_TOKEN"

func (a *app) codec() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "codec",
		Short: "Decrypt payloads for the Temporal UI, and make keys to encrypt them with",
		Long: `Decrypt payloads for the Temporal UI, and make keys to encrypt them with.

With keys (--payload-keys, on the worker and here) everything that Temporal keeps of runs is encrypted:
inputs, outputs, events and the messages of failures. A file of keys has one a line, the newest first.
To change keys put the new one below the old one everywhere, then above it everywhere.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	key := &cobra.Command{
		Use:   "key ID",
		Short: "Make a key: a line for a file of keys",
		Example: `  umask 077 && starter codec key 2026-11 > payload-keys
  starter runs --payload-keys payload-keys`,
		Args: arguments("ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			line, err := connect.NewKey(args[0])
			if err != nil {
				return refuse(err, "")
			}
			if a.json() {
				return a.printJSON(map[string]string{"id": args[0], "line": line})
			}
			return a.print("%s", line)
		},
	}
	cmd.AddCommand(key, a.codecServe())
	return cmd
}

// codecFlags are the flags of codec serve.
type codecFlags struct {
	listen, tokenFile, cert, key string
	origins, hosts               []string
}

func (a *app) codecServe() *cobra.Command {
	var f codecFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer the Temporal UI and the temporal command with decrypted payloads",
		Long: `Answer the Temporal UI and the temporal command with decrypted payloads.

Whoever gets an answer reads everything that runs keep. Each request bears the token of --token-file (or
of $` + codecTokenEnv + `), of 32 bytes or more; pages may ask if their origin is named, exactly. It listens on
this machine alone unless it is told otherwise, and beyond it only with TLS. Each request is logged, without
what was in it.`,
		Example: `  starter codec serve --payload-keys payload-keys --token-file codec-token --origin http://localhost:8233
  temporal workflow show -w RUN --codec-endpoint http://127.0.0.1:8235 --codec-auth "Bearer $(cat codec-token)"`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := a.codecServer(f)
			if err != nil {
				return err
			}
			return a.serveCodec(cmd, f, server)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8235", "where to listen, host:port")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` of the token that requests bear, which nobody else may read (default: $"+codecTokenEnv+")")
	flags.StringArrayVar(&f.origins, "origin", nil, "origin of pages that may ask, as https://temporal.example.com (repeat)")
	flags.StringArrayVar(&f.hosts, "host", nil, "name under which it is asked, beside those of this machine (repeat)")
	flags.StringVar(&f.cert, "tls-cert", "", "`file` of the certificate")
	flags.StringVar(&f.key, "tls-key", "", "`file` of the certificate's key")
	return cmd
}

func (a *app) codecServer(f codecFlags) (*codec.Server, error) {
	opts := a.temporal
	opts.Env = environment(a.Env)
	keys, err := opts.Keys()
	if err != nil {
		return nil, refuse(err, "")
	}
	if keys == nil {
		return nil, refuse(errors.New("serve the codec: there are no keys to decrypt with"), "want --payload-keys; make a key: "+a.command("codec", "key", "ID"))
	}
	token := secret.New(a.env(codecTokenEnv))
	if f.tokenFile != "" {
		if token, err = secret.ReadFile(f.tokenFile); err != nil {
			return nil, refuse(fmt.Errorf("read the token: %w", err), "")
		}
	}
	server, err := codec.New(codec.Options{
		Keys: keys, Token: token, Origins: f.origins, Hosts: append([]string{"localhost", "127.0.0.1", "::1"}, f.hosts...),
		Logger: logs.New(a.err),
	})
	if err != nil {
		return nil, refuse(err, "")
	}
	return server, nil
}

// closing is how long answers under way may take when the server stops.
const closing = 5 * time.Second

// serveCodec answers until it is told to stop.
func (a *app) serveCodec(cmd *cobra.Command, f codecFlags, handler http.Handler) error {
	ctx := cmd.Context()
	secure := f.cert != "" || f.key != ""
	if secure && (f.cert == "" || f.key == "") {
		return usagef(cmd, "--tls-cert and --tls-key go together")
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return usagef(cmd, "--listen %q: want host:port", f.listen)
	}
	if ip := net.ParseIP(host); !secure && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usagef(cmd, "--listen %q: beyond this machine it needs --tls-cert and --tls-key, or the token travels in the clear", f.listen)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return refuse(fmt.Errorf("serve the codec: %w", err), "")
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
	}
	ended := make(chan error, 1)
	go func() {
		if secure {
			ended <- server.ServeTLS(listener, f.cert, f.key)
			return
		}
		ended <- server.Serve(listener)
	}()
	scheme := "http"
	if secure {
		scheme = "https"
	}
	a.say("decrypting at %s://%s/decode", scheme, listener.Addr())
	select {
	case err := <-ended:
		return refuse(fmt.Errorf("serve the codec: %w", err), "")
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	err = server.Shutdown(bounded)
	<-ended
	if err != nil {
		return fmt.Errorf("stop the codec: %w", err)
	}
	return nil
}
