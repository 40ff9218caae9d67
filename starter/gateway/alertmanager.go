package gateway

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/countersign/countersign/workflows/event"
)

const alertmanagerType = "alertmanager.alert"

// fromAlertmanager makes an event of each alert in a notification, version 4:
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
//
// Alertmanager groups alerts for people to read. A playbook answers one matter, so the group is
// taken apart; whoever wants it as one says so with dedupe.
func fromAlertmanager(_ json.RawMessage, top map[string]json.RawMessage) ([]event.Event, error) {
	notification := fields{of: "Alertmanager notification", members: top}
	if version := notification.text("version"); version != "" && version != "4" {
		notification.problem("version is %s; \"4\" is expected", quote(version))
	}
	source := notification.text("externalURL")
	var items []json.RawMessage
	switch err := json.Unmarshal(top["alerts"], &items); {
	case err != nil || items == nil:
		notification.problem("alerts is %s; an array is expected", kindOf(top["alerts"]))
	case len(items) == 0:
		notification.problem("alerts is empty")
	}
	if err := notification.err(); err != nil {
		return nil, err
	}
	events := make([]event.Event, len(items))
	for i, item := range items {
		var err error
		if events[i], err = alert(fmt.Sprintf("alert %d", i+1), source, item); err != nil {
			return nil, fmt.Errorf("Alertmanager notification: %w", err)
		}
	}
	return events, nil
}

// alert makes an event of one alert. Alertmanager sends an alert again for as long as it fires. The
// id says what is the same: this alert, since that time, in that state.
func alert(name, source string, raw json.RawMessage) (event.Event, error) {
	members, err := object(raw)
	if err != nil {
		return event.Event{}, fmt.Errorf("%s: %w", name, err)
	}
	a := fields{of: name, members: members}
	fingerprint, status := a.text("fingerprint"), a.text("status")
	e := event.Event{Source: source, Type: alertmanagerType, Data: raw, Time: a.time("startsAt", "")}
	since := e.Time
	switch status {
	case "", "firing":
	case "resolved":
		e.Time = a.time("endsAt", "")
	default:
		a.problem("status is %s; \"firing\" or \"resolved\" is expected", quote(status))
	}
	labels, err := object(members["labels"])
	if err != nil {
		a.problem("labels: %v", err)
	}
	var rule string
	if json.Unmarshal(labels["alertname"], &rule) == nil && unusable(rule) == "" {
		e.Subject = rule
	}
	e.ID = strings.Join([]string{fingerprint, status, since.Format("2006-01-02T15:04:05.999999999Z07:00")}, "/")
	if why := unusable(e.ID); why != "" && a.err() == nil {
		a.problem("the id made of it %s", why)
	}
	return e, a.err()
}
