package standin

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
)

// Transport carries requests to the stand-in without a network, whatever host they name: for clients
// under test whose time is made up. Sockets need a network.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

var errHungUp = errors.New("the stand-in for Slack closed the connection")

// kept is a response that is written into memory.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *kept) Write(raw []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(raw)
}

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	in := r.Clone(r.Context())
	in.Host = r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer func() { _ = in.Body.Close() }() // of memory, or empty
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // what was panicked with, itself
				panic(p)
			}
			if resp, err = nil, r.Context().Err(); err == nil {
				err = errHungUp
			}
		}
	}()
	k := &kept{header: http.Header{}}
	t.s.ServeHTTP(k, in)
	k.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(k.status), StatusCode: k.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: k.header, Body: io.NopCloser(&k.body), ContentLength: int64(k.body.Len()), Request: r,
	}, nil
}
