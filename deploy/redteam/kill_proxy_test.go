package redteam

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/activities/aws/standin"
)

// road is the way to AWS. At the points around the call it holds the first request that changes
// something, before or after AWS has it, until the worker that sent it is gone; what it holds then
// arrives nowhere any more.
type road struct {
	*httptest.Server

	aws     *standin.Server
	at      point
	sent    string // is found in the request
	taken   atomic.Bool
	reached chan struct{}
	gone    chan struct{}
	clear   func()
}

func newRoad(t *testing.T, aws *standin.Server, at point, sent string) *road {
	r := &road{aws: aws, at: at, sent: sent, reached: make(chan struct{}), gone: make(chan struct{})}
	r.clear = sync.OnceFunc(func() { close(r.gone) })
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.clear()
		r.Close()
	})
	return r
}

func (r *road) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // whoever sent it is gone
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	line := request.Method + " " + request.URL.RequestURI() + " " + request.Header.Get("X-Amz-Target") + " " + string(body)
	if (r.at == beforeCall || r.at == afterCall) && strings.Contains(line, r.sent) && r.taken.CompareAndSwap(false, true) {
		if r.at == afterCall {
			r.aws.ServeHTTP(httptest.NewRecorder(), request)
		}
		close(r.reached)
		<-r.gone
		panic(http.ErrAbortHandler)
	}
	r.aws.ServeHTTP(w, request)
}
