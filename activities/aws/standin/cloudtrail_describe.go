package standin

import (
	"slices"
	"strings"
)

// place is where a trail is at home.
type place struct{ account, region, name string }

// trails are those that an account sees in a region: its own that are at home there, and, with shadow,
// those of other regions that take events there, and the trails of its organization in whichever
// account.
func (c *call) trails(shadow bool) ([]place, map[place]*Trail) {
	var places []place
	found := map[place]*Trail{}
	for _, account := range sorted(c.state.Accounts) {
		own := account == c.caller.Account
		for _, region := range sorted(c.state.Accounts[account].Regions) {
			in := c.state.Accounts[account].Regions[region].Trails
			for _, name := range sorted(in) {
				t, here := in[name], region == c.region
				if own && here || shadow && (own || t.Organization && c.together(account)) && (here || t.MultiRegion) {
					at := place{account, region, name}
					places, found[at] = append(places, at), t
				}
			}
		}
	}
	return places, found
}

// together reports whether an account is of the caller's organization.
func (c *call) together(account string) bool {
	return c.state.Organization.has(account) && c.state.Organization.has(c.caller.Account)
}

// describeTrails leaves out what is not there without a word, as the real API does.
func describeTrails(c *call) (any, error) {
	in := struct {
		TrailNameList       []string `json:"trailNameList"`
		IncludeShadowTrails *bool    `json:"includeShadowTrails"`
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	places, found := c.trails(in.IncludeShadowTrails == nil || *in.IncludeShadowTrails)
	list := []any{}
	for _, at := range places {
		answer := found[at].answer(at.account, at.region, at.name)
		if len(in.TrailNameList) > 0 && !slices.Contains(in.TrailNameList, at.name) && !slices.Contains(in.TrailNameList, text(answer["TrailARN"])) {
			continue
		}
		list = append(list, answer)
	}
	return map[string]any{"trailList": list}, nil
}

// organizationTrail finds the organization's trail in another account that a request names by its
// ARN; nil: it names none. Its members may ask for the status of it, not for its selectors.
func (c *call) organizationTrail() *Trail {
	arn := text(c.body["Name"])
	if !trailARN.MatchString(arn) {
		return nil
	}
	_, found := c.trails(true)
	for at, t := range found {
		if at.account != c.caller.Account && strings.HasSuffix(arn, ":"+at.region+":"+at.account+":trail/"+at.name) {
			return t
		}
	}
	return nil
}

func getEventSelectors(c *call) (any, error) {
	put(&c.body, "Name", c.body["TrailName"])
	region, name, t, err := c.trail()
	if err != nil {
		return nil, err
	}
	out := map[string]any{"TrailARN": c.trailARN(region, name)}
	if len(t.Advanced) > 0 {
		var list []any
		for _, a := range t.Advanced {
			var of []any
			for _, f := range a.Fields {
				item := map[string]any{"Field": f.Field}
				if len(f.Equals) > 0 {
					item["Equals"] = f.Equals
				}
				if len(f.NotEquals) > 0 {
					item["NotEquals"] = f.NotEquals
				}
				of = append(of, item)
			}
			list = append(list, map[string]any{"Name": a.Name, "FieldSelectors": of})
		}
		out["AdvancedEventSelectors"] = list
		return out, nil
	}
	selectors := t.Selectors
	if len(selectors) == 0 {
		selectors = []EventSelector{{ReadWrite: "All", Management: true}}
	}
	var list []any
	for _, s := range selectors {
		list = append(list, map[string]any{
			"ReadWriteType": s.ReadWrite, "IncludeManagementEvents": s.Management, "DataResources": []any{},
			"ExcludeManagementEventSources": notNil(s.Excluded),
		})
	}
	out["EventSelectors"] = list
	return out, nil
}
