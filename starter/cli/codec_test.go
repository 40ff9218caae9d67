package cli_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/workflows/connect"
)

// said is a stream that a test reads while it is written.
type said struct {
	sync.Mutex
	bytes.Buffer

	wrote chan struct{}
}

func (s *said) Write(p []byte) (int, error) {
	s.Lock()
	defer s.Unlock()
	defer func() {
		select {
		case s.wrote <- struct{}{}:
		default:
		}
	}()
	return s.Buffer.Write(p)
}

func (s *said) String() string {
	s.Lock()
	defer s.Unlock()
	return s.Buffer.String()
}

// The command answers until it is told to stop.
func TestCodecServe(t *testing.T) {
	t.Parallel()
	const token, canary = "0123456789abcdef0123456789abcdef", "s3cr3t-c4n4ry-value"
	line, err := connect.NewKey("a")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	talk := &said{wrote: make(chan struct{}, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main(ctx, []string{"codec", "serve", "--payload-keys", file, "--listen", "127.0.0.1:0"}, cli.Streams{
			Out: io.Discard, Err: talk, Env: []string{"COUNTERSIGN_CODEC_TOKEN=" + token},
		})
	}()
	patience := time.After(30 * time.Second)
	where := ""
	for where == "" {
		select {
		case <-talk.wrote:
			if m := regexp.MustCompile(`decrypting at (\S+)`).FindStringSubmatch(talk.String()); m != nil {
				where = m[1]
			}
		case code := <-ended:
			t.Fatalf("it ended with %d: %s", code, talk)
		case <-patience:
			t.Fatalf("it does not begin: %s", talk)
		}
	}
	keys, err := connect.ParseKeys(line)
	require.NoError(t, err)
	payloads, err := keys.Converter().ToPayloads(canary)
	require.NoError(t, err)
	body, err := protojson.Marshal(payloads)
	require.NoError(t, err)
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodPost, where, strings.NewReader(string(body)))
	require.NoError(t, err)
	ask.Header.Set("Authorization", "Bearer "+token)
	answer, err := (&http.Client{Timeout: 10 * time.Second}).Do(ask)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	stop()
	require.Equal(t, 0, <-ended, talk)
	require.Contains(t, talk.String(), `"payloads":1`)
	require.NotContains(t, talk.String(), canary)
	require.NotContains(t, talk.String(), token)
}
