package standin

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// The quotas of all inline policies of one principal together, in characters without white space.
const (
	maxUserInline = 2048
	maxRoleInline = 10240
)

// inlineOf is what the three inline policy calls need of a user or a role.
type inlineOf struct {
	kind, name string
	policies   *map[string]string
	limit      int
}

func (c *call) userInline() (inlineOf, error) {
	name, user, err := c.user(false)
	if err != nil {
		return inlineOf{}, err
	}
	return inlineOf{kind: "user", name: name, policies: &user.Inline, limit: maxUserInline}, nil
}

func (c *call) roleInline() (inlineOf, error) {
	name, role, err := c.role()
	if err != nil {
		return inlineOf{}, err
	}
	return inlineOf{kind: "role", name: name, policies: &role.Inline, limit: maxRoleInline}, nil
}

func putUserPolicy(c *call) (any, error) {
	of, err := c.userInline()
	if err != nil {
		return nil, err
	}
	return nil, of.put(c)
}

func getUserPolicy(c *call) (any, error) {
	of, err := c.userInline()
	if err != nil {
		return nil, err
	}
	return of.get(c, "UserName")
}

func deleteUserPolicy(c *call) (any, error) {
	of, err := c.userInline()
	if err != nil {
		return nil, err
	}
	return nil, of.remove(c)
}

func (of inlineOf) put(c *call) error {
	name, err := c.required("PolicyName", policyName)
	if err != nil {
		return err
	}
	document := c.params.str("PolicyDocument")
	if document == "" {
		return constraint("PolicyDocument", "", "Member must have length greater than or equal to 1")
	}
	if refused := checkPolicy(document); refused != nil {
		return refused
	}
	size := weight(document)
	for other, text := range *of.policies {
		if other != name {
			size += weight(text)
		}
	}
	if size > of.limit {
		return fail(409, "LimitExceeded", "Maximum policy size of %d bytes exceeded for %s %s", of.limit, of.kind, of.name)
	}
	c.changed = (*of.policies)[name] != document
	put(of.policies, name, document)
	return nil
}

func (of inlineOf) get(c *call, owner string) (any, error) {
	name, err := of.find(c)
	if err != nil {
		return nil, err
	}
	return elements{
		{owner, of.name}, {"PolicyName", name}, {"PolicyDocument", encodeDocument((*of.policies)[name])},
	}, nil
}

func (of inlineOf) list(c *call) (any, error) {
	names, rest, err := c.iamPage(sorted(*of.policies))
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, name := range names {
		members = append(members, element{"member", name})
	}
	return append(elements{{"PolicyNames", members}}, rest...), nil
}

func (of inlineOf) remove(c *call) error {
	name, err := of.find(c)
	if err != nil {
		return err
	}
	delete(*of.policies, name)
	c.changed = true
	return nil
}

func (of inlineOf) find(c *call) (string, error) {
	name, err := c.required("PolicyName", policyName)
	if err != nil {
		return "", err
	}
	if _, ok := (*of.policies)[name]; !ok {
		return "", noSuchEntity("The %s policy with name %s cannot be found.", of.kind, name)
	}
	return name, nil
}

// weight counts a document as IAM's quotas do.
func weight(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// checkPolicy refuses what IAM refuses at a glance:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
// It looks at the elements and their presence, not at actions, ARNs or conditions.
func checkPolicy(document string) *failure {
	syntax := bad("MalformedPolicyDocument", "Syntax errors in policy.")
	var top map[string]json.RawMessage
	if json.Unmarshal([]byte(document), &top) != nil || top == nil {
		return syntax
	}
	for _, key := range sorted(top) {
		if !slices.Contains([]string{"Version", "Id", "Statement"}, key) {
			return syntax
		}
	}
	if raw, ok := top["Version"]; ok {
		if v := string(raw); v != `"2012-10-17"` && v != `"2008-10-17"` {
			return bad("MalformedPolicyDocument", "The policy must contain a valid version string")
		}
	}
	var statements []map[string]json.RawMessage
	if raw := top["Statement"]; len(raw) > 0 && raw[0] == '{' {
		statements = make([]map[string]json.RawMessage, 1)
		if json.Unmarshal(raw, &statements[0]) != nil {
			return syntax
		}
	} else if json.Unmarshal(raw, &statements) != nil {
		return syntax
	}
	if len(statements) == 0 {
		return syntax
	}
	for _, st := range statements {
		for key := range st {
			if strings.HasSuffix(key, "Principal") {
				return bad("MalformedPolicyDocument", "Policy document should not specify a principal.")
			}
		}
		effect := string(st["Effect"])
		_, action := st["Action"]
		_, notAction := st["NotAction"]
		_, resource := st["Resource"]
		_, notResource := st["NotResource"]
		switch {
		case effect != `"Allow"` && effect != `"Deny"`:
			return syntax
		case action == notAction:
			return bad("MalformedPolicyDocument", "Policy statement must contain actions.")
		case resource == notResource:
			return bad("MalformedPolicyDocument", "Policy statement must contain resources.")
		}
	}
	return nil
}
