package standin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// maxBucketPolicy is the quota of S3 for a bucket policy, in bytes.
const maxBucketPolicy = 20 << 10

// document is an answer that is no XML: a bucket policy.
type document string

func noBucketPolicy() *failure {
	return fail(http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist")
}

func getBucketPolicy(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	if b.Policy == "" {
		return nil, noBucketPolicy()
	}
	return document(b.Policy), nil
}

func putBucketPolicy(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	policy := text(c.body["Policy"])
	if refused := checkBucketPolicy(policy); refused != nil {
		return nil, refused
	}
	if publicPolicy(policy) && (b.Block.refusesPolicies() || c.account().PublicAccessBlock.refusesPolicies()) {
		return nil, shared("s3", denied, "User: %s is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.", c.caller.ARN)
	}
	c.changed = b.Policy != policy
	b.Policy = policy
	return element{}, nil
}

func (b *PublicAccessBlock) refusesPolicies() bool { return b != nil && b.BlockPublicPolicy }

func deleteBucketPolicy(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	c.changed = b.Policy != ""
	b.Policy = ""
	return element{}, nil
}

// checkBucketPolicy refuses what S3 refuses at a glance. It looks at the elements and their
// presence, not at actions, principals or conditions.
func checkBucketPolicy(policy string) *failure {
	var doc struct{ Statement json.RawMessage }
	var statements []map[string]json.RawMessage
	switch {
	case len(policy) > maxBucketPolicy:
		return bad("PolicyTooLarge", "Policy exceeds the maximum allowed document size.")
	case !strings.HasPrefix(policy, "{"), json.Unmarshal([]byte(policy), &doc) != nil:
		return bad("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
	case len(doc.Statement) == 0:
		return bad("MalformedPolicy", "Missing required field Statement")
	case doc.Statement[0] == '{':
		statements = make([]map[string]json.RawMessage, 1)
		_ = json.Unmarshal(doc.Statement, &statements[0]) // it is an object
	case json.Unmarshal(doc.Statement, &statements) != nil:
		return bad("MalformedPolicy", "Statement must be an object or a list of them")
	}
	for _, st := range statements {
		for _, field := range []string{"Principal", "Action", "Resource"} {
			if st[field] == nil && st["Not"+field] == nil {
				return bad("MalformedPolicy", "Missing required field %s", field)
			}
		}
		if effect := string(st["Effect"]); effect != `"Allow"` && effect != `"Deny"` {
			return bad("MalformedPolicy", "Invalid effect: %s", effect)
		}
	}
	return nil
}

func getBucketPolicyStatus(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	if b.Policy == "" {
		return nil, noBucketPolicy()
	}
	return element{"PolicyStatus", elements{{"IsPublic", strings.ToUpper(strconv.FormatBool(publicPolicy(b.Policy)))}}}, nil
}

// publicPolicy reports whether a policy lets everybody do something without a condition. The real
// service weighs conditions, too.
func publicPolicy(document string) bool {
	var policy struct {
		Statement []struct {
			Effect    string
			Principal any
			Condition map[string]any
		}
	}
	if json.Unmarshal([]byte(document), &policy) != nil {
		return false
	}
	for _, s := range policy.Statement {
		principal := s.Principal
		if named, ok := principal.(map[string]any); ok {
			principal = named["AWS"]
		}
		if s.Effect == "Allow" && principal == "*" && len(s.Condition) == 0 {
			return true
		}
	}
	return false
}

func getBucketTagging(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	if len(b.Tags) == 0 {
		return nil, fail(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist")
	}
	tags := elements{}
	for _, key := range sorted(b.Tags) {
		tags = append(tags, element{"Tag", elements{{"Key", key}, {"Value", b.Tags[key]}}})
	}
	return element{"Tagging", elements{{"TagSet", tags}}}, nil
}
