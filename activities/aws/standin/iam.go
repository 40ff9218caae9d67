package standin

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var iamOperations = map[string]operation{
	"GetAccountSummary":        {run: getAccountSummary},
	"ListUsers":                {run: listUsers},
	"GetUser":                  {run: getUser},
	"ListUserTags":             {run: listUserTags},
	"GetAccessKeyLastUsed":     {run: getAccessKeyLastUsed},
	"ListAccessKeys":           {run: listAccessKeys},
	"UpdateAccessKey":          {run: updateAccessKey, effect: changes},
	"DeleteAccessKey":          {run: deleteAccessKey, effect: changes},
	"GetLoginProfile":          {run: getLoginProfile},
	"CreateLoginProfile":       {run: createLoginProfile, effect: changes},
	"DeleteLoginProfile":       {run: deleteLoginProfile, effect: changes},
	"ListMFADevices":           {run: listMFADevices},
	"ListGroupsForUser":        {run: listGroupsForUser},
	"ListUserPolicies":         {run: listUserPolicies},
	"AttachUserPolicy":         {run: attachUserPolicy, effect: changes},
	"DetachUserPolicy":         {run: detachUserPolicy, effect: changes},
	"ListAttachedUserPolicies": {run: listAttachedUserPolicies},
	"PutUserPolicy":            {run: putUserPolicy, effect: changes},
	"GetUserPolicy":            {run: getUserPolicy},
	"DeleteUserPolicy":         {run: deleteUserPolicy, effect: changes},
	"GetRole":                  {run: getRole},
	"PutRolePolicy":            {run: putRolePolicy, effect: changes},
	"GetRolePolicy":            {run: getRolePolicy},
	"DeleteRolePolicy":         {run: deleteRolePolicy, effect: changes},
	"ListRoles":                {run: listRoles},
	"ListRolePolicies":         {run: listRolePolicies},
	"ListAttachedRolePolicies": {run: listAttachedRolePolicies},

	"GenerateServiceLastAccessedDetails": {run: generateServiceLastAccessedDetails},
	"GetServiceLastAccessedDetails":      {run: getServiceLastAccessedDetails},

	"GenerateCredentialReport":       {run: generateCredentialReport},
	"GetCredentialReport":            {run: getCredentialReport},
	"GetAccountPasswordPolicy":       {run: getAccountPasswordPolicy},
	"GetAccountAuthorizationDetails": {run: getAccountAuthorizationDetails},
	"ListVirtualMFADevices":          {run: listVirtualMFADevices},
}

// The forms of names, from the "Pattern" lines of the API reference.
var (
	entityName  = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	policyName  = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	accessKeyID = regexp.MustCompile(`^\w{16,128}$`)
)

func noSuchEntity(format string, args ...any) *failure {
	return fail(http.StatusNotFound, "NoSuchEntity", format, args...)
}

// constraint is the ValidationError that all of IAM answers to a parameter out of form.
func constraint(name, value, rule string) *failure {
	field := strings.ToLower(name[:1]) + name[1:]
	return bad("ValidationError", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, field, rule)
}

// required reads a parameter that must be there and have a form.
func (c *call) required(name string, form *regexp.Regexp) (string, error) {
	if !c.params.has(name) {
		return "", constraint(name, "null", "Member must not be null")
	}
	value := c.params.str(name)
	if !form.MatchString(value) {
		return "", constraint(name, value, "Member must satisfy regular expression pattern: "+form.String())
	}
	return value, nil
}

// user finds the user a request names. Where the API lets the name be left out, the signer's own
// user is meant.
func (c *call) user(optional bool) (string, *User, error) {
	if optional && !c.params.has("UserName") {
		_, path, isUser := strings.Cut(c.caller.ARN, ":user/")
		if !isUser {
			return "", nil, bad("ValidationError", "Must specify userName when calling with non-User credentials")
		}
		name := path[strings.LastIndexByte(path, '/')+1:]
		if user := c.account().IAM.Users[name]; user != nil {
			return name, user, nil
		}
		return "", nil, noSuchEntity("The user with name %s cannot be found.", name)
	}
	name, err := c.required("UserName", entityName)
	if err != nil {
		return "", nil, err
	}
	user := c.account().IAM.Users[name]
	if user == nil {
		return "", nil, noSuchEntity("The user with name %s cannot be found.", name)
	}
	return name, user, nil
}

// iamPage cuts the page that Marker and MaxItems ask for, and gives the elements that tell of the
// rest.
func (c *call) iamPage(keys []string) ([]string, elements, error) {
	size := 100
	if c.params.has("MaxItems") {
		n, err := strconv.Atoi(c.params.str("MaxItems"))
		if err != nil || n < 1 || n > 1000 {
			return nil, nil, constraint("MaxItems", c.params.str("MaxItems"), "Member must have value between 1 and 1000")
		}
		size = n
	}
	cut, next, ok := page(keys, c.params.str("Marker"), size)
	if !ok {
		return nil, nil, bad("ValidationError", "Invalid Marker")
	}
	return cut, elements{{"IsTruncated", next != ""}, {"Marker", some(next)}}, nil
}

func iamTags(tags map[string]string, keys []string) elements {
	out := elements{}
	for _, key := range keys {
		out = append(out, element{"member", elements{{"Key", key}, {"Value", tags[key]}}})
	}
	return out
}

// encodeDocument writes a policy document as IAM does: percent-encoded, a space being %20.
func encodeDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}
