package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows/event"
)

// attributeName is how CloudEvents writes attribute names. Time and time are two names, and only
// one of them is read, so others are refused rather than ignored.
var attributeName = regexp.MustCompile(`^[a-z0-9]+$`)

// fromCloudEvent reads the structured JSON form of CloudEvents 1.0:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
func fromCloudEvent(_ json.RawMessage, top map[string]json.RawMessage) ([]event.Event, error) {
	attributes := fields{of: "CloudEvents event", members: top}
	if version := attributes.text("specversion"); version != "" && version != "1.0" {
		attributes.problem("specversion is %s; \"1.0\" is expected", quote(version))
	}
	e := event.Event{
		ID:      attributes.text("id"),
		Source:  attributes.text("source"),
		Type:    attributes.text("type"),
		Subject: attributes.optionalText("subject"),
		Time:    attributes.time("time", "; CloudEvents can do without it, but a run needs to know when the event happened"),
		Data:    top["data"],
	}
	if contentType := attributes.optionalText("datacontenttype"); contentType != "" && !isJSON(contentType) {
		attributes.problem("datacontenttype is %s; JSON is expected", quote(contentType))
	}
	_, hasData := top["data"]
	_, hasBinary := top["data_base64"]
	switch {
	case hasBinary:
		attributes.problem("data_base64 is not read, since playbooks read JSON; send the JSON itself as data")
	case !hasData:
		attributes.problem("data is missing; send {} for an event that has none")
	}
	for _, name := range slices.Sorted(maps.Keys(top)) {
		if name != "data_base64" && !attributeName.MatchString(name) {
			attributes.problem("%s is not an attribute name: those have lower-case letters and digits", quote(name))
			break // one is enough to see the rule
		}
	}
	if err := attributes.err(); err != nil {
		return nil, err
	}
	if isAWS(e.Type) || isAWS(e.Source) {
		if err := checkAWS(e); err != nil {
			return nil, fmt.Errorf("CloudEvents event: %w", err)
		}
	}
	return []event.Event{e}, nil
}

// checkAWS holds an event that claims to be an AWS service's to what fromEventBridge makes of one.
func checkAWS(e event.Event) error {
	from, ok := parseOrigin(e.Source)
	if !ok || !isAWS(from.source) || !mayBe(from.source, e.Type) {
		return fmt.Errorf("types and sources that begin with \"aws.\" are for what AWS services send: type %s needs a source like %s, and has %s",
			quote(e.Type), `"aws.<service>/<account>/<region>"`, quote(e.Source))
	}
	subject, err := checkDetail(from, e.Type, e.Data)
	if err != nil {
		return fmt.Errorf("from %s: %w", quote(e.Source), err)
	}
	if subject != "" && subject != e.Subject {
		return fmt.Errorf("subject is %s; %s is expected, which the event is about", quote(e.Subject), quote(subject))
	}
	return nil
}

// parseOrigin reads what origin.String wrote.
func parseOrigin(source string) (origin, bool) {
	parts := strings.Split(source, "/")
	if len(parts) < 3 {
		return origin{}, false
	}
	last := len(parts) - 1
	o := origin{source: strings.Join(parts[:last-1], "/"), account: parts[last-1], region: parts[last]}
	return o, accountID.MatchString(o.account) && regionID.MatchString(o.region)
}

func isJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && (mediaType == "application/json" || mediaType == "text/json" || strings.HasSuffix(mediaType, "+json"))
}
