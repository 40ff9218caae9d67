package standin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

var rdsOperations = map[string]operation{
	"DescribeDBInstances":          {run: describeDBInstances},
	"DescribeDBSnapshots":          {run: describeDBSnapshots},
	"DescribeDBSnapshotAttributes": {run: describeDBSnapshotAttributes},
	"ModifyDBSnapshotAttribute":    {run: modifyDBSnapshotAttribute, effect: changes},
}

func (c *call) rdsARN(kind, name string) string {
	return fmt.Sprintf("arn:aws:rds:%s:%s:%s:%s", c.region, c.caller.Account, kind, name)
}

func rdsTags(tags map[string]string) elements {
	out := elements{}
	for _, key := range sorted(tags) {
		out = append(out, element{"Tag", elements{{"Key", key}, {"Value", tags[key]}}})
	}
	return out
}

// rdsPage cuts the page that MaxRecords and Marker ask for.
func (c *call) rdsPage(ids []string) ([]string, elements, error) {
	size := 100
	if c.params.has("MaxRecords") {
		n, err := strconv.Atoi(c.params.str("MaxRecords"))
		if err != nil || n < 20 || n > 100 {
			return nil, nil, bad("InvalidParameterValue", "Invalid value %s for MaxRecords. Must be between 20 and 100", c.params.str("MaxRecords"))
		}
		size = n
	}
	ids, next, ok := page(ids, c.params.str("Marker"), size)
	if !ok {
		return nil, nil, bad("InvalidParameterValue", "The marker is invalid")
	}
	return ids, elements{{"Marker", some(next)}}, nil
}

func describeDBInstances(c *call) (any, error) {
	all := c.here().DBInstances
	names := sorted(all)
	if name := c.params.str("DBInstanceIdentifier"); name != "" {
		if all[name] == nil {
			return nil, fail(http.StatusNotFound, "DBInstanceNotFound", "DBInstance %s not found.", name)
		}
		names = []string{name}
	}
	names, rest, err := c.rdsPage(names)
	if err != nil {
		return nil, err
	}
	list := elements{}
	for _, name := range names {
		db := all[name]
		list = append(list, element{"DBInstance", elements{
			{"DBInstanceIdentifier", name},
			{"DBInstanceClass", db.Class},
			{"Engine", db.Engine},
			{"DBInstanceStatus", db.Status},
			{"AllocatedStorage", db.Size},
			{"InstanceCreateTime", ec2Time(db.Created)},
			{"PubliclyAccessible", db.Public},
			{"StorageEncrypted", db.Encrypted},
			{"KmsKeyId", some(db.Key)},
			{"DBInstanceArn", c.rdsARN("db", name)},
			{"DBSubnetGroup", elements{{"VpcId", some(db.VPC)}}},
			{"TagList", rdsTags(db.Tags)},
		}})
	}
	return append(elements{{"DBInstances", list}}, rest...), nil
}

// dbSnapshot finds the snapshot that a call names.
func (c *call) dbSnapshot() (string, *DBSnapshot, error) {
	name := c.params.str("DBSnapshotIdentifier")
	if name == "" {
		return "", nil, bad("MissingParameter", "The request must contain the parameter DBSnapshotIdentifier")
	}
	if s := c.here().DBSnapshots[name]; s != nil {
		return name, s, nil
	}
	return "", nil, fail(http.StatusNotFound, "DBSnapshotNotFound", "DBSnapshot not found: %s", name)
}

// describeDBSnapshots tells of the account's own snapshots; there are no others here.
func describeDBSnapshots(c *call) (any, error) {
	all := c.here().DBSnapshots
	names := sorted(all)
	if c.params.str("DBSnapshotIdentifier") != "" {
		name, _, err := c.dbSnapshot()
		if err != nil {
			return nil, err
		}
		names = []string{name}
	}
	kind, instance := c.params.str("SnapshotType"), c.params.str("DBInstanceIdentifier")
	names = slices.DeleteFunc(names, func(name string) bool {
		s := all[name]
		return kind == "shared" || instance != "" && s.Instance != instance ||
			kind == "public" && !slices.Contains(s.Shared, everyone) ||
			(kind == "manual" || kind == "automated") && s.Type != kind
	})
	names, rest, err := c.rdsPage(names)
	if err != nil {
		return nil, err
	}
	list := elements{}
	for _, name := range names {
		s := all[name]
		list = append(list, element{"DBSnapshot", elements{
			{"DBSnapshotIdentifier", name},
			{"DBInstanceIdentifier", s.Instance},
			{"SnapshotCreateTime", ec2Time(s.Created)},
			{"Engine", s.Engine},
			{"AllocatedStorage", s.Size},
			{"Status", s.Status},
			{"SnapshotType", s.Type},
			{"PercentProgress", 100},
			{"Encrypted", s.Encrypted},
			{"KmsKeyId", some(s.Key)},
			{"DBSnapshotArn", c.rdsARN("snapshot", name)},
			{"TagList", rdsTags(s.Tags)},
		}})
	}
	return append(elements{{"DBSnapshots", list}}, rest...), nil
}

func describeDBSnapshotAttributes(c *call) (any, error) {
	name, s, err := c.dbSnapshot()
	if err != nil {
		return nil, err
	}
	return dbSnapshotAttributes(name, s), nil
}

func modifyDBSnapshotAttribute(c *call) (any, error) {
	name, s, err := c.dbSnapshot()
	if err != nil {
		return nil, err
	}
	add, remove := c.params.strs("ValuesToAdd"), c.params.strs("ValuesToRemove")
	for _, id := range slices.Concat(add, remove) {
		if id != everyone && !accountID.MatchString(id) {
			return nil, bad("InvalidParameterValue", "Invalid account: %s", id)
		}
	}
	switch {
	case c.params.str("AttributeName") != "restore":
		return nil, bad("InvalidParameterValue", "Invalid attribute name: %s", c.params.str("AttributeName"))
	case s.Type != "manual":
		return nil, bad("InvalidDBSnapshotState", "Only manual snapshots can be shared.")
	case len(add) > 0 && s.Encrypted && (s.Key == "" || slices.Contains(add, everyone)):
		return nil, bad("InvalidParameterCombination", "The snapshot is encrypted with a key that those it is to be shared with cannot use")
	}
	c.changed = share(&s.Shared, add, remove)
	return dbSnapshotAttributes(name, s), nil
}

func dbSnapshotAttributes(name string, s *DBSnapshot) elements {
	values := elements{}
	for _, id := range s.Shared {
		values = append(values, element{"AttributeValue", id})
	}
	return elements{{"DBSnapshotAttributesResult", elements{
		{"DBSnapshotIdentifier", name},
		{"DBSnapshotAttributes", elements{{"DBSnapshotAttribute", elements{{"AttributeName", "restore"}, {"AttributeValues", values}}}}},
	}}}
}
