package standin

import (
	"net/http"
	"slices"
	"strings"
)

// maxHub is how many findings one call may bring, change or list.
const maxHub = 100

var securityhubRoutes = []route{
	{"GET", "/accounts", "DescribeHub"},
	{"POST", "/findings", "GetFindings"},
	{"POST", "/findings/import", "BatchImportFindings"},
	{"PATCH", "/findings/batchupdate", "BatchUpdateFindings"},
}

var securityhubOperations = map[string]operation{
	"DescribeHub":         {run: describeHub},
	"GetFindings":         {run: getHubFindings},
	"BatchImportFindings": {run: batchImportFindings, effect: changes, items: true},
	"BatchUpdateFindings": {run: batchUpdateFindings, effect: changes, items: true},
}

// hub is Security Hub of the account and region, if it is enabled.
func (c *call) hub() (*Hub, error) {
	if h := c.here().Hub; h != nil {
		return h, nil
	}
	return nil, fail(http.StatusUnauthorized, "InvalidAccessException", "Account %s is not subscribed to AWS Security Hub", c.caller.Account)
}

func hubInput(format string, args ...any) *failure {
	return bad("InvalidInputException", format, args...)
}

func describeHub(c *call) (any, error) {
	h, err := c.hub()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"HubArn": "arn:aws:securityhub:" + c.region + ":" + c.caller.Account + ":hub/default", "SubscribedAt": ec2Time(h.Subscribed),
		"AutoEnableControls": true, "ControlFindingGenerator": "SECURITY_CONTROL",
	}, nil
}

// textFilter is one value that a filter admits or keeps out.
type textFilter struct{ Value, Comparison string }

// admits combines the values of one filter as Security Hub does: one of those that admit, and all of
// those that keep out.
func admits(filters []textFilter, texts []string) (bool, error) {
	wanted, found := false, false
	for _, f := range filters {
		var match func(string) bool
		switch strings.TrimPrefix(strings.Replace(f.Comparison, "PREFIX_NOT_EQUALS", "NOT_PREFIX", 1), "NOT_") {
		case "EQUALS":
			match = func(s string) bool { return s == f.Value }
		case "PREFIX":
			match = func(s string) bool { return strings.HasPrefix(s, f.Value) }
		case "CONTAINS":
			match = func(s string) bool { return strings.Contains(s, f.Value) }
		default:
			return false, hubInput("Invalid parameter 'Filters'. comparison %q is not valid", f.Comparison)
		}
		holds := slices.ContainsFunc(texts, match)
		if strings.Contains(f.Comparison, "NOT_") {
			if holds {
				return false, nil
			}
			continue
		}
		wanted, found = true, found || holds
	}
	return found || !wanted, nil
}

func getHubFindings(c *call) (any, error) {
	h, err := c.hub()
	if err != nil {
		return nil, err
	}
	in := struct {
		Filters      map[string][]textFilter
		SortCriteria []struct{ Field, SortOrder string }
		MaxResults   *int
		NextToken    string
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	size := maxHub
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > maxHub {
			return nil, hubInput("Invalid parameter 'MaxResults'. data.MaxResults should be between 1 and %d", maxHub)
		}
	}
	var ids []string
	for _, id := range sorted(h.Findings) {
		keep := true
		for _, name := range sorted(in.Filters) {
			path, known := hubFilters[name]
			if !known || len(in.Filters[name]) > 20 {
				return nil, hubInput("Invalid parameter 'Filters'. %s: not known to the stand-in, or more than 20 values", name)
			}
			ok, err := admits(in.Filters[name], under(h.Findings[id], path))
			if err != nil {
				return nil, err
			}
			keep = keep && ok
		}
		if keep {
			ids = append(ids, id)
		}
	}
	for _, by := range in.SortCriteria {
		slices.SortStableFunc(ids, func(a, b string) int {
			order := slices.Compare(under(h.Findings[a], []string{by.Field}), under(h.Findings[b], []string{by.Field}))
			if by.SortOrder == "desc" {
				return -order
			}
			return order
		})
	}
	ids, next, ok := page(ids, in.NextToken, size)
	if !ok {
		return nil, hubInput("Invalid parameter 'NextToken'.")
	}
	list := []any{}
	for _, id := range ids {
		list = append(list, h.Findings[id])
	}
	out := map[string]any{"Findings": list}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}
