package receive_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
)

// each is one of everything that a handler is called for, and how it is told "not recorded": a click
// in private, a form with what was filled in kept, a command in the answer.
var each = map[string]struct{ path, body, answer, whisper string }{
	"click":              {receive.PathInteractions, "block_actions_message.json", ``, "U0ALICE: " + receive.NotRecorded},
	"click in a view":    {receive.PathInteractions, "block_actions_view.json", ``, "U0ALICE: " + receive.NotRecorded},
	"form":               {receive.PathInteractions, "view_submission.json", `{"response_action":"errors","errors":{"reason":"` + receive.NotRecorded + `"}}`, ""},
	"form without entry": {receive.PathInteractions, "no inputs", `{"response_action":"update","view":{"type":"modal","title":{"type":"plain_text","text":"Countersign"},"close":{"type":"plain_text","text":"Close"},"blocks":[{"type":"section","text":{"type":"plain_text","text":"` + receive.NotRecorded + `"}}]}}`, ""},
	"command":            {receive.PathCommands, "slash_command.form", `{"response_type":"ephemeral","text":"` + receive.Unsure + `"}`, ""},
}

func bodyOf(t *testing.T, path, name string) string {
	switch {
	case name == "no inputs":
		return form(strings.Replace(file(t, "view_submission.json"), `"type": "input"`, `"type": "divider"`, 1))
	case path == receive.PathInteractions:
		return form(file(t, name))
	}
	return file(t, name)
}

// Whoever presses is never left to believe that it counts where that is not certain.
func TestNotRecorded(t *testing.T) {
	late := make(chan error, 1)
	for why, tc := range map[string]struct {
		first func(context.Context)
		after time.Duration
		log   string
	}{
		"it takes too long": {func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(time.Microsecond) // of the bubble: its answer comes after the one that is given for it
			late <- ctx.Err()
		}, 2500 * time.Millisecond, "took too long"},
		"it takes longer": {func(ctx context.Context) {
			time.Sleep(10 * time.Second) // of the bubble
			late <- ctx.Err()
		}, 2500 * time.Millisecond, "took too long"},
		"it panics": {func(context.Context) {
			late <- context.DeadlineExceeded
			panic("nil map")
		}, 0, "nil map"},
	} {
		for name, one := range each {
			t.Run(why+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					late = make(chan error, 1)
					h := build(t, nil)
					ran := false
					h.desk.first = tc.first
					h.desk.reply = receive.Reply{Private: "recorded", After: func(context.Context) { ran = true }}
					h.desk.formReply = receive.FormReply{After: func(context.Context) { ran = true }}
					began := time.Now()
					w := send(h.mux(t), request(one.path, bodyOf(t, one.path, one.body)))
					require.Equal(t, tc.after, time.Since(began))
					require.Equal(t, 200, w.Code)
					if one.answer == "" {
						require.Empty(t, w.Body.String())
					} else {
						require.JSONEq(t, one.answer, w.Body.String())
					}
					require.NoError(t, h.Wait(t.Context()))
					require.ErrorIs(t, <-late, context.DeadlineExceeded, "the handler hears that its time is over")
					require.Equal(t, strings.TrimSpace(one.whisper), strings.Join(h.whispers.all(), ""))
					require.Contains(t, h.log.String(), tc.log)
					require.False(t, ran, "what follows is dropped")
				})
			})
		}
	}
}

// So much at once, and no more.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(c *receive.Config) { c.Most = 1 })
		mux := h.mux(t)
		release := make(chan struct{})
		h.desk.first = func(context.Context) { <-release }
		first := make(chan string)
		go func() { first <- send(mux, request(receive.PathCommands, file(t, "slash_command.form"))).Body.String() }()
		synctest.Wait()
		time.Sleep(time.Second)
		w := send(mux, request(receive.PathCommands, file(t, "slash_command.form")))
		require.Contains(t, w.Body.String(), receive.Unsure)
		w = send(mux, request(receive.PathEvents, file(t, "app_home_opened.json")))
		require.Equal(t, 503, w.Code, "an event comes again")
		require.Equal(t, 1, h.desk.told())
		close(release)
		require.Empty(t, <-first)
		synctest.Wait()
		time.Sleep(time.Second)
		w = send(mux, request(receive.PathEvents, file(t, "app_home_opened.json")))
		require.Equal(t, 200, w.Code, "and is not taken for one that came before")
		require.NoError(t, h.Wait(t.Context()))
		require.Equal(t, 2, h.desk.told())
	})
}

// What follows runs when Slack has its answer, with a time of its own, and is waited for.
func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, nil)
		var ended atomic.Bool
		h.desk.reply = receive.Reply{Private: "recorded", After: func(ctx context.Context) {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, 30*time.Second, time.Until(deadline))
			time.Sleep(20 * time.Second)
			require.NoError(t, ctx.Err(), "it outlives the request")
			ended.Store(true)
		}}
		ctx, cancel := context.WithCancel(t.Context())
		w := send(h.mux(t), request(receive.PathInteractions, form(file(t, "block_actions_message.json"))).WithContext(ctx))
		cancel()
		require.Equal(t, 200, w.Code)
		require.False(t, ended.Load())
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		require.ErrorIs(t, h.Wait(short), context.DeadlineExceeded)
		require.NoError(t, h.Wait(t.Context()))
		require.True(t, ended.Load())
	})
}

// A panic or an error in what follows is logged, and ends nothing else.
func TestAfterFails(t *testing.T) {
	h := build(t, nil)
	mux := h.mux(t)
	h.whispers.err = errors.New("cannot_dm")
	h.desk.reply = receive.Reply{Private: "recorded", After: func(context.Context) { panic("gone") }}
	require.Equal(t, 200, send(mux, request(receive.PathInteractions, form(file(t, "block_actions_message.json")))).Code)
	h.desk.first = func(context.Context) { panic("home") }
	require.Equal(t, 200, send(mux, request(receive.PathEvents, file(t, "app_home_opened.json"))).Code)
	require.NoError(t, h.Wait(t.Context()))
	for _, says := range []string{"cannot_dm", "panic=gone", "panic=home", "intake_test.go"} {
		require.Contains(t, h.log.String(), says)
	}
}

// What nothing here does is acknowledged, told of once, and not done.
func TestUnknown(t *testing.T) {
	h := build(t, func(c *receive.Config) {
		c.Actions, c.Forms, c.Commands = []string{"reject"}, []string{"edit_form"}, []string{"/other"}
	})
	mux := h.mux(t)
	for range 2 {
		for _, one := range each {
			if one.body == "block_actions_view.json" || one.body == "no inputs" {
				continue
			}
			r := request(one.path, bodyOf(t, one.path, one.body)+"&n="+time.Now().String())
			w := send(mux, r)
			require.Equal(t, 200, w.Code)
			require.Empty(t, w.Body.String())
		}
	}
	require.Zero(t, h.desk.told())
	for _, name := range []string{"name=approve", "name=answer_form", "name=/playbook"} {
		require.Equal(t, 1, strings.Count(h.log.String(), name), name)
	}
}

// Slack drops an answer that is too large, so it is told in another way.
func TestAnswers(t *testing.T) {
	large := json.RawMessage(`[{"type":"section","text":"` + strings.Repeat("x", 20<<10) + `"}]`)
	for name, tc := range map[string]struct {
		reply   receive.Reply
		form    receive.FormReply
		path    string
		body    string
		answer  string
		whisper int
	}{
		"nothing to say":       {path: receive.PathCommands, body: "slash_command.form"},
		"with blocks":          {reply: receive.Reply{Private: "a < b", Blocks: json.RawMessage(`[{"type": "divider"}]`)}, path: receive.PathCommands, body: "slash_command.form", answer: `{"response_type":"ephemeral","text":"a < b","blocks":[{"type":"divider"}]}`},
		"large":                {reply: receive.Reply{Private: "all", Blocks: large}, path: receive.PathCommands, body: "slash_command.form", whisper: 1},
		"grows when written":   {reply: receive.Reply{Private: strings.Repeat("<", 5<<10)}, path: receive.PathCommands, body: "slash_command.form", whisper: 1},
		"no JSON":              {reply: receive.Reply{Private: "all", Blocks: json.RawMessage(`{`)}, path: receive.PathCommands, body: "slash_command.form", whisper: 1},
		"closes":               {path: receive.PathInteractions, body: "view_submission.json"},
		"closes all":           {form: receive.FormReply{All: true}, path: receive.PathInteractions, body: "view_submission.json", answer: `{"response_action":"clear"}`},
		"another view":         {form: receive.FormReply{Instead: json.RawMessage(`{"type":"modal"}`)}, path: receive.PathInteractions, body: "view_submission.json", answer: `{"response_action":"update","view":{"type":"modal"}}`},
		"a view that is large": {form: receive.FormReply{Instead: large}, path: receive.PathInteractions, body: "view_submission.json", answer: `{"response_action":"update","view":{"type":"modal","title":{"type":"plain_text","text":"Countersign"},"close":{"type":"plain_text","text":"Close"},"blocks":[{"type":"section","text":{"type":"plain_text","text":"This was taken. What comes of it is too large to be shown here."}}]}}`},
		"a long error":         {form: receive.FormReply{Errors: map[string]string{"reason": strings.Repeat("é", 400)}}, path: receive.PathInteractions, body: "view_submission.json", answer: `{"response_action":"errors","errors":{"reason":"` + strings.Repeat("é", 299) + `…"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, nil)
			h.desk.reply, h.desk.formReply = tc.reply, tc.form
			w := send(h.mux(t), request(tc.path, bodyOf(t, tc.path, tc.body)))
			require.NoError(t, h.Wait(t.Context()))
			require.Equal(t, 200, w.Code)
			require.Less(t, w.Body.Len(), 20<<10)
			if tc.answer == "" {
				require.Empty(t, w.Body.String())
			} else {
				require.JSONEq(t, tc.answer, w.Body.String())
			}
			require.Len(t, h.whispers.all(), tc.whisper)
		})
	}
}
