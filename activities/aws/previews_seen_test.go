package aws

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/activities/aws/standin"
)

// seen is what a preview must say of a world, read from the stand-in's state and not through the
// activities: by target and property, what is there.
type seen map[string]string

const inRegion = " in account 111122223333, us-east-1"

// view is how the effects of one undo pair look at the world.
type view func(*standin.State) seen

// views are those of all effects; a test holds that.
var views = merged(coreViews,
	powerViews, sharingViews, serviceViews, addressViews,
	principalViews, keyViews, functionViews, rotationViews, hubViews, importViews, documentViews, organizationViews,
)

func merged[V any](maps ...map[string]V) map[string]V {
	all := map[string]V{}
	for _, more := range maps {
		for name, v := range more {
			all[name] = v
		}
	}
	return all
}

var coreViews = map[string]view{
	"aws.iam.disable_access_key":       seeKey,
	"aws.iam.enable_access_key":        seeKey,
	"aws.iam.attach_quarantine_policy": seePolicy,
	"aws.iam.detach_quarantine_policy": seePolicy,
	"aws.iam.revoke_user_sessions":     seeUserSessions,
	"aws.iam.restore_user_sessions":    seeUserSessions,
	"aws.iam.revoke_role_sessions":     seeRoleSessions,
	"aws.iam.restore_role_sessions":    seeRoleSessions,
	"aws.guardduty.archive_finding":    seeFinding,
	"aws.guardduty.unarchive_finding":  seeFinding,
	"aws.ec2.isolate_instance":         seeInterfaces,
	"aws.ec2.restore_instance":         seeInterfaces,
	"aws.ec2.snapshot_instance":        seeSnapshots,
	"aws.ec2.delete_case_snapshots":    seeEvidence,
	"aws.ec2.revoke_open_ingress":      seeRule,
	"aws.ec2.restore_ingress":          seeRule,
	"aws.s3.block_public_access":       seeBlock,
	"aws.s3.restore_public_access":     seeBlock,
	"aws.cloudtrail.start_logging":     seeTrail,
	"aws.cloudtrail.stop_logging":      seeTrail,
}

func user(s *standin.State) *standin.User {
	return s.Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser]
}

func role(s *standin.State) *standin.Role {
	return s.Accounts[standin.SampleAccount].IAM.Roles[standin.SampleRole]
}

func trail(s *standin.State) *standin.Trail { return region(s).Trails[standin.SampleTrail] }

func finding(s *standin.State) *standin.Finding {
	return region(s).Detectors[standin.SampleDetector].Findings[standin.SampleFindingAccessKey]
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func seeKey(s *standin.State) seen {
	return seen{"access key AKIAIOSFODNN7EXAMPLE of user ci-deployer in account 111122223333: status": user(s).AccessKeys[standin.SampleUserAccessKey].Status}
}

func seePolicy(s *standin.State) seen {
	return seen{"user ci-deployer in account 111122223333: policy " + quarantineARN: either(slices.Contains(user(s).Attached, quarantineARN), "attached", "not attached")}
}

func seeUserSessions(s *standin.State) seen {
	return seeSessions("user ci-deployer", user(s).Inline[sessionsPolicy])
}

func seeRoleSessions(s *standin.State) seen {
	return seeSessions("role web-server-role", role(s).Inline[sessionsPolicy])
}

func seeSessions(who, document string) seen {
	say := "none"
	if _, after, ok := strings.Cut(document, `"aws:TokenIssueTime":"`); ok {
		line, _, _ := strings.Cut(after, `"`)
		say = "those issued before " + line
	}
	return seen{who + " in account 111122223333: sessions that are denied everything": say}
}

func seeFinding(s *standin.State) seen {
	return seen{"GuardDuty finding 7ab9d1cb6248e05a0e419a79528761cb" + inRegion + ": state": either(finding(s).Archived, "archived", "current")}
}

func seeInterfaces(s *standin.State) seen {
	out := seen{}
	for id, nic := range region(s).NetworkInterfaces {
		var groups []string
		for _, g := range slices.Sorted(slices.Values(nic.Groups)) {
			if region(s).SecurityGroups[g].Tags[quarantineTag] == isolated {
				g += " (quarantine, without rules)"
			}
			groups = append(groups, g)
		}
		out["network interface "+id+" of instance i-0abc123def4567890"+inRegion+": security groups"] = strings.Join(groups, ", ")
	}
	return out
}

func seeSnapshots(s *standin.State) seen {
	out := seen{}
	say := func(volume, is string) {
		out["volume "+volume+" of instance i-0abc123def4567890"+inRegion+": snapshot"] = is
	}
	say(standin.SampleBootVolume, "none for this run")
	say(standin.SampleDataVolume, "none for this run")
	for _, snapshot := range region(s).Snapshots {
		if snapshot.Tags[caseTag] == "case-1" {
			say(snapshot.Volume, "one for this run")
		}
	}
	return out
}

func seeEvidence(s *standin.State) seen {
	out := seen{}
	for id, snapshot := range region(s).Snapshots {
		if run := snapshot.Tags[caseTag]; run != "" {
			out["snapshot "+id+" of volume "+snapshot.Volume+inRegion+": evidence"] = "kept for " + run
		}
	}
	return out
}

func seeRule(s *standin.State) seen {
	say := "none"
	for _, r := range region(s).SecurityGroups[standin.SampleSSHGroup].Ingress {
		if r.CIDR == "0.0.0.0/0" {
			say = fmt.Sprintf("%s: %s %d from %s, %q", r.ID, r.Protocol, *r.From, r.CIDR, r.Description)
		}
	}
	return seen{"security group sg-0000000000000000b" + inRegion + ": inbound rule": say}
}

func seeBlock(s *standin.State) seen {
	say := "none"
	if b := bucket(s).Block; b != nil {
		say = fmt.Sprintf("%+v", *b)
		if b.BlockPublicAcls && b.IgnorePublicAcls && b.BlockPublicPolicy && b.RestrictPublicBuckets {
			say = "everything blocked"
		}
	}
	return seen{"bucket example-payments-exports" + inRegion + ": public access block": say}
}

func seeTrail(s *standin.State) seen {
	return seen{"trail management-events" + inRegion + ": logging": either(trail(s).Logging, "on", "stopped")}
}

// vague are the words of a preview for what is known only once it is done, and what the stand-in's
// state then says instead.
func vague(name, after, state string) bool {
	switch name {
	case "aws.iam.revoke_user_sessions", "aws.iam.revoke_role_sessions":
		return after == "those issued before the step is begun" && state == "those issued before 2026-11-23T10:00:01Z"
	case "aws.ec2.isolate_instance":
		return after == "the quarantine group of vpc-0a1b2c3d4e5f67890, which has no rules" && strings.HasSuffix(state, " (quarantine, without rules)")
	case "aws.ec2.restore_ingress": // under a new id
		id, rule, ok := strings.Cut(state, ": ")
		return ok && strings.HasPrefix(id, "sgr-") && after == rule
	case "aws.secretsmanager.rotate_secret":
		return after == "a new one" && state != ""
	case "aws.ec2.delete_case_snapshots", "aws.iam.delete_access_key":
		return after == "deleted for good" && state == ""
	case "aws.iam.restore_console": // under another password
		return after == "a random password that nobody knows, until an administrator sets one" && state == "a password that must be changed at sign-in"
	case "aws.autoscaling.exit_standby": // of a group that kept its capacity
		return after == state && after == "InService, the group wants 3"
	case "aws.ec2.terminate_instance":
		return after == "terminated for good" && state == "terminated" || after == "deleted with the instance" && state == ""
	default:
		return false
	}
}
