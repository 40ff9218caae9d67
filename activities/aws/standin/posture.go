package standin

import (
	"net/http"
	"slices"
	"strconv"
)

// How an account is set up to be watched, beside what has a file of its own: AWS Config, IAM Access
// Analyzer and the account's contacts.

var configOperations = map[string]operation{
	"DescribeConfigurationRecorders":      {run: describeRecorders},
	"DescribeConfigurationRecorderStatus": {run: describeRecorderStatus},
}

// recorders are the names of those that a call is about.
func (c *call) recorders() ([]string, error) {
	in := struct {
		ConfigurationRecorderNames []string
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	for _, name := range in.ConfigurationRecorderNames {
		if c.here().Recorders[name] == nil {
			return nil, bad("NoSuchConfigurationRecorderException", "Cannot find configuration recorder with the specified name '%s'.", name)
		}
	}
	if len(in.ConfigurationRecorderNames) > 0 {
		return in.ConfigurationRecorderNames, nil
	}
	return sorted(c.here().Recorders), nil
}

func describeRecorders(c *call) (any, error) {
	names, err := c.recorders()
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, name := range names {
		r := c.here().Recorders[name]
		list = append(list, map[string]any{
			"name": name, "roleARN": r.Role, "arn": "arn:aws:config:" + c.region + ":" + c.caller.Account + ":configuration-recorder/" + name,
			"recordingGroup": map[string]any{"allSupported": len(r.Some) == 0, "includeGlobalResourceTypes": len(r.Some) == 0, "resourceTypes": notNil(r.Some)},
		})
	}
	return map[string]any{"ConfigurationRecorders": list}, nil
}

func describeRecorderStatus(c *call) (any, error) {
	names, err := c.recorders()
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, name := range names {
		r := c.here().Recorders[name]
		item := map[string]any{"name": name, "recording": r.Recording, "lastStatus": "Success"}
		if r.Failed != "" {
			item["lastStatus"], item["lastErrorCode"] = "Failure", r.Failed
		}
		list = append(list, item)
	}
	return map[string]any{"ConfigurationRecordersStatus": list}, nil
}

var analyzerRoutes = []route{{"GET", "/analyzer", "ListAnalyzers"}}

var analyzerOperations = map[string]operation{"ListAnalyzers": {run: listAnalyzers}}

func listAnalyzers(c *call) (any, error) {
	size := 100
	if c.params.has("maxResults") {
		n, err := strconv.Atoi(c.params.str("maxResults"))
		if err != nil || n < 1 {
			return nil, bad("ValidationException", "maxResults is not valid")
		}
		size = n
	}
	in, kind := c.here().Analyzers, c.params.str("type")
	names := slices.DeleteFunc(sorted(in), func(name string) bool { return kind != "" && in[name].Type != kind })
	names, next, ok := page(names, c.params.str("nextToken"), size)
	if !ok {
		return nil, bad("ValidationException", "nextToken is not valid")
	}
	list := []any{}
	for _, name := range names {
		list = append(list, map[string]any{
			"name": name, "arn": "arn:aws:access-analyzer:" + c.region + ":" + c.caller.Account + ":analyzer/" + name,
			"type": in[name].Type, "status": in[name].Status, "createdAt": iamTime(in[name].Created),
		})
	}
	out := map[string]any{"analyzers": list}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}

var accountRoutes = []route{{"POST", "/getAlternateContact", "GetAlternateContact"}}

var accountOperations = map[string]operation{"GetAlternateContact": {run: getAlternateContact}}

// getAlternateContact answers for the caller's own account; another's only the management account
// may ask for, which is not stood in for.
func getAlternateContact(c *call) (any, error) {
	in := struct{ AccountId, AlternateContactType string }{} //nolint:revive // the API's spelling
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	if in.AccountId != "" && in.AccountId != c.caller.Account {
		return nil, shared(c.service, denied, "User: %s is not authorized to perform: account:GetAlternateContact", c.caller.ARN)
	}
	if !slices.Contains([]string{"BILLING", "OPERATIONS", "SECURITY"}, in.AlternateContactType) {
		return nil, bad("ValidationException", "AlternateContactType is not valid")
	}
	contact := c.account().Contacts[in.AlternateContactType]
	if contact == nil {
		return nil, fail(http.StatusNotFound, "ResourceNotFoundException", "No contact of the inputted alternate contact type found.")
	}
	return map[string]any{"AlternateContact": map[string]any{
		"AlternateContactType": in.AlternateContactType, "Name": contact.Name, "Title": contact.Title,
		"EmailAddress": contact.Email, "PhoneNumber": contact.Phone,
	}}, nil
}
