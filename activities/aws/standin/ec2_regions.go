package standin

import "slices"

// newAccount is what EC2 tells of the regions of an account that has opted into none.
var newAccount = map[string]string{
	"af-south-1": "not-opted-in", "ap-east-1": "not-opted-in", "eu-south-1": "not-opted-in", "me-south-1": "not-opted-in",
	"ap-northeast-1": optInNotRequired, "ap-northeast-2": optInNotRequired, "ap-northeast-3": optInNotRequired, "ap-south-1": optInNotRequired,
	"ap-southeast-1": optInNotRequired, "ap-southeast-2": optInNotRequired, "ca-central-1": optInNotRequired, "eu-central-1": optInNotRequired,
	"eu-north-1": optInNotRequired, "eu-west-1": optInNotRequired, "eu-west-2": optInNotRequired, "eu-west-3": optInNotRequired,
	"sa-east-1": optInNotRequired, "us-east-1": optInNotRequired, "us-east-2": optInNotRequired, "us-west-1": optInNotRequired, "us-west-2": optInNotRequired,
}

const optInNotRequired = "opt-in-not-required"

// describeRegions lists the regions that the account can use, and with AllRegions the others too.
func describeRegions(c *call) (any, error) {
	status := c.account().OptIn
	if len(status) == 0 {
		status = newAccount
	}
	names := c.params.strs("RegionName")
	for _, name := range names {
		if status[name] == "" {
			return nil, bad("InvalidParameterValue", "Invalid region names: %s", name)
		}
	}
	filters, err := c.filters()
	if err != nil {
		return nil, err
	}
	by := fields[string]{
		"opt-in-status": func(_ string, status *string) []string { return []string{*status} },
		"region-name":   func(name string, _ *string) []string { return []string{name} },
		"endpoint":      func(name string, _ *string) []string { return []string{regionHost(name)} },
	}
	for _, f := range filters {
		if by[f.name] == nil {
			return nil, bad("InvalidParameterValue", "The filter '%s' is invalid", f.name)
		}
	}
	items := elements{}
	for _, name := range sorted(status) {
		is := status[name]
		switch {
		case is == "not-opted-in" && c.params.str("AllRegions") != "true",
			len(names) > 0 && !slices.Contains(names, name),
			!by.admit(filters, name, &is, nil):
			continue
		}
		items = append(items, element{"item", elements{{"regionName", name}, {"regionEndpoint", regionHost(name)}, {"optInStatus", is}}})
	}
	return elements{{"regionInfo", items}}, nil
}

func regionHost(name string) string { return "ec2." + name + ".amazonaws.com" }
