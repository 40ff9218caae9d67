package standin

// metadataOptions is how the metadata service of an instance can be asked.
func (i *Instance) metadataOptions() elements {
	tokens, endpoint := i.Tokens, "enabled"
	if tokens == "" {
		tokens = "optional"
	}
	if i.NoMetadata {
		endpoint = "disabled"
	}
	return elements{{"state", "applied"}, {"httpTokens", tokens}, {"httpPutResponseHopLimit", 1}, {"httpEndpoint", endpoint}}
}

func describeVPCs(c *call) (any, error) {
	in := c.here().VPCs
	ids, rest, err := describe(c, aVPC, "VpcId", in, func(v *VPC) map[string]string { return v.Tags }, fields[VPC]{
		"vpc-id": func(id string, _ *VPC) []string { return []string{id} },
		"cidr":   func(_ string, v *VPC) []string { return []string{v.CIDR} },
		"state":  func(string, *VPC) []string { return []string{"available"} },
	})
	if err != nil {
		return nil, err
	}
	set := elements{}
	for _, id := range ids {
		set = append(set, element{"item", elements{
			{"vpcId", id}, {"state", "available"}, {"cidrBlock", in[id].CIDR}, {"ownerId", c.caller.Account},
			{"instanceTenancy", "default"}, {"isDefault", in[id].Default}, {"tagSet", tagSet(in[id].Tags)},
		}})
	}
	return append(elements{{"vpcSet", set}}, rest...), nil
}

func (f *FlowLog) status() string {
	if f.Status == "" {
		return "ACTIVE"
	}
	return f.Status
}

func describeFlowLogs(c *call) (any, error) {
	in := c.here().FlowLogs
	ids, rest, err := describe(c, aFlowLog, "FlowLogId", in, func(*FlowLog) map[string]string { return nil }, fields[FlowLog]{
		"resource-id":  func(_ string, f *FlowLog) []string { return []string{f.Resource} },
		"traffic-type": func(_ string, f *FlowLog) []string { return []string{f.Traffic} },
	})
	if err != nil {
		return nil, err
	}
	set := elements{}
	for _, id := range ids {
		f := in[id]
		set = append(set, element{"item", elements{
			{"flowLogId", id}, {"resourceId", f.Resource}, {"trafficType", f.Traffic}, {"flowLogStatus", f.status()},
			{"deliverLogsStatus", map[bool]string{false: "SUCCESS", true: "FAILED"}[f.Failed]}, {"creationTime", ec2Time(f.Created)}, {"logDestinationType", "cloud-watch-logs"},
		}})
	}
	return append(elements{{"flowLogSet", set}}, rest...), nil
}

// attachments are where the volumes of a region are attached, by volume: instance and device.
func (r *Region) attachments() map[string][]elements {
	out := map[string][]elements{}
	for _, id := range sorted(r.Instances) {
		for _, d := range r.Instances[id].Devices {
			out[d.Volume] = append(out[d.Volume], elements{
				{"volumeId", d.Volume}, {"instanceId", id}, {"device", d.Name}, {"status", "attached"},
				{"attachTime", ec2Time(d.Attached)}, {"deleteOnTermination", d.DeleteOnTermination},
			})
		}
	}
	return out
}

func describeVolumes(c *call) (any, error) {
	r := c.here()
	attached := r.attachments()
	ids, rest, err := describe(c, aVolume, "VolumeId", r.Volumes, func(v *Volume) map[string]string { return v.Tags }, fields[Volume]{
		"volume-id":         func(id string, _ *Volume) []string { return []string{id} },
		"availability-zone": func(_ string, v *Volume) []string { return []string{v.AvailabilityZone} },
	})
	if err != nil {
		return nil, err
	}
	set := elements{}
	for _, id := range ids {
		v, to, status := r.Volumes[id], elements{}, "available"
		for _, item := range attached[id] {
			to, status = append(to, element{"item", item}), "in-use"
		}
		set = append(set, element{"item", elements{
			{"volumeId", id}, {"size", v.Size}, {"availabilityZone", v.AvailabilityZone}, {"status", status}, {"encrypted", v.Encrypted},
			{"volumeType", "gp3"}, {"attachmentSet", to}, {"tagSet", tagSet(v.Tags)},
		}})
	}
	return append(elements{{"volumeSet", set}}, rest...), nil
}

func getEBSEncryptionByDefault(c *call) (any, error) {
	return elements{{"ebsEncryptionByDefault", c.here().EBSEncryption}}, nil
}
