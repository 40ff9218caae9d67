package aws

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// workflowCall is what setting and restoring have in common.
type workflowCall struct {
	verb, account, region, product string
	ids                            []string
	status, note                   string
	// want is what to make of each finding that is not left alone.
	want []workflow
	// back says that it takes something back, which left the findings at status.
	back bool
}

func (in setWorkflowInput) call() workflowCall {
	call := workflowCall{
		verb: "set", account: in.Account, region: in.Region, product: in.ProductARN, ids: in.FindingIDs, status: in.Status, note: in.Note,
	}
	was := byFinding(in.Previous)
	for _, id := range in.FindingIDs {
		if in.Previous == nil || was[id].Status == in.Status {
			call.want = append(call.want, workflow{FindingID: id, Status: in.Status, Note: in.Note, NoteBy: hubAuthor})
		}
	}
	return call
}

func (in restoreWorkflowInput) call() workflowCall {
	call := workflowCall{
		verb: "restore", account: in.Account, region: in.Region, product: in.ProductARN, ids: in.FindingIDs, status: in.Status, note: in.Note, back: true,
	}
	was := byFinding(in.Previous)
	for _, id := range in.FindingIDs {
		if before, ok := was[id]; ok && before.Status != in.Status {
			call.want = append(call.want, before)
		}
	}
	return call
}

func (c workflowCall) what() string {
	return fmt.Sprintf("%s the workflow status of %d Security Hub findings of %s in account %s, %s", c.verb, len(c.ids), c.product, c.account, c.region)
}

func (c workflowCall) of(id string) string {
	return fmt.Sprintf("Security Hub finding %s in account %s, %s", id, c.account, c.region)
}

func (c workflowCall) check() error {
	seen := map[string]bool{}
	for _, id := range c.ids {
		if id == "" || seen[id] {
			return badInput("%s: finding %q is empty or named twice", c.what(), id)
		}
		seen[id] = true
	}
	statuses := types.WorkflowStatus("").Values()
	for _, w := range append([]workflow{{Status: c.status}}, c.want...) {
		if !slices.Contains(statuses, types.WorkflowStatus(w.Status)) {
			return badInput("%s: status %q: want NEW, NOTIFIED, RESOLVED or SUPPRESSED", c.what(), w.Status)
		}
	}
	switch n := utf8.RuneCountInString(c.note); {
	case len(c.ids) == 0 || len(c.ids) > hubBatch:
		return badInput("%s: want 1 to %d", c.what(), hubBatch)
	case strings.TrimSpace(c.note) == "" || n > hubNote:
		return badInput("%s: a note of %d characters: want 1 to %d", c.what(), n, hubNote)
	}
	return nil
}

// findWorkflow is what both the changes and their previews look at first: how the findings are now, and
// which are to become what.
func (s *service) findWorkflow(ctx context.Context, call workflowCall, what string) (_ context.Context, c *clients, now, todo []workflow, err error) {
	if err := call.check(); err != nil {
		return ctx, nil, nil, nil, err
	}
	if c, err = s.in(ctx, call.account, call.region); err != nil {
		return ctx, nil, nil, nil, err
	}
	if now, err = readWorkflows(ctx, c, call, what); err != nil {
		return ctx, nil, nil, nil, err
	}
	is := byFinding(now)
	for _, w := range call.want {
		switch status := is[w.FindingID].Status; {
		case status == w.Status:
		case call.back && status != call.status:
			return ctx, nil, nil, nil, activities.Permanent("ChangedSince",
				fmt.Errorf("%s: finding %s is %s, and was left %s: somebody has changed it since", what, w.FindingID, status, call.status))
		default:
			todo = append(todo, w)
		}
	}
	if call.back {
		return released(ctx), c, now, todo, nil
	}
	for _, w := range todo {
		if ctx, err = s.clear(ctx, c, what, thing{arn: w.FindingID}); err != nil {
			return ctx, nil, nil, nil, err
		}
	}
	return ctx, c, now, todo, nil
}

// readWorkflows reads what people have made of the findings, in the order of the call.
func readWorkflows(ctx context.Context, c *clients, call workflowCall, what string) ([]workflow, error) {
	found := map[string]workflow{}
	for ids := range slices.Chunk(call.ids, hubValues) {
		pages := securityhub.NewGetFindingsPaginator(c.SecurityHub(), &securityhub.GetFindingsInput{
			Filters:    &types.AwsSecurityFindingFilters{Id: equal(ids), ProductArn: equal([]string{call.product})},
			MaxResults: sdk.Int32(hubBatch),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, failed(err, "%s: read them", what)
			}
			for _, f := range page.Findings {
				w := workflow{FindingID: sdk.ToString(f.Id), Status: string(hubStatus(f))}
				if f.Note != nil {
					w.Note, w.NoteBy = sdk.ToString(f.Note.Text), sdk.ToString(f.Note.UpdatedBy)
				}
				found[w.FindingID] = w
			}
		}
	}
	out := make([]workflow, 0, len(call.ids))
	for _, id := range call.ids {
		w, ok := found[id]
		if !ok {
			return nil, activities.Permanent("NoSuchFinding", fmt.Errorf("%s: there is no finding %s of this product", what, id))
		}
		out = append(out, w)
	}
	return out, nil
}

func (s *service) previewSetWorkflow(ctx context.Context, in setWorkflowInput) (preview.Preview, error) {
	return s.previewWorkflow(ctx, in.call())
}

func (s *service) previewRestoreWorkflow(ctx context.Context, in restoreWorkflowInput) (preview.Preview, error) {
	return s.previewWorkflow(ctx, in.call())
}

func (s *service) previewWorkflow(ctx context.Context, call workflowCall) (preview.Preview, error) {
	_, _, now, todo, err := s.findWorkflow(ctx, call, "preview: "+call.what())
	if err != nil {
		return unchanged, err
	}
	is := byFinding(now)
	var changes []preview.Change
	for _, w := range todo {
		was := is[w.FindingID]
		changes = append(changes, preview.Change{Target: call.of(w.FindingID), What: "workflow status", Before: was.Status, After: w.Status})
		if w.Note != "" && was.sayNote() != w.sayNote() {
			changes = append(changes, preview.Change{Target: call.of(w.FindingID), What: "note", Before: was.sayNote(), After: w.sayNote()})
		}
	}
	return shown(changes...), nil
}

// sayNote quotes the note: it may look like anything.
func (w workflow) sayNote() string {
	if w.Note == "" {
		return "none"
	}
	return strconv.Quote(w.Note) + " by " + strconv.Quote(w.NoteBy)
}
