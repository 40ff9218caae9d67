package standin

import (
	"regexp"
	"slices"
	"strings"
)

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// keyOf is the ARN of the key that a snapshot is encrypted with: without one of its own, that which AWS
// keeps for EBS. Empty if it is not encrypted.
func (c *call) keyOf(s *Snapshot) string {
	if !s.Encrypted || s.Key != "" {
		return s.Key
	}
	keys := c.here().Keys
	for _, id := range sorted(keys) {
		if keys[id].AWSManaged {
			return c.keyARN(id)
		}
	}
	return c.keyARN("0eb50000-0eb5-0eb5-0eb5-0eb500000000")
}

// underDefaultKey reports whether a snapshot is encrypted with a key that AWS keeps for the account,
// which nobody else can be let use.
func (c *call) underDefaultKey(s *Snapshot) bool {
	if !s.Encrypted || s.Key == "" {
		return s.Encrypted
	}
	key := c.here().Keys[s.Key[strings.LastIndexByte(s.Key, '/')+1:]]
	return key != nil && key.AWSManaged
}

func describeSnapshotAttribute(c *call) (any, error) {
	id, s, err := one(c, aSnapshot, "SnapshotId", c.here().Snapshots)
	if err != nil {
		return nil, err
	}
	if err := c.attribute("createVolumePermission"); err != nil {
		return nil, err
	}
	return elements{{"snapshotId", id}, {"createVolumePermission", permissions(s.Shared)}}, nil
}

func modifySnapshotAttribute(c *call) (any, error) {
	_, s, err := one(c, aSnapshot, "SnapshotId", c.here().Snapshots)
	if err != nil {
		return nil, err
	}
	add, remove, err := c.sharing("createVolumePermission", "CreateVolumePermission")
	switch {
	case err != nil:
		return nil, err
	case len(add) > 0 && len(remove) > 0:
		return nil, bad("InvalidParameterCombination", "Permissions cannot be added and removed in one request")
	case len(add) > 0 && c.underDefaultKey(s):
		return nil, bad("InvalidParameter", "Encrypted snapshots with EBS default key cannot be shared")
	case slices.Contains(add, everyone) && s.Encrypted:
		return nil, bad("InvalidParameter", "Encrypted snapshots cannot be shared publicly")
	}
	c.changed = share(&s.Shared, add, remove)
	return elements{{"return", true}}, nil
}

func describeImageAttribute(c *call) (any, error) {
	id, i, err := one(c, anImage, "ImageId", c.here().Images)
	if err != nil {
		return nil, err
	}
	if err := c.attribute("launchPermission"); err != nil {
		return nil, err
	}
	return elements{{"imageId", id}, {"launchPermission", permissions(i.Shared)}}, nil
}

func modifyImageAttribute(c *call) (any, error) {
	r := c.here()
	_, i, err := one(c, anImage, "ImageId", r.Images)
	if err != nil {
		return nil, err
	}
	add, remove, err := c.sharing("launchPermission", "LaunchPermission")
	if err != nil {
		return nil, err
	}
	for _, id := range i.Snapshots {
		s := r.Snapshots[id]
		if s != nil && len(add) > 0 && (c.underDefaultKey(s) || s.Encrypted && slices.Contains(add, everyone)) {
			return nil, bad("InvalidParameter", "Snapshot %s is encrypted with a key that those the image is to be shared with cannot use", id)
		}
	}
	c.changed = share(&i.Shared, add, remove)
	return elements{{"return", true}}, nil
}

// attribute holds the Attribute of a Describe call against the one that is served.
func (c *call) attribute(want string) error {
	switch got := c.params.str("Attribute"); got {
	case want:
		return nil
	case "":
		return bad("MissingParameter", "The request must contain the parameter Attribute")
	default:
		return bad("InvalidParameterValue", "Value (%s) for parameter attribute is invalid, or none that the stand-in serves: it serves %s", got, want)
	}
}

// sharing reads who is to be added and removed. Both forms of the request are read: a list of
// permissions, and an operation with users and groups.
func (c *call) sharing(attribute, field string) (add, remove []string, _ error) {
	if c.params.has("Attribute") && c.params.str("Attribute") != attribute {
		return nil, nil, bad("InvalidParameterValue", "Value (%s) for parameter attribute is invalid, or none that the stand-in serves: it serves %s", c.params.str("Attribute"), attribute)
	}
	read := func(path string) []string {
		var out []string
		for _, p := range c.params.list(path) {
			for _, name := range []string{"UserId", "Group", "OrganizationArn", "OrganizationalUnitArn"} {
				if id := p.str(name); id != "" {
					out = append(out, id)
				}
			}
		}
		return out
	}
	add, remove = read(field+".Add"), read(field+".Remove")
	var flat []string
	for _, path := range []string{"UserId", "UserGroup", "OrganizationArn", "OrganizationalUnitArn"} {
		flat = append(flat, c.params.strs(path)...)
	}
	switch c.params.str("OperationType") {
	case "add":
		add = append(add, flat...)
	case "remove":
		remove = append(remove, flat...)
	}
	if len(add)+len(remove) == 0 {
		return nil, nil, bad("MissingParameter", "The request must say whom to add or to remove")
	}
	for _, id := range slices.Concat(add, remove) {
		arn := attribute == "launchPermission" && strings.HasPrefix(id, "arn:aws:organizations::")
		if id != everyone && !accountID.MatchString(id) && !arn {
			return nil, nil, bad("InvalidUserID.Malformed", "Invalid user id: %q", id)
		}
	}
	return add, remove, nil
}

// permissions are those something is shared with, as both Describe calls tell them.
func permissions(shared []string) elements {
	out := elements{}
	for _, id := range shared {
		kind := "userId"
		switch {
		case id == everyone:
			kind = "group"
		case strings.Contains(id, ":ou/"):
			kind = "organizationalUnitArn"
		case strings.HasPrefix(id, "arn:"):
			kind = "organizationArn"
		}
		out = append(out, element{"item", elements{{kind, id}}})
	}
	return out
}
