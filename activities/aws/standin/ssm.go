package standin

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxOutput is how many characters of its output a command tells.
const maxOutput = 24_000

var ssmOperations = map[string]operation{
	"DescribeInstanceInformation": {run: describeInstanceInformation},
	"GetDocument":                 {run: getDocument},
	"SendCommand":                 {run: sendCommand, effect: changes},
	"ListCommands":                {run: listCommands},
	"GetCommandInvocation":        {run: getCommandInvocation, effect: advances},
}

func describeInstanceInformation(c *call) (any, error) {
	in := struct {
		Filters []struct {
			Key    string
			Values []string
		}
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	list := []any{}
	for _, id := range sorted(c.here().Hosts) {
		keep := true
		for _, f := range in.Filters {
			if f.Key != "InstanceIds" {
				return nil, bad("InvalidFilterKey", "The stand-in does not know filter %q", f.Key)
			}
			keep = keep && slices.Contains(f.Values, id)
		}
		if h := c.here().Hosts[id]; keep {
			list = append(list, map[string]any{"InstanceId": id, "PingStatus": h.Ping, "PlatformType": h.Platform, "ResourceType": "EC2Instance", "AgentVersion": "3.3.2299.0"})
		}
	}
	return map[string]any{"InstanceInformationList": list}, nil
}

func (c *call) document(name, version string) (*Document, error) {
	d := c.here().Documents[name]
	if d == nil {
		return nil, bad("InvalidDocument", "Document with name %s does not exist.", name)
	}
	if version != "" && version != "$LATEST" && version != "$DEFAULT" && version != d.Version {
		return nil, bad("InvalidDocumentVersion", "Document version %s does not exist.", version)
	}
	return d, nil
}

func getDocument(c *call) (any, error) {
	in := struct{ Name, DocumentVersion string }{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	d, err := c.document(in.Name, in.DocumentVersion)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"Name": in.Name, "DocumentVersion": d.Version, "Status": "Active", "Content": d.Content, "DocumentType": "Command", "DocumentFormat": "JSON",
	}, nil
}

// sendCommand sends a command again each time it is asked: there is no token.
func sendCommand(c *call) (any, error) {
	in := struct {
		DocumentName, DocumentVersion, Comment string
		InstanceIDs                            []string
		Parameters                             map[string][]string
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	d, err := c.document(in.DocumentName, in.DocumentVersion)
	switch {
	case err != nil:
		return nil, err
	case utf8.RuneCountInString(in.Comment) > 100:
		return nil, bad("ValidationException", "Value at 'comment' failed to satisfy constraint: Member must have length less than or equal to 100")
	case len(in.InstanceIDs) != 1:
		return nil, bad("ValidationException", "The stand-in sends to one instance")
	}
	h := c.here().Hosts[in.InstanceIDs[0]]
	if h == nil || h.Ping != "Online" {
		return nil, bad("InvalidInstanceId", "Instances not in a valid state for account")
	}
	id := newRequestID()
	sent := &SentCommand{
		Document: in.DocumentName, Version: d.Version, Instance: in.InstanceIDs[0], Comment: in.Comment, Parameters: in.Parameters, Sent: c.now, Status: "Pending",
	}
	// No region is empty here: it has the host.
	put(&c.here().Commands, id, sent)
	c.changed = true
	return map[string]any{"Command": sent.answer(id)}, nil
}

func (s *SentCommand) answer(id string) map[string]any {
	return map[string]any{
		"CommandId": id, "DocumentName": s.Document, "DocumentVersion": s.Version, "Comment": s.Comment, "Parameters": s.Parameters,
		"InstanceIds": []string{s.Instance}, "RequestedDateTime": seconds(s.Sent), "Status": s.Status, "StatusDetails": s.Status, "TargetCount": 1,
	}
}

// listCommands tells what was sent, the latest first.
func listCommands(c *call) (any, error) {
	in := struct {
		InstanceID string
		Filters    []struct{ Key, Value string }
		MaxResults *int
		NextToken  string
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	size := 50
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > 50 {
			return nil, bad("ValidationException", "Value at 'maxResults' failed to satisfy constraint: 1 to 50")
		}
	}
	var ids []string
	for _, id := range sorted(c.here().Commands) {
		s := c.here().Commands[id]
		keep := in.InstanceID == "" || in.InstanceID == s.Instance
		for _, f := range in.Filters {
			switch f.Key {
			case "DocumentName":
				keep = keep && s.Document == f.Value
			case "InvokedAfter":
				after, err := time.Parse(time.RFC3339, f.Value)
				if err != nil {
					return nil, bad("InvalidFilterValue", "InvokedAfter is no time")
				}
				keep = keep && !s.Sent.Before(after)
			default:
				return nil, bad("InvalidFilterKey", "The stand-in does not know filter %q", f.Key)
			}
		}
		if keep {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int {
		return cmp.Or(c.here().Commands[b].Sent.Compare(c.here().Commands[a].Sent), strings.Compare(a, b))
	})
	ids, next, ok := page(ids, in.NextToken, size)
	if !ok {
		return nil, bad("InvalidNextToken", "The token is invalid")
	}
	list := []any{}
	for _, id := range ids {
		list = append(list, c.here().Commands[id].answer(id))
	}
	out := map[string]any{"Commands": list}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

// getCommandInvocation tells how a command fares, and moves it on: the third look sees its end.
func getCommandInvocation(c *call) (any, error) {
	in := struct{ CommandID, InstanceID string }{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	s := c.here().Commands[in.CommandID]
	if s == nil || s.Instance != in.InstanceID {
		return nil, bad("InvocationDoesNotExist", "")
	}
	out := map[string]any{
		"CommandId": in.CommandID, "InstanceId": in.InstanceID, "Comment": s.Comment, "DocumentName": s.Document, "DocumentVersion": s.Version,
		"Status": s.Status, "StatusDetails": s.Status, "ResponseCode": -1, "StandardOutputContent": "", "StandardErrorContent": "",
	}
	h := c.here().Hosts[s.Instance]
	switch s.Status {
	case "Pending":
		s.Status, c.changed = "InProgress", true
	case "InProgress":
		s.Status, c.changed = "Success", true
		if h != nil && h.Exits != 0 {
			s.Status = "Failed"
		}
	default:
		if h != nil {
			out["ResponseCode"], out["StandardOutputContent"] = h.Exits, firstRunes(h.Prints, maxOutput)
			if h.Exits != 0 {
				out["StandardErrorContent"] = "collect: not found"
			}
		}
	}
	return out, nil
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}
