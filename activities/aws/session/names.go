package session

import "strings"

// ARNOf names something of the account in the region, as AWS does: c.ARNOf("ec2", "instance/i-1").
func (c *Clients) ARNOf(service, rest string) string {
	region, account := c.Region, c.Account
	switch {
	case service == "s3":
		region, account = "", ""
	case service == "iam":
		region = ""
	case service == "ec2" && (strings.HasPrefix(rest, "snapshot/") || strings.HasPrefix(rest, "image/")):
		account = ""
	}
	return "arn:" + c.partition() + ":" + service + ":" + region + ":" + account + ":" + rest
}

// partition is part of who they are: arn:aws-cn:sts:...
func (c *Clients) partition() string {
	if part := strings.SplitN(c.ARN, ":", 3); len(part) == 3 {
		return part[1]
	}
	return "aws"
}

// principalOf is who a session or a user is as policies name it: the role of a session, without a path,
// which STS does not tell.
func principalOf(arn string) string {
	head, session, ok := strings.Cut(arn, ":assumed-role/")
	if !ok {
		return arn
	}
	role, _, _ := strings.Cut(session, "/")
	return strings.Replace(head, ":sts:", ":iam:", 1) + ":role/" + role
}

// bare is the ARN of a role or a user without its path; names are taken once an account, whatever the path.
func bare(arn string) string {
	for _, kind := range []string{":role/", ":user/"} {
		if head, name, ok := strings.Cut(arn, kind); ok {
			return head + kind + name[strings.LastIndexByte(name, '/')+1:]
		}
	}
	return arn
}
