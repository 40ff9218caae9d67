package standin

import "time"

// What of [Sample] is shared with others, or can be.
const (
	// SampleOtherAccount is somebody else's.
	SampleOtherAccount = "444455556666"

	// SamplePublicSnapshot and SampleImage everybody may use, SampleOtherAccount by name besides.
	SamplePublicSnapshot = "snap-0ddd444455556666d"
	SampleImage          = "ami-0abcdef1234567890"
	SampleImageSnapshot  = "snap-0eee444455556666e"
	// SamplePrivateSnapshot nobody else may use. It is encrypted with SampleKey, which could be shared.
	SamplePrivateSnapshot = "snap-0ccc444455556666c"

	// SampleDBSnapshot, of a database, everybody may restore, and SampleOtherAccount.
	SampleDBSnapshot = "payments-before-migration"
	SampleDBInstance = "payments"

	// SampleScalingGroup has SampleInstance for a member, SampleTargetGroup for a target at two ports.
	SampleScalingGroup = "payments-web"
	SampleTargetGroup  = "arn:aws:elasticloadbalancing:" + SampleRegion + ":" + SampleAccount + ":targetgroup/payments-web/0123456789abcdef"

	// SampleNetworkACL is the default one of SampleVPC, and lets everything through.
	SampleNetworkACL = "acl-0a1b2c3d4e5f67890"
)

// addShared adds to the sample what it shares with others, its network ACL, and what its instance serves.
func addShared(r *Region) {
	made := time.Date(2026, time.October, 6, 9, 30, 0, 0, time.UTC)
	done := made.Add(4 * time.Minute)
	key := "arn:aws:kms:" + SampleRegion + ":" + SampleAccount + ":key/" + SampleKey
	// The volume they were taken of is gone.
	snapshot := func(name string, size int) *Snapshot {
		return &Snapshot{
			Volume: "vol-0fff444455556666f", Size: size, State: "completed", Progress: "100%", Started: made, Completed: &done,
			Tags: map[string]string{"Name": name},
		}
	}
	public, private, image := snapshot("payments-web-golden", 20), snapshot("payments-data-october", 100), snapshot("payments-web-image", 20)
	public.Shared = []string{SampleOtherAccount, everyone}
	private.Encrypted, private.Key = true, key
	r.Snapshots = map[string]*Snapshot{
		SamplePublicSnapshot: public, SamplePrivateSnapshot: private, SampleImageSnapshot: image,
	}
	r.Images = map[string]*Image{SampleImage: {
		Name: "payments-web-2026-10", Description: "web server of the payments team", State: "available", Created: made,
		RootDevice: "/dev/xvda", Snapshots: map[string]string{"/dev/xvda": SampleImageSnapshot},
		Shared: []string{SampleOtherAccount, everyone}, Tags: map[string]string{"owner": "payments@example.com"},
	}}
	all := func(egress bool) ACLEntry {
		return ACLEntry{Number: 100, Egress: egress, Action: "allow", Protocol: "-1", CIDR: "0.0.0.0/0"}
	}
	r.NetworkACLs = map[string]*NetworkACL{SampleNetworkACL: {
		VPC: SampleVPC, Default: true, Entries: []ACLEntry{all(false), all(true)},
		Subnets: map[string]string{"aclassoc-0a1b2c3d4e5f67890": SampleSubnet},
	}}
	r.DBInstances = map[string]*DBInstance{SampleDBInstance: {
		Class: "db.m7g.large", Engine: "postgres", Status: "available", Size: 200, Created: made, Encrypted: true, Key: key, VPC: SampleVPC,
	}}
	r.DBSnapshots = map[string]*DBSnapshot{SampleDBSnapshot: {
		Instance: SampleDBInstance, Engine: "postgres", Type: "manual", Status: "available", Size: 200, Created: made,
		Shared: []string{SampleOtherAccount, everyone}, Tags: map[string]string{"owner": "payments@example.com"},
	}}
	r.ScalingGroups = map[string]*ScalingGroup{SampleScalingGroup: {
		Min: 1, Max: 4, Desired: 2, Instances: map[string]*ScalingMember{SampleInstance: {State: "InService"}},
		Tags: map[string]string{"owner": "payments@example.com"},
	}}
	r.TargetGroups = map[string]*TargetGroup{SampleTargetGroup: {
		Name: "payments-web", Type: "instance", Protocol: "HTTPS", Port: 8443, VPC: SampleVPC,
		Targets: []Target{{ID: SampleInstance, Port: 8443, Health: "healthy"}, {ID: SampleInstance, Port: 9443, Health: "healthy"}},
		Tags:    map[string]string{"owner": "payments@example.com"},
	}}
}
