package slackgroup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/activities/directory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// away is Slack as a transport: what it says, how long it takes, and how often it was asked.
type away struct {
	mu    sync.Mutex
	body  string
	code  int
	after string // Retry-After
	slow  time.Duration
	asked atomic.Int32
	form  string
}

func (a *away) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked.Add(1)
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	slow, code, body, after := a.slow, a.code, a.body, a.after
	a.form = r.URL.Path + " " + string(raw)
	a.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if code == 0 {
		code = http.StatusOK
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (a *away) says(body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.body, a.code = body, 0
}

// has is an answer in which the groups S01 and S02 have the same members.
func has(users ...string) string {
	raw, err := json.Marshal(append([]string{}, users...))
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"ok":true,"usergroups":[{"id":"S00","users":["U99"]},{"id":"S01","users":%s},{"id":"S02","users":%s}]}`, raw, raw)
}

var two = has("U01", "U02")

func reader(a *away) *Reader {
	return New(Options{Token: "xoxb-canary", URL: "https://slack.example/api", HTTP: &http.Client{Transport: a}})
}

func TestMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &away{body: two}
		r := reader(a)
		for i, step := range []struct {
			after  time.Duration
			says   string
			wanted []string
			want   []string
			asked  int32
			why    string
		}{
			{0, two, nil, []string{"U01", "U02"}, 1, "the first time"},
			{2 * time.Second, has("U03"), []string{"U03"}, []string{"U01", "U02"}, 1, "somebody is missing, and it was asked just now"},
			{2 * time.Second, has("U03"), []string{"U01"}, []string{"U01", "U02"}, 1, "nobody is missing"},
			{0, has("U02", "U03"), []string{"U03"}, []string{"U02", "U03"}, 2, "somebody is missing"},
			{14 * time.Second, two, nil, []string{"U02", "U03"}, 2, "young enough"},
			{time.Second, two, nil, []string{"U01", "U02"}, 3, "too old"},
		} {
			time.Sleep(step.after) // in a bubble
			a.says(step.says)
			members, err := r.Members(t.Context(), "S01", step.wanted...)
			require.NoError(t, err, "%d: %s", i, step.why)
			require.Equal(t, step.want, members, "%d: %s", i, step.why)
			require.Equal(t, step.asked, a.asked.Load(), "%d: %s", i, step.why)
		}
		require.Contains(t, a.form, "/api/usergroups.list ")
		require.Contains(t, a.form, "include_users=true")
		require.NotContains(t, a.form, "include_disabled")
	})
}

// One question answers for all groups; one that is not there is looked for again, and not at once.
func TestAllGroupsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &away{body: two}
		r := reader(a)
		for _, group := range []string{"S00", "S01", "S02", "S01"} {
			_, err := r.Members(t.Context(), group)
			require.NoError(t, err)
		}
		_, err := r.Members(t.Context(), "S03")
		require.ErrorContains(t, err, "is not there")
		require.EqualValues(t, 1, a.asked.Load())
		a.says(`{"ok":true,"usergroups":[{"id":"S03","users":["U03"]}]}`)
		time.Sleep(asked) // in a bubble
		members, err := r.Members(t.Context(), "S03")
		require.NoError(t, err)
		require.Equal(t, []string{"U03"}, members)
		_, err = r.Members(t.Context(), "S01")
		require.ErrorContains(t, err, "is not there", "it was disabled meanwhile")
		require.EqualValues(t, 2, a.asked.Load())
	})
}

// Many who press at once are one question, and who goes away ends it for nobody.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &away{body: two, slow: time.Second}
		r := reader(a)
		gone, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := r.Members(gone, "S01")
			require.ErrorIs(t, err, context.Canceled)
		})
		for range 50 {
			all.Go(func() {
				members, err := r.Members(t.Context(), "S01", "U01")
				require.NoError(t, err)
				require.Len(t, members, 2)
			})
		}
		synctest.Wait()
		leave()
		all.Wait()
		require.EqualValues(t, 1, a.asked.Load())
	})
}

func TestNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		a    *away
		says string
	}{
		"unknown or disabled": {&away{body: `{"ok":true,"usergroups":[{"id":"S02","users":["U01"]}]}`}, "is not there, or is disabled"},
		"disabled":            {&away{body: `{"ok":true,"usergroups":[{"id":"S01","date_delete":2,"users":["U01"]}]}`}, "is not there, or is disabled"},
		"nothing":             {&away{body: `{"ok":true}`}, "is not there, or is disabled"},
		"empty":               {&away{body: has()}, "approves nothing"},
		"no plan":             {&away{body: `{"ok":false,"error":"plan_upgrade_required"}`}, "paid plan"},
		"no scope":            {&away{body: `{"ok":false,"error":"missing_scope","needed":"usergroups:read"}`}, "lacks the scope usergroups:read"},
		"bad token":           {&away{body: `{"ok":false,"error":"invalid_auth"}`}, "none that Slack knows"},
		"revoked":             {&away{body: `{"ok":false,"error":"token_revoked"}`}, "revoked"},
		"something else":      {&away{body: `{"ok":false,"error":"fatal_error"}`}, "fatal_error"},
		"no JSON":             {&away{body: `<html>`}, "S01"},
		"broken":              {&away{code: http.StatusBadGateway}, "server error"},
		"slow":                {&away{body: two, slow: 3 * time.Second}, "deadline exceeded"},
		"limited":             {&away{code: http.StatusTooManyRequests, after: "30"}, "retry after 30s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := reader(tc.a)
				start := time.Now()
				_, err := r.Members(t.Context(), "S01")
				require.ErrorContains(t, err, tc.says)
				require.NotContains(t, err.Error(), "canary")
				require.LessOrEqual(t, time.Since(start), wait)
			})
		})
	}
}

// What is known and young enough still counts while Slack is away; what would refuse somebody does not.
func TestSlackGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &away{body: two}
		r := reader(a)
		_, err := r.Members(t.Context(), "S01")
		require.NoError(t, err)
		time.Sleep(4 * time.Second)
		a.code, a.after = http.StatusTooManyRequests, "3600"
		_, err = r.Members(t.Context(), "S01", "U03")
		require.ErrorContains(t, err, "rate limit")
		members, err := r.Members(t.Context(), "S01", "U02")
		require.NoError(t, err)
		require.Len(t, members, 2)
		_, err = r.Members(t.Context(), "S02", "U03")
		require.ErrorContains(t, err, "try again then", "Slack is left alone")
		require.EqualValues(t, 2, a.asked.Load())
		time.Sleep(mostWait)
		a.says(two)
		_, err = r.Members(t.Context(), "S02")
		require.NoError(t, err, "and not for as long as it likes")
	})
}

func TestFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	for _, env := range []string{TokenEnv, BotTokenEnv, URLEnv} {
		t.Setenv(env, "")
	}
	const kept = "people: {a: {slack: U01}}\nslack_groups: {g: S01}\n"
	write(kept)
	_, err := FromEnv(directory.File(file))
	require.ErrorContains(t, err, "set $SLACK_BOT_TOKEN, or $SLACK_GROUPS_TOKEN")
	write("groups: {")
	_, err = FromEnv(directory.File(file))
	require.Error(t, err)

	// One that gets such groups later has nobody in them.
	write("people: {a: {slack: U01}}\ngroups: {g: [a]}\n")
	current, err := FromEnv(directory.File(file))
	require.NoError(t, err)
	write(kept)
	d, err := current()
	require.NoError(t, err)
	_, err = d.Members(t.Context(), "g")
	require.ErrorIs(t, err, directory.ErrLookup)

	// The token that can do less goes before.
	t.Setenv(BotTokenEnv, "xoxb-much")
	t.Setenv(TokenEnv, "xoxb-little")
	said := make(chan string, 1)
	base := http.DefaultTransport
	http.DefaultTransport = transport(func(r *http.Request) (*http.Response, error) {
		raw, err := io.ReadAll(r.Body)
		said <- r.URL.Host + " " + string(raw)
		return nil, errors.Join(errors.New("no network here"), err)
	})
	t.Cleanup(func() { http.DefaultTransport = base })
	t.Setenv(URLEnv, "http://standin.example/api/")
	current, err = FromEnv(directory.File(file))
	require.NoError(t, err)
	d, err = current()
	require.NoError(t, err)
	_, err = d.Members(t.Context(), "g")
	require.ErrorIs(t, err, directory.ErrLookup)
	asked := <-said
	require.Contains(t, asked, "standin.example ")
	require.Contains(t, asked, "xoxb-little")
	require.NotContains(t, err.Error(), "xoxb")
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
