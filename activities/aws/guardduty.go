package aws

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerGuardDuty(r *activities.Registry) {
	read := []string{"guardduty:ListDetectors", "guardduty:GetFindings"}
	activities.Register(r, activities.Spec{
		Name:        "aws.guardduty.get_finding",
		Title:       "Read a GuardDuty finding",
		Effect:      activities.Read,
		Targets:     []string{"finding_id"},
		Permissions: read,
		Scopes:      scopes(theDetector, "guardduty:GetFindings"),
	}, s.getFinding)
	activities.Register(r, activities.Spec{
		Name:  "aws.guardduty.archive_finding",
		Title: "Archive a GuardDuty finding",
		Doc: "Hides the finding from the current ones. In an organisation only the GuardDuty administrator account may do it: name that account, " +
			"not the member's.",
		Effect:      activities.Change,
		Undo:        "aws.guardduty.unarchive_finding",
		Targets:     []string{"finding_id"},
		Permissions: append(read[:2:2], "guardduty:ArchiveFindings"),
		Scopes:      scopes(theDetector, "guardduty:GetFindings", "guardduty:ArchiveFindings"),
		Timeout:     time.Minute,
	}, s.archiveFinding)
	activities.Register(r, activities.Spec{
		Name:        "aws.guardduty.unarchive_finding",
		Title:       "Take a GuardDuty finding out of the archive",
		Effect:      activities.Change,
		Undo:        "aws.guardduty.archive_finding",
		Targets:     []string{"finding_id"},
		Permissions: append(read[:2:2], "guardduty:UnarchiveFindings"),
		Scopes:      scopes(theDetector, "guardduty:GetFindings", "guardduty:UnarchiveFindings"),
		Timeout:     time.Minute,
	}, s.unarchiveFinding)
}

type getFindingInput struct {
	Account   string `json:"account" jsonschema:"AWS account of twelve digits whose detector has the finding"`
	Region    string `json:"region" jsonschema:"region of the finding, as eu-west-1"`
	FindingID string `json:"finding_id" jsonschema:"id of the finding, 32 hex digits"`
}

type findingOutput struct {
	DetectorID   string    `json:"detector_id" jsonschema:"the region's detector"`
	Type         string    `json:"type" jsonschema:"type, as UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom"`
	Severity     float64   `json:"severity" jsonschema:"1 to 8.9, and 9 to 10 for critical"`
	Title        string    `json:"title" jsonschema:"title"`
	Archived     bool      `json:"archived" jsonschema:"true if it is archived"`
	ResourceType string    `json:"resource_type" jsonschema:"what it is about, as AccessKey or Instance"`
	Count        int       `json:"count" jsonschema:"how often GuardDuty has seen it"`
	UpdatedAt    time.Time `json:"updated_at" jsonschema:"when GuardDuty last updated it"`
	// What it is about, for a playbook to hold against the event that named the finding.
	AccessKeyID string `json:"access_key_id" jsonschema:"access key it is about; empty if it is about something else"`
	UserName    string `json:"user_name" jsonschema:"user or role of that key; empty if there is no key"`
	UserType    string `json:"user_type" jsonschema:"type of that user, as IAMUser or AssumedRole; empty if there is no key"`
	InstanceID  string `json:"instance_id" jsonschema:"EC2 instance it is about; empty if there is none"`
}

func (s *service) getFinding(ctx context.Context, in getFindingInput) (findingOutput, error) {
	what := fmt.Sprintf("read GuardDuty finding %s in account %s, %s", in.FindingID, in.Account, in.Region)
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return findingOutput{}, err
	}
	detector, err := findDetector(ctx, c, what)
	if err != nil {
		return findingOutput{}, err
	}
	finding, err := readFinding(ctx, c, detector, in.FindingID, what)
	if err != nil {
		return findingOutput{}, err
	}
	updated, err := time.Parse(time.RFC3339, sdk.ToString(finding.UpdatedAt))
	if err != nil {
		return findingOutput{}, activities.Permanent("BadFinding", fmt.Errorf("%s: %w", what, err))
	}
	out := findingOutput{
		DetectorID: detector,
		Type:       sdk.ToString(finding.Type),
		Severity:   sdk.ToFloat64(finding.Severity),
		Title:      sdk.ToString(finding.Title),
		Archived:   isArchived(finding),
		UpdatedAt:  updated,
	}
	if resource := finding.Resource; resource != nil {
		out.ResourceType = sdk.ToString(resource.ResourceType)
		if key := resource.AccessKeyDetails; key != nil {
			out.AccessKeyID, out.UserName, out.UserType = sdk.ToString(key.AccessKeyId), sdk.ToString(key.UserName), sdk.ToString(key.UserType)
		}
		if instance := resource.InstanceDetails; instance != nil {
			out.InstanceID = sdk.ToString(instance.InstanceId)
		}
	}
	if finding.Service != nil {
		out.Count = int(sdk.ToInt32(finding.Service.Count))
	}
	return out, nil
}

type archiveInput struct {
	Account            string `json:"account" jsonschema:"AWS account of twelve digits whose detector has the finding"`
	Region             string `json:"region" jsonschema:"region of the finding, as eu-west-1"`
	FindingID          string `json:"finding_id" jsonschema:"id of the finding, 32 hex digits"`
	PreviouslyArchived *bool  `json:"previously_archived,omitempty" jsonschema:"set when undoing: whether the call to undo had found the finding archived; if it had found it as it wanted it, the finding is left alone"`
}

func (in archiveInput) String() string {
	return fmt.Sprintf("GuardDuty finding %s in account %s, %s", in.FindingID, in.Account, in.Region)
}

// leave reports that the call to undo had found the finding as it wanted it and changed nothing, so
// neither does this one.
func (in archiveInput) leave(want bool) bool {
	return in.PreviouslyArchived != nil && *in.PreviouslyArchived != want
}

type archiveOutput struct {
	DetectorID         string `json:"detector_id" jsonschema:"the region's detector"`
	PreviouslyArchived bool   `json:"previously_archived" jsonschema:"true if the finding was archived before"`
	Changed            bool   `json:"changed" jsonschema:"false if the finding already was so or had to stay"`
	Verified           bool   `json:"verified" jsonschema:"true if the finding was read back as it should be"`
}

func (s *service) archiveFinding(ctx context.Context, in archiveInput) (archiveOutput, error) {
	return s.setArchived(ctx, in, "archive", true)
}

func (s *service) unarchiveFinding(ctx context.Context, in archiveInput) (archiveOutput, error) {
	return s.setArchived(ctx, in, "unarchive", false)
}

func (s *service) setArchived(ctx context.Context, in archiveInput, verb string, want bool) (archiveOutput, error) {
	what := verb + " " + in.String()
	ctx, c, detector, now, err := s.findArchived(ctx, in, want, what)
	if err != nil {
		return archiveOutput{}, err
	}
	if in.leave(want) {
		return archiveOutput{DetectorID: detector, PreviouslyArchived: now, Verified: now == *in.PreviouslyArchived}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return archiveOutput{}, err
	}
	out := archiveOutput{DetectorID: detector, PreviouslyArchived: first, Changed: first != want, Verified: true}
	if now == want {
		return out, nil
	}
	if want {
		_, err = c.GuardDuty().ArchiveFindings(ctx, &guardduty.ArchiveFindingsInput{DetectorId: &detector, FindingIds: []string{in.FindingID}})
	} else {
		_, err = c.GuardDuty().UnarchiveFindings(ctx, &guardduty.UnarchiveFindingsInput{DetectorId: &detector, FindingIds: []string{in.FindingID}})
	}
	if err != nil {
		return archiveOutput{}, failed(err, "%s", what)
	}
	return out, s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		finding, err := readFinding(ctx, c, detector, in.FindingID, what)
		return isArchived(finding) == want, err
	})
}

// findArchived is what both the change and its preview look at first.
func (s *service) findArchived(ctx context.Context, in archiveInput, want bool, what string) (_ context.Context, c *clients, detector string, now bool, err error) {
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return nil, nil, "", false, err
	}
	if detector, err = findDetector(ctx, c, what); err != nil {
		return nil, nil, "", false, err
	}
	finding, err := readFinding(ctx, c, detector, in.FindingID, what)
	if err != nil {
		return nil, nil, "", false, err
	}
	if !want {
		return released(ctx), c, detector, isArchived(finding), nil
	}
	ctx, err = s.clear(ctx, c, what, thing{arn: sdk.ToString(finding.Arn)})
	return ctx, c, detector, isArchived(finding), err
}

// findDetector returns the one detector that a region can have.
func findDetector(ctx context.Context, c *clients, what string) (string, error) {
	out, err := c.GuardDuty().ListDetectors(ctx, &guardduty.ListDetectorsInput{})
	if err != nil {
		return "", failed(err, "%s: find the detector", what)
	}
	if len(out.DetectorIds) != 1 {
		return "", activities.Permanent("NoDetector", fmt.Errorf("%s: the region has %d detectors, want one", what, len(out.DetectorIds)))
	}
	return out.DetectorIds[0], nil
}

func readFinding(ctx context.Context, c *clients, detector, id, what string) (types.Finding, error) {
	out, err := c.GuardDuty().GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: &detector, FindingIds: []string{id}})
	if err != nil {
		return types.Finding{}, failed(err, "%s", what)
	}
	for _, finding := range out.Findings {
		if sdk.ToString(finding.Id) == id {
			return finding, nil
		}
	}
	return types.Finding{}, activities.Permanent("NoSuchFinding", fmt.Errorf("%s: detector %s has no such finding", what, detector))
}

func isArchived(f types.Finding) bool {
	return f.Service != nil && sdk.ToBool(f.Service.Archived)
}
