package standin

import (
	"slices"
	"strconv"
)

// maxFindings is how many findings one call may name or list.
const maxFindings = 50

var guarddutyRoutes = []route{
	{"GET", "/detector", "ListDetectors"},
	{"GET", "/detector/{detectorId}", "GetDetector"},
	{"POST", "/detector/{detectorId}/findings", "ListFindings"},
	{"POST", "/detector/{detectorId}/findings/get", "GetFindings"},
	{"POST", "/detector/{detectorId}/findings/archive", "ArchiveFindings"},
	{"POST", "/detector/{detectorId}/findings/unarchive", "UnarchiveFindings"},
}

var guarddutyOperations = map[string]operation{
	"ListDetectors":     {run: listDetectors},
	"GetDetector":       {run: getDetector},
	"ListFindings":      {run: listFindings},
	"GetFindings":       {run: getFindings, items: true},
	"ArchiveFindings":   {run: archiveFindings(true), effect: changes},
	"UnarchiveFindings": {run: archiveFindings(false), effect: changes},
}

// invalid is GuardDuty's answer to a parameter it cannot use.
func invalid(format string, args ...any) *failure {
	f := bad("BadRequestException", "The request is rejected because "+format, args...)
	f.kind = "InvalidInputException"
	return f
}

func (c *call) detector() (*Detector, error) {
	if d := c.here().Detectors[c.path["detectorId"]]; d != nil {
		return d, nil
	}
	return nil, invalid("the input detectorId is not owned by the current account.")
}

func listDetectors(c *call) (any, error) {
	size := maxFindings
	if c.params.has("maxResults") {
		n, err := strconv.Atoi(c.params.str("maxResults"))
		if err != nil || n < 1 || n > maxFindings {
			return nil, invalid("the parameter maxResults has an invalid value.")
		}
		size = n
	}
	ids, next, ok := page(sorted(c.here().Detectors), c.params.str("nextToken"), size)
	if !ok {
		return nil, invalid("the parameter nextToken has an invalid value.")
	}
	return map[string]any{"detectorIds": notNil(ids), "nextToken": next}, nil
}

func getDetector(c *call) (any, error) {
	d, err := c.detector()
	if err != nil {
		return nil, err
	}
	status := "ENABLED"
	if d.Disabled {
		status = "DISABLED"
	}
	return map[string]any{
		"status": status, "createdAt": "2026-01-12T08:00:00.000Z", "findingPublishingFrequency": "SIX_HOURS",
		"serviceRole": "arn:aws:iam::" + c.caller.Account + ":role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
	}, nil
}

// findingIDs reads the ids of a call over several findings.
func (c *call) findingIDs() ([]string, error) {
	var in struct {
		FindingIDs []string `json:"findingIds"`
	}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	if len(in.FindingIDs) == 0 || len(in.FindingIDs) > maxFindings {
		return nil, invalid("the parameter findingIds has an invalid value: 1 to %d ids are allowed.", maxFindings)
	}
	return in.FindingIDs, nil
}

// getFindings answers the findings that are there, in the order asked for; ids that are not are
// left out without a word, as in the real API.
func getFindings(c *call) (any, error) {
	d, err := c.detector()
	if err != nil {
		return nil, err
	}
	ids, err := c.findingIDs()
	if err != nil {
		return nil, err
	}
	if c.failItems {
		ids = ids[:len(ids)-1]
	}
	found := []any{}
	for _, id := range ids {
		if f := d.Findings[id]; f != nil {
			found = append(found, f.answer())
		}
	}
	return map[string]any{"findings": found}, nil
}

// archiveFindings sets or clears the flag. Unknown ids are accepted without a word, as in the real
// API.
func archiveFindings(archived bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		d, err := c.detector()
		if err != nil {
			return nil, err
		}
		ids, err := c.findingIDs()
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if f := d.Findings[id]; f != nil && f.Archived != archived {
				f.Archived = archived
				c.changed = true
			}
		}
		return nil, nil
	}
}

func listFindings(c *call) (any, error) {
	d, err := c.detector()
	if err != nil {
		return nil, err
	}
	in := struct {
		FindingCriteria struct {
			Criterion map[string]criterion `json:"criterion"`
		} `json:"findingCriteria"`
		MaxResults   *int   `json:"maxResults"`
		NextToken    string `json:"nextToken"`
		SortCriteria struct {
			AttributeName string `json:"attributeName"`
			OrderBy       string `json:"orderBy"`
		} `json:"sortCriteria"`
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	size := maxFindings
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > maxFindings {
			return nil, invalid("the parameter maxResults has an invalid value.")
		}
	}
	var ids []string
	answers := map[string]map[string]any{}
	for _, id := range sorted(d.Findings) {
		answer := d.Findings[id].answer()
		keep := true
		for field, want := range in.FindingCriteria.Criterion {
			keep = keep && want.admits(lookup(answer, field))
		}
		if keep {
			ids, answers[id] = append(ids, id), answer
		}
	}
	if by := in.SortCriteria.AttributeName; by != "" {
		slices.SortStableFunc(ids, func(a, b string) int {
			order := compare(lookup(answers[a], by), lookup(answers[b], by))
			if in.SortCriteria.OrderBy == "DESC" {
				return -order
			}
			return order
		})
	}
	ids, next, ok := page(ids, in.NextToken, size)
	if !ok {
		return nil, invalid("the parameter nextToken has an invalid value.")
	}
	return map[string]any{"findingIds": notNil(ids), "nextToken": next}, nil
}

// notNil makes an empty list [] in JSON, not null.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
