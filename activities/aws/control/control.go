// Package control holds the controls of AWS accounts: what an audit looks at, and when it is as it
// should be.
//
// One file is what one service is asked, and in it one value a control: its description, the
// permissions it needs, whether it is about an account as a whole or about one region of it, and the
// function that looks. [Controls] lists them. [Register] adds aws.audit.check, which looks at one
// account, or one region of it, and keeps what it found by a [finding.Recorder].
//
// What several controls look at is read once a call, see facts.go: the credential report of an account
// serves five of them.
//
// # What the statuses mean
//
// Every control says something each time: of each resource that it is about PASS or FAIL; of the
// account NOT_APPLICABLE where there is no such resource; and ERROR, of the resource or the account,
// where it could not look. A refusal is an ERROR with the provider's code and the permission that the
// call needs, never a PASS. What may pass, as throttling or a lost answer, fails the activity, so that
// the engine makes it again; from the fourth attempt on it is an ERROR, too, so that one service
// that is down does not keep everything else of an account from being known. See
// deploy/decisions/0031-what-an-audit-could-not-read.md.
//
// # Where this differs from Security Hub
//
// The ids are those of Security Hub where it has the control, and so is what fails. EC2.3 looks at all
// volumes, also those that are attached nowhere; IAM.1 at inline policies, too; EC2.21 at the order of
// the rules, so that a rule to allow behind one that denies all is no failure. CloudTrail.1 is
// NOT_APPLICABLE for a member of an organization whose trail logs in all regions: members cannot see
// what events it takes, its own account can.
package control

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/activities/finding"
)

// scope is what a control is about.
type scope int

const (
	ofAccount scope = iota // the account as a whole
	ofRegion               // one region of it
)

// check is a control, and how it looks.
type check struct {
	finding.Control
	scope scope
	// permissions are those its calls need, exactly.
	permissions []string
	// look says what it saw of each resource that the control is about. An error is that nothing could
	// be seen at all.
	look func(context.Context, *facts) ([]seen, error)
}

// seen is what a control saw of one resource.
type seen struct {
	resource string
	status   finding.Status
	evidence map[string]string
}

// verdict is a pass or a fail of a resource.
func verdict(resource string, ok bool, evidence map[string]string) seen {
	status := finding.Fail
	if ok {
		status = finding.Pass
	}
	return seen{resource: resource, status: status, evidence: evidence}
}

// all are the controls, by id.
var all = sorted(
	rootKey, rootMFA, rootHardwareMFA, rootUse,
	consoleMFA, unusedCredentials, oldKeys,
	userPolicies, adminPolicies, unusedRoles,
	passwordLength, passwordReuse,
	externalAccessAnalyzer, securityContact,
	trailEverywhere, trailEncryption, trailValidation,
	configRecorder, guardDuty, securityHub,
	accountPublicAccess, bucketPublicAccess, bucketTLS,
	defaultGroup, flowLogs, adminPorts4, adminPorts6, adminPortsACL,
	volumeEncryption, encryptionByDefault, metadataTokens, publicSnapshots, publicImages,
	keyRotation, publicDatabases, databaseEncryption,
)

func sorted(checks ...*check) []*check {
	slices.SortFunc(checks, func(a, b *check) int { return compareIDs(a.ID, b.ID) })
	return checks
}

// compareIDs orders as people do: IAM.2 before IAM.15.
func compareIDs(a, b string) int {
	serviceA, numberA, _ := strings.Cut(a, ".")
	serviceB, numberB, _ := strings.Cut(b, ".")
	if order := strings.Compare(serviceA, serviceB); order != 0 {
		return order
	}
	a1, errA := strconv.Atoi(numberA)
	b1, errB := strconv.Atoi(numberB)
	if errA == nil && errB == nil {
		return a1 - b1
	}
	return strings.Compare(numberA, numberB)
}

// Described is a control as catalogues show it.
type Described struct {
	finding.Control
	// Regional says that it is about one region of an account, not about the account.
	Regional    bool     `json:"regional"`
	Permissions []string `json:"permissions"`
}

// Controls lists the controls, by id.
func Controls() []Described {
	out := make([]Described, 0, len(all))
	for _, c := range all {
		out = append(out, Described{Control: c.Control, Regional: c.scope == ofRegion, Permissions: slices.Sorted(slices.Values(c.permissions))})
	}
	return out
}

// Findings lists the controls as findings tell of them, by id.
func Findings() []finding.Control {
	out := make([]finding.Control, 0, len(all))
	for _, c := range all {
		out = append(out, c.Control)
	}
	return out
}

// Lookup finds a control by its id.
func Lookup(id string) (finding.Control, bool) {
	for _, c := range all {
		if c.ID == id {
			return c.Control, true
		}
	}
	return finding.Control{}, false
}

// permissions are all that the controls need.
func permissions() []string {
	var out []string
	for _, c := range all {
		out = append(out, c.permissions...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// cis names a recommendation of the CIS AWS Foundations Benchmark.
func cis(version, number string) string { return "CIS AWS Foundations " + version + " " + number }
