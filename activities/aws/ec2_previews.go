package aws

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countersign/countersign/activities/preview"
)

// previewIsolate does not say whether the quarantine groups are there: they are made once a VPC, by
// whichever run needs them first, and for what becomes of the instance it is the same.
func (s *service) previewIsolate(ctx context.Context, in instanceInput) (preview.Preview, error) {
	what := "preview of " + in.String()
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	instance, _, nics, err := readInstance(ctx, c, in, what)
	if err != nil {
		return unchanged, err
	}
	if _, err := s.clearInstance(ctx, c, instance, what); err != nil {
		return unchanged, err
	}
	groups := map[string]quarantineGroups{} // by VPC
	var changes []preview.Change
	for _, nic := range nics {
		vpc := sdk.ToString(nic.VpcId)
		q, ok := groups[vpc]
		if !ok {
			if q, err = s.usableGroups(ctx, c, vpc, what); err != nil {
				return unchanged, err
			}
			groups[vpc] = q
		}
		if _, err := groupsBefore(nic, q, what); err != nil {
			return unchanged, err
		}
		if isIsolated(nic, groups) {
			continue
		}
		changes = append(changes, preview.Change{
			Target: interfaceOf(sdk.ToString(nic.NetworkInterfaceId), in), What: "security groups",
			Before: q.say(groupIDs(nic.Groups)), After: fmt.Sprintf("the quarantine group of %s, which has no rules", vpc),
		})
	}
	return shown(changes...), nil
}

func (s *service) previewRestoreInstance(ctx context.Context, in restoreInput) (preview.Preview, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	plan, err := s.planRestore(ctx, c, in, "preview of "+in.instance().String())
	if err != nil {
		return unchanged, err
	}
	var changes []preview.Change
	for _, step := range plan.steps {
		if !step.isolated() {
			continue
		}
		changes = append(changes, preview.Change{
			Target: interfaceOf(step.saved.NetworkInterfaceID, in.instance()), What: "security groups",
			Before: step.groups.say(groupIDs(step.nic.Groups)), After: strings.Join(slices.Sorted(slices.Values(step.saved.GroupsBefore)), ", "),
		})
	}
	return shown(changes...), nil
}

func interfaceOf(id string, in instanceInput) string {
	return fmt.Sprintf("network interface %s of %s", id, in)
}

// say lists groups, and what is special about ours.
func (q quarantineGroups) say(ids []string) string {
	words := make([]string, 0, len(ids))
	for _, id := range ids {
		switch {
		case id != "" && id == q.isolated:
			id += " (quarantine, without rules)"
		case id != "" && id == q.untracked:
			id += " (quarantine, open to everything)"
		}
		words = append(words, id)
	}
	return strings.Join(words, ", ")
}

func (s *service) previewSnapshot(ctx context.Context, in instanceInput) (preview.Preview, error) {
	_, _, volumes, set, err := s.findSet(ctx, in, "preview of the snapshots of "+in.String())
	if err != nil || len(set) > 0 {
		return unchanged, err
	}
	var changes []preview.Change
	for _, volume := range volumes {
		changes = append(changes, preview.Change{
			Target: fmt.Sprintf("volume %s of %s", volume, in), What: "snapshot", Before: "none for this run", After: "one for this run",
		})
	}
	return shown(changes...), nil
}

func (s *service) previewDeleteSnapshots(ctx context.Context, in deleteSnapshotsInput) (preview.Preview, error) {
	_, _, there, err := s.findCaseSnapshots(ctx, in)
	if err != nil {
		return unchanged, err
	}
	var changes []preview.Change
	for _, snapshot := range there {
		run, _ := tagOf(snapshot.Tags, caseTag)
		changes = append(changes, preview.Change{
			Target: fmt.Sprintf("snapshot %s of volume %s in account %s, %s", sdk.ToString(snapshot.SnapshotId), sdk.ToString(snapshot.VolumeId), in.Account, in.Region),
			What:   "evidence", Before: "kept for " + run, After: "deleted for good",
		})
	}
	return shown(changes...), nil
}

func (s *service) previewRevokeIngress(ctx context.Context, in revokeIngressInput) (preview.Preview, error) {
	group := groupInput{Account: in.Account, Region: in.Region, GroupID: in.GroupID}
	_, _, found, err := s.findRules(ctx, group, in.RuleIDs, "preview of "+group.String())
	if err != nil {
		return unchanged, err
	}
	var changes []preview.Change
	for _, r := range found {
		changes = append(changes, preview.Change{Target: group.String(), What: "inbound rule", Before: r.RuleID + ": " + r.say(), After: "none"})
	}
	return shown(changes...), nil
}

func (s *service) previewRestoreIngress(ctx context.Context, in restoreIngressInput) (preview.Preview, error) {
	group := groupInput{Account: in.Account, Region: in.Region, GroupID: in.GroupID}
	_, absent, err := s.findAbsent(ctx, group, in.Rules, "preview of "+group.String())
	if err != nil {
		return unchanged, err
	}
	var changes []preview.Change
	for _, r := range absent {
		changes = append(changes, preview.Change{Target: group.String(), What: "inbound rule", Before: "none", After: r.say()})
	}
	return shown(changes...), nil
}

// say is the rule with what its author wrote about it, in quotes: it may look like anything.
func (r ingressRule) say() string {
	if r.Description == "" {
		return r.String()
	}
	return r.String() + ", " + strconv.Quote(r.Description)
}
