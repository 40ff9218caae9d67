package standin

import "fmt"

// newRegion is what an account of an estate has in one region.
func (b *builder) newRegion(region string) *Region {
	r := &Region{
		VPCs: map[string]*VPC{}, Instances: map[string]*Instance{}, NetworkInterfaces: map[string]*NetworkInterface{},
		SecurityGroups: map[string]*SecurityGroup{}, Volumes: map[string]*Volume{}, Snapshots: map[string]*Snapshot{},
		Images: map[string]*Image{}, NetworkACLs: map[string]*NetworkACL{}, DBInstances: map[string]*DBInstance{},
		Buckets: map[string]*Bucket{}, Keys: map[string]*Key{}, FlowLogs: map[string]*FlowLog{}, EBSEncryption: !b.one(3),
	}
	for i := range 2 {
		b.network(r, i)
	}
	b.watching(r, region)
	for i := range 3 {
		name := fmt.Sprintf("example-%s-%s-%d", b.account, region, i)
		bucket := &Bucket{Created: ago(b.IntN(900)), Block: closed(!b.one(8))}
		if b.one(6) {
			bucket.Block = nil
		}
		if !b.one(4) {
			bucket.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::` + name + `","arn:aws:s3:::` + name + `/*"],` +
				`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
		}
		r.Buckets[name] = bucket
	}
	for i := range 2 {
		r.DBInstances[fmt.Sprintf("orders-%d", i)] = &DBInstance{
			Class: "db.m7g.large", Engine: "postgres", Status: "available", Size: 100, Created: ago(400), Public: b.one(15), Encrypted: !b.one(6),
		}
	}
	for range 2 {
		b.made++
		r.Keys[fmt.Sprintf("00000000-0000-0000-%s-%012x", b.account[8:], b.made)] = &Key{Created: ago(500), Rotated: !b.one(4), AWSManaged: b.one(3)}
	}
	return r
}

// network is a VPC with its groups, network ACL and hosts.
func (b *builder) network(r *Region, n int) {
	vpc, subnet := b.id("vpc-"), b.id("subnet-")
	r.VPCs[vpc] = &VPC{CIDR: fmt.Sprintf("10.%d.0.0/16", n), Default: n == 0}
	if !b.one(3) {
		r.FlowLogs[b.id("fl-")] = &FlowLog{Resource: vpc, Traffic: "ALL", Created: ago(300)}
	}
	all := func() []Rule { return []Rule{{ID: b.id("sgr-"), Protocol: "-1", CIDR: "0.0.0.0/0"}} }
	standard, web, admin := &SecurityGroup{Name: "default", VPC: vpc}, &SecurityGroup{Name: "web", VPC: vpc}, &SecurityGroup{Name: "admin", VPC: vpc}
	if b.one(2) {
		standard.Egress = all()
	}
	port, ssh := 443, 22
	web.Ingress, web.Egress = []Rule{{ID: b.id("sgr-"), Protocol: "tcp", From: &port, To: &port, CIDR: "0.0.0.0/0"}}, all()
	from := "203.0.113.0/24"
	if b.one(9) {
		from = "0.0.0.0/0"
	}
	admin.Ingress = []Rule{{ID: b.id("sgr-"), Protocol: "tcp", From: &ssh, To: &ssh, CIDR: from}}
	group := b.id("sg-")
	r.SecurityGroups[b.id("sg-")], r.SecurityGroups[group], r.SecurityGroups[b.id("sg-")] = standard, web, admin
	r.NetworkACLs[b.id("acl-")] = &NetworkACL{VPC: vpc, Default: true, Entries: []ACLEntry{
		{Number: 100, Action: "allow", Protocol: "-1", CIDR: "0.0.0.0/0"}, {Number: 100, Egress: true, Action: "allow", Protocol: "-1", CIDR: "0.0.0.0/0"},
	}}
	for i := range 2 {
		b.host(r, vpc, subnet, group, fmt.Sprintf("10.%d.0.%d", n, 10+i))
	}
}

// host is an instance with an interface, a disk, a snapshot of it and now and then an image.
func (b *builder) host(r *Region, vpc, subnet, group, address string) {
	id, volume, snapshot := b.id("i-"), b.id("vol-"), b.id("snap-")
	booted, encrypted := ago(b.IntN(300)), !b.one(5)
	i := &Instance{
		State: "running", Type: "m7g.large", Image: "ami-0abcdef1234567890", VPC: vpc, Subnet: subnet, Launched: booted, RootDevice: "/dev/xvda",
		Devices: []Device{{Name: "/dev/xvda", Volume: volume, Attached: booted, DeleteOnTermination: true}}, Tokens: "required",
	}
	if b.one(4) {
		i.Tokens = "optional"
	}
	done := booted.Add(0)
	s := &Snapshot{Volume: volume, Size: 20, State: "completed", Progress: "100%", Started: booted, Completed: &done, Encrypted: encrypted}
	if !encrypted && b.one(6) {
		s.Shared = []string{everyone}
	}
	r.Instances[id], r.Volumes[volume], r.Snapshots[snapshot] = i, &Volume{Size: 20, Encrypted: encrypted}, s
	r.NetworkInterfaces[b.id("eni-")] = &NetworkInterface{
		VPC: vpc, Subnet: subnet, PrivateIP: address, Groups: []string{group}, Attachment: &Attachment{ID: "eni-attach-" + id[2:], Instance: id, Attached: booted},
	}
	if b.one(4) {
		image := &Image{Name: "golden-" + id[2:], State: "available", Created: booted, RootDevice: "/dev/xvda", Snapshots: map[string]string{"/dev/xvda": snapshot}}
		if !encrypted && b.one(3) {
			image.Shared = []string{everyone}
		}
		r.Images[b.id("ami-")] = image
	}
}

// watching is what tells of the region: trails, GuardDuty, Security Hub, Config, Access Analyzer.
func (b *builder) watching(r *Region, region string) {
	if region == estateRegions[0] {
		trail := &Trail{Bucket: "example-security-logs", MultiRegion: !b.one(12), Validated: !b.one(8), Logging: !b.one(15)}
		if !b.one(4) {
			trail.Key = "arn:aws:kms:" + region + ":" + b.account + ":key/00000000-0000-0000-0000-000000000001"
		}
		r.Trails = map[string]*Trail{"management-events": trail}
	}
	if !b.one(9) {
		r.Detectors = map[string]*Detector{fmt.Sprintf("%032x", b.Uint64()): {Disabled: b.one(12)}}
	}
	if !b.one(4) {
		r.Hub = &Hub{Subscribed: ago(400)}
	}
	if !b.one(6) {
		r.Recorders = map[string]*Recorder{"default": {Role: "arn:aws:iam::" + b.account + ":role/config", Recording: !b.one(10)}}
	}
	if !b.one(6) {
		r.Analyzers = map[string]*Analyzer{"outside": {Type: "ACCOUNT", Status: "ACTIVE", Created: ago(300)}}
	}
}
