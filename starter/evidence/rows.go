package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/ledger"
)

// Rows are the story as a table for people, in the order of the records. What they say is as it was
// recorded, and some of it came from outside: clean it before it is printed.
func (s Story) Rows() [][]string {
	var rows []row
	add := func(record int64, at time.Time, what, format string, args ...any) {
		rows = append(rows, row{record, []string{fmt.Sprint(record), at.Format(time.RFC3339), what, fmt.Sprintf(format, args...)}})
	}
	for _, st := range s.Starts {
		by := "an event"
		if st.StartedBy != "" {
			by = st.StartedBy
		}
		add(st.Record, st.At, "started", "%s by %s, plan %s", st.Playbook, by, st.Digest.Short())
	}
	for _, a := range s.Approvals {
		add(a.Record, a.At, "asked", "%s: %s", a.Digest.Short(), a.Card)
		for _, v := range a.Votes {
			add(v.Record, v.At, "vote", "%s: %s by %s%s%s", a.Digest.Short(), v.Verdict, v.Person, via(v.Via), because(v.Reason))
		}
		if d := a.Decision; d != nil {
			add(d.Record, d.At, "decision", "%s: %s%s%s", a.Digest.Short(), d.Outcome, by(d.By), because(d.Reason))
		}
	}
	for _, a := range s.Answers {
		add(a.Record, a.At, "answer", "%s by %s%s", a.Step, a.Person, via(a.Via))
	}
	for _, c := range s.Calls {
		for _, t := range c.Attempts {
			add(t.Record, t.At, "effect", "%s: %s%s, by %s %s: %s", c.Step, c.Activity, in(c.Account), c.PermissionKind, c.Permission, t.outcome())
		}
	}
	for _, o := range s.Others {
		what, text := o.says()
		add(o.Record, o.At, what, "%s", text)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.record, b.record) })
	table := [][]string{{"RECORD", "TIME", "WHAT", ""}}
	for _, r := range rows {
		table = append(table, r.cells)
	}
	return table
}

// says is a record that stands for itself, for people. One of a kind that is not known here is shown as
// it is.
func (o Other) says() (what, text string) {
	r := ledger.Record{Seq: o.Record, Body: o.Body}
	switch o.Kind {
	case ledger.Asked:
		var b ledger.AskedBody
		if r.Read(&b) == nil {
			return "asks", fmt.Sprintf("%s: %s, until %s", b.Digest.Short(), b.ID, b.Expires.Format(time.RFC3339))
		}
	case ledger.Ended:
		var b ledger.EndedBody
		if r.Read(&b) == nil {
			return "ended", b.State + because(cmp.Or(b.Error, b.Outcome))
		}
	case ledger.Message:
		var b ledger.MessageBody
		if r.Read(&b) == nil {
			return "message", fmt.Sprintf("%s: %s in %s, channel %s%s", b.Digest.Short(), b.State, b.Surface, b.Channel, because(b.TS))
		}
	}
	return string(o.Kind), compact(o.Body)
}

type row struct {
	record int64
	cells  []string
}

func (t Attempt) outcome() string {
	switch {
	case t.Ended == nil:
		return "how it ended is not on record"
	case t.Error != "":
		return "failed: " + t.Error
	case len(t.Requests) > 0:
		return "done, requests " + strings.Join(t.Requests, " ")
	default:
		return "done"
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// via is how it was known who somebody is, where more than a token says so.
func via(how string) string {
	if how == "" {
		return ""
	}
	return " (" + how + ")"
}

func in(account string) string {
	if account == "" {
		return ""
	}
	return " in " + account
}

// compact is JSON on one line.
func compact(raw json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return string(raw)
	}
	return out.String()
}

func by(people []string) string {
	if len(people) == 0 {
		return ""
	}
	return " by " + strings.Join(people, ", ")
}
