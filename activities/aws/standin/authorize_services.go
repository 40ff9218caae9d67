package standin

import (
	"maps"
	"strings"
)

func init() { //nolint:gochecknoinits // joins the table, which is long enough
	key := func(c *call) []need { return c.on(c.whole(text(c.body["KeyId"]), "kms", "key/")) }
	needs["kms"] = map[string]func(*call) []need{
		"DescribeKey": key, "GetKeyRotationStatus": key, "ListResourceTags": key, "DisableKey": key, "EnableKey": key,
	}
	function := func(c *call) []need { return c.on(c.whole(c.path["FunctionName"], "lambda", "function:")) }
	needs["lambda"] = map[string]func(*call) []need{
		"GetFunctionConcurrency": function, "PutFunctionConcurrency": function, "DeleteFunctionConcurrency": function,
		"ListTags": func(c *call) []need { return c.on(c.path["Resource"]) },
	}
	needs["ssm"] = map[string]func(*call) []need{
		"GetDocument": func(c *call) []need { return c.on(c.arn("ssm", "document/"+text(c.body["Name"]))) },
		"SendCommand": func(c *call) []need {
			resources := []string{c.arn("ssm", "document/"+text(c.body["DocumentName"]))}
			ids, _ := c.body["InstanceIds"].([]any)
			for _, id := range ids {
				resources = append(resources, c.arn("ec2", "instance/"+text(id)))
			}
			return c.on(resources...)
		},
	}
	maps.Copy(needs["securityhub"], map[string]func(*call) []need{"GetFindings": onHub, "BatchUpdateFindings": onHub})
	maps.Copy(secretsNeeds, map[string]func(*call) []need{
		"DescribeSecret": onSecret, "UpdateSecretVersionStage": onSecret,
		// Secrets Manager calls the function in the name of who rotates.
		"RotateSecret": func(c *call) []need {
			all := onSecret(c)
			if _, _, s, err := c.secret(); err == nil && s.RotationFunction != "" {
				all = append(all, c.asks("lambda:InvokeFunction", s.RotationFunction)...)
			}
			return all
		},
	})
	needs["organizations"] = map[string]func(*call) []need{
		"DescribePolicy": func(c *call) []need { return c.on(c.control()) },
		"AttachPolicy":   func(c *call) []need { return c.on(c.control(), c.member("TargetId")) },
		"DetachPolicy":   func(c *call) []need { return c.on(c.control(), c.member("TargetId")) },
		"ListParents":    func(c *call) []need { return c.on(c.member("ChildId")) },
		"MoveAccount": func(c *call) []need {
			return c.on(c.member("AccountId"), c.member("SourceParentId"), c.member("DestinationParentId"))
		},
	}
}

// whole is the ARN of something that a request names by its ARN or by less.
func (c *call) whole(name, service, kind string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return c.arn(service, kind+name)
}

// onHub is about the account's hub.
func onHub(c *call) []need { return c.on(c.arn("securityhub", "hub/default")) }

// control is the policy of the organization that a request names, and member an account, a unit or the
// root.
func (c *call) control() string {
	o := c.state.Organization
	if o == nil {
		return "*"
	}
	return o.arn("policy", "/service_control_policy/"+text(c.body["PolicyId"]))
}

func (c *call) member(field string) string {
	o, id := c.state.Organization, text(c.body[field])
	switch {
	case o == nil:
		return "*"
	case strings.HasPrefix(id, "r-"):
		return o.arn("root", "/"+id)
	case strings.HasPrefix(id, "ou-"):
		return o.arn("ou", "/"+id)
	default:
		return o.arn("account", "/"+id)
	}
}
