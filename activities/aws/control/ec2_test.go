package control

import (
	"github.com/countersign/countersign/activities/aws/standin"
)

func port(n int) *int { return &n }

// opened adds a rule to the group for administration.
func opened(rule standin.Rule) func(*standin.Account, *standin.Region) {
	return func(_ *standin.Account, r *standin.Region) {
		g := r.SecurityGroups["sg-0000000000000000b"]
		g.Ingress = append(g.Ingress, rule)
	}
}

func onlyAdmin(status string) []string {
	return []string{"PASS ec2:us-east-1:111122223333:security-group/sg-0000000000000000a", status + " ec2:us-east-1:111122223333:security-group/sg-0000000000000000b"}
}

// entries puts rules into the network ACL.
func entries(list ...standin.ACLEntry) func(*standin.Account, *standin.Region) {
	return func(_ *standin.Account, r *standin.Region) { r.NetworkACLs["acl-0000000000000000a"].Entries = list }
}

const acl = " ec2:us-east-1:111122223333:network-acl/acl-0000000000000000a"

var networkCases = []one{
	{"EC2.2", "a rule", func(_ *standin.Account, r *standin.Region) {
		r.SecurityGroups["sg-0000000000000000a"].Egress = []standin.Rule{{ID: "sgr-9", Protocol: "-1", CIDR: "0.0.0.0/0"}}
	}, []string{"FAIL ec2:us-east-1:111122223333:security-group/sg-0000000000000000a"}, `{"GroupName":"default","ingress":"0","egress":"1"}`},
	{"EC2.2", "no groups", func(_ *standin.Account, r *standin.Region) { r.SecurityGroups = nil }, none, ""},
	{"EC2.53", "ssh", opened(standin.Rule{ID: "sgr-9", Protocol: "tcp", From: port(22), To: port(22), CIDR: "0.0.0.0/0"}), onlyAdmin("FAIL"),
		`{"GroupName":"admin","open to 0.0.0.0/0":"22"}`},
	{"EC2.53", "a range", opened(standin.Rule{ID: "sgr-9", Protocol: "tcp", From: port(0), To: port(65535), CIDR: "0.0.0.0/0"}), onlyAdmin("FAIL"),
		`{"GroupName":"admin","open to 0.0.0.0/0":"22, 3389"}`},
	{"EC2.53", "every protocol", opened(standin.Rule{ID: "sgr-9", Protocol: "-1", CIDR: "0.0.0.0/0"}), onlyAdmin("FAIL"), ""},
	{"EC2.53", "the web", opened(standin.Rule{ID: "sgr-9", Protocol: "tcp", From: port(443), To: port(443), CIDR: "0.0.0.0/0"}), onlyAdmin("PASS"), ""},
	{"EC2.53", "ping", opened(standin.Rule{ID: "sgr-9", Protocol: "icmp", From: port(-1), To: port(-1), CIDR: "0.0.0.0/0"}), onlyAdmin("PASS"), ""},
	{"EC2.53", "over version 6", opened(standin.Rule{ID: "sgr-9", Protocol: "tcp", From: port(22), To: port(22), CIDRv6: "::/0"}), onlyAdmin("PASS"), ""},
	{"EC2.54", "rdp", opened(standin.Rule{ID: "sgr-9", Protocol: "tcp", From: port(3000), To: port(4000), CIDRv6: "::/0"}), onlyAdmin("FAIL"),
		`{"GroupName":"admin","open to ::/0":"3389"}`},
	{"EC2.54", "over version 4", opened(standin.Rule{ID: "sgr-9", Protocol: "tcp", From: port(22), To: port(22), CIDR: "0.0.0.0/0"}), onlyAdmin("PASS"), ""},
	{"EC2.21", "everything", entries(standin.ACLEntry{Number: 100, Action: "allow", Protocol: "-1", CIDR: "0.0.0.0/0"}), []string{"FAIL" + acl},
		`{"rules":"100 (0.0.0.0/0 to 22), 100 (0.0.0.0/0 to 3389)","vpc":"vpc-0000000000000000a"}`},
	{"EC2.21", "denied before", entries(
		standin.ACLEntry{Number: 100, Action: "allow", Protocol: "-1", CIDR: "0.0.0.0/0"},
		standin.ACLEntry{Number: 90, Action: "deny", Protocol: "6", CIDR: "0.0.0.0/0", From: port(22), To: port(3389)},
	), []string{"PASS" + acl}, ""},
	{"EC2.21", "denied for some", entries(
		standin.ACLEntry{Number: 100, Action: "allow", Protocol: "6", CIDR: "0.0.0.0/0", From: port(22), To: port(22)},
		standin.ACLEntry{Number: 90, Action: "deny", Protocol: "6", CIDR: "203.0.113.0/24", From: port(22), To: port(22)},
	), []string{"FAIL" + acl}, ""},
	{"EC2.21", "denied by udp", entries(
		standin.ACLEntry{Number: 90, Action: "deny", Protocol: "17", CIDR: "0.0.0.0/0", From: port(0), To: port(65535)},
		standin.ACLEntry{Number: 100, Action: "allow", Protocol: "6", CIDR: "0.0.0.0/0", From: port(22), To: port(22)},
	), []string{"FAIL" + acl}, ""},
	{"EC2.21", "version 6", entries(standin.ACLEntry{Number: 101, Action: "allow", Protocol: "-1", CIDRv6: "::/0"}), []string{"FAIL" + acl}, ""},
	{"EC2.21", "outwards", entries(standin.ACLEntry{Number: 100, Egress: true, Action: "allow", Protocol: "-1", CIDR: "0.0.0.0/0"}), []string{"PASS" + acl}, ""},
	{"EC2.21", "none", func(_ *standin.Account, r *standin.Region) { r.NetworkACLs = nil }, none, ""},
	{"EC2.6", "none", func(_ *standin.Account, r *standin.Region) { r.FlowLogs = nil }, []string{"FAIL ec2:us-east-1:111122223333:vpc/vpc-0000000000000000a"},
		`{"flow log":"none","default":"false"}`},
	{"EC2.6", "what is accepted alone", func(_ *standin.Account, r *standin.Region) { r.FlowLogs["fl-0000000000000000a"].Traffic = "ACCEPT" },
		[]string{"FAIL ec2:us-east-1:111122223333:vpc/vpc-0000000000000000a"}, ""},
	{"EC2.6", "that cannot deliver", func(_ *standin.Account, r *standin.Region) { r.FlowLogs["fl-0000000000000000a"].Failed = true },
		[]string{"FAIL ec2:us-east-1:111122223333:vpc/vpc-0000000000000000a"}, ""},
	{"EC2.6", "of a subnet", func(_ *standin.Account, r *standin.Region) {
		r.FlowLogs["fl-0000000000000000a"].Resource = standin.SampleSubnet
	},
		[]string{"FAIL ec2:us-east-1:111122223333:vpc/vpc-0000000000000000a"}, ""},
	{"EC2.6", "no networks", func(_ *standin.Account, r *standin.Region) { r.VPCs = nil }, none, ""},
}

var hostCases = []one{
	{"EC2.3", "plain", func(_ *standin.Account, r *standin.Region) {
		r.Volumes["vol-0000000000000000a"].Encrypted = false
		r.Volumes["vol-0000000000000000b"] = &standin.Volume{Size: 1}
	}, []string{"FAIL ec2:us-east-1:111122223333:volume/vol-0000000000000000a", "FAIL ec2:us-east-1:111122223333:volume/vol-0000000000000000b"},
		`{"encrypted":"false","attached to":"i-0000000000000000a"}`},
	{"EC2.3", "no volumes", func(_ *standin.Account, r *standin.Region) { r.Volumes = nil }, none, ""},
	{"EC2.7", "off", func(_ *standin.Account, r *standin.Region) { r.EBSEncryption = false }, failsWhole(), `{"EbsEncryptionByDefault":"false"}`},
	{"EC2.8", "optional", func(_ *standin.Account, r *standin.Region) { r.Instances["i-0000000000000000a"].Tokens = "" },
		[]string{"FAIL ec2:us-east-1:111122223333:instance/i-0000000000000000a"}, `{"HttpTokens":"optional","HttpEndpoint":"enabled"}`},
	{"EC2.8", "switched off", func(_ *standin.Account, r *standin.Region) {
		r.Instances["i-0000000000000000a"].Tokens, r.Instances["i-0000000000000000a"].NoMetadata = "optional", true
	}, []string{"PASS ec2:us-east-1:111122223333:instance/i-0000000000000000a"}, ""},
	{"EC2.8", "gone", func(_ *standin.Account, r *standin.Region) { r.Instances["i-0000000000000000a"].State = "terminated" }, none, ""},
	{"EC2.1", "public", func(_ *standin.Account, r *standin.Region) {
		r.Snapshots["snap-0000000000000000a"].Shared = []string{"all"}
	},
		[]string{"FAIL ec2:us-east-1::snapshot/snap-0000000000000000a"}, `{"restorable by":"all","volume":"vol-0000000000000000a"}`},
	{"EC2.1", "shared with one", func(_ *standin.Account, r *standin.Region) {
		r.Snapshots["snap-0000000000000000a"].Shared = []string{standin.SampleOtherAccount}
	}, []string{"PASS iam::111122223333:root"}, ""},
	{"Countersign.PublicImage", "public", func(_ *standin.Account, r *standin.Region) {
		r.Images["ami-0000000000000000a"].Shared = []string{"all"}
	},
		[]string{"FAIL ec2:us-east-1::image/ami-0000000000000000a"}, `{"executable by":"all","name":"web"}`},
}
