package gateway

import (
	"encoding/json"
	"strings"

	"github.com/countersign/countersign/workflows/event"
)

// fromGitHub reads the webhooks of GitHub about alerts:
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
//
// GitHub says in a header, X-GitHub-Event, which webhook it is. The payload of an alert says as
// much by what the alert holds, so that is what counts: a header is no part of what was signed.
func fromGitHub(raw json.RawMessage, top map[string]json.RawMessage) ([]event.Event, error) {
	payload := fields{of: "GitHub webhook", members: top}
	action := payload.text("action")
	a := payload.inner("alert")
	repository := payload.inner("repository")
	kind := alertKind(top, a.members)
	if kind == "" && len(a.members) > 0 {
		payload.problem("alert is of no kind that is read: looked for secret_type, security_advisory, or rule and tool")
	}
	number := a.number("number")
	e := event.Event{
		Type:    "github." + kind,
		Source:  repository.text("html_url"),
		Subject: a.optionalText("html_url"),
		Data:    raw,
	}
	changed := "created_at"
	if a.has("updated_at") {
		changed = "updated_at"
	}
	e.Time = a.time(changed, "")
	for _, part := range []fields{a, repository} {
		for _, problem := range part.problems {
			payload.problem("%s.%s", part.of, problem)
		}
	}
	if err := payload.err(); err != nil {
		return nil, err
	}
	// The id of the delivery is in a header too. The same change, sent again, is the same event.
	id := []string{kind, number, action, e.Time.Format("2006-01-02T15:04:05Z07:00")}
	if commit := payload.optionalText("commit_oid"); commit != "" {
		id = append(id, commit)
	}
	e.ID = strings.Join(id, "/")
	if why := unusable(e.ID); why != "" {
		payload.problem("the id made of it %s", why)
	}
	return []event.Event{e}, payload.err()
}

// alertKind is GitHub's name of the webhook, by what the alert holds.
func alertKind(top, alert map[string]json.RawMessage) string {
	switch {
	case hasAll(alert, "secret_type") && hasAll(top, "location"):
		return "secret_scanning_alert_location"
	case hasAll(alert, "secret_type"):
		return "secret_scanning_alert"
	case hasAll(alert, "security_advisory"):
		return "dependabot_alert"
	case hasAll(alert, "rule", "tool"):
		return "code_scanning_alert"
	}
	return ""
}

// inner returns a member that must be an object.
func (f *fields) inner(name string) fields {
	inner := fields{of: name}
	if !f.has(name) {
		f.problem("%s is missing", name)
		return inner
	}
	members, err := object(f.members[name])
	if err != nil {
		f.problem("%s: %v", name, err)
	}
	inner.members = members
	return inner
}

// number returns a member that must be a whole number, as text.
func (f *fields) number(name string) string {
	var n json.Number
	if !f.has(name) {
		f.problem("%s is missing", name)
		return ""
	}
	if err := json.Unmarshal(f.members[name], &n); err != nil || kindOf(f.members[name]) != "a number" || strings.ContainsAny(n.String(), ".eE-") {
		f.problem("%s is %s; a whole number is expected", name, kindOf(f.members[name]))
	}
	return n.String()
}
