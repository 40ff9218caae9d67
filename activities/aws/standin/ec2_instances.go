package standin

import (
	"cmp"
	"slices"
	"strings"
)

var instanceStates = map[string]int{
	"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80,
}

// interfacesOf lists the interfaces of an instance, the primary one first.
func (r *Region) interfacesOf(instance string) []string {
	var ids []string
	for _, id := range sorted(r.NetworkInterfaces) {
		if at := r.NetworkInterfaces[id].Attachment; at != nil && at.Instance == instance {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int {
		return cmp.Compare(r.NetworkInterfaces[a].Attachment.DeviceIndex, r.NetworkInterfaces[b].Attachment.DeviceIndex)
	})
	return ids
}

func instanceFields(r *Region) fields[Instance] {
	overInterfaces := func(instance string, of func(id string, n *NetworkInterface) []string) []string {
		var out []string
		for _, id := range r.interfacesOf(instance) {
			out = append(out, of(id, r.NetworkInterfaces[id])...)
		}
		return out
	}
	groups := func(id string, _ *Instance) []string {
		return overInterfaces(id, func(_ string, n *NetworkInterface) []string { return n.Groups })
	}
	return fields[Instance]{
		"instance-id":                            func(id string, _ *Instance) []string { return []string{id} },
		"instance-state-name":                    func(_ string, i *Instance) []string { return []string{i.State} },
		"instance-type":                          func(_ string, i *Instance) []string { return []string{i.Type} },
		"image-id":                               func(_ string, i *Instance) []string { return []string{i.Image} },
		"vpc-id":                                 func(_ string, i *Instance) []string { return []string{i.VPC} },
		"subnet-id":                              func(_ string, i *Instance) []string { return []string{i.Subnet} },
		"availability-zone":                      func(_ string, i *Instance) []string { return []string{i.AvailabilityZone} },
		"iam-instance-profile.arn":               func(_ string, i *Instance) []string { return []string{i.InstanceProfile} },
		"instance.group-id":                      groups,
		"network-interface.group-id":             groups,
		"network-interface.network-interface-id": func(id string, _ *Instance) []string { return r.interfacesOf(id) },
		"private-ip-address": func(id string, _ *Instance) []string {
			return overInterfaces(id, func(_ string, n *NetworkInterface) []string { return []string{n.PrivateIP} })
		},
		"block-device-mapping.volume-id": func(_ string, i *Instance) []string {
			var out []string
			for _, d := range i.Devices {
				out = append(out, d.Volume)
			}
			return out
		},
	}
}

// describeInstances tells of instances. Those it shows on their way to another state are there at the
// next look.
func describeInstances(c *call) (any, error) {
	r := c.here()
	ids, rest, err := describe(c, anInstance, "InstanceId", r.Instances,
		func(i *Instance) map[string]string { return i.Tags }, instanceFields(r))
	if err != nil {
		return nil, err
	}
	reservations := elements{}
	for _, id := range ids {
		reservations = append(reservations, element{"item", elements{
			{"reservationId", "r-" + strings.TrimPrefix(id, "i-")},
			{"ownerId", c.caller.Account},
			{"groupSet", elements{}},
			{"instancesSet", elements{{"item", c.instance(r, id)}}},
		}})
		r.advance(c, id)
	}
	return append(elements{{"reservationSet", reservations}}, rest...), nil
}

func (c *call) instance(r *Region, id string) elements {
	i := r.Instances[id]
	interfaces, devices, groups, address := elements{}, elements{}, elements{}, ""
	for at, eni := range r.interfacesOf(id) {
		n := r.NetworkInterfaces[eni]
		if at == 0 {
			groups, address = groupSet(r, n.Groups), n.PrivateIP
		}
		interfaces = append(interfaces, element{"item", append(c.networkInterface(r, eni),
			element{"attachment", attachment(n.Attachment)})})
	}
	for _, d := range i.Devices {
		devices = append(devices, element{"item", elements{
			{"deviceName", d.Name},
			{"ebs", elements{
				{"volumeId", d.Volume},
				{"status", "attached"},
				{"attachTime", ec2Time(d.Attached)},
				{"deleteOnTermination", d.DeleteOnTermination},
			}},
		}})
	}
	var profile any
	if i.InstanceProfile != "" {
		profile = elements{{"arn", i.InstanceProfile}, {"id", "AIPA" + strings.ToUpper(strings.TrimPrefix(id, "i-"))}}
	}
	return elements{
		{"instanceId", id},
		{"imageId", i.Image},
		{"instanceState", stateItem(i.State)},
		{"instanceType", i.Type},
		{"launchTime", ec2Time(i.Launched)},
		{"placement", elements{{"availabilityZone", i.AvailabilityZone}, {"groupName", ""}, {"tenancy", "default"}}},
		{"subnetId", some(i.Subnet)},
		{"vpcId", some(i.VPC)},
		{"privateIpAddress", some(address)},
		{"groupSet", groups},
		{"rootDeviceType", "ebs"},
		{"rootDeviceName", some(i.RootDevice)},
		{"blockDeviceMapping", devices},
		{"iamInstanceProfile", profile},
		{"metadataOptions", i.metadataOptions()},
		{"tagSet", tagSet(i.Tags)},
		{"networkInterfaceSet", interfaces},
	}
}
