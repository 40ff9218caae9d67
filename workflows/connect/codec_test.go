package connect_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/connect"
)

const canary = "s3cr3t-c4n4ry-value"

// key is the n-th key of these tests: the same at each run.
func key(n byte) string {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(i) * n
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func keys(t testing.TB, lines ...string) *connect.Keys {
	t.Helper()
	k, err := connect.ParseKeys(strings.Join(lines, "\n"))
	require.NoError(t, err)
	return k
}

func TestRoundTrip(t *testing.T) {
	k := keys(t, "a "+key(1))
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Map(rapid.SliceOf(rapid.Byte()), func(data []byte) *commonpb.Payload {
			return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain"), "messageType": data}, Data: data}
		}), 0, 5).Draw(t, "payloads")
		sealed, err := k.Codec().Encode(in)
		require.NoError(t, err)
		require.Len(t, sealed, len(in))
		out, err := k.Codec().Decode(sealed)
		require.NoError(t, err)
		for i := range in {
			require.True(t, proto.Equal(in[i], out[i]))
		}
	})
	one, err := k.Codec().Encode([]*commonpb.Payload{{Data: []byte(canary)}, {Data: []byte(canary)}})
	require.NoError(t, err)
	require.NotEqual(t, one[0].Data, one[1].Data, "the same twice does not look the same")
	require.NotContains(t, string(one[0].Data), canary)
}

// The newest key writes, all of them read, and one that is gone reads nothing.
func TestRotation(t *testing.T) {
	old, both, swapped, newer := keys(t, "a "+key(1)), keys(t, "a "+key(1), "b "+key(2)), keys(t, "b "+key(2), "# gone soon", "a "+key(1)), keys(t, "b "+key(2))
	for name, tc := range map[string]struct {
		writes, reads *connect.Keys
		says          string
	}{
		"before":               {writes: old, reads: old},
		"the new one is there": {writes: old, reads: both},
		"and not yet used":     {writes: both, reads: old},
		"it is used":           {writes: swapped, reads: both},
		"the old one is kept":  {writes: old, reads: swapped},
		"used too early":       {writes: swapped, reads: old, says: `decrypt a payload of the key "b": there is no such key here`},
		"gone too early":       {writes: old, reads: newer, says: `decrypt a payload of the key "a": there is no such key here`},
		"another of its name":  {writes: old, reads: keys(t, "a "+key(2)), says: "it is not what was encrypted under this key"},
	} {
		t.Run(name, func(t *testing.T) {
			sealed, err := tc.writes.Converter().ToPayload(canary)
			require.NoError(t, err)
			var out string
			err = tc.reads.Converter().FromPayload(sealed, &out)
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				require.NotContains(t, err.Error(), canary)
				require.Empty(t, out)
				return
			}
			require.NoError(t, err)
			require.Equal(t, canary, out)
		})
	}
	require.Equal(t, "b", swapped.Newest())
}

// No byte of a payload, and none of what names its key, can be changed.
func TestTampered(t *testing.T) {
	k := keys(t, "a "+key(1), "b "+key(1)) // the same key under two names
	sealed, err := k.Converter().ToPayload(canary)
	require.NoError(t, err)
	require.Equal(t, "a", string(sealed.Metadata["encryption-key-id"]))
	refused := func(p *commonpb.Payload) {
		t.Helper()
		_, err := k.Codec().Decode([]*commonpb.Payload{p})
		require.Error(t, err)
		require.NotContains(t, err.Error(), canary)
	}
	for i := range sealed.Data {
		changed, _ := proto.Clone(sealed).(*commonpb.Payload)
		changed.Data[i] ^= 1
		refused(changed)
	}
	for n := range len(sealed.Data) {
		cut, _ := proto.Clone(sealed).(*commonpb.Payload)
		cut.Data = cut.Data[:n]
		refused(cut)
	}
	renamed, _ := proto.Clone(sealed).(*commonpb.Payload)
	renamed.Metadata["encryption-key-id"] = []byte("b")
	refused(renamed)
	renamed.Metadata["encryption-key-id"] = nil
	refused(renamed)

	// What was written before there were keys is read as it is.
	plain, err := converter.GetDefaultDataConverter().ToPayload(canary)
	require.NoError(t, err)
	var out string
	require.NoError(t, k.Converter().FromPayload(plain, &out))
	require.Equal(t, canary, out)
	var none *connect.Keys
	require.NoError(t, none.Converter().FromPayload(plain, &out))
}

// cluster is as much of Temporal as starting a run needs, and keeps what arrives.
type cluster struct {
	workflowservice.UnimplementedWorkflowServiceServer

	started *workflowservice.StartWorkflowExecutionRequest
}

func (c *cluster) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{EncodedFailureAttributes: true}}, nil
}

func (c *cluster) StartWorkflowExecution(_ context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	c.started = r
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "r"}, nil
}

// What is sent to the cluster shows nothing of what it is about; the ticket in its header does.
func TestWhatArrives(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, served := grpc.NewServer(), &cluster{}
	workflowservice.RegisterWorkflowServiceServer(server, served)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	c, err := connect.Options{
		Address: listener.Addr().String(),
		Env:     environment{"TEMPORAL_CONFIG_FILE": os.DevNull, "COUNTERSIGN_PAYLOAD_KEY": "a " + key(1)},
	}.Dial(t.Context())
	require.NoError(t, err)
	defer c.Close()
	ticket := &grant.Signed{Key: "gateway-1"}
	_, err = c.ExecuteWorkflow(activities.WithTicket(t.Context(), ticket), client.StartWorkflowOptions{
		ID: "run", TaskQueue: "q", StaticSummary: canary, StaticDetails: canary, Memo: map[string]any{"about": canary},
	}, "anything", map[string]string{"token": canary})
	require.NoError(t, err)
	raw, err := proto.Marshal(served.started)
	require.NoError(t, err)
	require.NotContains(t, string(raw), canary)
	require.NotContains(t, string(raw), base64.StdEncoding.EncodeToString([]byte(canary)))
	var seen grant.Signed
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(served.started.Header.Fields["countersign-ticket"], &seen))
	require.Equal(t, *ticket, seen)
}

func TestFailuresShowNothing(t *testing.T) {
	opts, err := connect.Options{Env: environment{"TEMPORAL_CONFIG_FILE": os.DevNull, "COUNTERSIGN_PAYLOAD_KEY": "a " + key(1)}}.Resolve()
	require.NoError(t, err)
	for name, failed := range map[string]error{
		"plain":       errors.New(canary),
		"application": temporal.NewNonRetryableApplicationError("said "+canary, "Denied", errors.New("because "+canary), canary),
		"timeout":     temporal.NewHeartbeatTimeoutError(canary),
		"cancelled":   temporal.NewCanceledError(canary),
	} {
		t.Run(name, func(t *testing.T) {
			failure := opts.FailureConverter.ErrorToFailure(failed)
			raw, err := proto.Marshal(failure)
			require.NoError(t, err)
			require.NotContains(t, string(raw), canary)
			back := opts.FailureConverter.FailureToError(failure)
			if name == "application" {
				var e *temporal.ApplicationError
				require.ErrorAs(t, back, &e)
				require.Equal(t, "said "+canary, e.Message())
				require.Equal(t, "Denied", e.Type(), "what kind it is stays to be seen")
				var detail string
				require.NoError(t, e.Details(&detail))
				require.Equal(t, canary, detail)
			}
		})
	}
}

func TestParseKeys(t *testing.T) {
	for text, says := range map[string]string{
		"":                                     "there is no key",
		"# nothing\n\n":                        "there is no key",
		"a":                                    "entry 1: want an id and a key",
		"a " + key(1) + " b":                   "entry 1: want an id and a key",
		"-a " + key(1):                         "entry 1: the id is letters",
		"a " + key(1)[1:]:                      "entry 1: the key a is not 32 bytes in base64",
		"a c2hvcnQ=":                           "entry 1: the key a is not 32 bytes in base64",
		"a " + key(0):                          "entry 1: the key a is not random",
		"a " + key(1) + "\na " + key(2):        "entry 2: the key a is there twice",
		strings.Repeat("x", 65) + " " + key(1): "entry 1: the id is letters",
	} {
		_, err := connect.ParseKeys(text)
		require.ErrorContains(t, err, says)
		for _, word := range strings.Fields(text) {
			if len(word) > 8 {
				require.NotContains(t, err.Error(), word, "a key")
			}
		}
	}
	require.Equal(t, "b", keys(t, "b "+key(2)+",a "+key(1)).Newest())
	line, err := connect.NewKey("2026-11")
	require.NoError(t, err)
	require.Equal(t, "2026-11", keys(t, line).Newest())
	other, err := connect.NewKey("2026-11")
	require.NoError(t, err)
	require.NotEqual(t, line, other)
	_, err = connect.NewKey("a b")
	require.ErrorContains(t, err, "cannot be the id of a key")
}

func TestWhereKeysAre(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.NoError(t, os.Chmod(file, mode))
		return file
	}
	flag, env := write("flag", "flag "+key(1), 0o600), write("env", "env "+key(2), 0o400)
	for name, tc := range map[string]struct {
		flag   string
		env    environment
		newest string
		says   string
	}{
		"nowhere":                   {env: environment{}},
		"the flag over all":         {flag: flag, env: environment{"COUNTERSIGN_PAYLOAD_KEYS": env, "COUNTERSIGN_PAYLOAD_KEY": "x " + key(3)}, newest: "flag"},
		"a file of the environment": {env: environment{"COUNTERSIGN_PAYLOAD_KEYS": env, "COUNTERSIGN_PAYLOAD_KEY": "x " + key(3)}, newest: "env"},
		"in the environment":        {env: environment{"COUNTERSIGN_PAYLOAD_KEY": "x " + key(3)}, newest: "x"},
		"with a mistake":            {env: environment{"COUNTERSIGN_PAYLOAD_KEY": "x"}, says: "read the keys of payloads, $COUNTERSIGN_PAYLOAD_KEY: entry 1"},
		"not there":                 {flag: filepath.Join(dir, "none"), says: "read the keys of payloads: open"},
		"a folder":                  {flag: dir, says: "is not a regular file"},
		"open to others":            {flag: write("open", "a "+key(1), 0o644), says: "can be read by others (mode 0644); want 0600 or less"},
		"too large":                 {flag: write("large", strings.Repeat("#", 1<<16+1), 0o600), says: "is longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.env == nil {
				tc.env = environment{}
			}
			o := connect.Options{PayloadKeys: tc.flag, Env: tc.env}
			k, err := o.Keys()
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				_, err = o.Resolve()
				require.ErrorContains(t, err, tc.says, "nobody goes on without the keys that were asked for")
				return
			}
			require.NoError(t, err)
			if tc.newest == "" {
				require.Nil(t, k)
				return
			}
			require.Equal(t, tc.newest, k.Newest())
		})
	}
}

func FuzzDecode(f *testing.F) {
	k := keys(f, "a "+key(1))
	sealed, err := k.Converter().ToPayload(canary)
	require.NoError(f, err)
	f.Add("a", sealed.Data)
	f.Add("b", []byte{})
	f.Add("", []byte("short"))
	f.Fuzz(func(t *testing.T, id string, data []byte) {
		out, err := k.Codec().Decode([]*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": []byte(id)}, Data: data}})
		if err == nil { // nobody guesses a seal
			require.Equal(t, sealed.Data, data)
			require.Equal(t, `"`+canary+`"`, string(out[0].Data))
		}
	})
}

// To read a failure does not decrypt what is about to be sent.
func TestFailuresAreReadApart(t *testing.T) {
	t.Setenv("COUNTERSIGN_PAYLOAD_KEY", "a "+key(1))
	o, err := connect.Options{ConfigFile: os.DevNull}.Resolve()
	require.NoError(t, err)
	for _, failed := range []error{errors.New(canary), temporal.NewApplicationError(canary, "Kind", canary), temporal.NewCanceledError(canary)} {
		f := o.FailureConverter.ErrorToFailure(failed)
		require.ErrorContains(t, o.FailureConverter.FailureToError(f), failed.Error())
		require.NotContains(t, f.String(), canary)
	}
	require.NoError(t, o.FailureConverter.FailureToError(nil))
}
