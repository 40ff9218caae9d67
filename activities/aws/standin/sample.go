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
)

//go:embed sample_findings.json
var sampleFindings []byte

// Sample is a small estate with an incident in it: one account, a leaked access key of a deployment
// user, stolen credentials of a web server's role, and that server mining coins. Each call makes a
// new one.
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
	booted := day(time.September, 14, 7, 30)
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
				Ingress: []Rule{tcp("sgr-00000000000000005", 22, "203.0.113.0/24")}, Egress: all("sgr-00000000000000006"),
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
		Events: []Event{
			{
				ID: "5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b001", Time: day(time.November, 20, 21, 12), Name: "ListBuckets", Source: "s3.amazonaws.com",
				Username: SampleUser, AccessKeyID: SampleUserAccessKey, ReadOnly: true,
			},
			{
				ID: "5b3c8f4e-0d5a-4f3e-9a55-0c6f1de2b002", Time: day(time.November, 20, 21, 14), Name: "PutBucketPolicy", Source: "s3.amazonaws.com",
				Username: SampleUser, AccessKeyID: SampleUserAccessKey, Resources: []EventResource{{Type: "AWS::S3::Bucket", Name: "example-payments-exports"}},
			},
		},
	}
	return &State{
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
				}},
				Roles: map[string]*Role{SampleRole: {
					ID: "AROAIOSFODNN7WEBSERVER", Created: day(time.January, 12, 9, 10), MaxSessionDuration: 3600,
					Description: "what the web servers may do",
					Trust:       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
				}},
			},
			Regions: map[string]*Region{SampleRegion: region},
		}},
	}
}
