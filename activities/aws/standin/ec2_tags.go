package standin

import (
	"strings"
	"unicode/utf8"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

func tagSet(tags map[string]string) elements {
	out := elements{}
	for _, key := range sorted(tags) {
		out = append(out, element{"item", elements{{"key", key}, {"value", tags[key]}}})
	}
	return out
}

// readTags reads a list of tags.
func readTags(list []*param) (map[string]string, error) {
	tags := map[string]string{}
	for _, p := range list {
		key, value := p.str("Key"), p.str("Value")
		_, twice := tags[key]
		switch {
		case key == "" || utf8.RuneCountInString(key) > 128:
			return nil, bad("InvalidParameterValue", "Tag key must have 1 to 128 characters")
		case utf8.RuneCountInString(value) > 256:
			return nil, bad("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
		case strings.HasPrefix(key, "aws:"):
			return nil, bad("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case twice:
			return nil, bad("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
		}
		tags[key] = value
	}
	if len(tags) > maxTags {
		return nil, bad("TagLimitExceeded", "The maximum number of tags for a resource is %d", maxTags)
	}
	return tags, nil
}

// tagSpecification reads the tags that a call which makes something of a type gives to it.
func (c *call) tagSpecification(resourceType string) (map[string]string, error) {
	var all []*param
	for _, spec := range c.params.list("TagSpecification") {
		if got := spec.str("ResourceType"); got != resourceType {
			return nil, bad("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", got)
		}
		all = append(all, spec.list("Tag")...)
	}
	return readTags(all)
}

// tagged is one resource that has tags.
type tagged struct {
	kind string
	tags *map[string]string
}

// tagged lists the resources of a region by id.
func (r *Region) tagged() map[string]tagged {
	out := map[string]tagged{}
	for id, v := range r.VPCs {
		out[id] = tagged{"vpc", &v.Tags}
	}
	for id, v := range r.Instances {
		out[id] = tagged{"instance", &v.Tags}
	}
	for id, v := range r.NetworkInterfaces {
		out[id] = tagged{"network-interface", &v.Tags}
	}
	for id, v := range r.SecurityGroups {
		out[id] = tagged{"security-group", &v.Tags}
	}
	for id, v := range r.Volumes {
		out[id] = tagged{"volume", &v.Tags}
	}
	for id, v := range r.Snapshots {
		out[id] = tagged{"snapshot", &v.Tags}
	}
	for id, v := range r.Images {
		out[id] = tagged{"image", &v.Tags}
	}
	for id, v := range r.NetworkACLs {
		out[id] = tagged{"network-acl", &v.Tags}
	}
	return out
}

// createTags sets tags, on all the resources or on none.
func createTags(c *call) (any, error) {
	ids := unique(c.params.strs("ResourceId"))
	tags, err := readTags(c.params.list("Tag"))
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 || len(tags) == 0 {
		return nil, bad("MissingParameter", "The request must contain the parameters ResourceId and Tag")
	}
	known := c.here().tagged()
	for _, id := range ids {
		at, ok := known[id]
		if !ok {
			return nil, absentAnywhere(id)
		}
		for key, value := range tags {
			old, had := (*at.tags)[key]
			c.changed = c.changed || !had || old != value
			put(at.tags, key, value)
		}
		if len(*at.tags) > maxTags {
			return nil, bad("TagLimitExceeded", "The maximum number of tags for a resource is %d", maxTags)
		}
	}
	return elements{{"return", true}}, nil
}

// deleteTags removes tags by key, and where a value is given only those that have it. Without a list
// of tags it removes all that are not AWS's own.
func deleteTags(c *call) (any, error) {
	ids := unique(c.params.strs("ResourceId"))
	if len(ids) == 0 {
		return nil, bad("MissingParameter", "The request must contain the parameter ResourceId")
	}
	list := c.params.list("Tag")
	known := c.here().tagged()
	for _, id := range ids {
		at, ok := known[id]
		if !ok {
			return nil, absentAnywhere(id)
		}
		for key, value := range *at.tags {
			meant := len(list) == 0
			for _, p := range list {
				meant = meant || p.str("Key") == key && (!p.has("Value") || p.str("Value") == value)
			}
			if meant {
				delete(*at.tags, key)
				c.changed = true
			}
		}
	}
	return elements{{"return", true}}, nil
}

// absentAnywhere is the error about an id whose kind only its prefix tells.
func absentAnywhere(id string) *failure {
	for _, k := range []resource{anInstance, anInterface, aGroup, aSnapshot, aVolume, anImage, anACL, aVPC} {
		if strings.HasPrefix(id, k.prefix) {
			return k.absent(id)
		}
	}
	return bad("InvalidID", "The ID '%s' is not valid", id)
}

// tag is one tag of one resource.
type tag struct{ id, kind, key, value string }

var tagFields = fields[tag]{
	"key":           func(_ string, t *tag) []string { return []string{t.key} },
	"value":         func(_ string, t *tag) []string { return []string{t.value} },
	"resource-id":   func(_ string, t *tag) []string { return []string{t.id} },
	"resource-type": func(_ string, t *tag) []string { return []string{t.kind} },
}

func describeTags(c *call) (any, error) {
	all := map[string]*tag{}
	for id, at := range c.here().tagged() {
		for key, value := range *at.tags {
			all[id+" "+key] = &tag{id, at.kind, key, value}
		}
	}
	own := func(t *tag) map[string]string { return map[string]string{t.key: t.value} }
	keys, rest, err := describe(c, resource{}, "", all, own, tagFields)
	if err != nil {
		return nil, err
	}
	set := elements{}
	for _, key := range keys {
		t := all[key]
		set = append(set, element{"item", elements{{"resourceId", t.id}, {"resourceType", t.kind}, {"key", t.key}, {"value", t.value}}})
	}
	return append(elements{{"tagSet", set}}, rest...), nil
}
