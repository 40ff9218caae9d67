package standin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

func repeat(n int, v any) (out []any) {
	for range n {
		out = append(out, v)
	}
	return out
}

func long(n int) string { return strings.Repeat("ä", n) }

func options(n int) (out []any) {
	for i := range n {
		out = append(out, object{"text": plain("o"), "value": fmt.Sprintf("v%d", i)})
	}
	return out
}

func mrkdwn(said string) object { return object{"type": "mrkdwn", "text": said} }

func element(e object) object {
	return object{"type": "actions", "elements": []any{e}}
}

func button(more object) object {
	b := object{"type": "button", "action_id": "a", "text": plain("b")}
	for k, v := range more {
		b[k] = v
	}
	return element(b)
}

func confirm(title, said, yes string) object {
	return object{"title": plain(title), "text": mrkdwn(said), "confirm": plain(yes), "deny": plain("No")}
}

// What is just small enough is taken, and one more is not, with its place.
func TestBlockLimits(t *testing.T) {
	_, c := start(t, standin.Options{})
	divider := object{"type": "divider"}
	menu := func(kind string, n int) object {
		return element(object{"type": kind, "action_id": "a", "options": options(n)})
	}
	for name, test := range map[string]struct {
		fits, not []any
		where     string
	}{
		"blocks":              {repeat(50, divider), repeat(51, divider), "/blocks"},
		"section":             {[]any{object{"type": "section", "text": mrkdwn(long(3000))}}, []any{object{"type": "section", "text": mrkdwn(long(3001))}}, "/blocks/0/text/text"},
		"empty text":          {[]any{object{"type": "section", "text": mrkdwn("x")}}, []any{object{"type": "section", "text": mrkdwn("")}}, "/blocks/0/text/text"},
		"fields":              {[]any{object{"type": "section", "fields": repeat(10, mrkdwn("f"))}}, []any{object{"type": "section", "fields": repeat(11, mrkdwn("f"))}}, "/blocks/0/fields"},
		"field":               {[]any{object{"type": "section", "fields": repeat(1, mrkdwn(long(2000)))}}, []any{object{"type": "section", "fields": repeat(1, mrkdwn(long(2001)))}}, "/blocks/0/fields/0/text"},
		"header":              {[]any{object{"type": "header", "text": plain(long(150))}}, []any{object{"type": "header", "text": plain(long(151))}}, "/blocks/0/text/text"},
		"header with marks":   {[]any{object{"type": "header", "text": plain("h")}}, []any{object{"type": "header", "text": mrkdwn("h")}}, "/blocks/0/text/type"},
		"context":             {[]any{object{"type": "context", "elements": repeat(10, mrkdwn("c"))}}, []any{object{"type": "context", "elements": repeat(11, mrkdwn("c"))}}, "/blocks/0/elements"},
		"actions":             {[]any{object{"type": "actions", "elements": many(25)}}, []any{object{"type": "actions", "elements": many(26)}}, "/blocks/0/elements"},
		"no actions":          {[]any{object{"type": "actions", "elements": many(1)}}, []any{object{"type": "actions", "elements": []any{}}}, "/blocks/0/elements"},
		"button text":         {[]any{button(object{"text": plain(long(75))})}, []any{button(object{"text": plain(long(76))})}, "/blocks/0/elements/0/text/text"},
		"button value":        {[]any{button(object{"value": long(2000)})}, []any{button(object{"value": long(2001)})}, "/blocks/0/elements/0/value"},
		"button url":          {[]any{button(object{"url": long(3000)})}, []any{button(object{"url": long(3001)})}, "/blocks/0/elements/0/url"},
		"button style":        {[]any{button(object{"style": "danger"})}, []any{button(object{"style": "default"})}, "/blocks/0/elements/0/style"},
		"button label":        {[]any{button(object{"accessibility_label": long(75)})}, []any{button(object{"accessibility_label": long(76)})}, "/blocks/0/elements/0/accessibility_label"},
		"button of anything":  {[]any{button(nil)}, []any{button(object{"colour": "red"})}, "/blocks/0/elements/0"},
		"action_id":           {[]any{button(object{"action_id": long(255)})}, []any{button(object{"action_id": long(256)})}, "/blocks/0/elements/0/action_id"},
		"block_id":            {[]any{object{"type": "divider", "block_id": long(255)}}, []any{object{"type": "divider", "block_id": long(256)}}, "/blocks/0/block_id"},
		"block_id twice":      {[]any{object{"type": "divider", "block_id": "a"}, object{"type": "divider", "block_id": "b"}}, repeat(2, object{"type": "divider", "block_id": "a"}), "/blocks/1/block_id"},
		"action_id twice":     {[]any{actionsBlock("a", "b")}, []any{actionsBlock("a", "a")}, "/blocks/0/elements/1/action_id"},
		"confirm title":       {[]any{button(object{"confirm": confirm(long(100), "x", "Yes")})}, []any{button(object{"confirm": confirm(long(101), "x", "Yes")})}, "/blocks/0/elements/0/confirm/title/text"},
		"confirm text":        {[]any{button(object{"confirm": confirm("x", long(300), "Yes")})}, []any{button(object{"confirm": confirm("x", long(301), "Yes")})}, "/blocks/0/elements/0/confirm/text/text"},
		"confirm button":      {[]any{button(object{"confirm": confirm("x", "x", long(30))})}, []any{button(object{"confirm": confirm("x", "x", long(31))})}, "/blocks/0/elements/0/confirm/confirm/text"},
		"options":             {[]any{menu("static_select", 100)}, []any{menu("static_select", 101)}, "/blocks/0/elements/0/options"},
		"radio buttons":       {[]any{menu("radio_buttons", 10)}, []any{menu("radio_buttons", 11)}, "/blocks/0/elements/0/options"},
		"overflow":            {[]any{menu("overflow", 5)}, []any{menu("overflow", 6)}, "/blocks/0/elements/0/options"},
		"input in a row":      {[]any{menu("static_select", 1)}, []any{element(object{"type": "plain_text_input", "action_id": "a"})}, "/blocks/0/elements/0/type"},
		"number without sort": {[]any{numbers(object{"is_decimal_allowed": false})}, []any{numbers(nil)}, "/blocks/0/element"},
		"date":                {[]any{element(object{"type": "datepicker", "initial_date": "2026-11-28"})}, []any{element(object{"type": "datepicker", "initial_date": "28.11."})}, "/blocks/0/elements/0/initial_date"},
	} {
		t.Run(name, func(t *testing.T) {
			out := c.form("chat.postMessage", object{"channel": "C0SECOPS", "text": "x", "blocks": test.fits})
			require.Equal(t, true, out["ok"], out)
			out = c.form("chat.postMessage", object{"channel": "C0SECOPS", "text": "x", "blocks": test.not})
			require.Equal(t, "invalid_blocks", out["error"])
			require.Contains(t, out["response_metadata"].(object)["messages"].([]any)[0], "[json-pointer:"+test.where+"]")
		})
	}
}

// many are n buttons with ids of their own.
func many(n int) (out []any) {
	for i := range n {
		out = append(out, object{"type": "button", "action_id": strings.Repeat("a", i+1), "text": plain("b")})
	}
	return out
}

func numbers(more object) object {
	e := object{"type": "number_input", "action_id": "n"}
	for k, v := range more {
		e[k] = v
	}
	return object{"type": "input", "label": plain("how many"), "element": e}
}

func TestViewLimits(t *testing.T) {
	s, c := start(t, standin.Options{})
	with := func(more object) object {
		v := modal("m", input("b", "a"))
		for k, value := range more {
			v[k] = value
			if value == nil {
				delete(v, k)
			}
		}
		return v
	}
	for name, test := range map[string]struct {
		fits, not object
	}{
		"title":            {with(object{"title": plain(long(24))}), with(object{"title": plain(long(25))})},
		"submit":           {with(object{"submit": plain(long(24))}), with(object{"submit": plain(long(25))})},
		"close":            {with(object{"close": plain(long(24))}), with(object{"close": plain(long(25))})},
		"no title":         {with(nil), with(object{"title": nil})},
		"no submit":        {with(object{"submit": nil, "blocks": []any{}}), with(object{"submit": nil})},
		"private_metadata": {with(object{"private_metadata": long(3000)}), with(object{"private_metadata": long(3001)})},
		"callback_id":      {with(object{"callback_id": long(255)}), with(object{"callback_id": long(256)})},
		"external_id":      {with(object{"external_id": long(255)}), with(object{"external_id": long(256)})},
		"blocks":           {with(object{"blocks": repeat(100, object{"type": "divider"})}), with(object{"blocks": repeat(101, object{"type": "divider"})})},
		"of a home tab":    {with(nil), object{"type": "home", "blocks": []any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			ts := c.post("C0SECOPS", "approve")
			a, err := dial(c, func(e object) (any, bool) {
				trigger := e["payload"].(object)["trigger_id"]
				if got := c.json("views.open", object{"trigger_id": trigger, "view": test.not})["error"]; got != "invalid_arguments" {
					t.Errorf("taken, or refused as %v", got)
				}
				if got := c.json("views.open", object{"trigger_id": trigger, "view": test.fits}); got["ok"] != true {
					t.Errorf("not taken: %v", got)
				}
				return nil, true
			})
			require.NoError(t, err)
			got, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
			require.NoError(t, err)
			require.NotNil(t, got.View)
			<-a.got
			s.DropSockets("")
			require.NoError(t, s.Wait(t.Context(), func() bool { return s.Sockets() == 0 }))
		})
	}
}
