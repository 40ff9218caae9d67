// Package codec decrypts payloads for the Temporal UI and the temporal command, which ask it over
// HTTP: POST /decode with payloads as JSON.
//
//	temporal workflow show --workflow-id RUN --codec-endpoint http://127.0.0.1:8235 --codec-auth "Bearer ..."
//
// Whoever gets an answer reads everything that runs keep, so it is asked for a token at every
// request, answers pages of the named origins alone, and only under its own names: a page that makes
// its host resolve to this machine gets nothing. It decrypts and never encrypts. Each request is
// logged with how many payloads it was about, and none with what was in them.
package codec

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"go.temporal.io/sdk/converter"

	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/workflows/connect"
)

const (
	// MaxBody bounds a request, in bytes: a page of history in the UI has a few megabytes.
	MaxBody = 16 << 20
	// MinToken bounds the token, in bytes.
	MinToken = 32
)

// Options say who is answered.
type Options struct {
	Keys *connect.Keys
	// Token is what a request must bear.
	Token secret.Secret
	// Origins are the pages that may ask, exactly as a browser names them: https://temporal.example.com.
	// Without any only programs may.
	Origins []string
	// Hosts are the names under which it is asked, without port; nil: those of this machine.
	Hosts  []string
	Logger *slog.Logger
}

func (o Options) validate() error {
	var errs []error
	if o.Keys == nil {
		errs = append(errs, errors.New("there are no keys to decrypt with"))
	}
	if len(o.Token.Reveal()) < MinToken {
		errs = append(errs, fmt.Errorf("the token has fewer than %d bytes", MinToken))
	}
	for _, origin := range o.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || origin != u.Scheme+"://"+u.Host || strings.Contains(origin, "*") || strings.ToLower(origin) != origin {
			errs = append(errs, fmt.Errorf("%.200q is no origin; want one as https://temporal.example.com", origin))
		}
	}
	return errors.Join(errs...)
}

// Server answers requests. It is an http.Handler, and safe for concurrent use.
type Server struct {
	opts   Options
	token  [sha256.Size]byte
	decode http.Handler
	// decoded counts payloads since the start.
	decoded atomic.Int64
}

// New makes a server.
func New(opts Options) (*Server, error) {
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("serve the codec: %w", err)
	}
	if opts.Hosts == nil {
		opts.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{
		opts: opts, token: sha256.Sum256([]byte("Bearer " + opts.Token.Reveal())),
		decode: converter.NewPayloadCodecHTTPHandler(opts.Keys.Codec()),
	}, nil
}

// Decoded is how many payloads were decrypted since the start.
func (s *Server) Decoded() int64 { return s.decoded.Load() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Add("Vary", "Origin")
	refuse := func(status int, why string) {
		s.opts.Logger.WarnContext(r.Context(), "refused to decrypt", "why", why, "remote", r.RemoteAddr)
		http.Error(w, why, status)
	}
	if !s.named(r.Host) {
		refuse(http.StatusMisdirectedRequest, "it is not asked under this name")
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if !slices.Contains(s.opts.Origins, origin) {
			refuse(http.StatusForbidden, "pages of this origin may not ask")
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions { // a browser asks first, without the token
			w.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
			w.Header().Set("Access-Control-Allow-Headers", "authorization, content-type, x-namespace")
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	bearer := sha256.Sum256([]byte(r.Header.Get("Authorization")))
	switch {
	case subtle.ConstantTimeCompare(bearer[:], s.token[:]) != 1:
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(http.StatusUnauthorized, "it bears no token, or another one")
	case r.URL.Path != "/decode":
		refuse(http.StatusNotFound, "there is only /decode")
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		refuse(http.StatusMethodNotAllowed, "want POST")
	default:
		s.answer(w, r, refuse)
	}
}

// answer decrypts. What the SDK says of a mistake may quote what was sent, so it is not passed on.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, refuse func(int, string)) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("it cannot be read, or is more than %d bytes", MaxBody))
		return
	}
	var sent struct {
		Payloads []json.RawMessage `json:"payloads"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		refuse(http.StatusBadRequest, "it is not payloads as JSON")
		return
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := &held{header: http.Header{}, status: http.StatusOK}
	s.decode.ServeHTTP(answer, r)
	if answer.status != http.StatusOK {
		refuse(http.StatusBadRequest, "it cannot be decrypted: it was changed, or there is no such key here")
		return
	}
	total := s.decoded.Add(int64(len(sent.Payloads)))
	s.opts.Logger.InfoContext(r.Context(), "decrypted", "payloads", len(sent.Payloads), "total", total, "remote", r.RemoteAddr, "namespace", namespace(r))
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer.body.Bytes()) // who asked may have gone
}

// namespace is what the UI says it is about: for the log, and so short and of plain characters.
func namespace(r *http.Request) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return -1
	}, r.Header.Get("X-Namespace")[:min(len(r.Header.Get("X-Namespace")), 100)])
}

// named reports whether the server is asked under a name of its own.
func (s *Server) named(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(s.opts.Hosts, strings.ToLower(strings.Trim(host, "[]")))
}

// held is an answer that is not yet sent.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }
func (h *held) WriteHeader(status int)      { h.status = status }
