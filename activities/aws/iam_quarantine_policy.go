package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
)

// denyPolicy is the inline policy that Countersign owns, one a user or role, by which everything is
// denied. It alone is ever written or deleted here.
const denyPolicy = "CountersignQuarantine"

// sidForm is a statement id of ours. IAM takes letters and digits alone.
var sidForm = regexp.MustCompile(`^` + denyPolicy + `[A-Za-z0-9]{0,64}$`)

// caseSID names the case in a statement id, by the end of its run, where runs of one playbook differ.
func caseSID(run string) string {
	name := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, run)
	return denyPolicy + name[max(0, len(name)-64):]
}

func denyDocument(sid string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid + `","Effect":"Deny","Action":["*"],"Resource":["*"]}]}`
}

// deniedBy reads the statement id of a policy, if it is exactly one that denyDocument writes.
func deniedBy(document string) (sid string, ours bool) {
	var policy struct{ Statement []struct{ Sid string } }
	if json.Unmarshal([]byte(document), &policy) != nil || len(policy.Statement) != 1 {
		return "", false
	}
	sid = policy.Statement[0].Sid
	return sid, sidForm.MatchString(sid) && plain(document) && sameDocument(document, denyDocument(sid))
}

func denies(document, sid string) bool {
	there, ours := deniedBy(document)
	return ours && there == sid
}

// held is whose inline policy is meant: a user or a role.
type held struct{ account, kind, name string }

func (p held) String() string { return fmt.Sprintf("%s %s in account %s", p.kind, p.name, p.account) }

func (p held) look(ctx context.Context, c *clients, what string) (thing, error) {
	if p.kind == "role" {
		return roleThing(ctx, c, p.name, what)
	}
	return userThing(ctx, c, p.name, what)
}

// read returns the policy as it is, "" if there is none.
func (p held) read(ctx context.Context, c *clients, what string) (string, error) {
	name, encoded := denyPolicy, (*string)(nil)
	var err error
	if p.kind == "role" {
		var out *iam.GetRolePolicyOutput
		if out, err = c.IAM().GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &p.name, PolicyName: &name}); err == nil {
			encoded = out.PolicyDocument
		}
	} else {
		var out *iam.GetUserPolicyOutput
		if out, err = c.IAM().GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &p.name, PolicyName: &name}); err == nil {
			encoded = out.PolicyDocument
		}
	}
	if answered(err, "NoSuchEntity") || encoded == nil && err == nil {
		return "", nil
	}
	if err != nil {
		return "", failed(err, "%s: read policy %s", what, denyPolicy)
	}
	document, err := url.PathUnescape(*encoded) // IAM percent-encodes policies, by RFC 3986
	if err != nil {
		return "", activities.Permanent("BadPolicy", fmt.Errorf("%s: read policy %s: %w", what, denyPolicy, err))
	}
	return document, nil
}

func (p held) put(ctx context.Context, c *clients, document string) (err error) {
	name := denyPolicy
	if p.kind == "role" {
		_, err = c.IAM().PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &p.name, PolicyName: &name, PolicyDocument: &document})
	} else {
		_, err = c.IAM().PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &p.name, PolicyName: &name, PolicyDocument: &document})
	}
	return err
}

func (p held) remove(ctx context.Context, c *clients) (err error) {
	name := denyPolicy
	if p.kind == "role" {
		_, err = c.IAM().DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &p.name, PolicyName: &name})
	} else {
		_, err = c.IAM().DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &p.name, PolicyName: &name})
	}
	return err
}

// sayHeld says of a policy that Countersign did not write which one it is, by its digest.
func sayHeld(document string) string {
	if document == "" {
		return "none"
	}
	return fmt.Sprintf("one that somebody has written (%s)", policyDigest(document))
}

// policyDigest names a policy by its meaning, in a few letters.
func policyDigest(document string) string {
	name, err := digest.Of(json.RawMessage(document))
	if err != nil { // no JSON
		name, _ = digest.Of(document)
	}
	return name.Short()
}
