package standin

import (
	"slices"
	"strconv"
)

func (c *call) imageFields() fields[Image] {
	return fields[Image]{
		"image-id": func(id string, _ *Image) []string { return []string{id} },
		"name":     func(_ string, i *Image) []string { return []string{i.Name} },
		"state":    func(_ string, i *Image) []string { return []string{i.State} },
		"owner-id": func(string, *Image) []string { return []string{c.caller.Account} },
		"is-public": func(_ string, i *Image) []string {
			return []string{strconv.FormatBool(slices.Contains(i.Shared, everyone))}
		},
		"block-device-mapping.snapshot-id": func(_ string, i *Image) []string {
			var out []string
			for _, device := range sorted(i.Snapshots) {
				out = append(out, i.Snapshots[device])
			}
			return out
		},
	}
}

// describeImages tells of the account's own images; there are no others here.
func describeImages(c *call) (any, error) {
	r := c.here()
	ids, rest, err := describe(c, anImage, "ImageId", r.Images,
		func(i *Image) map[string]string { return i.Tags }, c.imageFields())
	if err != nil {
		return nil, err
	}
	if !c.owns() {
		ids, rest = nil, nil
	}
	set := elements{}
	for _, id := range ids {
		i := r.Images[id]
		if !c.sharedWith(i.Shared, "ExecutableBy") {
			continue
		}
		devices := elements{}
		for _, name := range sorted(i.Snapshots) {
			disk := elements{{"snapshotId", i.Snapshots[name]}}
			if s := r.Snapshots[i.Snapshots[name]]; s != nil {
				disk = append(disk, element{"volumeSize", s.Size}, element{"encrypted", s.Encrypted})
			}
			devices = append(devices, element{"item", elements{{"deviceName", name}, {"ebs", disk}}})
		}
		set = append(set, element{"item", elements{
			{"imageId", id},
			{"imageLocation", c.caller.Account + "/" + i.Name},
			{"imageState", i.State},
			{"imageOwnerId", c.caller.Account},
			{"isPublic", slices.Contains(i.Shared, everyone)},
			{"imageType", "machine"},
			{"name", i.Name},
			{"description", some(i.Description)},
			{"creationDate", ec2Time(i.Created)},
			{"rootDeviceType", "ebs"},
			{"rootDeviceName", some(i.RootDevice)},
			{"blockDeviceMapping", devices},
			{"tagSet", tagSet(i.Tags)},
		}})
	}
	return append(elements{{"imagesSet", set}}, rest...), nil
}

// owns reports whether the Owner list of a Describe call lets the account's own things through.
func (c *call) owns() bool {
	owners := c.params.strs("Owner")
	return len(owners) == 0 || slices.Contains(owners, "self") || slices.Contains(owners, c.caller.Account)
}

// sharedWith reports whether a list of those that something is shared with has one that the call asks
// for, if it asks.
func (c *call) sharedWith(shared []string, param string) bool {
	want := c.params.strs(param)
	return len(want) == 0 || slices.ContainsFunc(want, func(id string) bool {
		return id == "self" || slices.Contains(shared, id)
	})
}
