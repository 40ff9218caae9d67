package aws

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/policy"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

// denials are how services say that a caller may not.
var denials = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}

// guarded is a world whose account is reached by the two roles, each with the policies generated for some
// activities.
func guarded(t *testing.T, read, respond []activities.Spec) *world {
	t.Helper()
	accounts, err := session.ParseAccounts([]byte(`accounts: [{id: "` + standin.SampleAccount + `"}]`))
	require.NoError(t, err)
	w := newWorldOf(t, accounts)
	w.grant(read, respond)
	return w
}

// grant gives the roles the policies for some activities, and nothing else.
func (w *world) grant(read, respond []activities.Spec) {
	w.Update(func(s *standin.State) {
		roles := s.Accounts[standin.SampleAccount].IAM.Roles
		for name, documents := range map[string][]policy.Document{
			"SecOpsRead": policy.ForRole(policy.Read, "aws", read), "SecOpsRespond": policy.ForRole(policy.Respond, "aws", respond),
		} {
			roles[name] = &standin.Role{
				ID: "AROASECOPS", Inline: map[string]string{},
				Trust: `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + standin.SampleAccount + `"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`,
			}
			for i, d := range documents {
				roles[name].Inline[string(rune('a'+i))] = d.String()
			}
		}
	})
}

func specs(w *world) []activities.Spec {
	var all []activities.Spec
	for _, a := range w.registry.All() {
		all = append(all, a.Spec)
	}
	return all
}

// make calls an activity as the worker does: an effect while it is being made.
func (w *world) make(t *testing.T, name, input string) (json.RawMessage, error) {
	t.Helper()
	return w.makeAs(t, name, input, input)
}

// makeAs cuts the credentials to another input than the call has.
func (w *world) makeAs(t *testing.T, name, input, cut string) (json.RawMessage, error) {
	t.Helper()
	a, ok := w.registry.Lookup(name)
	require.True(t, ok, name)
	ctx := step(t.Context())
	if a.Effect != activities.Read {
		ctx = activities.WithActing(ctx, activities.Acting{Spec: a.Spec, Input: json.RawMessage(cut), Run: "case-1", Step: "contain", By: []string{"alice@example.com"}})
	}
	return w.attempt(ctx, t, name, input)
}

// ready brings the world to where a change can be made, with all permissions, and fills its input.
func (w *world) ready(t *testing.T, c change) change {
	t.Helper()
	all := specs(w)
	w.grant(all, all)
	var out json.RawMessage
	for _, b := range c.after {
		var err error
		out, err = w.make(t, b.name, b.input)
		require.NoError(t, err, b.name)
	}
	if n := len(c.after); n > 0 {
		c.name, c.input = w.undo(t, c.after[n-1].name, c.after[n-1].input, out)
	}
	return c
}

// A role with exactly the generated policies, cut to the call, makes the change, shows it before, and
// takes it back.
func TestPermissionsSuffice(t *testing.T) {
	for _, c := range slices.Concat(changes, destroys) {
		t.Run(c.name, func(t *testing.T) {
			w := guarded(t, nil, nil)
			c := w.ready(t, c)
			a, _ := w.registry.Lookup(c.name)
			specs := []activities.Spec{a.Spec}
			undo, reversible := w.registry.Lookup(a.Undo)
			if reversible {
				specs = append(specs, undo.Spec)
			}
			w.grant(specs, specs)
			w.look(t, c.name, c.input)
			out, err := w.make(t, c.name, c.input)
			require.NoError(t, err)
			if !reversible {
				return
			}
			name, input := w.undo(t, c.name, c.input, out)
			w.look(t, name, input)
			_, err = w.make(t, name, input)
			require.NoError(t, err)
		})
	}
}

// Without any one of its permissions a change is denied: there is none that it does not need.
func TestPermissionsAreNeeded(t *testing.T) {
	needed, registry := map[string]map[string]bool{}, newWorld(t).registry
	all := slices.Clone(conditionalChanges)
	for _, c := range slices.Concat(changes, destroys) {
		all = append(all, conditional{change: c})
	}
	for _, c := range all {
		a, ok := registry.Lookup(c.name)
		require.True(t, ok, c.name)
		if needed[c.name] == nil {
			needed[c.name] = map[string]bool{}
		}
		for _, permission := range a.Permissions {
			if needed[c.name][permission] {
				continue
			}
			w := guarded(t, nil, nil)
			if c.given != nil {
				w.Update(c.given)
			}
			c := w.ready(t, c.change)
			w.grant(nil, []activities.Spec{without(a.Spec, permission)})
			_, err := w.make(t, c.name, c.input)
			needed[c.name][permission] = err != nil && slices.Contains(denials, kindOf(t, err).Kind)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		for _, permission := range slices.Sorted(maps.Keys(needed[name])) {
			if !needed[name][permission] {
				t.Errorf("%s: works without %s: take it out of its permissions, or add a case that needs it to conditionalChanges", name, permission)
			}
		}
	}
}

func without(spec activities.Spec, permission string) activities.Spec {
	spec.Permissions = slices.DeleteFunc(slices.Clone(spec.Permissions), func(p string) bool { return p == permission })
	return spec
}

// Cut to a call on one thing, credentials do not reach another, whatever the role may do.
func TestPermissionsReachNothingElse(t *testing.T) {
	for _, c := range slices.Concat(changes, destroys) {
		t.Run(c.name, func(t *testing.T) {
			w := guarded(t, nil, nil)
			c := w.ready(t, c)
			a, _ := w.registry.Lookup(c.name)
			var fields map[string]any
			require.NoError(t, json.Unmarshal([]byte(c.input), &fields))
			var field string
			for _, scopes := range a.Scopes {
				for _, scope := range scopes {
					activities.FillScope(scope, func(f string) string {
						if field == "" || field == "account" || field == "region" {
							field = f
						}
						return ""
					})
				}
			}
			if why := unnarrowed[c.name]; why != "" {
				t.Skip(why)
			}
			if other := narrowedBy[c.name]; other != "" {
				field = other
			}
			require.NotEmpty(t, field, "no permission of it is narrowed")
			switch value := fields[field].(string); field {
			case "account":
				fields[field] = "999988887777"
			case "region":
				fields[field] = "eu-south-2"
			default:
				fields[field] = value[:len(value)-1] + "0x"
			}
			cut, err := json.Marshal(fields)
			require.NoError(t, err)
			_, err = w.makeAs(t, c.name, c.input, string(cut))
			require.Error(t, err)
			require.Contains(t, denials, kindOf(t, err).Kind, err.Error())
		})
	}
}

// unnarrowed says of effects why AWS takes no resource for any of their permissions.
var unnarrowed = map[string]string{
	"aws.s3.block_account_public_access":   "the block is the account's, and so are the credentials",
	"aws.s3.restore_account_public_access": "the block is the account's, and so are the credentials",
}

// narrowedBy are the fields by which effects are narrowed where it is not by what they name: the network
// interfaces of an instance, of which the input says nothing.
var narrowedBy = map[string]string{"aws.ec2.isolate_instance": "region", "aws.ec2.restore_instance": "region", "aws.ec2.copy_snapshot": "kms_key"}

// Reads: each with the generated policy alone, and without any one of its permissions not.
func TestPermissionsOfReads(t *testing.T) {
	for _, a := range newWorld(t).registry.All() {
		if a.Effect != activities.Read || !strings.HasPrefix(a.Name, "aws.") {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			inputs, ok := looks[a.Name]
			require.True(t, ok, "add a row to looks")
			if slices.Contains(ofHub, a.Name) {
				t.Skip("the hub's, and not in an account")
			}
			needed := map[string]bool{}
			for _, input := range inputs {
				w := guarded(t, []activities.Spec{a.Spec}, nil)
				_, err := w.make(t, a.Name, input)
				require.NoError(t, err)
				for _, permission := range a.Permissions {
					w := guarded(t, []activities.Spec{without(a.Spec, permission)}, nil)
					_, err := w.make(t, a.Name, input)
					needed[permission] = needed[permission] || err != nil && slices.Contains(denials, kindOf(t, err).Kind)
				}
			}
			for _, permission := range a.Permissions {
				require.True(t, needed[permission], "works without %s", permission)
			}
		})
	}
}

var ofHub = []string{"aws.organizations.list_accounts", "aws.accounts.list_targets"}

// looks are calls of every read, which together need all of its permissions.
var looks = map[string][]string{
	"aws.accounts.list_targets":         nil,
	"aws.cloudtrail.get_event":          {`{"account":"111122223333","region":"us-east-1","event_id":"` + standin.SampleUserLogin + `"}`},
	"aws.cloudtrail.get_trail_status":   {trailJSON, `{"account":"111122223333","region":"us-east-1","trail":"arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events"}`},
	"aws.cloudtrail.lookup_events":      {`{"account":"111122223333","region":"us-east-1","user":"ci-deployer"}`},
	"aws.ec2.describe_instance":         {instanceJSON},
	"aws.ec2.list_open_ingress":         {noGroup[:strings.Index(noGroup, "sg-")] + standin.SampleSSHGroup + `"}`},
	"aws.ec2.list_regions":              {`{"account":"111122223333"}`},
	"aws.guardduty.get_finding":         {findingInput},
	"aws.iam.get_access_key_last_used":  {`{"account":"111122223333","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`},
	"aws.iam.get_account_summary":       {`{"account":"111122223333"}`},
	"aws.iam.get_credential_report":     {accountJSON},
	"aws.iam.get_principal":             {userInput, roleInput},
	"aws.iam.get_service_last_accessed": {`{"account":"111122223333","arn":"arn:aws:iam::111122223333:role/web-server-role"}`},
	"aws.iam.list_unused_roles":         {accountJSON},
	"aws.iam.list_access_keys":          {`{"account":"111122223333"}`},
	"aws.organizations.list_accounts":   nil,
	"aws.s3.get_bucket_exposure":        {bucketJSON},
	"aws.securityhub.get_findings":      {`{"account":"111122223333","region":"us-east-1"}`},
}

// conditional is a call that needs a permission which the usual one does not.
type conditional struct {
	change
	given func(*standin.State) // how the world is
}

const dayBefore = `,"revoked_before":"2026-11-22T10:00:00Z"}`

var conditionalChanges = []conditional{
	// A revocation before is put back.
	{change: change{name: "aws.iam.restore_user_sessions", after: []before{
		{"aws.iam.revoke_user_sessions", strings.TrimSuffix(userInput, "}") + dayBefore}, {"aws.iam.revoke_user_sessions", userInput},
	}}},
	{change: change{name: "aws.iam.restore_role_sessions", after: []before{
		{"aws.iam.revoke_role_sessions", strings.TrimSuffix(roleInput, "}") + dayBefore}, {"aws.iam.revoke_role_sessions", roleInput},
	}}},
	// A function that had nothing reserved gets nothing.
	{
		change: change{name: "aws.lambda.unfreeze_function", after: []before{{"aws.lambda.freeze_function", functionInput}}},
		given:  func(s *standin.State) { function(s).Reserved = nil },
	},
	// A bucket that had no policy gets none.
	{
		change: change{name: "aws.s3.restore_bucket_policy", after: []before{{"aws.s3.deny_bucket_access", bucketJSON}}},
		given:  func(s *standin.State) { region(s).Buckets[standin.SampleBucket].Policy = "" },
	},
}
