package aws

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities"
)

const (
	unusedDays     = 90
	rolesLimit     = 500
	rolesLimitMost = 2000
	servicesLimit  = 500 // more than AWS has
)

func (s *service) registerRoles(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.list_unused_roles",
		Title: "List the IAM roles that nobody uses",
		Doc: "Those whose last use, and which were made, that long ago. IAM remembers the use of a role for 400 days. The roles of services are left out. " +
			"aws.iam.get_service_last_accessed tells for what one was used.",
		Effect:      activities.Read,
		Permissions: []string{"iam:GetAccountAuthorizationDetails"},
		Timeout:     auditTimeout,
		Heartbeat:   time.Minute,
	}, s.listUnusedRoles)
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.get_service_last_accessed",
		Title: "Find with which services a user or role was last used",
		Doc: "All services that its policies let it use, the last used first. IAM tells of attempts, the denied ones too, with a delay of some hours, " +
			"and remembers them for 400 days.",
		Effect:      activities.Read,
		Targets:     []string{"arn"},
		Permissions: []string{"iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails"},
		Timeout:     reportTimeout,
		Heartbeat:   time.Minute,
	}, s.getServiceLastAccessed)
}

type unusedRolesInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits to look in"`
	UnusedDays int    `json:"unused_days,omitempty" jsonschema:"leaves out roles that were used, or made, in so many days; 90 by default, at most 400"`
	Limit      int    `json:"limit,omitempty" jsonschema:"how many roles to return; 500 by default, at most 2000"`
}

type unusedRole struct {
	Account   string    `json:"account" jsonschema:"account that it is of"`
	Role      string    `json:"role" jsonschema:"name of the role"`
	ARN       string    `json:"arn" jsonschema:"its ARN"`
	Created   time.Time `json:"created" jsonschema:"when it was made"`
	NeverUsed bool      `json:"never_used" jsonschema:"true if IAM knows of no use in 400 days"`
	LastUsed  time.Time `json:"last_used,omitzero" jsonschema:"last known use; absent if never_used"`
	IdleDays  int       `json:"idle_days" jsonschema:"whole days since the last use, or since it was made if never_used"`
	Region    string    `json:"region" jsonschema:"region of the last use; empty if never_used"`
}

type unusedRolesOutput struct {
	Roles     []unusedRole `json:"roles" jsonschema:"the roles, by name"`
	Looked    int          `json:"looked" jsonschema:"how many roles were looked at, those of services left out"`
	Truncated bool         `json:"truncated" jsonschema:"true if there are more roles than the limit"`
}

// listUnusedRoles asks for all details of the roles, in pages: only they and GetRole tell the last use,
// and GetRole would be a request a role.
func (s *service) listUnusedRoles(ctx context.Context, in unusedRolesInput) (unusedRolesOutput, error) {
	what := "list the unused roles of account " + in.Account
	limit, err := bounded(in.Limit, rolesLimit, rolesLimitMost, what)
	if err != nil {
		return unusedRolesOutput{}, err
	}
	idle := cmp.Or(in.UnusedDays, unusedDays)
	if idle < 0 || idle > 400 {
		return unusedRolesOutput{}, badInput("%s: unused_days %d: want 1 to 400, for which IAM remembers", what, idle)
	}
	// Age is counted to when the step asked, not to now: every attempt finds the same.
	asked := activities.InfoFrom(ctx).Scheduled
	if asked.IsZero() {
		return unusedRolesOutput{}, activities.Permanent("NoStep", fmt.Errorf("%s: no time: only a step of a run may call it", what))
	}
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return unusedRolesOutput{}, err
	}
	out := unusedRolesOutput{Roles: []unusedRole{}}
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(c.IAM(), &iam.GetAccountAuthorizationDetailsInput{
		Filter: []types.EntityType{types.EntityTypeRole}, MaxItems: sdk.Int32(auditPage),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, patiently)
		if err != nil {
			return unusedRolesOutput{}, failed(err, "%s", what)
		}
		for _, role := range page.RoleDetailList {
			if strings.HasPrefix(sdk.ToString(role.Path), serviceLinked) {
				continue
			}
			out.Looked++
			if r := useOf(in.Account, role, asked); r.IdleDays >= idle {
				out.Roles = append(out.Roles, r)
			}
		}
		activities.Heartbeat(ctx, fmt.Sprintf("%d roles", out.Looked))
	}
	slices.SortFunc(out.Roles, func(a, b unusedRole) int { return cmp.Compare(a.Role, b.Role) })
	if len(out.Roles) > limit {
		out.Roles, out.Truncated = out.Roles[:limit:limit], true
	}
	return out, nil
}

func useOf(account string, role types.RoleDetail, asked time.Time) unusedRole {
	r := unusedRole{Account: account, Role: sdk.ToString(role.RoleName), ARN: sdk.ToString(role.Arn), Created: sdk.ToTime(role.CreateDate).UTC(), NeverUsed: true}
	r.IdleDays = days(asked.Sub(r.Created))
	if last := role.RoleLastUsed; last != nil && last.LastUsedDate != nil {
		r.NeverUsed, r.LastUsed, r.Region = false, last.LastUsedDate.UTC(), sdk.ToString(last.Region)
		r.IdleDays = days(asked.Sub(r.LastUsed))
	}
	return r
}

type lastAccessedInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits to look in"`
	ARN     string `json:"arn" jsonschema:"ARN of the user or role of that account"`
}

type serviceUse struct {
	Service   string    `json:"service" jsonschema:"the service as in permissions, as s3"`
	NeverUsed bool      `json:"never_used" jsonschema:"true if IAM knows of no use in 400 days"`
	LastUsed  time.Time `json:"last_used,omitzero" jsonschema:"last known attempt; absent if never_used"`
	Region    string    `json:"region" jsonschema:"region of that attempt; empty if never_used"`
}

type lastAccessedOutput struct {
	Services  []serviceUse `json:"services" jsonschema:"services that it may use, the last used first"`
	Used      int          `json:"used" jsonschema:"how many of them it has used"`
	Unused    int          `json:"unused" jsonschema:"how many of them it has not"`
	Truncated bool         `json:"truncated" jsonschema:"true if there are more than 500"`
}

func (s *service) getServiceLastAccessed(ctx context.Context, in lastAccessedInput) (lastAccessedOutput, error) {
	what := fmt.Sprintf("find with which services %s was used, in account %s", in.ARN, in.Account)
	_, path, ok := strings.Cut(in.ARN, ":iam::"+in.Account+":")
	if !ok || !strings.HasPrefix(path, "user/") && !strings.HasPrefix(path, "role/") {
		return lastAccessedOutput{}, badInput("%s: want the ARN of a user or role of the account", what)
	}
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return lastAccessedOutput{}, err
	}
	job, err := c.IAM().GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: &in.ARN}, patiently)
	if err != nil {
		return lastAccessedOutput{}, failed(err, "%s: have a report made", what)
	}
	ask := &iam.GetServiceLastAccessedDetailsInput{JobId: job.JobId}
	var page *iam.GetServiceLastAccessedDetailsOutput
	look := func(ctx context.Context) (bool, error) {
		if page, err = c.IAM().GetServiceLastAccessedDetails(ctx, ask, patiently); err != nil {
			return false, failed(err, "%s", what)
		}
		if page.JobStatus == types.JobStatusTypeFailed {
			return false, reportFailed(page.Error, what)
		}
		return page.JobStatus == types.JobStatusTypeCompleted, nil
	}
	if err := s.waitFor(ctx, what, look); err != nil {
		return lastAccessedOutput{}, err
	}
	out := lastAccessedOutput{Services: []serviceUse{}}
	for {
		out.add(page.ServicesLastAccessed)
		if !page.IsTruncated || page.Marker == nil || len(out.Services) >= servicesLimit {
			break
		}
		ask.Marker = page.Marker
		if _, err := look(ctx); err != nil {
			return lastAccessedOutput{}, err
		}
	}
	slices.SortFunc(out.Services, func(a, b serviceUse) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), cmp.Compare(a.Service, b.Service))
	})
	if len(out.Services) > servicesLimit || page.IsTruncated {
		out.Services, out.Truncated = out.Services[:min(servicesLimit, len(out.Services))], true
	}
	return out, nil
}

func (out *lastAccessedOutput) add(services []types.ServiceLastAccessed) {
	for _, l := range services {
		use := serviceUse{Service: sdk.ToString(l.ServiceNamespace), NeverUsed: l.LastAuthenticated == nil}
		if use.NeverUsed {
			out.Unused++
		} else {
			use.LastUsed, use.Region = l.LastAuthenticated.UTC(), sdk.ToString(l.LastAuthenticatedRegion)
			out.Used++
		}
		out.Services = append(out.Services, use)
	}
}

// reportFailed is the error for a report that IAM could not make.
func reportFailed(said *types.ErrorDetails, what string) error {
	if said == nil {
		return activities.Passing("ReportFailed", 0, fmt.Errorf("%s: IAM could not make the report, and does not say why", what))
	}
	err := fmt.Errorf("%s: IAM could not make the report: %s: %s", what, sdk.ToString(said.Code), sdk.ToString(said.Message))
	if sdk.ToString(said.Code) == "NoSuchEntity" {
		return activities.Permanent("NoSuchEntity", err)
	}
	return activities.Passing("ReportFailed", 0, err)
}
