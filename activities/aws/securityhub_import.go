package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/countersign/countersign/activities"
	audits "github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/export"
)

// Findings are what audits found, for what sends it elsewhere.
type Findings interface {
	// Items hands out what an audit found in an account. An audit that is not there is a permanent
	// error.
	Items(ctx context.Context, audit, account string, each func(audits.Meta, audits.Item) error) error
}

// maxImport is how many findings one call imports: people approve what they can look through.
const maxImport = 2000

// generator is how the GeneratorId of what we import begins.
const generator = "countersign/"

func (s *service) registerImport(r *activities.Registry) {
	own := scopes([]string{"arn:aws:securityhub:{region}:{account}:product/{account}/default"}, "securityhub:BatchImportFindings")
	permissions := []string{"securityhub:GetFindings", "securityhub:BatchImportFindings"}
	activities.Register(r, activities.Spec{
		Name:  "aws.securityhub.import_findings",
		Title: "Import what an audit found into AWS Security Hub",
		Doc: "Imports what fails, what could not be looked at, and what was resolved since the audit before, of one account and region, as that account's own product. " +
			"A finding that is there is brought up to date. What belongs to the account as a whole is left out unless account_wide is set: set it for one region. " +
			"At most 2000 findings.",
		Effect:      activities.Change,
		Undo:        "aws.securityhub.archive_imported",
		Targets:     []string{"audit", "account", "region"},
		Permissions: permissions,
		Scopes:      own,
		Timeout:     5 * time.Minute,
	}, s.importFindings)
	activities.Register(r, activities.Spec{
		Name:        "aws.securityhub.archive_imported",
		Title:       "Archive findings that were imported into AWS Security Hub",
		Doc:         "Archives those that the import brought: Security Hub deletes none. What was there before stays as the import left it.",
		Effect:      activities.Change,
		Undo:        "aws.securityhub.import_findings",
		Targets:     []string{"audit", "account", "region"},
		Permissions: permissions,
		Scopes:      own,
		Timeout:     5 * time.Minute,
	}, s.archiveImported)
	activities.Previews(r, "aws.securityhub.import_findings", s.previewImport)
	activities.Previews(r, "aws.securityhub.archive_imported", s.previewArchiveImported)
}

type importInput struct {
	Audit       string    `json:"audit" jsonschema:"run that audited, as ${run.id}"`
	Account     string    `json:"account" jsonschema:"AWS account of twelve digits"`
	Region      string    `json:"region" jsonschema:"region of Security Hub and of what was found, as eu-west-1"`
	AccountWide bool      `json:"account_wide,omitempty" jsonschema:"true: with what belongs to the account as a whole"`
	Only        *[]string `json:"only,omitempty" jsonschema:"set when undoing: ids of the findings to import, and no others"`
}

func (in importInput) String() string {
	return fmt.Sprintf("what the audit %s found in account %s, %s", in.Audit, in.Account, in.Region)
}

type importOutput struct {
	FindingIDs []string `json:"finding_ids" jsonschema:"ids of the findings that were not there before, or were archived"`
	Imported   int      `json:"imported" jsonschema:"how many findings are there now as the audit found them"`
	Changed    bool     `json:"changed" jsonschema:"false if all of them already were so"`
	Verified   bool     `json:"verified" jsonschema:"true if the findings were read back as they should be"`
}

type archiveImportedInput struct {
	Audit      string   `json:"audit" jsonschema:"run whose findings were imported"`
	Account    string   `json:"account" jsonschema:"AWS account of twelve digits"`
	Region     string   `json:"region" jsonschema:"region of Security Hub, as eu-west-1"`
	FindingIDs []string `json:"finding_ids" jsonschema:"ids of the findings to archive"`
}

func (in archiveImportedInput) String() string {
	return fmt.Sprintf("%d findings of the audit %s in account %s, %s", len(in.FindingIDs), in.Audit, in.Account, in.Region)
}

type archiveImportedOutput struct {
	Only     []string `json:"only" jsonschema:"ids of the findings that were archived"`
	Changed  bool     `json:"changed" jsonschema:"false if all of them already were so, or are gone"`
	Verified bool     `json:"verified" jsonschema:"true if the findings were read back as they should be"`
}

// imported is what is in Security Hub, and what should be, by id.
type imported map[string]types.AwsSecurityFinding

// found is what an attempt of an import finds first.
type found struct {
	New     []string `json:"new"` // were not there, or archived
	Changed bool     `json:"changed"`
}

func (s *service) importFindings(ctx context.Context, in importInput) (importOutput, error) {
	what := "import " + in.String()
	c, now, want, err := s.findImport(ctx, in, what)
	if err != nil {
		return importOutput{}, err
	}
	todo := now.differ(want)
	first := found{New: []string{}, Changed: len(todo) > 0}
	for _, id := range todo {
		if !now.active(id) {
			first.New = append(first.New, id)
		}
	}
	if first, err = activities.Remember(ctx, first); err != nil {
		return importOutput{}, err
	}
	out := importOutput{FindingIDs: first.New, Imported: len(want), Changed: first.Changed, Verified: true}
	if len(todo) == 0 {
		return out, nil
	}
	if ctx, err = s.clearHub(ctx, c, in.Account, in.Region, what); err != nil {
		return importOutput{}, err
	}
	if in.Only != nil { // it takes back an archiving
		ctx = released(ctx)
	}
	return out, s.bring(ctx, c, now, want, todo, what)
}

func (s *service) archiveImported(ctx context.Context, in archiveImportedInput) (archiveImportedOutput, error) {
	what := "archive " + in.String()
	c, now, want, err := s.findArchive(ctx, in, what)
	if err != nil {
		return archiveImportedOutput{}, err
	}
	todo, err := activities.Remember(ctx, now.differ(want))
	if err != nil {
		return archiveImportedOutput{}, err
	}
	out := archiveImportedOutput{Only: todo, Changed: len(todo) > 0, Verified: true}
	left := now.differ(want)
	if len(left) == 0 {
		return out, nil
	}
	return out, s.bring(released(ctx), c, now, want, left, what)
}

// clearHub asks whether Security Hub of the region may be written to.
func (s *service) clearHub(ctx context.Context, c *clients, account, region, what string) (context.Context, error) {
	return s.clear(ctx, c, what, thing{arn: "arn:aws:securityhub:" + region + ":" + account + ":hub/default"})
}

// findImport is what both the import and its preview look at first.
func (s *service) findImport(ctx context.Context, in importInput, what string) (c *clients, now, want imported, err error) {
	if s.findings == nil {
		return nil, nil, nil, activities.Permanent("NoFindings", fmt.Errorf("%s: this program keeps no findings", what))
	}
	if in.Only == nil || len(*in.Only) > 0 {
		if want, err = s.wanted(ctx, in, what); err != nil {
			return nil, nil, nil, err
		}
	}
	if c, now, err = s.inHub(ctx, in.Account, in.Region, what); err != nil {
		return nil, nil, nil, err
	}
	if _, err = s.clearHub(ctx, c, in.Account, in.Region, what); err != nil {
		return nil, nil, nil, err
	}
	return c, now, want, nil
}

// findArchive is what both the archiving and its preview look at first. What is gone is left.
func (s *service) findArchive(ctx context.Context, in archiveImportedInput, what string) (c *clients, now, want imported, err error) {
	if c, now, err = s.inHub(ctx, in.Account, in.Region, what); err != nil {
		return nil, nil, nil, err
	}
	want = imported{}
	for _, id := range in.FindingIDs {
		if f, ok := now[id]; ok {
			f.RecordState = types.RecordStateArchived
			want[id] = f
		}
	}
	return c, now, want, nil
}

// wanted are the findings as the audit has them.
func (s *service) wanted(ctx context.Context, in importInput, what string) (imported, error) {
	want := imported{}
	err := s.findings.Items(ctx, in.Audit, in.Account, func(m audits.Meta, i audits.Item) error {
		region := i.Result.Region
		if i.State == "" || region != "" && region != in.Region || region == "" && !in.AccountWide && in.Only == nil {
			return nil
		}
		f := asff(export.ASFFOf(m, i, in.Region))
		if in.Only != nil && !slices.Contains(*in.Only, *f.Id) {
			return nil
		}
		if want[*f.Id] = f; len(want) > maxImport {
			return badInput("%s: it is more than %d findings; import those of fewer controls, or mend some", what, maxImport)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return want, nil
}

// inHub reads what was imported as the account's own product by us.
func (s *service) inHub(ctx context.Context, account, region, what string) (*clients, imported, error) {
	c, err := s.in(ctx, account, region)
	if err != nil {
		return nil, nil, err
	}
	now := imported{}
	pages := securityhub.NewGetFindingsPaginator(c.SecurityHub(), &securityhub.GetFindingsInput{
		Filters: &types.AwsSecurityFindingFilters{
			AwsAccountId: []types.StringFilter{{Comparison: types.StringFilterComparisonEquals, Value: &account}},
			GeneratorId:  []types.StringFilter{{Comparison: types.StringFilterComparisonPrefix, Value: sdk.String(generator)}},
		},
		MaxResults: sdk.Int32(100),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, failed(err, "%s: read what is in Security Hub", what)
		}
		for _, f := range page.Findings {
			if strings.HasPrefix(sdk.ToString(f.ProductArn), "arn:aws") && strings.HasSuffix(*f.ProductArn, ":"+region+":"+account+":product/"+account+"/default") {
				now[sdk.ToString(f.Id)] = f
			}
		}
	}
	return c, now, nil
}

func (i imported) active(id string) bool {
	f, ok := i[id]
	return ok && f.RecordState == types.RecordStateActive
}

// differ are the ids of what is not as it should be, sorted.
func (i imported) differ(want imported) []string {
	ids := []string{}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if sayFinding(i, id) != sayFinding(want, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// bring imports findings, and reads back until they show. Security Hub takes and refuses each on its
// own: what it refuses is an error, and the next attempt brings what is left.
func (s *service) bring(ctx context.Context, c *clients, now, want imported, ids []string, what string) error {
	refused, first, final := 0, "", true
	for batch := range slices.Chunk(ids, export.ASFFBatch) {
		in := &securityhub.BatchImportFindingsInput{}
		for _, id := range batch {
			in.Findings = append(in.Findings, renewed(ctx, now, want[id]))
		}
		out, err := c.SecurityHub().BatchImportFindings(ctx, in)
		if err != nil {
			return failed(err, "%s", what)
		}
		for _, f := range out.FailedFindings {
			final = final && strings.HasPrefix(sdk.ToString(f.ErrorCode), "Invalid")
			if first == "" {
				first = fmt.Sprintf("%s: %s: %s", sdk.ToString(f.Id), sdk.ToString(f.ErrorCode), sdk.ToString(f.ErrorMessage))
			}
		}
		refused += max(len(out.FailedFindings), int(sdk.ToInt32(out.FailedCount)))
	}
	if refused > 0 {
		err := fmt.Errorf("%s: Security Hub refused %d of %d findings, as %s", what, refused, len(ids), first)
		if final {
			return activities.Permanent("PartlyImported", err)
		}
		return activities.Passing("PartlyImported", 0, err)
	}
	return s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		_, shows, err := s.inHub(ctx, c.Account, c.Region, what)
		for _, id := range ids {
			if sayFinding(shows, id) != sayFinding(want, id) {
				return false, err
			}
		}
		return err == nil, err
	})
}

// renewed is a finding that Security Hub takes for newer than the one it has: by when the step asked,
// which is the same at every attempt. When it was first found stays.
func renewed(ctx context.Context, now imported, f types.AwsSecurityFinding) types.AwsSecurityFinding {
	at := activities.InfoFrom(ctx).Scheduled.UTC()
	if own, err := time.Parse(time.RFC3339, sdk.ToString(f.UpdatedAt)); err == nil && own.After(at) {
		at = own
	}
	if old, ok := now[*f.Id]; ok {
		if was, err := time.Parse(time.RFC3339, sdk.ToString(old.UpdatedAt)); err == nil && !at.After(was) {
			at = was.Add(time.Millisecond)
		}
		f.CreatedAt = old.CreatedAt
	}
	f.UpdatedAt = sdk.String(at.Format("2006-01-02T15:04:05.000Z"))
	return types.AwsSecurityFinding{ // what Security Hub adds by itself is not imported
		SchemaVersion: f.SchemaVersion, Id: f.Id, ProductArn: f.ProductArn, GeneratorId: f.GeneratorId, AwsAccountId: f.AwsAccountId,
		Types: f.Types, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, Severity: f.Severity, Title: f.Title, Description: f.Description,
		Remediation: f.Remediation, ProductFields: f.ProductFields, Resources: f.Resources, Compliance: f.Compliance, RecordState: f.RecordState,
		FindingProviderFields: f.FindingProviderFields,
	}
}
