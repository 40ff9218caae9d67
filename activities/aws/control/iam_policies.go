package control

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities/finding"
)

// unusedRoleDays is how long a role may lie unused. IAM tracks the use of roles for 400 days.
const unusedRoleDays = 90

var detailPermissions = []string{"iam:GetAccountAuthorizationDetails"}

var userPolicies = &check{
	Control: finding.Control{
		ID: "IAM.2", Title: "Users have policies by their groups alone", Severity: finding.Low,
		Remedy:    "Put the user into a group that has the policies, and take them from the user.",
		Standards: []string{cis("3.0.0", "1.15")},
	},
	permissions: detailPermissions,
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		d, err := f.details(ctx)
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, u := range d.users {
			evidence := map[string]string{"attached": listed(attachedNames(u.AttachedManagedPolicies)), "inline": listed(inlineNames(u.UserPolicyList))}
			out = append(out, verdict(sdk.ToString(u.Arn), len(u.AttachedManagedPolicies)+len(u.UserPolicyList) == 0, evidence))
		}
		return out, nil
	},
}

var adminPolicies = &check{
	Control: finding.Control{
		ID: "IAM.1", Title: "No policy of the account allows everything on everything", Severity: finding.High,
		Remedy:    "Cut the policy to what its principals do: IAM Access Analyzer writes one from what they did.",
		Standards: []string{cis("1.4.0", "1.16")},
	},
	permissions: detailPermissions,
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		d, err := f.details(ctx)
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, p := range d.policies {
			for _, v := range p.PolicyVersionList {
				if v.IsDefaultVersion {
					out = append(out, admin(sdk.ToString(p.Arn), map[string]string{
						"version": sdk.ToString(v.VersionId), "attached": strconv.Itoa(int(sdk.ToInt32(p.AttachmentCount))),
					}, sdk.ToString(v.Document)))
				}
			}
		}
		for _, u := range d.users {
			out = append(out, adminInline(sdk.ToString(u.Arn), u.UserPolicyList)...)
		}
		for _, g := range d.groups {
			out = append(out, adminInline(sdk.ToString(g.Arn), g.GroupPolicyList)...)
		}
		for _, r := range d.roles {
			out = append(out, adminInline(sdk.ToString(r.Arn), r.RolePolicyList)...)
		}
		return out, nil
	},
}

var unusedRoles = &check{
	Control: finding.Control{
		ID: "Countersign.UnusedRole", Title: "Roles were used in the last 90 days", Severity: finding.Low,
		Remedy:   "Deny the role everything for some weeks, and delete it when nobody misses it.",
		Playbook: "aws-unused-roles",
	},
	permissions: detailPermissions,
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		d, err := f.details(ctx)
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, r := range d.roles {
			path := sdk.ToString(r.Path)
			if strings.HasPrefix(path, "/aws-service-role/") || strings.HasPrefix(path, "/aws-reserved/") {
				continue // AWS makes and deletes these
			}
			made := sdk.ToTime(r.CreateDate)
			last, evidence := made, map[string]string{"created": made.UTC().Format(time.RFC3339), "last_used": "unknown"}
			if r.RoleLastUsed != nil && r.RoleLastUsed.LastUsedDate != nil {
				last = *r.RoleLastUsed.LastUsedDate
				evidence["last_used"] = last.UTC().Format(time.RFC3339)
			}
			out = append(out, verdict(sdk.ToString(r.Arn), f.days(last) < unusedRoleDays, evidence))
		}
		return out, nil
	},
}

// admin is what is seen of a policy. One that cannot be read is an error: it may allow everything.
func admin(resource string, evidence map[string]string, document string) seen {
	list, err := statements(document)
	if err != nil {
		return seen{resource: resource, status: finding.Error, evidence: map[string]string{"code": "BadPolicy"}}
	}
	return verdict(resource, !slices.ContainsFunc(list, statement.admin), evidence)
}

// adminInline is what is seen of all inline policies of one principal together: the first that fails.
func adminInline(resource string, list []types.PolicyDetail) []seen {
	if len(list) == 0 {
		return nil
	}
	worst := verdict(resource, true, map[string]string{"inline": listed(inlineNames(list))})
	for _, p := range list {
		one := admin(resource, map[string]string{"inline": sdk.ToString(p.PolicyName)}, sdk.ToString(p.PolicyDocument))
		if one.status == finding.Fail || one.status == finding.Error && worst.status == finding.Pass {
			worst = one
		}
		if worst.status == finding.Fail {
			break
		}
	}
	return []seen{worst}
}

func inlineNames(list []types.PolicyDetail) []string {
	out := make([]string, 0, len(list))
	for _, p := range list {
		out = append(out, sdk.ToString(p.PolicyName))
	}
	return out
}

func attachedNames(list []types.AttachedPolicy) []string {
	out := make([]string, 0, len(list))
	for _, p := range list {
		out = append(out, sdk.ToString(p.PolicyName))
	}
	return out
}

// details are who may do what in an account: users, groups, roles and the account's own policies.
type details struct {
	users    []types.UserDetail
	groups   []types.GroupDetail
	roles    []types.RoleDetail
	policies []types.ManagedPolicyDetail
}

func (f *facts) details(ctx context.Context) (*details, error) {
	return read(ctx, f, "authorization details", func(ctx context.Context) (*details, error) {
		d := &details{}
		pages := iam.NewGetAccountAuthorizationDetailsPaginator(f.c.IAM(), &iam.GetAccountAuthorizationDetailsInput{
			Filter: []types.EntityType{types.EntityTypeUser, types.EntityTypeGroup, types.EntityTypeRole, types.EntityTypeLocalManagedPolicy},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patiently)
			if err != nil {
				return nil, f.failed(err, "iam:GetAccountAuthorizationDetails")
			}
			d.users = append(d.users, page.UserDetailList...)
			d.groups = append(d.groups, page.GroupDetailList...)
			d.roles = append(d.roles, page.RoleDetailList...)
			d.policies = append(d.policies, page.Policies...)
		}
		return d, nil
	})
}

// patientAttempts bounds the SDK's retries of one of many requests for one fact: to begin again with the
// first page for a throttled minute would be throttled again.
const patientAttempts = 10

func patiently(o *iam.Options) { o.RetryMaxAttempts = patientAttempts }
