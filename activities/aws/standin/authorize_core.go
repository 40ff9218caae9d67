package standin

import (
	"maps"
	"strings"
)

var iamNeeds = map[string]func(*call) []need{
	"GetUser":                  onUser,
	"ListUserTags":             onUser,
	"GetAccessKeyLastUsed":     onOwner,
	"ListAccessKeys":           onUser,
	"UpdateAccessKey":          onUser,
	"AttachUserPolicy":         onUser,
	"DetachUserPolicy":         onUser,
	"ListAttachedUserPolicies": onUser,
	"PutUserPolicy":            onUser,
	"GetUserPolicy":            onUser,
	"DeleteUserPolicy":         onUser,
	"GetRole":                  onRole,
	"PutRolePolicy":            onRole,
	"GetRolePolicy":            onRole,
	"DeleteRolePolicy":         onRole,
	"DeleteAccessKey":          onUser,
	"GetLoginProfile":          onUser,
	"CreateLoginProfile":       onUser,
	"DeleteLoginProfile":       onUser,
	"ListMFADevices":           onUser,
	"ListGroupsForUser":        onUser,
	"ListUserPolicies":         onUser,
	"ListRolePolicies":         onRole,
	"ListAttachedRolePolicies": onRole,

	"GenerateServiceLastAccessedDetails": func(c *call) []need { return c.on(c.params.str("Arn")) },
}

// onUser is about the user that the request names, with the managed policy that it names.
func onUser(c *call) []need { return c.withPolicy(c.on(c.userARN(c.params.str("UserName")))) }

func onRole(c *call) []need {
	name := c.params.str("RoleName")
	role := c.account().IAM.Roles[name]
	if role == nil {
		role = &Role{}
	}
	return c.withPolicy(c.on(role.arn(c.caller.Account, name)))
}

// onOwner is about the user who has the access key.
func onOwner(c *call) []need {
	for name, user := range c.account().IAM.Users {
		if user.AccessKeys[c.params.str("AccessKeyId")] != nil {
			return c.on(c.userARN(name))
		}
	}
	return c.on(c.userARN(""))
}

func (c *call) userARN(name string) string {
	user := c.account().IAM.Users[name]
	if user == nil {
		user = &User{}
	}
	return user.arn(c.caller.Account, name)
}

func (c *call) withPolicy(all []need) []need {
	if arn := c.params.str("PolicyArn"); arn != "" {
		for i := range all {
			all[i].keys = map[string][]string{"iam:PolicyARN": {arn}}
		}
	}
	return all
}

var ec2Needs = map[string]func(*call) []need{
	"ModifyNetworkInterfaceAttribute": func(c *call) []need {
		return c.onEC2(append(c.params.strs("SecurityGroupId"), c.params.str("NetworkInterfaceId"))...)
	},
	"CreateSecurityGroup":           func(c *call) []need { return c.tagging("security-group", c.onEC2("sg-*", c.params.str("VpcId"))) },
	"DeleteSecurityGroup":           onGroup,
	"AuthorizeSecurityGroupIngress": onGroup,
	"AuthorizeSecurityGroupEgress":  onGroup,
	"RevokeSecurityGroupIngress":    onGroup,
	"RevokeSecurityGroupEgress":     onGroup,
	"CreateSnapshots": func(c *call) []need {
		id := c.params.str("InstanceSpecification.InstanceId")
		on := []string{id, "snap-*"}
		if instance := c.here().Instances[id]; instance != nil {
			for _, d := range instance.Devices {
				on = append(on, d.Volume)
			}
		}
		return c.tagging("snapshot", c.onEC2(on...))
	},
	"DeleteSnapshot": func(c *call) []need { return c.onEC2(c.params.str("SnapshotId")) },
	"CreateTags":     onTagged,
	"DeleteTags":     onTagged,
}

func onGroup(c *call) []need { return c.onEC2(c.params.str("GroupId")) }

func onTagged(c *call) []need {
	all := c.onEC2(c.params.strs("ResourceId")...)
	for i := range all {
		all[i].keys = tagKeys(c.params.list("Tag"))
	}
	return all
}

// kinds are the kinds of EC2 resources in ARNs by the prefix of their ids. Snapshots and images have no
// account in theirs.
var kinds = map[string]string{
	"i": "instance", "eni": "network-interface", "sg": "security-group", "sgr": "security-group-rule", "vol": "volume",
	"snap": "snapshot", "ami": "image", "vpc": "vpc", "subnet": "subnet", "acl": "network-acl",
}

// ec2ARN names an EC2 resource by its id.
func (c *call) ec2ARN(id string) string {
	prefix, rest, _ := strings.Cut(id, "-")
	kind := kinds[prefix]
	if rest == "*" { // one that is yet to be made
		id = "*"
	}
	if kind == "snapshot" || kind == "image" {
		return "arn:aws:ec2:" + c.region + "::" + kind + "/" + id
	}
	return c.arn("ec2", kind+"/"+id)
}

// onEC2 is the need of the operation's own permission on resources by their ids.
func (c *call) onEC2(ids ...string) []need {
	var arns []string
	for _, id := range ids {
		if id != "" {
			arns = append(arns, c.ec2ARN(id))
		}
	}
	all := c.on(arns...)
	for i := range all {
		all[i].keys = c.ec2Tags(all[i].resource)
	}
	return all
}

// ec2Tags are the tags of a resource as conditions ask for them.
func (c *call) ec2Tags(arn string) map[string][]string {
	id := arn[strings.LastIndexByte(arn, '/')+1:]
	here := c.here()
	var tags map[string]string
	switch {
	case here.Instances[id] != nil:
		tags = here.Instances[id].Tags
	case here.SecurityGroups[id] != nil:
		tags = here.SecurityGroups[id].Tags
	case here.Snapshots[id] != nil:
		tags = here.Snapshots[id].Tags
	case here.NetworkInterfaces[id] != nil:
		tags = here.NetworkInterfaces[id].Tags
	}
	out := map[string][]string{}
	for key, value := range tags {
		out["aws:ResourceTag/"+key], out["ec2:ResourceTag/"+key] = []string{value}, []string{value}
	}
	return out
}

// tagging adds the permission to tag that a request with tags for what it makes needs.
func (c *call) tagging(kind string, all []need) []need {
	for _, spec := range c.params.list("TagSpecification") {
		if spec.str("ResourceType") != kind {
			continue
		}
		arn := c.arn("ec2", kind+"/*")
		if kind == "snapshot" || kind == "image" {
			arn = "arn:aws:ec2:" + c.region + "::" + kind + "/*"
		}
		keys := tagKeys(spec.list("Tag"))
		for i := range all {
			all[i].keys = merged(all[i].keys, keys)
		}
		all = append(all, need{action: "ec2:CreateTags", resource: arn, keys: merged(keys, map[string][]string{"ec2:CreateAction": {c.action}})})
	}
	return all
}

func merged(a, b map[string][]string) map[string][]string {
	out := map[string][]string{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// tagKeys are the tags of a request as conditions ask for them.
func tagKeys(tags []*param) map[string][]string {
	out := map[string][]string{}
	for _, tag := range tags {
		out["aws:RequestTag/"+tag.str("Key")] = []string{tag.str("Value")}
		out["aws:TagKeys"] = append(out["aws:TagKeys"], tag.str("Key"))
	}
	return out
}

var s3Needs = map[string]func(*call) []need{
	"GetPublicAccessBlock":    onBucket("s3:GetBucketPublicAccessBlock"),
	"PutPublicAccessBlock":    onBucket("s3:PutBucketPublicAccessBlock"),
	"DeletePublicAccessBlock": onBucket("s3:PutBucketPublicAccessBlock"),
	"GetBucketPolicy":         onBucket("s3:GetBucketPolicy"),
	"GetBucketPolicyStatus":   onBucket("s3:GetBucketPolicyStatus"),
	"GetBucketAcl":            onBucket("s3:GetBucketAcl"),
	"ListBuckets":             func(c *call) []need { return c.asks("s3:ListAllMyBuckets") },
	"PutBucketPolicy":         onBucket("s3:PutBucketPolicy"),
	"DeleteBucketPolicy":      onBucket("s3:DeleteBucketPolicy"),
	"GetBucketTagging":        onBucket("s3:GetBucketTagging"),
}

// s3controlNeeds are on everything: an account has no name as a resource of S3.
var s3controlNeeds = map[string]func(*call) []need{
	"GetPublicAccessBlock":    func(c *call) []need { return c.asks("s3:GetAccountPublicAccessBlock") },
	"PutPublicAccessBlock":    func(c *call) []need { return c.asks("s3:PutAccountPublicAccessBlock") },
	"DeletePublicAccessBlock": func(c *call) []need { return c.asks("s3:PutAccountPublicAccessBlock") },
}

// onBucket is about the bucket of the request. S3's permissions are often not named as its operations.
func onBucket(action string) func(*call) []need {
	return func(c *call) []need { return c.asks(action, "arn:aws:s3:::"+c.path["Bucket"]) }
}

var guarddutyNeeds = map[string]func(*call) []need{
	"GetDetector":       onDetector,
	"ListFindings":      onDetector,
	"GetFindings":       onDetector,
	"ArchiveFindings":   onDetector,
	"UnarchiveFindings": onDetector,
}

func onDetector(c *call) []need { return c.on(c.arn("guardduty", "detector/"+c.path["detectorId"])) }

var cloudtrailNeeds = map[string]func(*call) []need{
	"GetTrail":       onTrail,
	"GetTrailStatus": onTrail,
	"GetEventSelectors": func(c *call) []need {
		put(&c.body, "Name", c.body["TrailName"])
		return onTrail(c)
	},
	"StartLogging": onTrail,
	"StopLogging":  onTrail,
}

func onTrail(c *call) []need {
	name := text(c.body["Name"])
	if strings.HasPrefix(name, "arn:") {
		return c.on(name)
	}
	return c.on(c.arn("cloudtrail", "trail/"+name))
}

var secretsNeeds = map[string]func(*call) []need{
	"GetSecretValue": onSecret,
}

// onSecret is about the secret of the request, by its whole ARN.
func onSecret(c *call) []need {
	id := text(c.body["SecretId"])
	if strings.HasPrefix(id, "arn:") {
		return c.on(id)
	}
	if s := c.here().Secrets[id]; s != nil {
		id += "-" + s.Suffix
	}
	return c.on(c.arn("secretsmanager", "secret:"+id))
}
