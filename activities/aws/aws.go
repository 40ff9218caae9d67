// Package aws holds the AWS activities: what a playbook can look at and do in an AWS account.
//
//	aws.Register(registry, aws.Options{}, nil)
//
// registers them all, and neither dials nor reads anything. README.md lists them, with what undoes each
// and who else feels it. Configuration is loaded at the first call for a region, by the SDK's own rules:
// environment, profile, web identity, container, instance. AWS_ENDPOINT_URL and AWS_CA_BUNDLE work as
// everywhere.
//
// # The account that is named, and only that
//
// Every input names the account to act in. Without Options.Accounts the package asks STS whose
// credentials it holds, and refuses, for good, a call that names another account. With it, each account
// is reached by a role of its own and credentials that are cut to the call, see package session; an
// account that is not known there is refused. So a playbook that is wrong about the account does nothing.
//
// # What is protected
//
// An effect asks before it changes a thing whether that is protected, see protect.go, and so does its
// preview. What was contained is let go whatever protects it. A call that changes something without
// having asked is not sent.
//
// # Retries
//
// The SDK retries throttling and lost connections a few times inside one attempt; the engine
// retries attempts for as long as the step allows. Each change states what should be, reads back
// until it shows (IAM and EC2 answer from replicas that lag), and returns the state that its first
// attempt found, so that a retry after a crash neither acts twice nor saves its own doing as the
// state to go back to. Package session decides which of the
// provider's errors are worth a retry.
//
// # Previews
//
// Every effect has one, see previews.go. One that revokes sessions names no time unless the input
// does, as that is known only when the step asks; that of an isolation does not say whether the
// quarantine groups are yet to be made; and of an IAM user that does not exist it is like that of a
// user whose sessions were never revoked, as AWS answers alike for both.
//
// # The last resort
//
// aws.organizations.freeze_account and quarantine_account stop a whole account, from the account that
// manages the organization. The policy that ships asks two people; one of one's own does so with
//
//	rules:
//	  - name: whole-account
//	    if: call.activity in ["aws.organizations.freeze_account", "aws.organizations.quarantine_account"]
//	    then: {approval: {groups: [secops-oncall], quorum: 2}}
//	    reason: what concerns everything in an account at once is decided by two people
//
// before any rule that would let them through. Neither touches the managing account, nor the one that
// our credentials belong to.
//
// # Limits
//
// The policies, groups and tags that these activities write bear names that are Countersign's
// own, listed as constants beside their code; nothing else of the account is overwritten. Undo
// puts back only what is still as Countersign left it, and writes nothing that a caller could have
// made up: deploy/decisions/0033. A password for the console cannot be put back, see iam_console.go.
package aws

import (
	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
)

// Options says how to reach AWS. The zero value is right in production.
type Options = session.Options

// Register adds every AWS activity to r. It makes no call. findings are what audits found, for the
// activities that send it elsewhere; nil: those refuse every call.
func Register(r *activities.Registry, opts Options, findings Findings) {
	s := newService(opts)
	s.findings = findings
	s.register(r)
}

// register adds them service by service, in the order of their files; the previews beside the older ones are in previews.go.
func (s *service) register(r *activities.Registry) {
	for _, add := range []func(*activities.Registry){
		s.registerAccounts, s.registerFreezeAccount, s.registerQuarantineAccount,
		s.registerStandby, s.registerBalancing,
		s.registerCloudTrail, s.registerTrailEvent, s.registerTrail,
		s.registerInstance, s.registerIsolate, s.registerProtect, s.registerPower, s.registerTerminate,
		s.registerIngress, s.registerAddress,
		s.registerSnapshot, s.registerCopy, s.registerShare, s.registerSnapshotSharing, s.registerImageSharing, s.registerDBSnapshotSharing,
		s.registerGuardDuty,
		s.registerAccessKey, s.registerDeleteKey, s.registerConsole, s.registerQuarantine, s.registerQuarantinePrincipal, s.registerSessions,
		s.registerAudit, s.registerReport, s.registerPrincipal, s.registerRoles,
		s.registerKey, s.registerFunction,
		s.registerExposure, s.registerPublicAccess, s.registerAccountBlock, s.registerBucketPolicy,
		s.registerRotation, s.registerRestoreVersion,
		s.registerHubFindings, s.registerHubWorkflow, s.registerImport,
		s.registerDocument,
		s.registerPreviews,
	} {
		add(r)
	}
}
