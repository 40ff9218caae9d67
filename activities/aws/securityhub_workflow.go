package aws

import (
	"context"
	"fmt"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countersign/countersign/activities"
)

const (
	// hubBatch is how many findings Security Hub takes in one call.
	hubBatch = 100
	// hubNote is how many characters it keeps of a note, and hubAuthor who writes ours.
	hubNote   = 512
	hubAuthor = "countersign"
)

func (s *service) registerHubWorkflow(r *activities.Registry) {
	permissions := []string{"securityhub:GetFindings", "securityhub:BatchUpdateFindings"}
	scopes := map[string][]string{"securityhub:GetFindings": {hubARN}, "securityhub:BatchUpdateFindings": {hubARN}}
	activities.Register(r, activities.Spec{
		Name:  "aws.securityhub.set_workflow",
		Title: "Set the workflow status of Security Hub findings",
		Doc: "NOTIFIED, RESOLVED, SUPPRESSED or NEW, with a note, for up to 100 findings of one product. A finding that has the status already keeps its note. " +
			"What is suppressed no longer counts, whoever finds it again; what is resolved is new again when the product sees it change. " +
			"A finding that Security Hub does not take is an error, also where it took the others.",
		Effect: activities.Change, Undo: "aws.securityhub.restore_workflow", Targets: []string{"finding_ids"},
		Permissions: permissions, Scopes: scopes, Timeout: iamTimeout,
	}, s.setWorkflow)
	activities.Register(r, activities.Spec{
		Name:  "aws.securityhub.restore_workflow",
		Title: "Put back the workflow status that Security Hub findings had",
		Doc: "And the note that each had; where there was none ours stays, as Security Hub cannot take a note away. Refused if one of them has another " +
			"status than aws.securityhub.set_workflow left: somebody has decided since.",
		Effect: activities.Change, Undo: "aws.securityhub.set_workflow", Targets: []string{"finding_ids"},
		Permissions: permissions, Scopes: scopes, Timeout: iamTimeout,
	}, s.restoreWorkflow)
	activities.Previews(r, "aws.securityhub.set_workflow", s.previewSetWorkflow)
	activities.Previews(r, "aws.securityhub.restore_workflow", s.previewRestoreWorkflow)
}

// workflow is what people have made of a finding.
type workflow struct {
	FindingID string `json:"finding_id" jsonschema:"id of the finding"`
	Status    string `json:"status" jsonschema:"workflow status: NEW, NOTIFIED, RESOLVED or SUPPRESSED"`
	Note      string `json:"note,omitempty" jsonschema:"its note; empty if there is none"`
	NoteBy    string `json:"note_by,omitempty" jsonschema:"who wrote the note; empty if there is none"`
}

// setWorkflowInput names findings of one product, what to make of them and, when something is undone,
// what the call to undo had found.
type setWorkflowInput struct {
	Account    string     `json:"account" jsonschema:"AWS account of twelve digits whose Security Hub has the findings"`
	Region     string     `json:"region" jsonschema:"region of the findings, as eu-west-1"`
	ProductARN string     `json:"product_arn" jsonschema:"product that reported them, as arn:aws:securityhub:eu-west-1::product/aws/guardduty"`
	FindingIDs []string   `json:"finding_ids" jsonschema:"ids of the findings, at most 100"`
	Status     string     `json:"status" jsonschema:"workflow status to set: NEW, NOTIFIED, RESOLVED or SUPPRESSED"`
	Note       string     `json:"note" jsonschema:"why, up to 512 characters"`
	Previous   []workflow `json:"previous_workflows,omitempty" jsonschema:"set when undoing: what the call to undo had found; a finding that it had left alone is left alone"`
}

type restoreWorkflowInput struct {
	Account    string     `json:"account" jsonschema:"AWS account of twelve digits whose Security Hub has the findings"`
	Region     string     `json:"region" jsonschema:"region of the findings, as eu-west-1"`
	ProductARN string     `json:"product_arn" jsonschema:"product that reported them"`
	FindingIDs []string   `json:"finding_ids" jsonschema:"ids of the findings, at most 100"`
	Status     string     `json:"status" jsonschema:"workflow status that the call to undo has set"`
	Note       string     `json:"note" jsonschema:"note that the call to undo has written"`
	Previous   []workflow `json:"previous_workflows" jsonschema:"what to put back, as the call to undo had found it; a finding that had the status then is left alone"`
}

type workflowOutput struct {
	Previous []workflow `json:"previous_workflows" jsonschema:"what was found before, by finding"`
	Changed  bool       `json:"changed" jsonschema:"false if all of them already were so"`
	Verified bool       `json:"verified" jsonschema:"true if they were read back as they should be"`
}

func (s *service) setWorkflow(ctx context.Context, in setWorkflowInput) (workflowOutput, error) {
	return s.makeWorkflow(ctx, in.call())
}

func (s *service) restoreWorkflow(ctx context.Context, in restoreWorkflowInput) (workflowOutput, error) {
	return s.makeWorkflow(ctx, in.call())
}

func (s *service) makeWorkflow(ctx context.Context, call workflowCall) (workflowOutput, error) {
	ctx, c, now, todo, err := s.findWorkflow(ctx, call, call.what())
	if err != nil {
		return workflowOutput{}, err
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return workflowOutput{}, err
	}
	out := workflowOutput{Previous: first, Verified: true}
	was := byFinding(first)
	for _, w := range call.want {
		out.Changed = out.Changed || was[w.FindingID].Status != w.Status
	}
	for _, batch := range batches(todo) {
		if err := updateWorkflow(ctx, c, call, batch); err != nil {
			return workflowOutput{}, err
		}
	}
	if len(todo) == 0 {
		return out, nil
	}
	return out, s.settle(ctx, call.what(), func(ctx context.Context) (bool, error) {
		now, err := readWorkflows(ctx, c, call, call.what())
		is := byFinding(now)
		return !slices.ContainsFunc(todo, func(w workflow) bool { return is[w.FindingID].Status != w.Status }), err
	})
}

// batches puts findings together that get the same: one call sets one status and one note.
func batches(todo []workflow) [][]workflow {
	var out [][]workflow
	for _, w := range todo {
		at := slices.IndexFunc(out, func(b []workflow) bool {
			return b[0].Status == w.Status && b[0].Note == w.Note && b[0].NoteBy == w.NoteBy
		})
		if at < 0 {
			out = append(out, []workflow{w})
			continue
		}
		out[at] = append(out[at], w)
	}
	return out
}

// updateWorkflow sets status and note of findings. Security Hub answers well although it did not take
// some of them.
func updateWorkflow(ctx context.Context, c *clients, call workflowCall, batch []workflow) error {
	in := &securityhub.BatchUpdateFindingsInput{Workflow: &types.WorkflowUpdate{Status: types.WorkflowStatus(batch[0].Status)}}
	if batch[0].Note != "" {
		in.Note = &types.NoteUpdate{Text: &batch[0].Note, UpdatedBy: &batch[0].NoteBy}
	}
	for _, w := range batch {
		in.FindingIdentifiers = append(in.FindingIdentifiers, types.AwsSecurityFindingIdentifier{Id: &w.FindingID, ProductArn: &call.product})
	}
	out, err := c.SecurityHub().BatchUpdateFindings(ctx, in)
	if err != nil {
		return failed(err, "%s", call.what())
	}
	if len(out.UnprocessedFindings) == 0 {
		return nil
	}
	refused := out.UnprocessedFindings[0]
	id := ""
	if refused.FindingIdentifier != nil {
		id = sdk.ToString(refused.FindingIdentifier.Id)
	}
	err = fmt.Errorf("%s: Security Hub did not take %d of %d findings: %s: %s: %s", call.what(), len(out.UnprocessedFindings), len(batch),
		id, sdk.ToString(refused.ErrorCode), sdk.ToString(refused.ErrorMessage))
	for _, refused := range out.UnprocessedFindings {
		if code := sdk.ToString(refused.ErrorCode); code == "FindingNotFound" || code == "InvalidInput" {
			return activities.Permanent("UnprocessedFindings", err)
		}
	}
	return activities.Passing("UnprocessedFindings", 0, err)
}

func byFinding(list []workflow) map[string]workflow {
	out := map[string]workflow{}
	for _, w := range list {
		out[w.FindingID] = w
	}
	return out
}
