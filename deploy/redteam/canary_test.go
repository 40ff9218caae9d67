package redteam

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"go.temporal.io/sdk/activity"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/workflows"
)

// canaries are secrets, one for each place that secrets are read from. Each form of them differs.
var canaries = map[string]string{
	"from-env":  `c4n4ry-"env"/+ü<&>?one`,
	"from-file": `c4n4ry-'file'\%20/=two~`,
	"from-aws":  `c4n4ry-{aws}:three;/+#!`,
}

// written are the ways in which a canary may be written.
func written(value string) []string {
	quoted := strconv.Quote(value)
	inJSON, _ := json.Marshal(value) // a text can be written
	return []string{
		value, quoted[1 : len(quoted)-1], string(inJSON[1 : len(inJSON)-1]), url.QueryEscape(value), url.PathEscape(value),
		hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))),
	}
}

// inBase64 is a canary behind something else, at each of the three offsets.
func inBase64(value string) (all []string) {
	for _, before := range []string{"", "u", "us"} {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			all = append(all, enc.EncodeToString([]byte(before+value)))
		}
	}
	return all
}

// forms are what is looked for: of what is in base64 the middle, as what is beside it blurs its ends.
func forms(value string) []string {
	out := written(value)
	for _, text := range inBase64(value) {
		out = append(out, text[4:len(text)-4])
	}
	return out
}

// tattler is an activity of somebody who does not know better: it says what it should not wherever
// it can.
type tattler struct {
	url   string // where the secret is really sent
	heard atomic.Int64
}

type tattle struct {
	To    string     `json:"to" jsonschema:"whom"`
	Token secret.Ref `json:"token" jsonschema:"with what"`
	How   string     `json:"how" jsonschema:"answer, fail, panic or remember"`
}

type tattled struct {
	Said string            `json:"said" jsonschema:"what it should not say"`
	More map[string]string `json:"more" jsonschema:"and again"`
}

// listen is where the secret is sent.
func (a *tattler) listen(t *testing.T) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, value := range canaries {
			if r.Header.Get("X-Token") == url.QueryEscape(value) {
				a.heard.Add(1)
			}
		}
	}))
	t.Cleanup(s.Close)
	a.url = s.URL
}

func (a *tattler) do(ctx context.Context, in tattle) (tattled, error) {
	token, err := in.Token.Resolve(ctx)
	if err != nil {
		return tattled{}, err
	}
	value := token.Reveal()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, nil)
	if err != nil {
		return tattled{}, err
	}
	request.Header.Set("X-Token", url.QueryEscape(value))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return tattled{}, err
	}
	_ = response.Body.Close()
	all := strings.Join(append(append(written(value), inBase64(value)...), "Basic "+base64.StdEncoding.EncodeToString([]byte("user:"+value))), " | ")
	if activity.IsActivity(ctx) {
		activity.GetLogger(ctx).Info("sent", "token", token, "in", in, "struct", fmt.Sprintf("%+v", struct{ T secret.Secret }{token}))
	}
	activities.Heartbeat(ctx, "sending "+all)
	switch in.How {
	case "fail":
		return tattled{}, fmt.Errorf("the provider says: %w", errors.New(all))
	case "fail for good":
		return tattled{}, activities.Permanent("Kind "+value, errors.New(all))
	case "panic":
		panic(all)
	case "remember":
		if _, err := activities.Remember(ctx, map[string]string{value: all}); err != nil {
			return tattled{}, err
		}
	}
	return tattled{Said: all, More: map[string]string{value: all, "plain": "it was sent"}}, nil
}

func (a *tattler) see(ctx context.Context, in tattle) (preview.Preview, error) {
	out, err := a.do(ctx, tattle{To: in.To, Token: in.Token})
	return preview.Preview{Changes: []preview.Change{{Target: in.To, What: out.Said, Before: out.Said, After: out.Said}}}, err
}

// register is the extension of worker and commands.
func (a *tattler) register(r *activities.Registry, _ *workflows.Registry) {
	activities.Register(r, activities.Spec{Name: "acme.page.send", Title: "Send a page", Effect: activities.Destroy, Targets: []string{"to"}}, a.do)
	activities.Previews(r, "acme.page.send", a.see)
	activities.Register(r, activities.Spec{Name: "acme.page.read", Title: "Read a page", Effect: activities.Read}, a.do)
}
