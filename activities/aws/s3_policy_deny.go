package aws

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// denyAccessSID names the one statement of a bucket policy that Countersign writes and takes back.
	denyAccessSID = "CountersignDenyAccess"
	// maxBucketPolicy is the quota of S3, in bytes.
	maxBucketPolicy = 20 << 10
)

// bucketPolicy is a policy with its statements as they are written.
type bucketPolicy struct {
	version, id json.RawMessage
	statements  []json.RawMessage
	bad         error
}

// parsePolicy reads a policy; the empty one has no statements.
func parsePolicy(document string) bucketPolicy {
	if document == "" {
		return bucketPolicy{}
	}
	var top struct {
		Version, Id, Statement json.RawMessage //nolint:revive // as in the policy
	}
	if err := json.Unmarshal([]byte(document), &top); err != nil {
		return bucketPolicy{bad: fmt.Errorf("read the policy: %w", err)}
	}
	p := bucketPolicy{version: top.Version, id: top.Id}
	switch {
	case len(top.Statement) > 0 && top.Statement[0] == '{':
		p.statements = []json.RawMessage{top.Statement}
	case json.Unmarshal(top.Statement, &p.statements) != nil:
		p.bad = errors.New("read the policy: its statements are no list")
	}
	return p
}

// denial is our statement; except are who it does not meet.
type denial struct {
	Sid       string
	Effect    string
	Principal string
	Action    string
	Resource  []string
	Condition struct {
		ArnNotLike map[string][]string
	}
}

func denialOf(bucket string, except []string) denial {
	d := denial{Sid: denyAccessSID, Effect: "Deny", Principal: "*", Action: "s3:*"}
	partition := "aws"
	if len(except) > 0 {
		_, after, _ := strings.Cut(except[0], ":")
		partition, _, _ = strings.Cut(after, ":")
	}
	d.Resource = []string{"arn:" + partition + ":s3:::" + bucket, "arn:" + partition + ":s3:::" + bucket + "/*"}
	d.Condition.ArnNotLike = map[string][]string{"aws:PrincipalArn": except}
	return d
}

func statementSID(raw json.RawMessage) string {
	var s struct{ Sid string }
	_ = json.Unmarshal(raw, &s) // a statement without one has none
	return s.Sid
}

// denied finds our statement, if it is exactly one that denialOf makes, and who it does not meet.
func (p bucketPolicy) denied(bucket string) (except []string, ours bool) {
	for _, raw := range p.statements {
		if statementSID(raw) != denyAccessSID {
			continue
		}
		var d denial
		if json.Unmarshal(raw, &d) != nil {
			return nil, false
		}
		except = d.Condition.ArnNotLike["aws:PrincipalArn"]
		want, err := json.Marshal(denialOf(bucket, except))
		return except, err == nil && sameDocument(string(raw), string(want))
	}
	return nil, false
}

func (p bucketPolicy) denies(bucket string) bool {
	_, ours := p.denied(bucket)
	return ours
}

// replaced reports whether the policy has a statement of our name.
func (p bucketPolicy) replaced() bool {
	return slices.ContainsFunc(p.statements, func(raw json.RawMessage) bool { return statementSID(raw) == denyAccessSID })
}

// beside are the statements that are not ours.
func (p bucketPolicy) beside() []json.RawMessage {
	return slices.DeleteFunc(slices.Clone(p.statements), func(raw json.RawMessage) bool { return statementSID(raw) == denyAccessSID })
}

// sameBeside reports whether two policies say the same beside our statement.
func (p bucketPolicy) sameBeside(q bucketPolicy) bool {
	return p.bad == nil && q.bad == nil && slices.EqualFunc(p.beside(), q.beside(), func(a, b json.RawMessage) bool {
		return sameDocument(string(a), string(b))
	})
}

// deny writes the policy with our statement as the last, in place of one that somebody gave its name.
func (p bucketPolicy) deny(bucket string, except []string) (string, error) {
	if p.bad != nil {
		return "", p.bad
	}
	ours, err := json.Marshal(denialOf(bucket, except))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	version := string(p.version)
	if version == "" && len(p.statements) == 0 {
		version = `"2012-10-17"`
	}
	out.WriteString("{")
	if version != "" {
		out.WriteString(`"Version":` + version + `,`)
	}
	if len(p.id) > 0 {
		out.WriteString(`"Id":` + string(p.id) + `,`)
	}
	out.WriteString(`"Statement":[`)
	for _, raw := range p.beside() {
		out.Write(raw)
		out.WriteString(",")
	}
	out.Write(ours)
	out.WriteString("]}")
	if out.Len() > maxBucketPolicy {
		return "", fmt.Errorf("the policy would have %d bytes with the statement that denies access; S3 takes %d", out.Len(), maxBucketPolicy)
	}
	return out.String(), nil
}

// sayPolicy says of a policy what Countersign did to it, and which one the rest is, by its digest.
func sayPolicy(document, bucket string) string {
	if document == "" {
		return "none"
	}
	p := parsePolicy(document)
	except, ours := p.denied(bucket)
	if !ours {
		return "policy " + policyDigest(document)
	}
	return fmt.Sprintf("everybody denied but %s; %d statements beside", strings.Join(except, ", "), len(p.beside()))
}
