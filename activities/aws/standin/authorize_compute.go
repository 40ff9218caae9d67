package standin

import "maps"

func init() { //nolint:gochecknoinits // joins the table of EC2, which is long enough
	maps.Copy(ec2Needs, map[string]func(*call) []need{
		"ModifyInstanceAttribute": onParam("InstanceId"),
		"StartInstances":          func(c *call) []need { return c.onEC2(c.params.strs("InstanceId")...) },
		"StopInstances":           func(c *call) []need { return c.onEC2(c.params.strs("InstanceId")...) },
		"TerminateInstances":      func(c *call) []need { return c.onEC2(c.params.strs("InstanceId")...) },
		"ModifySnapshotAttribute": onParam("SnapshotId"),
		"ModifyImageAttribute":    onParam("ImageId"),
		"CreateNetworkAclEntry":   onParam("NetworkAclId"),
		"DeleteNetworkAclEntry":   onParam("NetworkAclId"),
		"CopySnapshot":            copyNeeds,
	})
	needs["autoscaling"] = map[string]func(*call) []need{"EnterStandby": onScalingGroup, "ExitStandby": onScalingGroup}
	needs["elasticloadbalancing"] = map[string]func(*call) []need{"RegisterTargets": onTargetGroup, "DeregisterTargets": onTargetGroup}
	needs["rds"] = map[string]func(*call) []need{
		"ModifyDBSnapshotAttribute": func(c *call) []need { return c.on(c.rdsARN("snapshot", c.params.str("DBSnapshotIdentifier"))) },
	}
}

func onParam(name string) func(*call) []need {
	return func(c *call) []need { return c.onEC2(c.params.str(name)) }
}

func onScalingGroup(c *call) []need { return c.on(c.scalingARN(c.params.str("AutoScalingGroupName"))) }

func onTargetGroup(c *call) []need { return c.on(c.params.str("TargetGroupArn")) }

// copyNeeds are those of EC2, and of KMS for the keys: EC2 uses them in the name of who calls.
func copyNeeds(c *call) []need {
	all := c.tagging("snapshot", c.on("arn:aws:ec2:"+c.params.str("SourceRegion")+"::snapshot/"+c.params.str("SourceSnapshotId"),
		"arn:aws:ec2:"+c.region+"::snapshot/*"))
	if key := c.params.str("KmsKeyId"); key != "" {
		for _, action := range []string{"kms:DescribeKey", "kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptTo"} {
			all = append(all, c.asks(action, key)...)
		}
	}
	if _, s := c.snapshotIn(c.params.str("SourceRegion"), c.params.str("SourceSnapshotId")); s != nil && s.Encrypted {
		all = append(all, c.asks("kms:Decrypt", c.keyOf(s))...)
		all = append(all, c.asks("kms:ReEncryptFrom", c.keyOf(s))...)
	}
	return all
}
