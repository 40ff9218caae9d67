// Package policy writes the IAM policies that activities need, from what their specs say of permissions:
// those of the two roles in every account, and the session policy that cuts a role to one call.
//
// It knows neither AWS's SDK nor its credentials, so that those who only write policies need neither.
package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign/countersign/activities"
)

const (
	// MaxManaged is how many characters a managed policy may have.
	MaxManaged = 6144
	// MaxSession is how many characters a session policy may have. The packed size that STS counts beside
	// it depends on what is in it, and is not known before.
	MaxSession = 2048
)

// Document is a policy document.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on resources.
type Statement struct {
	Effect    string
	Action    list
	Resource  list
	Condition map[string]map[string]list `json:",omitempty"`
}

// list is written as its only member where it has one.
type list []string

// MarshalJSON is part of that.
func (l list) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// String is the document as short as it can be written.
func (d Document) String() string {
	raw, err := json.Marshal(d)
	if err != nil {
		return "" // strings always marshal
	}
	return string(raw)
}

// Role is one of the two roles in every account.
type Role string

// The roles. What is only looked at, previews of effects among it, is looked at with Read.
const (
	Read    Role = "read"
	Respond Role = "respond"
)

// hubs are the activities that ask the organization which accounts there are. That is asked in the hub's
// account, and in no other.
var hubs = []string{"aws.organizations.list_accounts", "aws.accounts.list_targets"}

func ofHub(spec activities.Spec, permission string) bool {
	return slices.Contains(hubs, spec.Name) && strings.HasPrefix(permission, "organizations:")
}

// ForHub is the document for the role, or the worker's own, that takes the roles in the accounts, by their
// names, and reads which accounts there are.
func ForHub(partition string, specs []activities.Spec, roles ...string) Document {
	all := grants{}
	for _, spec := range specs {
		for _, permission := range spec.Permissions {
			if ofHub(spec, permission) {
				all.add(spec, permission, partition, func(string) string { return "*" })
			}
		}
	}
	take := Statement{Effect: "Allow", Action: list{"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"}}
	for _, role := range roles {
		take.Resource = append(take.Resource, "arn:"+partition+":iam::*:role/"+role)
	}
	return Document{Version: version, Statement: append(all.statements(), take)}
}

// lookers begin the names of the operations that leave the world as it was.
var lookers = []string{
	"BatchGet", "Check", "Describe", "Generate", "Get", "Head", "List", "Lookup", "Query", "Scan", "Search", "Select", "Simulate", "Validate",
}

// Looks reports whether an operation or a permission, iam:GetUser or GetUser, only looks.
func Looks(name string) bool {
	_, operation, ok := strings.Cut(name, ":")
	if !ok {
		operation = name
	}
	return slices.ContainsFunc(lookers, func(l string) bool { return strings.HasPrefix(operation, l) })
}

// ForRole are the documents that give a role what activities need of it, each small enough for a managed
// policy. What is not known before a call, the fields of its input, is "*".
func ForRole(role Role, partition string, specs []activities.Spec) []Document {
	all := grants{}
	for _, spec := range specs {
		for _, permission := range spec.Permissions {
			if ofHub(spec, permission) {
				continue
			}
			if isAWS(permission) && (role == Read) == (spec.Effect == activities.Read) || role == Read && isAWS(permission) && Looks(permission) {
				all.add(spec, permission, partition, func(string) string { return "*" })
			}
		}
	}
	return split(all.statements())
}

// isAWS tells the permissions of AWS, service:Action, from those of other providers.
func isAWS(permission string) bool {
	service, action, ok := strings.Cut(permission, ":")
	return ok && service == strings.ToLower(service) && action != "" && action[0] >= 'A' && action[0] <= 'Z'
}

// Session is the policy that cuts a role to one call of an activity: its permissions, on what the call's
// input names. A field that would mean more than itself in a policy is refused.
func Session(spec activities.Spec, input json.RawMessage, partition string) (Document, error) {
	var fields map[string]any
	if err := json.Unmarshal(input, &fields); err != nil {
		return Document{}, fmt.Errorf("read the input of %s: %w", spec.Name, err)
	}
	var failed error
	fill := func(field string) string {
		value, _ := fields[field].(string)
		if strings.ContainsAny(value, "*?") || strings.Contains(value, "${") {
			failed = fmt.Errorf("%s: %s is %q: *, ? and ${ are no part of a name, and would let the call reach other things", spec.Name, field, value)
		}
		return value
	}
	all := grants{}
	for _, permission := range spec.Permissions {
		if isAWS(permission) {
			all.add(spec, permission, partition, fill)
		}
	}
	for _, st := range all {
		if len(st.Resource) == 0 && failed == nil {
			failed = fmt.Errorf("%s: nothing that the call names is a resource of %s: want an ARN", spec.Name, strings.Join(st.Action, ", "))
		}
	}
	d := Document{Version: version, Statement: all.statements()}
	if size := len(d.String()); failed == nil && size > MaxSession {
		failed = fmt.Errorf("%s: its session policy has %d characters, and STS takes %d: the activity needs fewer permissions or shorter scopes", spec.Name, size, MaxSession)
	}
	return d, failed
}

const version = "2012-10-17"

// grants are permissions that are wanted: by resources and conditions, the actions.
type grants map[string]*Statement

// add wants one permission of a spec, with the holes of its scopes filled.
func (g grants) add(spec activities.Spec, permission, partition string, fill func(field string) string) {
	scopes := spec.Scopes[permission]
	if len(scopes) == 0 {
		scopes = []string{"*"}
	}
	want := Statement{Effect: "Allow", Resource: filled(scopes, partition, fill)}
	for _, key := range slices.Sorted(maps.Keys(spec.Only[permission])) {
		operator := "StringLike"
		if strings.HasSuffix(strings.ToUpper(key), "ARN") {
			operator = "ArnLike"
		}
		if want.Condition == nil {
			want.Condition = map[string]map[string]list{}
		}
		if want.Condition[operator] == nil {
			want.Condition[operator] = map[string]list{}
		}
		want.Condition[operator][key] = filled(spec.Only[permission][key], partition, fill)
	}
	name := Document{Statement: []Statement{want}}.String()
	if g[name] == nil {
		g[name] = &want
	}
	if !slices.Contains(g[name].Action, permission) {
		g[name].Action = append(g[name].Action, permission)
	}
}

func filled(templates []string, partition string, fill func(string) string) list {
	var out list
	for _, template := range templates {
		text := activities.FillScope(template, fill)
		if template != "*" && strings.HasPrefix(template, "{") && !strings.HasPrefix(text, "arn:") {
			continue // a field that may hold an ARN, and holds a name
		}
		if rest, ok := strings.CutPrefix(text, "arn:aws:"); ok && partition != "" {
			text = "arn:" + partition + ":" + rest
		}
		out = append(out, text)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	// arn:...:user/* says arn:...:user/*/* too.
	out = slices.DeleteFunc(out, func(one string) bool {
		wider, ok := strings.CutSuffix(one, "/*/*")
		return ok && slices.Contains(out, wider+"/*")
	})
	if slices.Contains(out, "*") || len(out) == 0 && fill("") == "*" {
		return list{"*"}
	}
	return out
}

// statements are the grants in their one order, without those that another covers: a permission that is
// given on everything is not given again on something.
func (g grants) statements() []Statement {
	everywhere := map[string]bool{}
	for _, st := range g {
		if slices.Equal(st.Resource, list{"*"}) && st.Condition == nil {
			for _, action := range st.Action {
				everywhere[action] = true
			}
		}
	}
	var out []Statement
	for _, name := range slices.Sorted(maps.Keys(g)) {
		st := *g[name]
		if !slices.Equal(st.Resource, list{"*"}) || st.Condition != nil {
			st.Action = slices.DeleteFunc(slices.Clone(st.Action), func(a string) bool { return everywhere[a] })
		}
		slices.Sort(st.Action)
		if len(st.Action) > 0 {
			out = append(out, st)
		}
	}
	return out
}

// split deals statements out to documents that are small enough.
func split(statements []Statement) []Document {
	var out []Document
	now := Document{Version: version}
	for _, st := range statements {
		for len(st.Action) > 0 {
			fits := st
			for fits.Action = st.Action; len(fits.Action) > 0 && now.with(fits) > MaxManaged; fits.Action = fits.Action[:len(fits.Action)-1] {
			}
			if len(fits.Action) > 0 {
				now.Statement = append(now.Statement, fits)
				st.Action = st.Action[len(fits.Action):]
			}
			if len(st.Action) > 0 {
				if len(now.Statement) == 0 {
					return append(out, Document{Version: version, Statement: []Statement{st}}) // one action on too much: for who reads it to see
				}
				out, now = append(out, now), Document{Version: version}
			}
		}
	}
	if len(now.Statement) > 0 {
		out = append(out, now)
	}
	return out
}

// with is how long the document would be with another statement.
func (d Document) with(st Statement) int {
	return len(Document{Version: d.Version, Statement: append(slices.Clone(d.Statement), st)}.String())
}
