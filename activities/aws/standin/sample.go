package standin

import (
	_ "embed"
	"encoding/json"
	"time"
)

// What is in [Sample]. The access key pair is what a client of the stand-in signs with; the
// stand-in does not check signatures, so the secret is none.
const (
	SampleAccessKeyID = "AKIAIOSFODNN7LOCALX"
	SampleSecretKey   = "local-stand-in-not-a-secret"

	SampleAccount = "111122223333"
	SampleRegion  = "us-east-1"
	SampleVPC     = "vpc-0a1b2c3d4e5f67890"
	SampleSubnet  = "subnet-0a1b2c3d4e5f67890"

	// SampleUser owns two access keys: the one that leaked, and an older one that is inactive.
	SampleUser              = "ci-deployer"
	SampleUserAccessKey     = "AKIAIOSFODNN7EXAMPLE"
	SampleInactiveAccessKey = "AKIAI44QH8DHBEXAMPLE"
	SampleRole              = "web-server-role"

	// SampleInstance has two network interfaces and two volumes.
	SampleInstance            = "i-0abc123def4567890"
	SamplePrimaryInterface    = "eni-0aaa111122223333a" // in the web and the ssh group
	SampleSecondaryInterface  = "eni-0bbb111122223333b" // in the internal group
	SampleBootVolume          = "vol-0aaa444455556666a"
	SampleDataVolume          = "vol-0bbb444455556666b"
	SampleDefaultGroup        = "sg-00000000000000001"
	SampleWebGroup            = "sg-0000000000000000a"
	SampleSSHGroup            = "sg-0000000000000000b"
	SampleInternalGroup       = "sg-0000000000000000c"
	SampleInstanceProfileName = "web-server-role"

	SampleDetector                      = "12abc34d567e8fa901bc2d34e56789f0"
	SampleFindingAccessKey              = "7ab9d1cb6248e05a0e419a79528761cb"
	SampleFindingCredentialExfiltration = "16afba5c5c43e07c9e3e5e2e544e95df"
	SampleFindingBitcoin                = "c0ffee5c4f5d4a86a1b2c3d4e5f60718"

	// SampleBucket has a public policy and no block, SampleTrail was stopped, and SampleOpenRule, of
	// the ssh group, lets everybody in.
	SampleBucket   = "example-payments-exports"
	SampleTrail    = "management-events"
	SampleOpenRule = "sgr-00000000000000009"

	// SampleConsoleUser signed in without a second factor, and so did the root user.
	SampleConsoleUser = "billing-admin"
	SampleRootLogin   = "5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b007"
	SampleUserLogin   = "5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b006"

	// SampleUnusedRole was last used long ago, and SampleServiceRole belongs to a service.
	SampleUnusedRole  = "legacy-batch-role"
	SampleServiceRole = "AWSServiceRoleForSupport"

	// SampleStaleAccessKey was last used long ago, SampleUnusedAccessKey never.
	SampleStaleUser       = "report-exporter"
	SampleStaleAccessKey  = "AKIAIOSFODNN7STALEXX"
	SampleUnusedUser      = "backup-legacy"
	SampleUnusedAccessKey = "AKIAIOSFODNN7UNUSEDX"
)

//go:embed sample_findings.json
var sampleFindings []byte

// sampleEvents are whole CloudTrail records.
//
//go:embed sample_events.json
var sampleEvents []byte

// Sample is a small estate with an incident in it: one account, a leaked access key of a deployment
// user, by which somebody stopped the trail, opened a bucket and let everybody at the ssh port;
// stolen credentials of a web server's role, and that server mining coins; sign-ins to the console
// that may or may not belong to it; and keys that were forgotten. Each call makes a new one.
func Sample() *State {
	day := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	var documents []map[string]any
	if err := json.Unmarshal(sampleFindings, &documents); err != nil {
		panic("sample findings: " + err.Error()) // part of the program; a test reads it
	}
	findings := map[string]*Finding{}
	for _, document := range documents {
		findings[text(document["id"])] = &Finding{Document: document}
	}
	all := func(id string) []Rule { return []Rule{{ID: id, Protocol: "-1", CIDR: "0.0.0.0/0"}} }
	tcp := func(id string, port int, cidr string) Rule {
		return Rule{ID: id, Protocol: "tcp", From: &port, To: &port, CIDR: cidr}
	}
	ssh, signedIn := 22, day(time.November, 21, 23, 5)
	booted := day(time.September, 14, 7, 30)
	started, stopped := day(time.January, 12, 8, 0), day(time.November, 20, 21, 10)
	profile := "arn:aws:iam::" + SampleAccount + ":instance-profile/" + SampleInstanceProfileName

	region := &Region{
		VPCs: map[string]*VPC{SampleVPC: {CIDR: "10.0.0.0/16", Tags: map[string]string{"Name": "workloads"}}},
		Instances: map[string]*Instance{SampleInstance: {
			State: "running", Type: "m7g.large", Image: "ami-0abcdef1234567890", VPC: SampleVPC, Subnet: SampleSubnet,
			AvailabilityZone: SampleRegion + "a", Launched: booted, InstanceProfile: profile, RootDevice: "/dev/xvda",
			Devices: []Device{
				{Name: "/dev/xvda", Volume: SampleBootVolume, Attached: booted, DeleteOnTermination: true},
				{Name: "/dev/sdf", Volume: SampleDataVolume, Attached: booted},
			},
			Tags: map[string]string{"Name": "payments-web-1", "owner": "payments@example.com"},
		}},
		NetworkInterfaces: map[string]*NetworkInterface{
			SamplePrimaryInterface: {
				VPC: SampleVPC, Subnet: SampleSubnet, AvailabilityZone: SampleRegion + "a", PrivateIP: "10.0.1.17", MAC: "02:00:5e:00:53:01",
				Groups:     []string{SampleWebGroup, SampleSSHGroup},
				Attachment: &Attachment{ID: "eni-attach-0aaa111122223333a", Instance: SampleInstance, Attached: booted},
			},
			SampleSecondaryInterface: {
				VPC: SampleVPC, Subnet: SampleSubnet, AvailabilityZone: SampleRegion + "a", PrivateIP: "10.0.1.18", MAC: "02:00:5e:00:53:02",
				Groups: []string{SampleInternalGroup}, Description: "database traffic",
				Attachment: &Attachment{ID: "eni-attach-0bbb111122223333b", Instance: SampleInstance, DeviceIndex: 1, Attached: booted},
			},
		},
		SecurityGroups: map[string]*SecurityGroup{
			SampleDefaultGroup: {
				Name: "default", Description: "default VPC security group", VPC: SampleVPC, Egress: all("sgr-00000000000000001"),
				Ingress: []Rule{{ID: "sgr-00000000000000002", Protocol: "-1", Group: SampleDefaultGroup, GroupOwner: SampleAccount}},
			},
			SampleWebGroup: {
				Name: "payments-web", Description: "web traffic from anywhere", VPC: SampleVPC,
				Ingress: []Rule{tcp("sgr-00000000000000003", 443, "0.0.0.0/0")}, Egress: all("sgr-00000000000000004"),
			},
			SampleSSHGroup: {
				Name: "ssh-admin", Description: "ssh from the office", VPC: SampleVPC,
				Ingress: []Rule{
					tcp("sgr-00000000000000005", 22, "203.0.113.0/24"),
					{ID: SampleOpenRule, Protocol: "tcp", From: &ssh, To: &ssh, CIDR: "0.0.0.0/0", Description: "temporary"},
				},
				Egress: all("sgr-00000000000000006"),
			},
			SampleInternalGroup: {
				Name: "payments-internal", Description: "database traffic inside the VPC", VPC: SampleVPC,
				Ingress: []Rule{tcp("sgr-00000000000000007", 5432, "10.0.0.0/16")}, Egress: all("sgr-00000000000000008"),
			},
		},
		Volumes: map[string]*Volume{
			SampleBootVolume: {Size: 20, AvailabilityZone: SampleRegion + "a", Encrypted: true, Tags: map[string]string{"Name": "payments-web-1-root"}},
			SampleDataVolume: {Size: 100, AvailabilityZone: SampleRegion + "a", Encrypted: true, Tags: map[string]string{"Name": "payments-web-1-data"}},
		},
		Detectors: map[string]*Detector{SampleDetector: {Findings: findings}},
		Buckets: map[string]*Bucket{SampleBucket: {
			Created: day(time.March, 3, 11, 20), Tags: map[string]string{"owner": "payments@example.com"},
			Policy: `{"Version":"2012-10-17","Statement":[{"Sid":"share","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + SampleBucket + `/*"}]}`,
		}},
		Trails: map[string]*Trail{SampleTrail: {
			Bucket: "example-security-logs", MultiRegion: true, Validated: true,
			Started: &started, Stopped: &stopped, Delivered: &stopped,
		}},
		Events: []Event{{
			ID: "5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b001", Time: day(time.November, 20, 21, 12), Name: "ListBuckets", Source: "s3.amazonaws.com",
			Username: SampleUser, AccessKeyID: SampleUserAccessKey, ReadOnly: true,
		}},
	}
	sampleServices(region)
	addShared(region)
	var records []json.RawMessage
	if err := json.Unmarshal(sampleEvents, &records); err != nil {
		panic("sample events: " + err.Error()) // part of the program; a test reads it
	}
	for _, record := range records {
		region.Events = append(region.Events, eventOf(record))
	}
	return &State{
		Organization: sampleOrganization(),
		Callers: map[string]Caller{SampleAccessKeyID: {
			Account: SampleAccount, ARN: "arn:aws:sts::" + SampleAccount + ":assumed-role/countersign-responder/local",
			UserID: "AROAIOSFODNN7RESPONDE:local",
		}},
		Accounts: map[string]*Account{SampleAccount: {
			Alias: "example-workloads",
			IAM: IAM{
				Users: map[string]*User{SampleUser: {
					ID: "AIDAIOSFODNN7CIDEPLOY", Created: day(time.January, 12, 9, 0),
					Tags: map[string]string{"owner": "platform@example.com"},
					AccessKeys: map[string]*AccessKey{
						SampleUserAccessKey: {
							Status: active, Created: day(time.June, 2, 8, 15),
							LastUsed: &LastUsed{Time: day(time.November, 20, 21, 14), Service: "s3", Region: SampleRegion},
						},
						SampleInactiveAccessKey: {Status: inactive, Created: day(time.January, 12, 9, 5)},
					},
				}, SampleConsoleUser: {
					ID: "AIDAIOSFODNN7BILLING0", Created: day(time.February, 2, 10, 0),
					Tags:  map[string]string{"owner": "finance@example.com"},
					Login: &LoginProfile{Created: day(time.February, 2, 10, 5), LastUsed: &signedIn},
				}, SampleStaleUser: {
					ID: "AIDAIOSFODNN7REPORTS0", Created: day(time.January, 15, 14, 0),
					AccessKeys: map[string]*AccessKey{SampleStaleAccessKey: {
						Status: active, Created: day(time.January, 15, 14, 5),
						LastUsed: &LastUsed{Time: day(time.April, 30, 23, 55), Service: "s3", Region: SampleRegion},
					}},
				}, SampleUnusedUser: {
					ID: "AIDAIOSFODNN7BACKUPS0", Created: day(time.January, 20, 8, 30),
					AccessKeys: map[string]*AccessKey{SampleUnusedAccessKey: {Status: active, Created: day(time.January, 20, 8, 35)}},
				}},
				Roles: map[string]*Role{SampleRole: {
					ID: "AROAIOSFODNN7WEBSERVER", Created: day(time.January, 12, 9, 10), MaxSessionDuration: 3600,
					Description: "what the web servers may do",
					Trust:       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
					LastUsed:    &LastUsed{Time: day(time.November, 20, 20, 50), Region: SampleRegion},
					Services:    map[string]*LastUsed{"s3": {Time: day(time.November, 20, 20, 50), Region: SampleRegion}, "sqs": nil},
				}, SampleUnusedRole: {
					ID: "AROAIOSFODNN7OLDBATCH0", Created: day(time.January, 20, 8, 40), Description: "nightly batches, before they moved",
					Trust:    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
					LastUsed: &LastUsed{Time: day(time.March, 31, 2, 10), Region: SampleRegion},
				}, SampleServiceRole: {
					ID: "AROAIOSFODNN7SUPPORT00", Path: "/aws-service-role/support.amazonaws.com/", Created: day(time.January, 12, 8, 0),
					Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"support.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
				}},
			},
			Regions: map[string]*Region{SampleRegion: region},
		}},
	}
}

// eventOf reads what LookupEvents tells of a record beside the record itself.
func eventOf(record json.RawMessage) Event {
	var r struct {
		EventID, EventName, EventSource string
		EventTime                       time.Time
		ReadOnly                        bool
		UserIdentity                    struct{ Type, UserName, AccessKeyID string }
		RequestParameters               map[string]any
	}
	if err := json.Unmarshal(record, &r); err != nil {
		panic("sample event: " + err.Error())
	}
	e := Event{
		ID: r.EventID, Time: r.EventTime, Name: r.EventName, Source: r.EventSource, ReadOnly: r.ReadOnly,
		Username: r.UserIdentity.UserName, AccessKeyID: r.UserIdentity.AccessKeyID, Document: record,
	}
	if r.UserIdentity.Type == "Root" {
		e.Username = "root"
	}
	if bucket := text(r.RequestParameters["bucketName"]); bucket != "" {
		e.Resources = []EventResource{{Type: "AWS::S3::Bucket", Name: bucket}}
	}
	return e
}
