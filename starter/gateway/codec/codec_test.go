package codec_test

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/codec"
	"github.com/countersign/countersign/workflows/connect"
)

const (
	canary = "s3cr3t-c4n4ry-value"
	token  = "0123456789abcdef0123456789abcdef"
	origin = "https://temporal.example.com"
)

type world struct {
	*codec.Server

	keys *connect.Keys
	logs bytes.Buffer
	body string // encrypted payloads as JSON
}

func newWorld(t testing.TB) *world {
	t.Helper()
	line, err := connect.NewKey("a")
	require.NoError(t, err)
	w := &world{}
	w.keys, err = connect.ParseKeys(line)
	require.NoError(t, err)
	w.Server, err = codec.New(codec.Options{
		Keys: w.keys, Token: secret.New(token), Origins: []string{origin}, Logger: slog.New(slog.NewJSONHandler(&w.logs, nil)),
	})
	require.NoError(t, err)
	payloads, err := w.keys.Converter().ToPayloads(canary, 5)
	require.NoError(t, err)
	raw, err := protojson.Marshal(payloads)
	require.NoError(t, err)
	w.body = string(raw)
	return w
}

func (w *world) ask(change func(*http.Request), body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8233/decode", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Namespace", "default")
	if change != nil {
		change(r)
	}
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

func TestDecode(t *testing.T) {
	w := newWorld(t)
	answer := w.ask(func(r *http.Request) {
		r.Header.Set("Origin", origin)
		r.Header.Set("X-Namespace", "de fault\n\u202e!"+strings.Repeat("x", 200))
	}, w.body)
	require.Equal(t, 200, answer.Code, answer.Body)
	var payloads commonpb.Payloads
	require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(answer.Body.Bytes(), &payloads))
	require.Equal(t, `"`+canary+`"`, string(payloads.Payloads[0].Data))
	require.Equal(t, origin, answer.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	require.Empty(t, answer.Header().Get("Access-Control-Allow-Credentials"))
	require.EqualValues(t, 2, w.Decoded())
	require.Contains(t, w.logs.String(), `"payloads":2`)
	require.Contains(t, w.logs.String(), `"namespace":"default`)
	requireSilent(t, w)
}

func requireSilent(t *testing.T, w *world) {
	t.Helper()
	for _, word := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), token} {
		require.NotContains(t, w.logs.String(), word)
	}
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*http.Request)
		body   func(string) string
		status int
	}{
		"no token":            {change: func(r *http.Request) { r.Header.Del("Authorization") }, status: 401},
		"another token":       {change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token+"0") }, status: 401},
		"the token alone":     {change: func(r *http.Request) { r.Header.Set("Authorization", token) }, status: 401},
		"another origin":      {change: func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.com") }, status: 403},
		"an origin below it":  {change: func(r *http.Request) { r.Header.Set("Origin", origin+".evil.example.com") }, status: 403},
		"no origin at all":    {change: func(r *http.Request) { r.Header.Set("Origin", "null") }, status: 403},
		"another name":        {change: func(r *http.Request) { r.Host = "rebound.example.com:8233" }, status: 421},
		"no name":             {change: func(r *http.Request) { r.Host = "" }, status: 421},
		"to encrypt":          {change: func(r *http.Request) { r.URL.Path = "/encode" }, status: 404},
		"a path that ends so": {change: func(r *http.Request) { r.URL.Path = "/x/decode" }, status: 404},
		"GET":                 {change: func(r *http.Request) { r.Method = http.MethodGet }, status: 405},
		"asked first by a page of another origin": {change: func(r *http.Request) {
			r.Method = http.MethodOptions
			r.Header.Set("Origin", "https://evil.example.com")
		}, status: 403},
		"no JSON":       {body: func(string) string { return "{" + canary }, status: 400},
		"no payloads":   {body: func(string) string { return `{"payloads":"` + canary + `"}` }, status: 400},
		"tampered with": {body: func(s string) string { return strings.Replace(s, `"data":"`, `"data":"AAAA`, 1) }, status: 400},
		"another key":   {body: func(s string) string { return strings.Replace(s, `"YQ=="`, `"Yg=="`, 1) }, status: 400},
		"too large":     {body: func(string) string { return strings.Repeat("x", codec.MaxBody+1) }, status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			body := w.body
			if tc.body != nil {
				body = tc.body(body)
			}
			answer := w.ask(tc.change, body)
			require.Equal(t, tc.status, answer.Code)
			require.NotContains(t, answer.Body.String(), canary)
			require.NotEqual(t, "https://evil.example.com", answer.Header().Get("Access-Control-Allow-Origin"))
			require.Zero(t, w.Decoded())
			require.Contains(t, w.logs.String(), "refused to decrypt")
			requireSilent(t, w)
		})
	}
}

// A browser asks first whether it may send the token.
func TestAskedFirst(t *testing.T) {
	w := newWorld(t)
	answer := w.ask(func(r *http.Request) {
		r.Method = http.MethodOptions
		r.Header.Del("Authorization")
		r.Header.Set("Origin", origin)
	}, "")
	require.Equal(t, 204, answer.Code)
	require.Equal(t, origin, answer.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "POST", answer.Header().Get("Access-Control-Allow-Methods"))
	require.Contains(t, answer.Header().Get("Access-Control-Allow-Headers"), "authorization")
	require.Zero(t, w.Decoded())
}

func TestOptions(t *testing.T) {
	w := newWorld(t)
	for name, tc := range map[string]struct {
		opts codec.Options
		says string
	}{
		"no keys":       {codec.Options{Token: secret.New(token)}, "no keys"},
		"no token":      {codec.Options{Keys: w.keys}, "fewer than 32 bytes"},
		"every origin":  {codec.Options{Keys: w.keys, Token: secret.New(token), Origins: []string{"*"}}, "is no origin"},
		"many origins":  {codec.Options{Keys: w.keys, Token: secret.New(token), Origins: []string{"https://*.example.com"}}, "is no origin"},
		"a page":        {codec.Options{Keys: w.keys, Token: secret.New(token), Origins: []string{"https://example.com/"}}, "is no origin"},
		"another thing": {codec.Options{Keys: w.keys, Token: secret.New(token), Origins: []string{"file://x"}}, "is no origin"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codec.New(tc.opts)
			require.ErrorContains(t, err, tc.says)
		})
	}
	for _, host := range []string{"localhost", "LOCALHOST:1", "127.0.0.1:8233", "[::1]:8233", "[::1]"} {
		require.Equal(t, 200, w.ask(func(r *http.Request) { r.Host = host }, w.body).Code, host)
	}
}
