package aws

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/digest"
)

func principalCalls(s *service) calls {
	return calls{
		"aws.iam.block_console":                erased(s.blockConsole),
		"aws.iam.delete_access_key":            erased(s.deleteAccessKey),
		"aws.iam.get_credential_report":        erased(s.getCredentialReport),
		"aws.iam.get_principal":                erased(s.getPrincipal),
		"aws.iam.get_service_last_accessed":    erased(s.getServiceLastAccessed),
		"aws.iam.list_unused_roles":            erased(s.listUnusedRoles),
		"aws.iam.quarantine_role":              erased(s.quarantineRole),
		"aws.iam.quarantine_user":              erased(s.quarantineUser),
		"aws.iam.release_role":                 erased(s.releaseRole),
		"aws.iam.release_user":                 erased(s.releaseUser),
		"aws.iam.restore_console":              erased(s.restoreConsole),
		"aws.s3.block_account_public_access":   erased(s.blockAccount),
		"aws.s3.deny_bucket_access":            erased(s.denyBucket),
		"aws.s3.restore_account_public_access": erased(s.restoreAccount),
		"aws.s3.restore_bucket_policy":         erased(s.restoreBucketPolicy),
	}
}

const (
	consoleInput = `{"account":"111122223333","user":"billing-admin"}`
	accountJSON  = `{"account":"111122223333"}`
	deleteInput  = `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAI44QH8DHBEXAMPLE"}`
)

var principalChanges = []change{
	{
		name: "aws.iam.block_console", input: consoleInput, acts: []string{"DeleteLoginProfile"},
		service: "iam", act: "DeleteLoginProfile", back: "GetLoginProfile", backCall: 1,
		missing: noUserInput, kind: "NoSuchEntity", leaves: anyPassword,
	},
	{
		name: "aws.iam.restore_console", after: []before{{"aws.iam.block_console", consoleInput}}, acts: []string{"CreateLoginProfile"},
		service: "iam", act: "CreateLoginProfile", back: "GetLoginProfile", backCall: 1,
		missing: `{"account":"111122223333","user":"nobody","had_console":true}`, kind: "NoSuchEntity", leaves: anyPassword,
	},
	{
		name: "aws.iam.quarantine_user", input: userInput, acts: []string{"PutUserPolicy"},
		service: "iam", act: "PutUserPolicy", back: "GetUserPolicy", backCall: 1,
		missing: noUserInput, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.release_user", after: []before{{"aws.iam.quarantine_user", userInput}}, acts: []string{"DeleteUserPolicy"},
		service: "iam", act: "DeleteUserPolicy", back: "GetUserPolicy", backCall: 1,
		missing: `{"account":"111122223333","user":"nobody","sid":"CountersignQuarantinecase1"}`, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.quarantine_role", input: roleInput, acts: []string{"PutRolePolicy"},
		service: "iam", act: "PutRolePolicy", back: "GetRolePolicy", backCall: 1,
		missing: noRoleInput, kind: "NoSuchEntity",
	},
	{
		name: "aws.iam.release_role", after: []before{{"aws.iam.quarantine_role", roleInput}}, acts: []string{"DeleteRolePolicy"},
		service: "iam", act: "DeleteRolePolicy", back: "GetRolePolicy", backCall: 1,
		missing: `{"account":"111122223333","role":"nobody","sid":"CountersignQuarantinecase1"}`, kind: "NoSuchEntity",
	},
	{
		name: "aws.s3.block_account_public_access", input: accountJSON, acts: []string{"PutPublicAccessBlock"},
		service: "s3control", act: "PutPublicAccessBlock", back: "GetPublicAccessBlock", backCall: 1,
	},
	{
		name: "aws.s3.restore_account_public_access", after: []before{{"aws.s3.block_account_public_access", accountJSON}},
		acts:    []string{"DeletePublicAccessBlock"},
		service: "s3control", act: "DeletePublicAccessBlock", back: "GetPublicAccessBlock", backCall: 1,
	},
	{
		name: "aws.s3.deny_bucket_access", input: bucketJSON, acts: []string{"PutBucketPolicy"},
		service: "s3", act: "PutBucketPolicy", back: "GetBucketPolicy", backCall: 1,
		missing: noBucket + `}`, kind: "NoSuchBucket",
	},
	{
		name: "aws.s3.restore_bucket_policy", after: []before{{"aws.s3.deny_bucket_access", bucketJSON}}, acts: []string{"PutBucketPolicy"},
		service: "s3", act: "PutBucketPolicy", back: "GetBucketPolicy", backCall: 1,
		missing: noBucket + `}`, kind: "NoSuchBucket",
	},
}

var principalDestroys = []change{{name: "aws.iam.delete_access_key", input: deleteInput}}

func console(s *standin.State) *standin.User {
	return s.Accounts[standin.SampleAccount].IAM.Users[standin.SampleConsoleUser]
}

// anyPassword forgets which password the user has: IAM tells none, so none can be put back.
func anyPassword(s *standin.State) {
	if console(s).Login != nil {
		console(s).Login = &standin.LoginProfile{}
	}
}

var principalViews = map[string]view{
	"aws.iam.delete_access_key":            seeOldKey,
	"aws.iam.block_console":                seeConsole,
	"aws.iam.restore_console":              seeConsole,
	"aws.iam.quarantine_user":              seeQuarantinedUser,
	"aws.iam.release_user":                 seeQuarantinedUser,
	"aws.iam.quarantine_role":              seeQuarantinedRole,
	"aws.iam.release_role":                 seeQuarantinedRole,
	"aws.s3.block_account_public_access":   seeAccountBlock,
	"aws.s3.restore_account_public_access": seeAccountBlock,
	"aws.s3.deny_bucket_access":            seeBucketPolicy,
	"aws.s3.restore_bucket_policy":         seeBucketPolicy,
}

func seeOldKey(s *standin.State) seen {
	key := user(s).AccessKeys[standin.SampleInactiveAccessKey]
	if key == nil {
		return seen{}
	}
	return seen{"access key AKIAI44QH8DHBEXAMPLE of user ci-deployer in account 111122223333: status": key.Status}
}

func seeConsole(s *standin.State) seen {
	say := "none"
	if p := console(s).Login; p != nil {
		say = either(p.Reset, "a password that must be changed at sign-in", "a password")
	}
	return seen{"user billing-admin in account 111122223333: console sign-in": say}
}

func seeQuarantinedUser(s *standin.State) seen {
	return seeQuarantine("user ci-deployer", user(s).Inline[denyPolicy])
}

func seeQuarantinedRole(s *standin.State) seen {
	return seeQuarantine("role web-server-role", role(s).Inline[denyPolicy])
}

func seeQuarantine(who, document string) seen {
	return seen{who + " in account 111122223333: policy CountersignQuarantine": either(strings.Contains(document, `"Deny"`), "everything denied", "none")}
}

func seeAccountBlock(s *standin.State) seen {
	return seen{"S3 in account 111122223333: public access block": either(s.Accounts[standin.SampleAccount].PublicAccessBlock != nil, "everything blocked", "none")}
}

func seeBucketPolicy(s *standin.State) seen {
	say, text := "none", bucket(s).Policy
	if text != "" {
		name, _ := digest.Of(json.RawMessage(text))
		say = "policy " + name.Short()
	}
	if before, _, denied := strings.Cut(text, `{"Sid":"CountersignDenyAccess"`); denied {
		say = fmt.Sprintf("everybody denied but arn:aws:iam::111122223333:root, arn:aws:iam::111122223333:role/countersign-responder, "+
			"arn:aws:iam::111122223333:role/*/countersign-responder; %d statements beside", strings.Count(before, `"Sid"`))
	}
	return seen{"bucket example-payments-exports" + inRegion + ": policy": say}
}

var principalMeddling = meddlers{
	"aws.iam.block_console": {
		"there is a new password": func(s *standin.State) { console(s).Login = &standin.LoginProfile{Created: now} },
		"the user is gone": func(s *standin.State) {
			delete(s.Accounts[standin.SampleAccount].IAM.Users, standin.SampleConsoleUser)
		},
	},
	"aws.iam.restore_console": {
		"the password is gone": func(s *standin.State) { console(s).Login = nil },
		"a password is chosen": func(s *standin.State) { console(s).Login.Reset = false },
	},
	"aws.iam.quarantine_user": {
		"it is released":   func(s *standin.State) { user(s).Inline = nil },
		"another case":     func(s *standin.State) { user(s).Inline[denyPolicy] = denyDocument(denyPolicy + "other") },
		"another policy":   func(s *standin.State) { user(s).Inline[denyPolicy] = `{"Statement":[]}` },
		"the user is gone": func(s *standin.State) { delete(s.Accounts[standin.SampleAccount].IAM.Users, standin.SampleUser) },
	},
	"aws.iam.release_user": {
		"it is quarantined": func(s *standin.State) {
			user(s).Inline = map[string]string{denyPolicy: denyDocument(denyPolicy + "other")}
		},
		"another policy": func(s *standin.State) { user(s).Inline = map[string]string{denyPolicy: `{"Statement":[]}`} },
	},
	"aws.iam.quarantine_role": {
		"it is released": func(s *standin.State) { role(s).Inline = nil },
		"another case":   func(s *standin.State) { role(s).Inline[denyPolicy] = denyDocument(denyPolicy + "other") },
		"the role is gone": func(s *standin.State) {
			delete(s.Accounts[standin.SampleAccount].IAM.Roles, standin.SampleRole)
		},
	},
	"aws.iam.release_role": {
		"another policy": func(s *standin.State) { role(s).Inline = map[string]string{denyPolicy: `{"Statement":[]}`} },
	},
	"aws.s3.block_account_public_access": {
		"the block is gone":  func(s *standin.State) { s.Accounts[standin.SampleAccount].PublicAccessBlock = nil },
		"a switch is turned": func(s *standin.State) { s.Accounts[standin.SampleAccount].PublicAccessBlock.IgnorePublicAcls = false },
	},
	"aws.s3.restore_account_public_access": {
		"a switch is turned": func(s *standin.State) {
			s.Accounts[standin.SampleAccount].PublicAccessBlock = &standin.PublicAccessBlock{IgnorePublicAcls: true}
		},
	},
	"aws.s3.deny_bucket_access": {
		"the policy is gone": func(s *standin.State) { bucket(s).Policy = "" },
		"a statement is added": func(s *standin.State) {
			bucket(s).Policy = strings.Replace(bucket(s).Policy, "[", `[{"Sid":"more"},`, 1)
		},
		"our statement is eased": func(s *standin.State) {
			bucket(s).Policy = strings.Replace(bucket(s).Policy, "s3:*", "s3:PutObject", 1)
		},
	},
	"aws.s3.restore_bucket_policy": {
		"the policy is gone": func(s *standin.State) { bucket(s).Policy = "" },
		"a statement is added": func(s *standin.State) {
			bucket(s).Policy = strings.Replace(bucket(s).Policy, "[", `[{"Sid":"more"},`, 1)
		},
	},
}
