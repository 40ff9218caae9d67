package standin

import "slices"

// copySnapshot copies a snapshot of the caller's, or one shared with it, from another region or its
// own. The copy is made of no volume that anybody could find.
func copySnapshot(c *call) (any, error) {
	source, id := c.params.str("SourceRegion"), c.params.str("SourceSnapshotId")
	if source == "" || id == "" {
		return nil, bad("MissingParameter", "The request must contain the parameters SourceRegion and SourceSnapshotId")
	}
	_, from := c.snapshotIn(source, id)
	if from == nil {
		return nil, aSnapshot.absent(id)
	}
	if from.State != "completed" {
		return nil, bad("IncorrectState", "The source snapshot %s is not completed", id)
	}
	tags, err := c.tagSpecification("snapshot")
	if err != nil {
		return nil, err
	}
	key, encrypted := c.params.str("KmsKeyId"), c.params.str("Encrypted") == "true"
	switch {
	case key != "" && !encrypted:
		return nil, bad("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
	case from.Encrypted:
		encrypted = true
	}
	made := aSnapshot.newID()
	region := c.account().Regions[c.region]
	if region == nil {
		region = &Region{}
		put(&c.account().Regions, c.region, region)
	}
	put(&region.Snapshots, made, &Snapshot{
		Volume: "vol-ffffffff", Size: from.Size, State: "pending", Progress: "0%", Started: c.now,
		Description: c.params.str("Description"), Encrypted: encrypted, Key: key, Tags: tags,
	})
	c.changed = true
	return elements{{"snapshotId", made}, {"tagSet", tagSet(tags)}}, nil
}

// snapshotIn finds a snapshot in a region that the caller may use: its own, or a shared one.
func (c *call) snapshotIn(region, id string) (owner string, _ *Snapshot) {
	for account, a := range c.state.Accounts {
		if r := a.Regions[region]; r != nil && r.Snapshots[id] != nil {
			s := r.Snapshots[id]
			if account == c.caller.Account || slices.Contains(s.Shared, everyone) || slices.Contains(s.Shared, c.caller.Account) {
				return account, s
			}
		}
	}
	return "", nil
}

// ownerOf is the account that a snapshot of this region is in.
func (c *call) ownerOf(id string) string {
	owner, _ := c.snapshotIn(c.region, id)
	return owner
}
