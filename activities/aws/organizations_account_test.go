package aws

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const (
	freezeInput     = `{"account":"111122223333","target_account":"555566667777","policy_id":"p-freeze0000"}`
	quarantineInput = `{"account":"111122223333","target_account":"555566667777","unit_id":"ou-ab12-quarantin"}`
	noMember        = `{"account":"111122223333","target_account":"999900001111",`
)

func organizationCalls(s *service) calls {
	return calls{
		"aws.organizations.freeze_account": erased(s.freezeAccount), "aws.organizations.unfreeze_account": erased(s.unfreezeAccount),
		"aws.organizations.quarantine_account": erased(s.quarantineAccount), "aws.organizations.release_account": erased(s.releaseAccount),
	}
}

var organizationChanges = []change{
	{
		name: "aws.organizations.freeze_account", input: freezeInput, acts: []string{"AttachPolicy"},
		service: "organizations", act: "AttachPolicy", back: "ListPoliciesForTarget", backCall: 1,
		missing: noMember + `"policy_id":"p-freeze0000"}`, kind: "TargetNotFoundException",
	},
	{
		name: "aws.organizations.unfreeze_account", after: []before{{"aws.organizations.freeze_account", freezeInput}}, acts: []string{"DetachPolicy"},
		service: "organizations", act: "DetachPolicy", back: "ListPoliciesForTarget", backCall: 1,
		missing: noMember + `"policy_id":"p-freeze0000"}`, kind: "TargetNotFoundException",
	},
	{
		name: "aws.organizations.quarantine_account", input: quarantineInput, acts: []string{"MoveAccount"},
		service: "organizations", act: "MoveAccount", back: "ListParents", backCall: 1,
		missing: noMember + `"unit_id":"ou-ab12-quarantin"}`, kind: "ChildNotFoundException",
	},
	{
		name: "aws.organizations.release_account", after: []before{{"aws.organizations.quarantine_account", quarantineInput}}, acts: []string{"MoveAccount"},
		service: "organizations", act: "MoveAccount", back: "ListParents", backCall: 1,
		missing: noMember + `"unit_id":"ou-ab12-quarantin","previous_parent":"r-ab12"}`, kind: "ChildNotFoundException",
	},
}

var organizationViews = map[string]view{
	"aws.organizations.freeze_account": seeFreeze, "aws.organizations.unfreeze_account": seeFreeze,
	"aws.organizations.quarantine_account": seeParent, "aws.organizations.release_account": seeParent,
}

const memberSaid = "account 555566667777 of the organization that account 111122223333 manages: "

func freezePolicy(s *standin.State) *standin.ServicePolicy {
	return s.Organization.Policies[standin.SampleFreeze]
}

func sandbox(s *standin.State) *standin.Member { return s.Organization.Members[standin.SampleMember] }

func seeFreeze(s *standin.State) seen {
	return seen{memberSaid + "service control policy p-freeze0000": either(slices.Contains(freezePolicy(s).Targets, standin.SampleMember), "attached", "not attached")}
}

func seeParent(s *standin.State) seen { return seen{memberSaid + "parent": sandbox(s).Parent} }

var organizationMeddling = meddlers{
	"aws.organizations.freeze_account": {
		"it is detached":      func(s *standin.State) { freezePolicy(s).Targets = nil },
		"the account is gone": func(s *standin.State) { delete(s.Organization.Members, standin.SampleMember) },
	},
	"aws.organizations.unfreeze_account": {
		"it is attached": func(s *standin.State) { freezePolicy(s).Targets = []string{standin.SampleMember} },
	},
	"aws.organizations.quarantine_account": {
		"it is moved to the root": func(s *standin.State) { sandbox(s).Parent = "r-ab12" },
		"it is moved back":        func(s *standin.State) { sandbox(s).Parent = standin.SampleUnit },
	},
	"aws.organizations.release_account": {
		"it is moved to quarantine": func(s *standin.State) { sandbox(s).Parent = standin.SampleQuarantine },
	},
}

func TestAccountsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		activity, old, with string
		arrange             func(*standin.State)
		kind                string
	}{
		"the management account": {with: "444455556666", kind: "Protected", arrange: func(s *standin.State) {
			s.Organization.Management = "444455556666"
			s.Organization.Members["444455556666"] = &standin.Member{Parent: "r-ab12"}
			s.Organization.Delegated = []string{standin.SampleAccount}
		}},
		"our own account": {with: standin.SampleAccount, kind: "Protected", arrange: func(s *standin.State) {
			s.Organization.Management, s.Organization.Delegated = "444455556666", []string{standin.SampleAccount}
			s.Organization.Members["444455556666"] = &standin.Member{Parent: "r-ab12"}
		}},
		"a protected account": {kind: "Protected", arrange: func(s *standin.State) { sandbox(s).Tags[protectedTag] = "yes" }},
		"no account":          {with: "all", kind: "BadInput"},
		"no organization":     {kind: "AWSOrganizationsNotInUseException", arrange: func(s *standin.State) { s.Organization = nil }},
	} {
		for activity, input := range map[string]string{"aws.organizations.freeze_account": freezeInput, "aws.organizations.quarantine_account": quarantineInput} {
			t.Run(name+": "+activity, func(t *testing.T) {
				w := newWorld(t)
				if tc.arrange != nil {
					w.Update(tc.arrange)
				}
				if tc.with != "" {
					input = strings.Replace(input, standin.SampleMember, tc.with, 1)
				}
				_, err := w.attempt(step(t.Context()), t, activity, input)
				require.Equal(t, tc.kind, kindOf(t, err).Kind)
				require.True(t, kindOf(t, err).Permanent)
				_, err = w.lookAt(t, scheduled, activity, input)
				require.Equal(t, tc.kind, kindOf(t, err).Kind)
				require.Empty(t, w.Mutations())
			})
		}
	}
}

// What allows something freezes nothing, and a unit must be there.
func TestFreezeByAnotherPolicy(t *testing.T) {
	for name, content := range map[string]string{
		"it allows":  `{"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		"nothing":    `{"Statement":[]}`,
		"no policy":  `[]`,
		"no object":  `{"Statement":7}`,
		"one allows": `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(func(s *standin.State) { freezePolicy(s).Content = content })
			_, err := w.attempt(step(t.Context()), t, "aws.organizations.freeze_account", freezeInput)
			require.Equal(t, "NotADeny", kindOf(t, err).Kind)
			require.Empty(t, w.Mutations())
		})
	}
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		freezePolicy(s).Content = `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	})
	w.run(t, "aws.organizations.freeze_account", freezeInput)
	_, err := w.attempt(step(t.Context()), t, "aws.organizations.freeze_account", strings.Replace(freezeInput, "p-freeze0000", "p-FullAWSAccess", 1))
	require.Equal(t, "BadInput", kindOf(t, err).Kind)
	_, err = w.attempt(step(t.Context()), t, "aws.organizations.quarantine_account", strings.Replace(quarantineInput, "quarantin", "nobody00", 1))
	require.Equal(t, "OrganizationalUnitNotFoundException", kindOf(t, err).Kind)
}

// Who was moved elsewhere since stays there.
func TestReleaseOfAMovedAccount(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.organizations.quarantine_account", quarantineInput)
	undo, input := w.undo(t, "aws.organizations.quarantine_account", quarantineInput, out)
	w.Update(func(s *standin.State) { sandbox(s).Parent = "r-ab12" })
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "ChangedSince", kindOf(t, err).Kind)
}
