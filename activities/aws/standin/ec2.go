package standin

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var ec2Operations = map[string]operation{
	"DescribeInstances":               {run: describeInstances, effect: advances, rests: powerSettled},
	"DescribeInstanceAttribute":       {run: describeInstanceAttribute},
	"ModifyInstanceAttribute":         {run: modifyInstanceAttribute, effect: changes},
	"StartInstances":                  {run: power("pending", "stopped"), effect: changes},
	"StopInstances":                   {run: power("stopping", "running"), effect: changes},
	"TerminateInstances":              {run: power("shutting-down", "pending", "running", "stopping", "stopped"), effect: changes},
	"CopySnapshot":                    {run: copySnapshot, effect: changes},
	"DescribeNetworkInterfaces":       {run: describeNetworkInterfaces},
	"ModifyNetworkInterfaceAttribute": {run: modifyNetworkInterfaceAttribute, effect: changes},
	"DescribeSecurityGroups":          {run: describeSecurityGroups},
	"DescribeSecurityGroupRules":      {run: describeSecurityGroupRules},
	"CreateSecurityGroup":             {run: createSecurityGroup, effect: changes},
	"DeleteSecurityGroup":             {run: deleteSecurityGroup, effect: changes},
	"AuthorizeSecurityGroupIngress":   {run: authorize(ingress), effect: changes},
	"AuthorizeSecurityGroupEgress":    {run: authorize(egress), effect: changes},
	"RevokeSecurityGroupIngress":      {run: revoke(ingress), effect: changes},
	"RevokeSecurityGroupEgress":       {run: revoke(egress), effect: changes},
	"CreateSnapshots":                 {run: createSnapshots, effect: changes, items: true},
	"DescribeSnapshots":               {run: describeSnapshots, effect: advances, rests: noPendingSnapshots},
	"DeleteSnapshot":                  {run: deleteSnapshot, effect: changes},
	"DescribeSnapshotAttribute":       {run: describeSnapshotAttribute},
	"ModifySnapshotAttribute":         {run: modifySnapshotAttribute, effect: changes},
	"DescribeImages":                  {run: describeImages},
	"DescribeImageAttribute":          {run: describeImageAttribute},
	"ModifyImageAttribute":            {run: modifyImageAttribute, effect: changes},
	"DescribeNetworkAcls":             {run: describeNetworkACLs},
	"CreateNetworkAclEntry":           {run: createNetworkACLEntry, effect: changes},
	"DeleteNetworkAclEntry":           {run: deleteNetworkACLEntry, effect: changes},
	"CreateTags":                      {run: createTags, effect: changes},
	"DeleteTags":                      {run: deleteTags, effect: changes},
	"DescribeTags":                    {run: describeTags},
	"DescribeVpcs":                    {run: describeVPCs},
	"DescribeFlowLogs":                {run: describeFlowLogs},
	"DescribeVolumes":                 {run: describeVolumes},
	"GetEbsEncryptionByDefault":       {run: getEBSEncryptionByDefault},
	"DescribeRegions":                 {run: describeRegions},
}

// resource names one kind of EC2 resource and the errors about its ids; the services spell those
// in no common way.
type resource struct {
	noun, prefix, malformed, missing string
}

var (
	anInstance  = resource{"instance ID", "i-", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound"}
	anInterface = resource{"networkInterface ID", "eni-", "InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound"}
	aGroup      = resource{"security group", "sg-", "InvalidGroupId.Malformed", "InvalidGroup.NotFound"}
	aSnapshot   = resource{"snapshot", "snap-", "InvalidSnapshotID.Malformed", "InvalidSnapshot.NotFound"}
	aVolume     = resource{"volume", "vol-", "InvalidVolumeID.Malformed", "InvalidVolume.NotFound"}
	aFlowLog    = resource{"flow log", "fl-", "InvalidFlowLogId.Malformed", "InvalidFlowLogId.NotFound"}
	anImage     = resource{"image id", "ami-", "InvalidAMIID.Malformed", "InvalidAMIID.NotFound"}
	anACL       = resource{"networkAcl ID", "acl-", "InvalidNetworkAclID.Malformed", "InvalidNetworkAclID.NotFound"}
	aVPC        = resource{"vpc ID", "vpc-", "InvalidVpcID.Malformed", "InvalidVpcID.NotFound"}
)

// idTail is what follows the prefix of an id: 17 hex digits, or 8 in the old days.
var idTail = regexp.MustCompile(`^[0-9a-f]{8}(?:[0-9a-f]{9})?$`)

// absent is the error about an id that names nothing.
func (k resource) absent(id string) *failure {
	if tail, ok := strings.CutPrefix(id, k.prefix); !ok || !idTail.MatchString(tail) {
		return bad(k.malformed, "Invalid id: %q (expecting \"%s...\")", id, k.prefix)
	}
	return bad(k.missing, "The %s '%s' does not exist", k.noun, id)
}

// newID makes an id of this kind.
func (k resource) newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%s0%x", k.prefix, b)
}

// one finds the resource that a required parameter names.
func one[T any](c *call, k resource, name string, in map[string]*T) (string, *T, error) {
	id := c.params.str(name)
	if id == "" {
		return "", nil, bad("MissingParameter", "The request must contain the parameter %s", name)
	}
	found := in[id]
	if found == nil {
		return "", nil, k.absent(id)
	}
	return id, found, nil
}

// describe finds the resources that a Describe call is about: those named in the list parameter, or
// all; then what the filters leave of them; then the page of these. rest is the element that tells
// of more pages.
func describe[T any](c *call, k resource, idParam string, in map[string]*T, tags func(*T) map[string]string, fields fields[T]) (ids []string, rest elements, _ error) {
	ids = sorted(in)
	if idParam == "" {
		// Nothing to name: tags have no ids.
	} else if named := c.params.strs(idParam); len(named) > 0 {
		if c.params.has("MaxResults") {
			return nil, nil, bad("InvalidParameterCombination", "The parameter %s cannot be used with the parameter maxResults", idParam)
		}
		for _, id := range named {
			if in[id] == nil {
				return nil, nil, k.absent(id)
			}
		}
		ids = unique(named)
	}
	filters, err := c.filters()
	if err != nil {
		return nil, nil, err
	}
	var left []string
	for _, f := range filters {
		if err := fields.knows(f.name); err != nil {
			return nil, nil, err
		}
	}
	for _, id := range ids {
		if fields.admit(filters, id, in[id], tags(in[id])) {
			left = append(left, id)
		}
	}
	return c.ec2Page(left)
}

// ec2Page cuts the page that MaxResults and NextToken ask for.
func (c *call) ec2Page(ids []string) ([]string, elements, error) {
	size := 1000
	if c.params.has("MaxResults") {
		n, err := strconv.Atoi(c.params.str("MaxResults"))
		if err != nil || n < 5 || n > 1000 {
			return nil, nil, bad("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value of 5 to 1000.", c.params.str("MaxResults"))
		}
		size = n
	}
	ids, next, ok := page(ids, c.params.str("NextToken"), size)
	if !ok {
		return nil, nil, bad("InvalidParameterValue", "Unable to parse pagination token")
	}
	return ids, elements{{"nextToken", some(next)}}, nil
}

func unique(ids []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
