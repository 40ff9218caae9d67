package aws

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// meddling is, by effect, what somebody else may do to the same thing after it.
var meddling = merged(coreMeddling,
	powerMeddling, sharingMeddling, serviceMeddling, addressMeddling,
	principalMeddling, keyMeddling, functionMeddling, rotationMeddling, hubMeddling, importMeddling, organizationMeddling,
)

type meddlers = map[string]map[string]func(s *standin.State)

var coreMeddling = meddlers{
	"aws.iam.disable_access_key": {
		"the key is deleted": func(s *standin.State) { delete(user(s).AccessKeys, standin.SampleUserAccessKey) },
		"the key is enabled": func(s *standin.State) { user(s).AccessKeys[standin.SampleUserAccessKey].Status = "Active" },
		"the user is gone": func(s *standin.State) {
			delete(s.Accounts[standin.SampleAccount].IAM.Users, standin.SampleUser)
		},
	},
	"aws.iam.enable_access_key": {
		"the key is deleted":  func(s *standin.State) { delete(user(s).AccessKeys, standin.SampleUserAccessKey) },
		"the key is disabled": func(s *standin.State) { user(s).AccessKeys[standin.SampleUserAccessKey].Status = "Inactive" },
	},
	"aws.iam.attach_quarantine_policy": {
		"it is detached": func(s *standin.State) { user(s).Attached = nil },
	},
	"aws.iam.detach_quarantine_policy": {
		"it is attached": func(s *standin.State) { user(s).Attached = []string{quarantineARN} },
	},
	"aws.iam.revoke_user_sessions": {
		"another revocation": func(s *standin.State) {
			user(s).Inline[sessionsPolicy] = sessionsDocument(scheduled.Add(time.Hour))
		},
		"another policy":     func(s *standin.State) { user(s).Inline[sessionsPolicy] = `{"Statement":[]}` },
		"the policy is gone": func(s *standin.State) { user(s).Inline = nil },
	},
	"aws.iam.restore_user_sessions": {
		"another revocation": func(s *standin.State) {
			user(s).Inline = map[string]string{sessionsPolicy: sessionsDocument(scheduled)}
		},
		"another policy": func(s *standin.State) {
			user(s).Inline = map[string]string{sessionsPolicy: `{"Statement":[]}`}
		},
	},
	"aws.iam.revoke_role_sessions": {
		"another revocation": func(s *standin.State) {
			role(s).Inline[sessionsPolicy] = sessionsDocument(scheduled.Add(time.Hour))
		},
		"the role is gone": func(s *standin.State) {
			delete(s.Accounts[standin.SampleAccount].IAM.Roles, standin.SampleRole)
		},
	},
	"aws.iam.restore_role_sessions": {
		"another policy": func(s *standin.State) {
			role(s).Inline = map[string]string{sessionsPolicy: `{"Statement":[]}`}
		},
	},
	"aws.guardduty.archive_finding": {
		"it is current": func(s *standin.State) { finding(s).Archived = false },
	},
	"aws.guardduty.unarchive_finding": {
		"it is archived": func(s *standin.State) { finding(s).Archived = true },
	},
	"aws.ec2.isolate_instance": {
		"an interface is moved": func(s *standin.State) {
			region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Groups = []string{standin.SampleDefaultGroup}
		},
		"an interface has its groups again": func(s *standin.State) {
			region(s).NetworkInterfaces[standin.SampleSecondaryInterface].Groups = []string{standin.SampleInternalGroup}
		},
		"an interface is in a second group": func(s *standin.State) {
			nic := region(s).NetworkInterfaces[standin.SamplePrimaryInterface]
			nic.Groups = append(nic.Groups, standin.SampleDefaultGroup)
		},
		"an interface is detached": func(s *standin.State) {
			region(s).NetworkInterfaces[standin.SampleSecondaryInterface].Attachment = nil
		},
		"an interface is open": func(s *standin.State) {
			region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Groups = []string{quarantineIn(s, untracked)}
		},
	},
	"aws.ec2.restore_instance": {
		"an interface is moved": func(s *standin.State) {
			region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Groups = []string{standin.SampleDefaultGroup}
		},
		"an interface is isolated": func(s *standin.State) {
			region(s).NetworkInterfaces[standin.SamplePrimaryInterface].Groups = []string{quarantineIn(s, isolated)}
		},
	},
	"aws.ec2.snapshot_instance": {
		"one is deleted": func(s *standin.State) {
			for id := range caseSnapshots(s) {
				delete(region(s).Snapshots, id)
				return
			}
		},
		"one belongs to another case": func(s *standin.State) {
			for _, snapshot := range caseSnapshots(s) {
				snapshot.Tags[caseTag] = "case-2"
				return
			}
		},
		"one belongs to no case": func(s *standin.State) {
			for _, snapshot := range caseSnapshots(s) {
				snapshot.Tags = nil
				return
			}
		},
	},
	"aws.ec2.revoke_open_ingress": {
		"the rule is back": func(s *standin.State) {
			port, group := 22, region(s).SecurityGroups[standin.SampleSSHGroup]
			group.Ingress = append(group.Ingress, standin.Rule{ID: "sgr-0000000000000000f", Protocol: "tcp", From: &port, To: &port, CIDR: "0.0.0.0/0"})
		},
	},
	"aws.ec2.restore_ingress": {
		"the rule is gone": func(s *standin.State) {
			group := region(s).SecurityGroups[standin.SampleSSHGroup]
			group.Ingress = group.Ingress[:1]
		},
		"the rule says something else": func(s *standin.State) {
			for i := range region(s).SecurityGroups[standin.SampleSSHGroup].Ingress {
				region(s).SecurityGroups[standin.SampleSSHGroup].Ingress[i].Description = "for the auditors, keep"
			}
		},
	},
	"aws.s3.block_public_access": {
		"the block is gone":  func(s *standin.State) { bucket(s).Block = nil },
		"a switch is turned": func(s *standin.State) { bucket(s).Block.BlockPublicAcls = false },
	},
	"aws.s3.restore_public_access": {
		"it is blocked": func(s *standin.State) {
			bucket(s).Block = &standin.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
		},
		"a switch is turned": func(s *standin.State) { bucket(s).Block = &standin.PublicAccessBlock{BlockPublicAcls: true} },
	},
	"aws.cloudtrail.start_logging": {
		"it is stopped": func(s *standin.State) { trail(s).Logging = false },
		"it is gone":    func(s *standin.State) { delete(region(s).Trails, standin.SampleTrail) },
	},
	"aws.cloudtrail.stop_logging": {
		"it is on": func(s *standin.State) { trail(s).Logging = true },
	},
}

// The preview of the undo, as it is after an effect, is the same for as long as nobody touches what
// the effect changed, and another one, or none, after that.
func TestUndoPreviewShowsMeddling(t *testing.T) {
	for _, c := range changes {
		require.NotEmpty(t, meddling[c.name], c.name)
		for what, meddle := range meddling[c.name] {
			t.Run(c.name+": "+what, func(t *testing.T) {
				w := newWorld(t)
				c := c
				c.prepare(t, w)
				out := w.run(t, c.name, c.input)
				undo, input := w.undo(t, c.name, c.input, out)
				left := w.look(t, undo, input)
				require.NotEmpty(t, left.Changes)

				untouched, err := w.lookAt(t, scheduled.Add(49*time.Hour), undo, input)
				require.NoError(t, err)
				require.Equal(t, digestOf(t, left), digestOf(t, untouched))

				w.Update(meddle)
				now, err := w.lookAt(t, scheduled.Add(49*time.Hour), undo, input)
				if err == nil {
					require.NotEqual(t, digestOf(t, left), digestOf(t, now))
				} else {
					kindOf(t, err)
				}
			})
		}
	}
}

// The undo of a call that found the world as it wanted it would change nothing, and says so,
// whatever happened since.
func TestUndoPreviewOfNothing(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		w.run(t, c.name, c.input)
		out := w.run(t, c.name, c.input)
		switch c.name {
		case "aws.iam.restore_user_sessions", "aws.iam.restore_role_sessions", "aws.ec2.restore_instance":
			t.Skip("undoing it contains again, as it says")
		case "aws.ec2.snapshot_instance", "aws.ec2.copy_snapshot":
			t.Skip("a delete is never left undone")
		case "aws.ec2.revoke_open_ingress", "aws.ec2.restore_ingress":
			t.Skip("without a rule to name there is no call")
		}
		undo, input := w.undo(t, c.name, c.input, out)
		require.Empty(t, w.look(t, undo, input).Changes)
	})
}

// What an undo shows is what it does.
func TestUndoPreviewIsWhatHappens(t *testing.T) {
	forEachChange(t, func(t *testing.T, c change, w *world) {
		state := w.State()
		was := views[c.name](&state)
		out := w.run(t, c.name, c.input)
		undo, input := w.undo(t, c.name, c.input, out)
		p := w.look(t, undo, input)
		w.run(t, undo, input)
		state = w.State()
		is := views[undo](&state)
		for _, change := range p.Changes {
			key := change.Target + ": " + change.What
			if !vague(undo, change.After, is[key]) && undo != "aws.ec2.revoke_open_ingress" {
				require.Equal(t, is[key], change.After, key)
				if undo != "aws.securityhub.archive_imported" { // Security Hub deletes nothing
					require.Equal(t, was[key], change.After, key)
				}
			}
		}
		require.Empty(t, w.look(t, undo, input).Changes, "it is done")
	})
}
