package standin

import (
	"maps"
	"slices"
)

func (c *call) snapshotFields() fields[Snapshot] {
	return fields[Snapshot]{
		"snapshot-id": func(id string, _ *Snapshot) []string { return []string{id} },
		"volume-id":   func(_ string, s *Snapshot) []string { return []string{s.Volume} },
		"status":      func(_ string, s *Snapshot) []string { return []string{s.State} },
		"description": func(_ string, s *Snapshot) []string { return []string{s.Description} },
		"owner-id":    func(string, *Snapshot) []string { return []string{c.caller.Account} },
	}
}

// createSnapshots takes one snapshot of each volume of an instance: all or none.
func createSnapshots(c *call) (any, error) {
	r := c.here()
	_, instance, err := one(c, anInstance, "InstanceSpecification.InstanceId", r.Instances)
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification("snapshot")
	if err != nil {
		return nil, err
	}
	excluded := c.params.strs("InstanceSpecification.ExcludeDataVolumeId")
	for _, id := range excluded {
		at := slices.IndexFunc(instance.Devices, func(d Device) bool { return d.Volume == id })
		if at < 0 || instance.Devices[at].Name == instance.RootDevice {
			return nil, bad("InvalidParameterValue", "Value (%s) for parameter ExcludeDataVolumeIds is invalid: no data volume of the instance", id)
		}
	}
	noBoot := c.params.str("InstanceSpecification.ExcludeBootVolume") == "true"
	var made []string
	for _, d := range instance.Devices {
		if (noBoot && d.Name == instance.RootDevice) || slices.Contains(excluded, d.Volume) {
			continue
		}
		volume := r.Volumes[d.Volume]
		if volume == nil {
			volume = &Volume{}
		}
		own := map[string]string{}
		if c.params.str("CopyTagsFromSource") == "volume" {
			maps.Copy(own, volume.Tags)
		}
		maps.Copy(own, tags)
		id := aSnapshot.newID()
		put(&r.Snapshots, id, &Snapshot{
			Volume: d.Volume, Size: volume.Size, State: "pending", Progress: "0%", Started: c.now,
			Description: c.params.str("Description"), Encrypted: volume.Encrypted, Key: volume.Key, Tags: own,
		})
		made = append(made, id)
	}
	if len(made) == 0 {
		return nil, bad("InvalidParameterCombination", "No volumes are left to take snapshots of")
	}
	r.Snapshots[made[len(made)-1]].Fails = c.failItems
	c.changed = true
	set := elements{}
	for _, id := range made {
		set = append(set, element{"item", c.snapshot(id, r.Snapshots[id], "state")})
	}
	return elements{{"snapshotSet", set}}, nil
}

// snapshot is a snapshot as both calls tell it, but for the name of its state.
func (c *call) snapshot(id string, s *Snapshot, state string) elements {
	return elements{
		{"snapshotId", id},
		{"volumeId", s.Volume},
		{"volumeSize", s.Size},
		{state, s.State},
		{"progress", s.Progress},
		{"startTime", ec2Time(s.Started)},
		{"ownerId", c.ownerOf(id)},
		{"description", s.Description},
		{"encrypted", s.Encrypted},
		{"kmsKeyId", some(c.keyOf(s))},
		{"tagSet", tagSet(s.Tags)},
	}
}

// advance moves a pending snapshot on by one look at it.
func (s *Snapshot) advance(c *call) {
	switch {
	case s.State != "pending":
		return
	case s.Progress == "0%":
		s.Progress = "50%"
	case s.Fails:
		s.State = "error"
	default:
		now := c.now
		s.State, s.Progress, s.Completed = "completed", "100%", &now
	}
	c.changed = true
}

func noPendingSnapshots(c *call) bool {
	for _, s := range c.here().Snapshots {
		if s.State == "pending" {
			return false
		}
	}
	return true
}

// describeSnapshots tells of the account's own snapshots, and of those that others share with it if it
// names them. Those it tells of come closer to their end.
func describeSnapshots(c *call) (any, error) {
	all := map[string]*Snapshot{}
	maps.Copy(all, c.here().Snapshots)
	for _, id := range c.params.strs("SnapshotId") {
		if _, s := c.snapshotIn(c.region, id); s != nil {
			all[id] = s
		}
	}
	ids, rest, err := describe(c, aSnapshot, "SnapshotId", all,
		func(s *Snapshot) map[string]string { return s.Tags }, c.snapshotFields())
	if err != nil {
		return nil, err
	}
	if !c.owns() {
		ids, rest = nil, nil
	}
	set := elements{}
	for _, id := range ids {
		s := all[id]
		if !c.sharedWith(s.Shared, "RestorableBy") {
			continue
		}
		if c.here().Snapshots[id] == s { // another account's is not ours to move
			s.advance(c)
		}
		item := append(c.snapshot(id, s, "status"), element{"storageTier", "standard"})
		switch s.State {
		case "completed":
			if s.Completed != nil {
				item = append(item, element{"completionTime", ec2Time(*s.Completed)})
			}
		case "error":
			item = append(item, element{"statusMessage", "An internal error has occurred"})
		}
		set = append(set, element{"item", item})
	}
	return append(elements{{"snapshotSet", set}}, rest...), nil
}

func deleteSnapshot(c *call) (any, error) {
	r := c.here()
	id, _, err := one(c, aSnapshot, "SnapshotId", r.Snapshots)
	if err != nil {
		return nil, err
	}
	delete(r.Snapshots, id)
	c.changed = true
	return elements{{"return", true}}, nil
}
